// What can be had without a new run, one line each: runs that nobody watches, clips that were made before.

import { button, element, randomId, setText, show } from "./element.ts";
import { moment } from "./format.ts";
import type { Line, ToKernel } from "./protocol.ts";

interface Shown {
  line: HTMLElement;
  words: HTMLElement;
  actions: HTMLButtonElement[];
}

export class Lines {
  readonly root: HTMLElement;
  readonly #lines = element("div", { class: "iv-lines" });
  readonly #more = element("span", { class: "iv-facts" });
  readonly #shown = new Map<string, Shown>();

  constructor(
    label: string,
    private readonly send: (message: ToKernel) => void,
    private readonly fallback: HTMLElement,
  ) {
    this.root = element("div", { class: "iv-panel", role: "group", "aria-label": label, hidden: "" }, this.#lines, this.#more);
  }

  /** Returns the words that are new. */
  update(wanted: Line[] = [], more = ""): string {
    const fresh: string[] = [];
    for (const [run, { line }] of this.#shown) {
      if (wanted.some((each) => each.run === run)) continue;
      if (line.matches(":focus-within")) this.fallback.focus({ preventScroll: true });
      line.remove();
      this.#shown.delete(run);
    }
    for (const each of wanted) {
      const { words, actions } = this.#shown.get(each.run) ?? this.#open(each);
      const sentence = each.words.replace("{at}", moment(each.at));
      if (words.textContent !== sentence) fresh.push(sentence);
      setText(words, sentence);
      actions.forEach((action, index) => setText(action, each.actions[index]?.[0] ?? ""));
    }
    setText(this.#more, more);
    show(this.#more, more !== "");
    show(this.root, wanted.length > 0, this.fallback);
    return fresh.join(". ");
  }

  #open({ run, prompt, actions: wanted }: Line): Shown {
    const id = randomId();
    const words = element("strong", { id });
    const named = { class: "iv-link", "aria-describedby": id };
    const actions = wanted.map(([, type]) => button("", named, () => this.send({ type, run })));
    const about = element("span", { class: "iv-facts iv-clip-text", dir: "auto" }, prompt);
    const line = element("div", { class: "iv-line" }, words, about, element("span", { class: "iv-actions" }, ...actions));
    this.#lines.append(line);
    const shown = { line, words, actions };
    this.#shown.set(run, shown);
    return shown;
  }
}
