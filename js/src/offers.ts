// The runs that nobody watches: what can be fetched of them, one line each.

import { button, element, randomId, setText, show } from "./element.ts";
import { offered } from "./format.ts";
import type { Offer, ToKernel, Traits } from "./protocol.ts";

export class Offers {
  readonly root: HTMLElement;
  readonly #lines = element("div", { class: "iv-lines" });
  readonly #more = element("span", { class: "iv-facts" });
  readonly #shown = new Map<string, { line: HTMLElement; words: HTMLElement; fetch: HTMLButtonElement }>();

  constructor(
    private readonly send: (message: ToKernel) => void,
    private readonly fallback: HTMLElement,
  ) {
    this.root = element("div", { class: "iv-panel", role: "group", "aria-label": "Left behind", hidden: "" });
    this.root.append(this.#lines, this.#more);
  }

  /** While a run goes nothing is offered: one run a widget at a time. Returns the words that are new. */
  update({ _offers: { runs = [], more = 0 }, _run: run }: Traits, gone: boolean): string {
    const wanted = run.running || gone ? [] : runs;
    const fresh: string[] = [];
    for (const [id, { line }] of this.#shown) {
      if (wanted.some((offer) => offer.run === id)) continue;
      if (line.matches(":focus-within")) this.fallback.focus({ preventScroll: true });
      line.remove();
      this.#shown.delete(id);
    }
    for (const offer of wanted) {
      const shown = this.#shown.get(offer.run) ?? this.#open(offer);
      const words = offered(offer);
      if (shown.words.textContent !== words) fresh.push(words);
      setText(shown.words, words);
      setText(shown.fetch, offer.ready ? "Fetch" : "Look for it");
    }
    setText(this.#more, more > 0 ? `${more} more; recover() fetches them all.` : "");
    show(this.#more, more > 0);
    show(this.root, wanted.length > 0, this.fallback);
    return fresh.join(". ");
  }

  #open({ run, prompt }: Offer): { line: HTMLElement; words: HTMLElement; fetch: HTMLButtonElement } {
    const id = randomId();
    const words = element("strong", { id });
    const named = { class: "iv-link", "aria-describedby": id };
    const fetch = button("", named, () => this.send({ type: "take_up", run }));
    const dismiss = button("Dismiss", named, () => this.send({ type: "dismiss", run }));
    const actions = element("span", { class: "iv-actions" }, fetch, dismiss);
    const about = element("span", { class: "iv-facts iv-clip-text", dir: "auto" }, prompt);
    const line = element("div", { class: "iv-line" }, words, about, actions);
    this.#lines.append(line);
    const shown = { line, words, fetch };
    this.#shown.set(run, shown);
    return shown;
  }
}
