// The prompt: what is typed goes to the kernel after a pause, what the kernel sets appears without moving the caret.

import { element, randomId } from "./element.ts";
import { FieldMessage } from "./field_message.ts";
import type { KernelLink } from "./kernel_link.ts";
import { CAMERA_WORDS, joined, PromptWords } from "./prompt_words.ts";
import { type Model, type PromptsAnswer, type Traits, TYPING_PAUSE_MS } from "./protocol.ts";
import { movedCaret, PromptText } from "./prompt_text.ts";

const COMMAND_KEY = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export class PromptField {
  readonly root: HTMLElement;
  readonly input: HTMLTextAreaElement;
  readonly message: FieldMessage;
  readonly #rule = new PromptText();
  readonly #earlier: PromptWords;
  readonly #question = randomId();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    view: string,
    private readonly model: Model,
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly announce: (words: string) => void,
    private readonly changed: () => void,
  ) {
    const id = `${view}-prompt`;
    this.input = element("textarea", {
      "aria-label": "Prompt",
      "aria-describedby": `${id}-message ${id}-hint`,
      placeholder: "Describe what happens between the two frames",
      dir: "auto",
      rows: "3",
      maxlength: "4000",
    });
    this.message = new FieldMessage(`${id}-message`, this.input, announce);
    const hint = element("span", { class: "iv-hint", id: `${id}-hint` }, `${COMMAND_KEY} + Enter to generate`);
    const foot = element("div", { class: "iv-prompt-foot" }, this.message.root, hint);
    const camera = new PromptWords(`${id}-camera`, "Camera words", "Camera", (words) => this.#add(words));
    camera.offer(CAMERA_WORDS);
    this.#earlier = new PromptWords(
      `${id}-earlier`,
      "Earlier prompts",
      "Earlier",
      (prompt) => this.#take(prompt),
      () => this.#askEarlier(),
    );
    // Before the field, so that Tab leads from the prompt straight on to the settings.
    const head = element("div", { class: "iv-prompt-head" }, camera.toggle, this.#earlier.toggle);
    this.root = element("div", { class: "iv-prompt" }, head, camera.panel, this.#earlier.panel, this.input, foot);
    link.listen(this.#question, (answer) => this.#hearEarlier(answer as PromptsAnswer));
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
    this.link.forget(this.#question);
  }

  /** Writes camera words behind what is there; the chip keeps the focus, for there may be more. */
  #add(words: string): void {
    const chip = this.root.querySelector<HTMLElement>(":focus");
    this.#write(joined(this.text, words));
    chip?.focus();
    this.announce(`Added: ${words}`);
  }

  #take(prompt: string): void {
    this.#write(prompt);
    this.#earlier.open(false);
    this.input.focus();
  }

  /** Types a text in the person's place: only so can Undo take it back. */
  #write(text: string): void {
    this.input.focus();
    this.input.select();
    document.execCommand("insertText", false, text);
  }

  #askEarlier(): void {
    this.#earlier.offer([], "The kernel has not answered yet.");
    this.link.send({ type: "prompts", id: this.#question });
  }

  #hearEarlier({ prompts }: PromptsAnswer): void {
    this.#earlier.offer(prompts, "Nothing was generated in this notebook yet.");
  }

  #typed(): void {
    this.#rule.typed(this.text);
    if (this.text.trim()) this.message.say("");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), TYPING_PAUSE_MS);
    this.changed();
  }
}
