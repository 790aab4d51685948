// The lines of Python that make a clip again: asked of the kernel when first opened, ready to be copied.

import { button, element, randomId, setAttribute, setText, show } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type CodeAnswer, FETCH_STALL_MS } from "./protocol.ts";

const ASKING = "Asking the kernel …";
const STALLED = "The kernel did not answer. It may be busy.";
const COPIED_MS = 2_000;

export class CodePanel {
  readonly root: HTMLElement;
  readonly toggle: HTMLButtonElement;
  readonly #sentence = element("span", { class: "iv-facts", role: "status" });
  readonly #text: HTMLElement;
  readonly #copy: HTMLButtonElement;
  #id = "";
  #stalled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #copied: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly key: string,
    take: number,
  ) {
    const id = `iv-${randomId()}`;
    // Long code scrolls in its box, so the box itself takes the keyboard focus.
    const box = { tabindex: "0", role: "group", "aria-label": `Code of take ${take}`, dir: "ltr", hidden: "" };
    this.#text = element("pre", box);
    this.#copy = button("Copy", { class: "iv-link", hidden: "" }, () => void this.#copyText());
    this.root = element("div", { class: "iv-code", id, hidden: "" }, this.#sentence, this.#text, this.#copy);
    const attributes = { class: "iv-link", "aria-controls": id, "aria-expanded": "false" };
    this.toggle = button("Code", attributes, () => this.#press());
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#copied);
    this.link.forget(this.#id);
  }

  #press(): void {
    // After an unanswered question a press asks again rather than hiding the sentence that says so.
    const open = this.#stalled || this.toggle.ariaExpanded !== "true";
    show(this.root, open, this.toggle);
    setAttribute(this.toggle, "aria-expanded", String(open));
    if (open && (this.#stalled || this.#id === "")) this.#ask();
  }

  #ask(): void {
    this.link.forget(this.#id);
    this.#id = randomId();
    this.#stalled = false;
    setText(this.#sentence, ASKING);
    this.link.listen(this.#id, (answer) => this.#hear(answer as CodeAnswer));
    this.link.send({ type: "code", id: this.#id, key: this.key });
    // It goes on listening: a busy kernel answers late, and its answer is still good.
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      setText(this.#sentence, STALLED);
    }, FETCH_STALL_MS);
  }

  #hear({ text }: CodeAnswer): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
    this.#stalled = false;
    setText(this.#sentence, "");
    show(this.#sentence, false);
    setText(this.#text, text);
    show(this.#text, true);
    show(this.#copy, true);
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
    clearTimeout(this.#copied);
    this.#copied = setTimeout(() => setText(this.#copy, "Copy"), COPIED_MS);
  }
}
