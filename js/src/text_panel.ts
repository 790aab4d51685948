// What the kernel knows of a clip as text, such as the code that makes it again: asked for when opened, to be copied.

import { button, element, randomId, setText, unfolding } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type Clip, FETCH_STALL_MS, type TextAnswer, type TextKind } from "./protocol.ts";

export class TextPanel {
  readonly root = element("div", { class: "iv-code" });
  readonly toggle: HTMLButtonElement;
  readonly #text: HTMLElement;
  readonly #copy: HTMLButtonElement;
  #id = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly clip: Clip,
    private readonly kind: TextKind,
  ) {
    // Long code scrolls in its box, so the box itself takes the keyboard focus.
    const box = { tabindex: "0", role: "group", "aria-label": `${kind} of take ${clip.take}`, dir: "ltr" };
    this.#text = element("pre", box);
    this.#copy = button("Copy", { class: "iv-link" }, () => void this.#copyText());
    this.toggle = unfolding(kind, this.root, () => this.#ask());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
  }

  #ask(): void {
    this.close();
    this.#id = randomId();
    this.root.replaceChildren("Asking the kernel …");
    this.link.listen(this.#id, (answer) => this.#hear(answer as TextAnswer));
    this.#timer = setTimeout(() => this.root.append(" It may be busy."), FETCH_STALL_MS);
    this.link.send({ type: "text", id: this.#id, key: this.clip.key, kind: this.kind });
  }

  #hear({ text }: TextAnswer): void {
    this.close();
    setText(this.#text, text);
    setText(this.#copy, "Copy");
    this.root.replaceChildren(this.#text, this.#copy);
  }

  async #copyText(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#text.textContent ?? "");
    } catch {
      // Refused, or absent where the page is served without https: one key press from the clipboard, then.
      this.#text.focus();
      getSelection()?.selectAllChildren(this.#text);
      return;
    }
    setText(this.#copy, "Copied");
  }
}
