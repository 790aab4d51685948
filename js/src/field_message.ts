// One line beside a field that says what is missing or wrong with it.

import { element, setAttribute, setText, show } from "./element.ts";

export class FieldMessage {
  readonly root: HTMLElement;
  readonly #text = element("span");

  /** `field` is marked invalid while there is a message; it describes itself by `id`. */
  constructor(
    id: string,
    private readonly field: HTMLElement,
    private readonly announce: (words: string) => void,
    ...extra: Node[]
  ) {
    this.root = element("p", { class: "iv-message", id, hidden: "" }, this.#text, ...extra);
  }

  get sentence(): string {
    return this.#text.textContent ?? "";
  }

  say(sentence: string): void {
    setText(this.#text, sentence);
    setAttribute(this.field, "aria-invalid", sentence ? "true" : null);
    show(this.root, sentence !== "", this.field);
    if (sentence) this.announce(sentence);
  }
}
