// What the kernel knows of a clip as text, such as the code that makes it again: asked for when opened, to be copied.

import { Choices } from "./choices.ts";
import { button, element, randomId, setAttribute, setText, show } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type Clip, FETCH_STALL_MS, type TextAnswer, type TextKind } from "./protocol.ts";

const ASKING = "Asking the kernel …";
const STALLED = "The kernel did not answer. It may be busy.";
const COPIED_MS = 2_000;

export class TextPanel {
  readonly root: HTMLElement;
  readonly toggle: HTMLButtonElement;
  readonly #sentence = element("span", { class: "iv-facts", role: "status" });
  readonly #text: HTMLElement;
  readonly #copy: HTMLButtonElement;
  #kind: TextKind;
  #id = "";
  #stalled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #copied: ReturnType<typeof setTimeout> | undefined;

  /** The first of the kinds is shown first; where there are several, one can choose. */
  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly clip: Clip,
    name: string,
    kinds: readonly [TextKind, ...TextKind[]],
  ) {
    const id = `iv-${randomId()}`;
    this.#kind = kinds[0];
    // Long code scrolls in its box, so the box itself takes the keyboard focus.
    const box = { tabindex: "0", role: "group", "aria-label": `${name} of take ${clip.take}`, dir: "ltr", hidden: "" };
    this.#text = element("pre", box);
    this.#copy = button("Copy", { class: "iv-link", hidden: "" }, () => void this.#copyText());
    this.root = element("div", { class: "iv-code", id, hidden: "" });
    if (kinds.length > 1) {
      const choices = new Choices(`Kind of ${name.toLowerCase()}`, `${id}-kind`, kinds, (kind) => {
        this.#kind = kind;
        this.#ask();
      });
      choices.update(this.#kind);
      this.root.append(choices.root);
    }
    this.root.append(this.#sentence, this.#text, this.#copy);
    const attributes = { class: "iv-link", "aria-controls": id, "aria-expanded": "false" };
    this.toggle = button(name, attributes, () => this.#press());
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
    if (open) this.#ask();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
    this.#id = randomId();
    this.#stalled = false;
    this.#say(ASKING);
    this.link.listen(this.#id, (answer) => this.#hear(answer as TextAnswer));
    this.link.send({ type: "text", id: this.#id, key: this.clip.key, kind: this.#kind });
    // It goes on listening: a busy kernel answers late, and its answer is still good.
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#say(STALLED);
    }, FETCH_STALL_MS);
  }

  #say(sentence: string): void {
    setText(this.#sentence, sentence);
    show(this.#sentence, sentence !== "");
  }

  #hear({ text }: TextAnswer): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
    this.#stalled = false;
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
