// What can be put into the prompt by a press: the words film people use for a camera, and earlier prompts.

import { button, element, setAttribute, show } from "./element.ts";

/** Plain text, as film people say it; the prompt is all that the service gets. */
export const CAMERA_WORDS = [
  "push in",
  "pull out",
  "pan left",
  "pan right",
  "tilt up",
  "tilt down",
  "orbit",
  "roll",
  "static camera",
  "slow",
  "fast",
];

/** The prompt with some words more, set off from what is there. */
export function joined(text: string, words: string): string {
  const before = text.trimEnd();
  if (!before) return words;
  return before + (/[.,;:!?…。，]$/.test(before) ? " " : ", ") + words;
}

/** A button that opens a row of texts, each of which does something when it is pressed. */
export class PromptWords {
  readonly toggle: HTMLButtonElement;
  readonly panel: HTMLElement;

  /** `opened` is called each time, before the row is seen. */
  constructor(
    id: string,
    name: string,
    label: string,
    private readonly pressed: (words: string) => void,
    private readonly opened: () => void = () => {},
  ) {
    this.panel = element("div", { class: "iv-words", role: "group", id, "aria-label": name, hidden: "" });
    const attributes = { class: "iv-link", "aria-controls": id, "aria-expanded": "false" };
    this.toggle = button(label, attributes, () => this.open(this.toggle.ariaExpanded !== "true"));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.open(false);
    });
  }

  open(open: boolean): void {
    if (open) this.opened();
    show(this.panel, open, this.toggle);
    setAttribute(this.toggle, "aria-expanded", String(open));
  }

  /** Offers these texts; where there are none, a sentence stands there instead. */
  offer(texts: readonly string[], sentence = ""): void {
    const chips = texts.map((text) => button(text, { class: "iv-word", dir: "auto", title: text }, () => this.pressed(text)));
    this.panel.replaceChildren(...(chips.length > 0 ? chips : [sentence]));
  }
}
