// Who has the last word about the prompt: the person typing, or the kernel.

/** The rule that a late echo never overwrites what is being typed, and that any other value of the kernel appears. */
export class PromptText {
  /** what was typed and the model does not hold yet */
  #edit: string | null = null;

  get unsent(): boolean {
    return this.#edit !== null;
  }

  typed(text: string): void {
    this.#edit = text;
  }

  /** The model holds this value, whoever gave it. */
  held(value: string): void {
    if (value === this.#edit) this.#edit = null;
  }

  /** Whether the value the model holds replaces what is on the page. */
  accepts(value: string, shown: string): boolean {
    this.held(value);
    return value !== shown && !this.unsent;
  }
}

/** Where the caret stands after the text around it was replaced: at the same place before or after the change. */
export function movedCaret(before: string, after: string, caret: number): number {
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
  if (caret <= same) return caret;
  return Math.max(same, after.length - (before.length - caret));
}
