// Who makes the video: nobody may take a local preview for Veo.

import { element, setText, show } from "./element.ts";
import type { Engine } from "./protocol.ts";

export class EngineChip {
  readonly root: HTMLElement;
  readonly #who = element("span");
  readonly #dot = element("span");
  readonly #count = element("strong");
  readonly #rest = element("span");

  constructor() {
    this.root = element("span", { class: "iv-chip" }, this.#who, this.#dot, this.#count, this.#rest);
  }

  update({ sandbox, host, credits }: Engine): void {
    this.root.classList.toggle("iv-sandbox", sandbox);
    show(this.root, sandbox || host !== "");
    setText(this.#who, sandbox ? "Sandbox" : host);
    const known = !sandbox && credits !== null;
    setText(this.#dot, known ? " · " : "");
    setText(this.#count, known ? String(credits) : "");
    const left = known ? ` credit${credits === 1 ? "" : "s"} left` : "";
    setText(this.#rest, sandbox ? " · local preview, not Veo · free" : left);
  }
}
