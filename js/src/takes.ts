// The takes of a run, side by side; also a draft, which is drawn before anything is paid.

import { element, setText, show } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { PlayBar } from "./play_bar.ts";
import { moment } from "./format.ts";
import type { Clip, Headed } from "./protocol.ts";
import { TakePlayer } from "./take_player.ts";

export class Takes {
  readonly root: HTMLElement;
  readonly #title = element("strong");
  readonly #facts = element("span");
  readonly #grid = element("div", { class: "iv-takes" });
  readonly #bar = new PlayBar(this.#grid);
  readonly #players = new Map<string, TakePlayer>();

  constructor(
    private readonly link: KernelLink,
    private readonly fallback: HTMLElement,
    private readonly extend?: (clip: Clip) => void,
  ) {
    const words = element("span", {}, this.#title, this.#facts);
    const heading = element("div", { class: "iv-heading" }, words, this.#bar.root);
    this.root = element("div", { class: "iv-results", hidden: "" }, heading, this.#grid);
  }

  update({ heading = ["", ""], at }: Headed, clips: readonly Clip[]): void {
    show(this.root, clips.length > 0, this.fallback);
    setText(this.#title, heading[0]);
    setText(this.#facts, heading[1].replace("{at}", moment(at)));
    const portrait = clips.length > 0 && clips.every((clip) => clip.height > clip.width);
    this.#grid.classList.toggle("iv-portrait", portrait);
    this.#place(clips);
  }

  close(): void {
    this.#bar.close();
    for (const player of this.#players.values()) player.close();
    this.#players.clear();
  }

  /** Keeps the players that stay, untouched: moving a video in the document would stop it. */
  #place(clips: readonly Clip[]): void {
    const wanted = new Map(clips.map((clip) => [`${clip.take} ${clip.key}`, clip]));
    for (const [name, player] of this.#players) {
      if (wanted.has(name)) continue;
      player.close();
      this.#players.delete(name);
    }
    let index = 0;
    const { extend } = this;
    for (const [name, clip] of wanted) {
      const player = this.#players.get(name) ?? new TakePlayer(clip, this.link, extend && (() => extend(clip)));
      this.#players.set(name, player);
      player.update(clip);
      const there = this.#grid.children[index] ?? null;
      if (there !== player.root) this.#grid.insertBefore(player.root, there);
      index += 1;
    }
    this.#bar.update([...wanted.keys()].flatMap((name) => this.#players.get(name) ?? []));
  }
}
