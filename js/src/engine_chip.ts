// Who makes the video: nobody may take a local preview for Veo.

import { element, setText, show } from "./element.ts";
import type { Engine } from "./protocol.ts";

export class EngineChip {
  readonly root: HTMLElement;
  readonly #who = element("span");
  readonly #count = element("strong");
  readonly #rest = element("span");

  constructor() {
    this.root = element("span", { class: "iv-chip" }, this.#who, this.#count, this.#rest);
  }

  update({ sandbox, chip: [who, count, rest] }: Engine): void {
    this.root.classList.toggle("iv-sandbox", sandbox);
    show(this.root, who !== "");
    setText(this.#who, who);
    setText(this.#count, count);
    setText(this.#rest, rest);
  }
}
