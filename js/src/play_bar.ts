// The controls over several takes: speed and loop of all, in step, one alone, or two under a wipe.

import { button, element, setAttribute, setText, show, toggle } from "./element.ts";
import { InStep } from "./in_step.ts";
import type { TakePlayer } from "./take_player.ts";

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

interface View {
  label: string;
  players: readonly TakePlayer[];
  wipe?: boolean;
}

export class PlayBar {
  readonly root: HTMLElement;
  readonly #loop: HTMLButtonElement;
  readonly #speed: HTMLSelectElement;
  readonly #view = element("select", { "aria-label": "View" });
  readonly #linked: HTMLButtonElement;
  readonly #track: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #position = element("input", { type: "range", min: "0", "aria-label": "Position in all takes" });
  readonly #time = element("span", { class: "iv-facts" });
  readonly #wipe = element("input", { type: "range", step: "any", class: "iv-wipe", "aria-label": "Wipe" });
  #players: readonly TakePlayer[] = [];
  #views: View[] = [];
  #step: InStep | undefined;

  constructor(
    private readonly grid: HTMLElement,
    loop = false,
  ) {
    this.#loop = toggle("Loop", () => this.#settle());
    setAttribute(this.#loop, "aria-pressed", String(loop));
    const speeds = SPEEDS.map((speed) => element("option", { value: String(speed) }, `${speed}×`));
    this.#speed = element("select", { "aria-label": "Speed" }, ...speeds);
    this.#speed.value = "1";
    this.#speed.addEventListener("change", () => this.#settle());
    this.#view.addEventListener("change", () => this.#look());
    this.#linked = toggle("Play in step", () => void this.#link());
    this.#play = button("Play", { class: "iv-link" }, () => void this.#step?.toggle());
    this.#position.addEventListener("input", () => this.#step?.seek(this.#position.valueAsNumber));
    this.#wipe.addEventListener("input", () => this.#draw());
    this.#track = element("div", { class: "iv-track", hidden: "" }, this.#play, this.#position, this.#time);
    const controls = element("span", { class: "iv-actions" }, this.#loop, this.#speed, this.#view, this.#linked);
    this.root = element("div", { class: "iv-bar" }, controls, this.#track);
  }

  /** Takes other players over; they begin side by side and each on its own. */
  update(players: readonly TakePlayer[]): void {
    if (players.length === this.#players.length && players.every((each, index) => each === this.#players[index])) return;
    this.close();
    this.#players = players;
    this.#settle();
    const name = ({ clip }: TakePlayer): string => String(clip.take);
    this.#views = [{ label: "Side by side", players }];
    if (players.length > 1) {
      for (const each of players) this.#views.push({ label: `Take ${name(each)} alone`, players: [each] });
      for (const [index, first] of players.entries())
        for (const second of players.slice(index + 1))
          this.#views.push({ label: `Wipe ${name(first)} | ${name(second)}`, players: [first, second], wipe: true });
    }
    this.#view.replaceChildren(...this.#views.map(({ label }) => element("option", {}, label)));
    for (const control of [this.#view, this.#linked]) show(control, players.length > 1, this.#loop);
    this.#look();
  }

  close(): void {
    this.#step?.close();
    this.#step = undefined;
    setAttribute(this.#linked, "aria-pressed", "false");
    show(this.#track, false, this.#linked);
  }

  #settle(): void {
    for (const { video } of this.#players) {
      video.loop = this.#loop.ariaPressed === "true";
      video.playbackRate = video.defaultPlaybackRate = Number(this.#speed.value);
    }
  }

  #look(): void {
    const { players, wipe = false } = this.#views[this.#view.selectedIndex] as View;
    for (const each of this.#players) {
      show(each.root, players.includes(each), this.#view);
      each.root.classList.toggle("iv-over", wipe && each === players[1]);
      // Those of one would lie half under the other; the bar has them all.
      each.video.controls = !wipe;
    }
    this.grid.classList.toggle("iv-one", wipe || players.length < this.#players.length);
    this.#wipe.remove();
    if (!wipe) return;
    players[0]?.screen.append(this.#wipe);
    this.#draw();
    if (this.#linked.ariaPressed !== "true") this.#linked.click();
  }

  #draw(): void {
    this.grid.style.setProperty("--wipe", String(this.#wipe.valueAsNumber / 100));
  }

  async #link(): Promise<void> {
    if (this.#linked.ariaPressed !== "true") {
      this.close();
      if (this.#wipe.isConnected) this.#view.selectedIndex = 0;
      return this.#look();
    }
    const players = this.#players;
    await Promise.all(players.map((each) => each.ready()));
    const [first, ...rest] = players.filter(({ video }) => video.readyState > 0 && !video.error);
    // Another press, or another run, may have come meanwhile.
    if (!first || this.#step || players !== this.#players || this.#linked.ariaPressed !== "true") return;
    const { fps, duration } = first.clip;
    this.#position.max = String(Math.round(duration * fps) - 1);
    const videos = [first.video, ...rest.map(({ video }) => video)] as const;
    this.#step = new InStep([...videos], fps, () => this.#show(fps));
    show(this.#track, true);
    await this.#step.toggle();
  }

  #show(fps: number): void {
    if (!this.#step) return;
    const { frame, going } = this.#step;
    const words = `${(frame / fps).toFixed(2)} s · frame ${frame}`;
    this.#position.value = String(frame);
    setAttribute(this.#position, "aria-valuetext", words);
    setText(this.#time, words);
    setText(this.#play, going ? "Pause" : "Play");
  }
}
