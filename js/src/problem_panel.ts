// What went wrong, in plain words; the raw words of the service one click away.

import { button, element, setAttribute, setText, show } from "./element.ts";
import { headline } from "./format.ts";
import type { Traits } from "./protocol.ts";

export class ProblemPanel {
  /** Holds the alert while there is a problem: an alert speaks when it enters the document. */
  readonly root = element("div", { class: "iv-problem-place" });
  readonly #alert: HTMLElement;
  readonly #first = element("strong", { dir: "auto" });
  readonly #rest = element("span", { dir: "auto" });
  readonly #raw: HTMLElement;
  readonly #details: HTMLButtonElement;
  readonly #again: HTMLButtonElement;
  readonly #note = element("span", { class: "iv-facts" });
  #shown = "";

  constructor(
    view: string,
    sendAgain: () => void,
    private readonly fallback: HTMLElement,
  ) {
    const id = `${view}-details`;
    // Long raw text scrolls in its box, so the box itself takes the keyboard focus.
    this.#raw = element("pre", { id, tabindex: "0", role: "group", "aria-label": "Details", dir: "auto", hidden: "" });
    this.#details = button("Details", { class: "iv-link", "aria-controls": id, "aria-expanded": "false" }, () =>
      this.#unfold(this.#details.ariaExpanded !== "true"),
    );
    this.#again = button("", { class: "iv-link", hidden: "" }, sendAgain);
    const sentences = element("p", {}, this.#first, " ", this.#rest, " ", this.#note);
    const actions = element("span", { class: "iv-actions" }, this.#again, this.#details);
    this.#alert = element("div", { class: "iv-problem", role: "alert" }, sentences, actions, this.#raw);
  }

  update({ error, _error_details: raw, status, _run: run }: Traits): void {
    if (error !== this.#shown) {
      this.#shown = error;
      const [first, rest] = headline(error);
      setText(this.#first, first);
      setText(this.#rest, rest);
      this.#unfold(false);
      if (error) this.root.append(this.#alert);
      else {
        if (this.#alert.matches(":focus-within")) this.fallback.focus({ preventScroll: true });
        this.#alert.remove();
      }
    }
    setText(this.#note, run.note ? `This run ${run.note}.` : "");
    const again = status === "interrupted" ? run.again : "";
    setText(this.#again, again);
    show(this.#again, again !== "", this.fallback);
    setText(this.#raw, raw);
    show(this.#details, raw !== "", this.fallback);
    if (!raw) this.#unfold(false);
  }

  #unfold(open: boolean): void {
    show(this.#raw, open, this.#details);
    setAttribute(this.#details, "aria-expanded", String(open));
  }
}
