// One of a few: native radio buttons that look like a segmented control, so that arrow keys work by themselves.

import { element } from "./element.ts";

export class Choices<Value extends string | number> {
  readonly root: HTMLElement;
  readonly #inputs: [Value, HTMLInputElement][];

  constructor(label: string, name: string, values: readonly Value[], chosen: (value: Value) => void) {
    this.#inputs = values.map((value) => {
      const input = element("input", { type: "radio", name, value: String(value) });
      input.addEventListener("change", () => chosen(value));
      return [value, input];
    });
    this.root = element("div", { class: "iv-choices", role: "radiogroup", "aria-label": label });
    for (const [value, input] of this.#inputs) {
      this.root.append(element("label", {}, input, element("span", {}, String(value))));
    }
  }

  update(value: Value): void {
    for (const [each, input] of this.#inputs) input.checked = each === value;
  }

  /** What is disabled cannot hold the keyboard focus, which goes to `fallback`. */
  disable(disabled: boolean, fallback: HTMLElement): void {
    if (disabled && this.root.matches(":focus-within")) fallback.focus({ preventScroll: true });
    for (const [, input] of this.#inputs) input.disabled = disabled;
  }
}
