// One take: its poster at once, its bytes when somebody plays or downloads it; what can be had of it below.

import { button, element, setAttribute, setText, show, unfolding } from "./element.ts";
import { percent } from "./format.ts";
import type { KernelLink } from "./kernel_link.ts";
import type { Asset, Clip, TextKind } from "./protocol.ts";
import { TextPanel } from "./text_panel.ts";

const STEPS: Record<string, number> = { ",": -1, ".": 1 };

export class TakePlayer {
  readonly root: HTMLElement;
  readonly video = element("video", { controls: "", playsinline: "", preload: "none" });
  readonly screen: HTMLElement;
  readonly #cover: HTMLButtonElement;
  readonly #loading = element("span", { class: "iv-loading", hidden: "" });
  readonly #sentence = element("span");
  readonly #again: HTMLButtonElement;
  readonly #problem: HTMLElement;
  readonly #pick: HTMLButtonElement;
  readonly #texts: readonly [code: TextPanel, curl: TextPanel, details: TextPanel];
  #retry: () => Promise<void> = async () => {};

  /** `extend` is what the button Extend does; without it there is no such button. */
  constructor(
    readonly clip: Clip,
    private readonly link: KernelLink,
    extend?: () => void,
  ) {
    const name = clip.take ? `Take ${clip.take}` : "Preview";
    this.#cover = button("", { class: "iv-cover", "aria-label": `Play ${name.toLowerCase()}` }, () =>
      this.#attempt(() => this.#play()),
    );
    this.#cover.append(element("span", { class: "iv-play", "aria-hidden": "true" }));
    this.#again = button("", { class: "iv-link" }, () => this.#attempt(this.#retry));
    this.#problem = element("div", { class: "iv-take-problem", hidden: "" }, this.#sentence, this.#again);
    this.screen = element("div", { class: "iv-screen" }, this.video, this.#cover, this.#loading, this.#problem);
    this.screen.style.aspectRatio = `${clip.width} / ${clip.height}`;
    // The star follows the kernel's word, which comes with the next update.
    this.#pick = button("", { class: "iv-link iv-pick", "aria-label": "Pick", title: "The pick of this run" }, () =>
      link.send({ type: "pick", key: clip.key, picked: this.#pick.ariaPressed !== "true" }),
    );
    const text = (kind: TextKind): TextPanel => new TextPanel(link, clip, kind);
    this.#texts = [text("Code"), text("curl"), text("Details")];
    // Of a draft there is nothing to tell, and code that makes another like it would pay.
    for (const { toggle } of this.#texts) toggle.hidden = !clip.take;
    this.root = element("div", { class: "iv-take", role: "group", "aria-label": name });
    this.root.append(this.screen, ...this.#foot(extend), ...this.#texts.map((each) => each.root));
    this.update(clip);
    this.#caption();
    this.#listen();
    this.link.assets.load("poster", clip.key).then(
      (url) => (this.video.poster = url),
      () => {}, // Without its poster the take is a dark box that still plays.
    );
  }

  update({ picked }: Clip): void {
    setAttribute(this.#pick, "aria-pressed", String(picked));
    show(this.#pick, picked !== null);
  }

  /** Plays at once and without sound, unless the person wants nothing to move by itself. */
  begin(): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.video.muted = true;
    this.#attempt(() => this.#play());
  }

  /** Resolves once the clip can play from any moment, or once it has said why it cannot. */
  async ready(): Promise<void> {
    await this.#attempt(async () => {
      await this.#load();
      if (this.video.readyState > 2 || this.video.error) return;
      await new Promise((done) => {
        for (const name of ["canplay", "error"]) this.video.addEventListener(name, done, { once: true });
      });
    });
  }

  /** Stops the video and lets its bytes go; the object URL belongs to the assets. */
  close(): void {
    for (const text of this.#texts) text.close();
    this.video.removeAttribute("src");
    this.video.load();
    this.root.remove();
  }

  #foot(extend: (() => void) | undefined): HTMLElement[] {
    const { take, facts, differs } = this.clip;
    const [code, curl, details] = this.#texts;
    const save = (label: string, what: () => [Asset, ending: string]): HTMLButtonElement =>
      button(label, { class: "iv-link" }, () => this.#attempt(() => this.#save(...what())));
    const more = element(
      "div",
      { class: "iv-take-foot" },
      save("Save frame", () => [`frame ${this.#frame}`, `frame-${this.#frame}.png`]),
      save("GIF", () => ["gif", "gif"]),
      save("WebP", () => ["webp", "webp"]),
      curl.toggle,
      details.toggle,
    );
    const actions = element("span", { class: "iv-actions" }, this.#pick);
    if (extend) actions.append(button("Extend", { class: "iv-link" }, extend));
    actions.append(code.toggle, save("Download", () => ["clip", "mp4"]), unfolding("More", more));
    const foot = element("div", { class: "iv-take-foot" }, take ? element("strong", {}, `${take}`) : "");
    foot.append(element("span", { class: "iv-facts" }, facts));
    if (differs) foot.append(element("strong", { class: "iv-differs" }, differs));
    foot.append(actions);
    return [foot, more];
  }

  /** What was asked for, as a caption of the browser's own: off at first, shown from the video's own menu. */
  #caption(): void {
    const plain = this.clip.prompt.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    this.video.addTextTrack("captions", "Prompt").addCue(new VTTCue(0, 1e6, plain));
  }

  #listen(): void {
    // A script's video.play() comes here as well, since without a source the native one would only fail.
    this.video.play = () => this.#play();
    this.root.addEventListener("keydown", (event) => {
      const by = STEPS[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (by !== undefined) void this.#attempt(() => this.#step(by));
      // Without a source the browser does nothing for them.
      if (event.target !== this.video || this.video.src || ![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      void this.#attempt(() => this.#play());
    });
    const unplayable = (): void => {
      if (!this.video.src) return;
      this.#retry = () => this.#save("clip", "mp4");
      this.#fail("This browser cannot play the clip.", "Download it");
    };
    this.video.addEventListener("error", unplayable);
    this.video.addEventListener("loadeddata", () => {
      if (!this.video.videoWidth) unplayable(); // it knows the sound only
    });
  }

  /** The number of the frame that is shown, from 0. */
  get #frame(): number {
    return this.#near(Math.floor(this.video.currentTime * this.clip.fps + 1e-4));
  }

  #near(frame: number): number {
    return Math.max(0, Math.min(this.clip.frames - 1, frame));
  }

  async #step(by: number): Promise<void> {
    await this.#load();
    this.video.pause();
    // The middle of its time: at its edge a browser may round to its neighbour.
    this.video.currentTime = (this.#near(this.#frame + by) + 0.5) / this.clip.fps;
  }

  async #play(): Promise<void> {
    if (!this.video.src) await this.#load();
    const play = (): Promise<void> => HTMLMediaElement.prototype.play.call(this.video);
    try {
      await play();
    } catch (error) {
      // The click may be too long ago by now for the browser to allow sound; without sound it always may.
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") throw error;
      this.video.muted = true;
      await play();
    }
  }

  async #load(): Promise<string> {
    const url = await this.#fetch("clip");
    if (!this.video.src) {
      this.video.preload = "auto"; // it is here; what was to be spared is fetching it
      this.video.src = url;
    }
    show(this.#cover, false, this.video);
    return url;
  }

  async #fetch(what: Asset): Promise<string> {
    if (!this.video.error) show(this.#problem, false, this.#cover);
    show(this.#loading, true);
    try {
      return await this.link.assets.load(what, this.clip.key, (share) =>
        setText(this.#loading, share > 0 ? `Loading ${percent(share)}` : `${what === "clip" ? "Loading" : `Making the ${what}`} …`),
      );
    } finally {
      show(this.#loading, false);
    }
  }

  async #save(what: Asset, ending: string): Promise<void> {
    const href = await (what === "clip" ? this.#load() : this.#fetch(what));
    const link = element("a", { href, download: this.clip.name.replace(/mp4$/, ending), hidden: "" });
    this.root.append(link);
    link.click();
    link.remove();
  }

  async #attempt(what: () => Promise<void>): Promise<void> {
    this.#retry = what;
    try {
      await what();
    } catch (error) {
      // A pause during the start is the person's own wish.
      if (!(error instanceof DOMException)) this.#fail((error as Error).message, "Try again");
    }
  }

  #fail(sentence: string, help: string): void {
    setText(this.#sentence, sentence);
    setText(this.#again, help);
    show(this.#problem, true);
  }
}
