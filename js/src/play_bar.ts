// The controls over several takes: speed and loop of all; in step, one alone, or two under a wipe.

import { button, element, setText, show } from "./element.ts";
import { InStep } from "./in_step.ts";
import type { TakePlayer } from "./take_player.ts";

const SPEEDS = ["0.25×", "0.5×", "1×", "1.5×", "2×"];

export class PlayBar {
  readonly root = element("div", { class: "iv-bar" });
  readonly #loop = element("input", { type: "checkbox" });
  readonly #speed: HTMLSelectElement;
  readonly #view: HTMLSelectElement;
  readonly #play: HTMLButtonElement;
  readonly #frame: HTMLInputElement;
  readonly #time = element("span", { class: "iv-facts" });
  readonly #together: HTMLElement;
  readonly #wipe: HTMLInputElement;
  #players: readonly TakePlayer[] = [];
  /** all, then each alone, then each two */
  #views: (readonly TakePlayer[])[] = [];
  #step: InStep | undefined;

  constructor(
    private readonly grid: HTMLElement,
    loop = false,
  ) {
    this.#loop.checked = loop;
    this.#loop.addEventListener("change", () => this.#settle());
    this.#speed = select("Speed", () => this.#settle());
    this.#speed.append(...SPEEDS.map((speed) => new Option(speed)));
    this.#speed.value = "1×";
    this.#view = select("View", () => this.#look());
    this.#play = button("Play in step", { class: "iv-link" }, async () => (await this.#link())?.toggle());
    this.#frame = range("Frame of all takes", async (frame) => (await this.#link())?.seek(frame));
    this.#wipe = range("Wipe", (share) => grid.style.setProperty("--wipe", `${share}`));
    this.#wipe.className = "iv-wipe";
    this.#wipe.value = "50";
    this.#together = element("span", { class: "iv-bar" }, this.#play, this.#frame, this.#time);
    this.root.append(element("label", {}, this.#loop, "Loop"), this.#speed, this.#view, this.#together);
  }

  /** Takes other players over; they begin side by side, each on its own. */
  update(players: readonly TakePlayer[]): void {
    if (`${players.map(({ clip }) => clip.key)}` === `${this.#players.map(({ clip }) => clip.key)}`) return;
    this.#players = players;
    const pairs = players.flatMap((first, index) => players.slice(index + 1).map((second) => [first, second]));
    this.#views = [players, ...players.map((each) => [each]), ...pairs];
    const labels = this.#views.map((view) => view.map(({ clip }) => clip.take).join(" | "));
    const words = (label: string, index: number): string =>
      index === 0 ? "Side by side" : index > players.length ? `Wipe ${label}` : `Take ${label} alone`;
    this.#view.replaceChildren(...labels.map((label, index) => new Option(words(label, index))));
    show(this.#view, players.length > 1, this.#speed);
    this.#look();
  }

  close(): void {
    this.#step?.close();
    this.#step = undefined;
    this.#show();
  }

  #settle(): void {
    for (const { video } of this.#players) {
      video.loop = this.#loop.checked;
      video.playbackRate = video.defaultPlaybackRate = Number.parseFloat(this.#speed.value);
    }
  }

  #look(): void {
    this.close();
    const index = this.#view.selectedIndex;
    const shown = this.#views[index] ?? [];
    const wipe = index > this.#players.length;
    for (const each of this.#players) {
      show(each.root, shown.includes(each), this.#view);
      each.root.classList.toggle("iv-over", wipe && each === shown[1]);
      // Those of one would lie half under the other; the bar has what both need.
      each.video.controls = !wipe;
    }
    this.grid.classList.toggle("iv-one", index > 0);
    show(this.#together, shown.length > 1, this.#view);
    this.#wipe.remove();
    this.#settle();
    if (!wipe) return;
    shown[0]?.screen.append(this.#wipe);
    void this.#link();
  }

  /** Makes those that are shown one, once all of them have come; nothing if others are shown by then. */
  async #link(): Promise<InStep | undefined> {
    const shown = this.#views[this.#view.selectedIndex] ?? [];
    await Promise.all(shown.map((each) => each.ready()));
    const [first, ...rest] = shown.filter(({ video }) => !video.error);
    if (!first || shown !== this.#views[this.#view.selectedIndex]) return undefined;
    const { video, clip } = first;
    this.#frame.max = `${clip.frames - 1}`;
    const videos = [video, ...rest.map((each) => each.video)];
    this.#step ??= new InStep(this.grid, videos, video, clip.fps, () => this.#show());
    this.#show();
    return this.#step;
  }

  #show(): void {
    const { frame = 0, going = false } = this.#step ?? {};
    this.#frame.value = `${frame}`;
    setText(this.#time, `Frame ${frame}`);
    setText(this.#play, going ? "Pause" : "Play in step");
  }
}

function select(label: string, changed: () => void): HTMLSelectElement {
  const made = element("select", { "aria-label": label });
  made.addEventListener("change", changed);
  return made;
}

function range(label: string, moved: (value: number) => void): HTMLInputElement {
  const made = element("input", { type: "range", value: "0", "aria-label": label });
  made.addEventListener("input", () => moved(made.valueAsNumber));
  return made;
}
