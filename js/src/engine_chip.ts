// Who makes the video: nobody may take a local preview for Veo.

import { element, show } from "./element.ts";
import type { Engine } from "./protocol.ts";

export class EngineChip {
  readonly root = element("span", { class: "iv-chip" });

  update({ sandbox, chip: [who, count, rest] }: Engine): void {
    show(this.root, who !== "");
    // Only what differs is written: a selection would be lost.
    if (this.root.textContent === who + count + rest) return;
    this.root.replaceChildren(element(sandbox ? "strong" : "span", {}, who), element("strong", {}, count), rest);
  }
}
