// One clip in an output cell of its own, playing as soon as it is shown.

import { element, randomId } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { PlayBar } from "./play_bar.ts";
import { Presence } from "./presence.ts";
import type { Model } from "./protocol.ts";
import { TakePlayer } from "./take_player.ts";

export class Player {
  readonly #presence: Presence;
  readonly #players: TakePlayer[];
  readonly #root: HTMLElement;

  constructor(model: Model, host: HTMLElement, link: KernelLink) {
    this.#presence = new Presence(model, host, link, `iv-${randomId()}`);
    this.#players = model.get("_clips").map((clip) => new TakePlayer({ ...clip, picked: null }, link));
    const screens = this.#players.map((player) => player.root);
    const card = element("div", { class: "iv-card iv-alone" }, ...screens);
    const bar = new PlayBar(card, true);
    bar.update(this.#players);
    card.append(bar.root);
    const suppress = { "data-lm-suppress-shortcuts": "true" };
    this.#root = element("div", { class: "ipyveo", role: "region", "aria-label": "Clip", ...suppress }, card);
    host.append(this.#root);
    for (const player of this.#players) player.begin();
  }

  close(): void {
    for (const player of this.#players) player.close();
    this.#presence.close();
    this.#root.remove();
  }
}
