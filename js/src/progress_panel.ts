// A run under way: its stages, an honest bar, the time it has taken, and the way to stop watching.

import { button, element, setAttribute, setText, show } from "./element.ts";
import { clock, headline, percent } from "./format.ts";
import type { Stage, Traits } from "./protocol.ts";

const AGAIN_AFTER_SECONDS = 10;
const MARK = { done: "✓ ", now: "● ", next: "" } as const;

export class ProgressPanel {
  readonly root: HTMLElement;
  readonly #stages = element("div", { class: "iv-stages" });
  readonly #fill = element("div", { class: "iv-fill" });
  readonly #bar: HTMLElement;
  readonly #facts = element("span", { class: "iv-facts" });
  readonly #patience = element("div", { class: "iv-facts", hidden: "" });
  readonly #again: HTMLButtonElement;
  #drawn = "";
  #traits: Traits | null = null;

  constructor(
    private readonly sinceRun: () => number,
    stop: () => void,
    sendAgain: () => void,
    private readonly announce: (words: string) => void,
    private readonly fallback: HTMLElement,
  ) {
    this.#bar = element("div", { class: "iv-track", role: "progressbar", "aria-label": "Progress" });
    this.#bar.append(this.#fill);
    const leave = button("Stop watching", { class: "iv-link" }, stop);
    this.#again = button("", { class: "iv-link", hidden: "" }, sendAgain);
    const actions = element("span", { class: "iv-actions" }, this.#again, leave);
    const foot = element("div", { class: "iv-panel-foot" }, this.#facts, actions);
    this.root = element("div", { class: "iv-panel", hidden: "" }, this.#stages, this.#bar, foot, this.#patience);
  }

  /** Without a line to the kernel nothing is known of the run, and nothing is shown. */
  update(traits: Traits, gone: boolean): void {
    this.#traits = gone ? null : traits;
    const shown = traits._run.running && !gone;
    show(this.root, shown, this.fallback);
    if (!shown) return;
    this.#draw(traits._run.stages);
    this.#bar.classList.toggle("iv-unknown", traits.progress === null);
    this.#fill.style.width = traits.progress === null ? "" : `${traits.progress * 100}%`;
    const percentage = traits.progress === null ? null : String(Math.round(traits.progress * 100));
    setAttribute(this.#bar, "aria-valuenow", percentage);
    setAttribute(this.#bar, "aria-valuetext", traits.stage);
    this.tick();
  }

  /** Moves the clock on; the kernel sends the elapsed time only when something else changes. */
  tick(): void {
    if (!this.#traits?._run.running) return;
    const { stage, progress, _run } = this.#traits;
    const elapsed = _run.elapsed + this.sinceRun();
    const next = _run.wait === null ? "" : `next try in ${clock(Math.ceil(Math.max(0, _run.wait - this.sinceRun())))}`;
    const parts = [progress === null ? "" : percent(progress), next, clock(elapsed)];
    // Of a service's words, which may run from right to left, nothing reaches the numbers beside them.
    const more = headline(stage)[1];
    setText(this.#facts, (more && `\u2068${more}\u2069 `) + parts.filter(Boolean).join(" · "));
    const words = _run.patience.filter(([from]) => elapsed >= from).at(-1)?.[1] ?? "";
    if (words && words !== this.#patience.textContent) this.announce(words);
    setText(this.#patience, words);
    show(this.#patience, words !== "");
    // Not at once: the job shows up in a moment as a rule, and a hasty second click would pay.
    const again = elapsed >= AGAIN_AFTER_SECONDS ? _run.again : "";
    setText(this.#again, again);
    show(this.#again, again !== "", this.fallback);
  }

  #draw(stages: Stage[]): void {
    const drawn = JSON.stringify(stages);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#stages.replaceChildren(
      ...stages.map(([state, words]) => element("span", { class: `iv-${state}` }, MARK[state], element("bdi", {}, words))),
    );
  }
}
