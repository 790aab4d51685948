// Videos that play, pause, seek and loop as one: whatever is done to one of them is done to all.

/** Moments that are the same for a browser, which counts in microseconds. */
const SAME = 1e-4;
/** A video this far behind or ahead jumps; one that is nearer is made up for by its speed. */
const JUMP_SECONDS = 0.25;

export class InStep {
  going = false;
  /** the one that the others follow: the one that was last played or moved */
  #lead: HTMLVideoElement;
  /** where all were moved to, so that a move of ours is not taken for a person's */
  #moved = Number.NaN;
  readonly #muted: readonly HTMLVideoElement[];
  readonly #open = new AbortController();

  /** `changed` is called whenever the time or the state may be another. There is at least one video. */
  constructor(
    private readonly videos: readonly HTMLVideoElement[],
    private readonly fps: number,
    changed: () => void,
  ) {
    this.#lead = videos[0]!;
    // Several sounds at once are none.
    this.#muted = videos.filter((video) => video !== this.#lead && !video.muted);
    this.#mute(true);
    const on = (name: string, heard: (video: HTMLVideoElement) => void): void => {
      for (const video of videos) {
        const listener = (): void => {
          heard(video);
          changed();
        };
        video.addEventListener(name, listener, { signal: this.#open.signal });
      }
    };
    on("play", (video) => this.#played(video));
    on("pause", (video) => this.#paused(video));
    on("ended", () => (this.going &&= !videos.every((video) => video.ended)));
    on("seeking", (video) => this.#sought(video));
    on("timeupdate", (video) => this.#passed(video));
  }

  get time(): number {
    return this.#lead.currentTime;
  }

  /** The number of the frame that is shown, from 0. */
  get frame(): number {
    return Math.floor(this.time * this.fps + SAME);
  }

  /** Shows the same frame in all, by the middle of its time: at its edge two videos may round to two frames. */
  seek(frame: number): void {
    this.#move((frame + 0.5) / this.fps);
  }

  /** Starts all at once, from the same frame, or pauses them. */
  async toggle(): Promise<void> {
    if (this.going) return this.#lead.pause();
    this.seek(this.#lead.ended ? 0 : this.frame);
    const seeking = this.videos.filter((video) => video.seeking);
    await Promise.all(seeking.map((video) => new Promise((done) => video.addEventListener("seeked", done, { once: true }))));
    if (!this.#open.signal.aborted) this.#play();
  }

  close(): void {
    this.#open.abort();
    for (const video of this.videos) video.pause();
    this.#mute(false);
  }

  #mute(muted: boolean): void {
    for (const video of this.#muted) video.muted = muted;
  }

  #play(): void {
    for (const video of this.videos) video.play().catch(() => {}); // one that cannot says so itself
  }

  #move(time: number): void {
    this.#moved = time;
    for (const video of this.videos) if (Math.abs(video.currentTime - time) > SAME) video.currentTime = time;
  }

  #played(video: HTMLVideoElement): void {
    if (this.going || video.paused) return;
    this.going = true;
    this.#lead = video;
    this.#play();
  }

  #paused(video: HTMLVideoElement): void {
    if (!this.going || video.ended || !video.paused) return;
    this.going = false;
    this.#lead = video;
    for (const other of this.videos) other.pause();
    this.seek(this.frame);
  }

  #sought(video: HTMLVideoElement): void {
    if (Math.abs(video.currentTime - this.#moved) <= SAME) return;
    this.#lead = video;
    this.#move(video.currentTime);
    if (this.going) this.#play(); // a shorter one may have come to its end
  }

  /** A few times a second: those that lag go a little faster, and those ahead slower. */
  #passed(lead: HTMLVideoElement): void {
    if (lead !== this.#lead || !this.going) return;
    this.#moved = Number.NaN;
    for (const video of this.videos) {
      const late = lead.currentTime - video.currentTime;
      if (video.seeking || video.ended) continue;
      if (Math.abs(late) > JUMP_SECONDS) video.currentTime = this.#moved = lead.currentTime;
      else video.playbackRate = lead.defaultPlaybackRate * (1 + 2 * late);
    }
  }
}
