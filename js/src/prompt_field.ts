// The prompt: what is typed goes to the kernel after a pause, what the kernel sets appears without moving the caret.

import { element } from "./element.ts";
import { FieldMessage } from "./field_message.ts";
import { type Model, type Traits, TYPING_PAUSE_MS } from "./protocol.ts";
import { movedCaret, PromptText } from "./prompt_text.ts";

const COMMAND_KEY = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export class PromptField {
  readonly root: HTMLElement;
  readonly input: HTMLTextAreaElement;
  readonly message: FieldMessage;
  readonly #rule = new PromptText();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    view: string,
    private readonly model: Model,
    announce: (words: string) => void,
    private readonly changed: () => void,
  ) {
    const id = `${view}-prompt`;
    this.input = element("textarea", {
      "aria-label": "Prompt",
      "aria-describedby": `${id}-message ${id}-hint`,
      placeholder: "Describe what happens between the two frames",
      dir: "auto",
      rows: "3",
      maxlength: "100000",
    });
    this.message = new FieldMessage(`${id}-message`, this.input, announce);
    const hint = element("span", { class: "iv-hint", id: `${id}-hint` }, `${COMMAND_KEY} + Enter to generate`);
    const foot = element("div", { class: "iv-prompt-foot" }, this.message.root, hint);
    this.root = element("div", { class: "iv-prompt" }, this.input, foot);
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("blur", () => this.flush());
  }

  get text(): string {
    return this.input.value;
  }

  update(traits: Traits): void {
    const { input } = this;
    if (!this.#rule.accepts(traits.prompt, input.value)) return;
    const before = input.value;
    const { selectionStart, selectionEnd } = input;
    input.value = traits.prompt;
    input.setSelectionRange(
      movedCaret(before, traits.prompt, selectionStart),
      movedCaret(before, traits.prompt, selectionEnd),
    );
    if (traits.prompt.trim()) this.message.say("");
  }

  /** Gives the kernel what was typed here, now; a value that came from the kernel is not sent back over a newer one. */
  flush(): void {
    clearTimeout(this.#timer);
    if (!this.#rule.unsent) return;
    this.model.set("prompt", this.text);
    this.model.save_changes();
    this.#rule.held(this.model.get("prompt"));
  }

  /** At clean-up: words typed a moment ago are not lost with the view. */
  close(): void {
    this.flush();
  }

  #typed(): void {
    this.#rule.typed(this.text);
    if (this.text.trim()) this.message.say("");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), TYPING_PAUSE_MS);
    this.changed();
  }
}
