// Videos that play, pause, seek and loop as one: whatever is done to one of them is done to all.

/** Moments that are the same for a browser, which counts in microseconds. */
const SAME = 1e-4;
/** A video this far behind or ahead jumps; one that is nearer is made up for by its speed. */
const JUMP_SECONDS = 0.25;

export class InStep {
  /** where all were moved to, so that a move of ours is not taken for a person's */
  #moved = Number.NaN;
  readonly #open = new AbortController();
  readonly #silenced: HTMLVideoElement[];

  /** Of the videos, all in `place`, all follow `lead`, the last that was played or moved; `changed` is called often. */
  constructor(
    place: HTMLElement,
    private readonly videos: readonly HTMLVideoElement[],
    private lead: HTMLVideoElement,
    private readonly fps: number,
    changed: () => void,
  ) {
    // Several sounds at once are none.
    this.#silenced = videos.filter((video) => video !== lead && !video.muted);
    for (const video of this.#silenced) video.muted = true;
    const heard = { play: this.#played, pause: this.#paused, seeking: this.#sought, timeupdate: this.#passed };
    for (const [name, hear] of Object.entries(heard)) {
      const listener = ({ target }: Event): void => {
        hear(target as HTMLVideoElement);
        changed();
      };
      // Such events do not rise, but they can be caught on their way down.
      place.addEventListener(name, listener, { capture: true, signal: this.#open.signal });
    }
  }

  get going(): boolean {
    return !this.lead.paused;
  }

  /** The number of the frame that is shown, from 0. */
  get frame(): number {
    return Math.floor(this.lead.currentTime * this.fps + SAME);
  }

  /** Shows the same frame in all, by the middle of its time: at its edge two videos may round to two frames. */
  seek(frame: number): void {
    this.#move((frame + 0.5) / this.fps);
  }

  /** Starts all at once, from the same frame, or pauses them. */
  async toggle(): Promise<void> {
    if (this.going) return this.lead.pause();
    this.seek(this.lead.ended ? 0 : this.frame);
    const seeking = this.videos.filter((video) => video.seeking);
    await Promise.all(seeking.map((video) => new Promise((done) => video.addEventListener("seeked", done, { once: true }))));
    if (!this.#open.signal.aborted) this.#play();
  }

  close(): void {
    this.#open.abort();
    for (const video of this.videos) video.pause();
    for (const video of this.#silenced) video.muted = false;
  }

  #play(): void {
    for (const video of this.videos) video.play().catch(() => {}); // one that cannot says so itself
  }

  #move(time: number): void {
    this.#moved = time;
    for (const video of this.videos) if (Math.abs(video.currentTime - time) > SAME) video.currentTime = time;
  }

  #played = (video: HTMLVideoElement): void => {
    if (video.paused) return;
    this.lead = video;
    this.#play();
  };

  #paused = (video: HTMLVideoElement): void => {
    if (video.ended || !video.paused) return;
    this.lead = video;
    for (const other of this.videos) other.pause();
    this.seek(this.frame);
  };

  #sought = (video: HTMLVideoElement): void => {
    if (Math.abs(video.currentTime - this.#moved) <= SAME) return;
    this.lead = video;
    this.#move(video.currentTime);
    if (this.going) this.#play(); // a shorter one may have come to its end
  };

  /** A few times a second: those that lag go a little faster, and those ahead slower. */
  #passed = (lead: HTMLVideoElement): void => {
    if (lead !== this.lead || !this.going) return;
    this.#moved = Number.NaN;
    for (const video of this.videos) {
      const late = lead.currentTime - video.currentTime;
      if (video.seeking || video.ended) continue;
      if (Math.abs(late) > JUMP_SECONDS) video.currentTime = this.#moved = lead.currentTime;
      else video.playbackRate = lead.defaultPlaybackRate * (1 + 2 * late);
    }
  };
}
