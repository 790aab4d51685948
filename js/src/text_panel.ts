// What the kernel knows of a clip as text, such as the code that makes it again: asked for when opened, to be copied.

import { Choices } from "./choices.ts";
import { button, element, randomId, setText, show, unfolding } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type Clip, FETCH_STALL_MS, type TextAnswer, type TextKind } from "./protocol.ts";

const ASKING = "Asking the kernel …";
const STALLED = "The kernel did not answer. It may be busy; open this again.";
const COPIED_MS = 2_000;

export class TextPanel {
  readonly root = element("div", { class: "iv-code" });
  readonly toggle: HTMLButtonElement;
  readonly #sentence = element("span", { class: "iv-facts", role: "status" });
  readonly #text: HTMLElement;
  readonly #copy: HTMLButtonElement;
  #kind: TextKind;
  #id = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #copied: ReturnType<typeof setTimeout> | undefined;

  /** The first of the kinds is shown first; where there are several, one can choose. */
  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly clip: Clip,
    name: string,
    kinds: readonly [TextKind, ...TextKind[]],
  ) {
    this.#kind = kinds[0];
    // Long code scrolls in its box, so the box itself takes the keyboard focus.
    const box = { tabindex: "0", role: "group", "aria-label": `${name} of take ${clip.take}`, dir: "ltr", hidden: "" };
    this.#text = element("pre", box);
    this.#copy = button("Copy", { class: "iv-link", hidden: "" }, () => void this.#copyText());
    if (kinds.length > 1) {
      const choices = new Choices("Language", randomId(), kinds, (kind) => {
        this.#kind = kind;
        this.#ask();
      });
      choices.update(this.#kind);
      this.root.append(choices.root);
    }
    this.root.append(this.#sentence, this.#text, this.#copy);
    this.toggle = unfolding(name, this.root, () => this.#ask());
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#copied);
    this.link.forget(this.#id);
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
    this.#id = randomId();
    this.#say(ASKING);
    this.link.listen(this.#id, (answer) => this.#hear(answer as TextAnswer));
    this.link.send({ type: "text", id: this.#id, key: this.clip.key, kind: this.#kind });
    // It goes on listening: a busy kernel answers late, and its answer is still good.
    this.#timer = setTimeout(() => this.#say(STALLED), FETCH_STALL_MS);
  }

  #say(sentence: string): void {
    setText(this.#sentence, sentence);
    show(this.#sentence, sentence !== "");
  }

  #hear({ text }: TextAnswer): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
    this.#say("");
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
