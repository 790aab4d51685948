// Who has the last word about the prompt: the person typing, or the kernel.

/** The rule that a late echo never overwrites what is being typed. */
export class PromptText {
  #edited = false;

  typed(): void {
    this.#edited = true;
  }

  left(): void {
    this.#edited = false;
  }

  /** Whether a value that comes from the kernel replaces what is on the page. */
  accepts(value: string, shown: string, focused: boolean): boolean {
    return value !== shown && !(focused && this.#edited);
  }
}

/** Where the caret stands after the text around it was replaced: at the same place before or after the change. */
export function movedCaret(before: string, after: string, caret: number): number {
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
  if (caret <= same) return caret;
  return Math.max(same, after.length - (before.length - caret));
}
