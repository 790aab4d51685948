// Says that the clips of this very form are in the library already, before they are paid for again.

import { button, element, setText, show } from "./element.ts";
import { counted, moment } from "./format.ts";
import type { Traits } from "./protocol.ts";

export class BeforeLine {
  readonly root: HTMLElement;
  readonly #words = element("span", { dir: "auto" });

  constructor(
    take: () => void,
    private readonly fallback: HTMLElement,
  ) {
    const actions = element("span", { class: "iv-actions" }, button("Show them", { class: "iv-link" }, take));
    this.root = element("div", { class: "iv-panel iv-line", hidden: "" }, this.#words, actions);
  }

  /** What is on the page needs no hint. Returns the words that are new. */
  update({ _before: before, _run: run, _engine: engine, number_of_videos: videos }: Traits, gone: boolean): string {
    const there = before.began_at !== undefined && !before.shown && !run.running && !gone;
    const again = engine.sandbox ? "" : ` Making it again may cost up to ${counted(videos, "credit")}.`;
    const sentence = there ? `The very same is in the library already, from ${moment(before.began_at ?? "")}.${again}` : "";
    const fresh = sentence === this.#words.textContent ? "" : sentence;
    setText(this.#words, sentence);
    show(this.root, sentence !== "", this.fallback);
    return fresh;
  }
}
