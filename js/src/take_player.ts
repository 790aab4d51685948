// One take: its poster at once, its bytes when somebody plays or downloads it.

import { CodePanel } from "./code_panel.ts";
import { button, element, setText, show } from "./element.ts";
import { bytes, length, percent } from "./format.ts";
import type { KernelLink } from "./kernel_link.ts";
import type { Clip } from "./protocol.ts";

export class TakePlayer {
  readonly root: HTMLElement;
  readonly #video = element("video", { controls: "", playsinline: "", preload: "none" });
  readonly #cover: HTMLButtonElement;
  readonly #loading = element("span", { class: "iv-loading", hidden: "" });
  readonly #sentence = element("span");
  readonly #problem: HTMLElement;
  readonly #code: CodePanel;
  #retry: () => Promise<void> = async () => {};

  /** `extend` is what the button Extend does; without it there is no such button. */
  constructor(
    private readonly clip: Clip,
    private readonly link: KernelLink,
    extend?: () => void,
  ) {
    this.#cover = button("", { class: "iv-cover", "aria-label": `Play take ${clip.take}` }, () =>
      this.#attempt(() => this.#play()),
    );
    this.#cover.append(element("span", { class: "iv-play", "aria-hidden": "true" }));
    const again = button("Try again", { class: "iv-link" }, () => this.#attempt(this.#retry));
    this.#problem = element("div", { class: "iv-take-problem", hidden: "" }, this.#sentence, again);
    const screen = element("div", { class: "iv-screen" }, this.#video, this.#cover, this.#loading, this.#problem);
    screen.style.aspectRatio = `${clip.width} / ${clip.height}`;
    this.#code = new CodePanel(link, clip.key, clip.take);
    this.root = element("div", { class: "iv-take", role: "group", "aria-label": `Take ${clip.take}` });
    this.root.append(screen, this.#foot(extend), this.#code.root);
    this.#listen();
    this.link.assets.load("poster", clip.key).then(
      (url) => (this.#video.poster = url),
      () => {}, // Without its poster the take is a dark box that still plays.
    );
  }

  /** Plays at once, without sound and over and over, unless the person wants nothing to move by itself. */
  begin(): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#video.muted = true;
    this.#video.loop = true;
    this.#attempt(() => this.#play());
  }

  /** Stops the video and lets its bytes go; the object URL belongs to the assets. */
  close(): void {
    this.#code.close();
    this.#video.removeAttribute("src");
    this.#video.load();
    this.root.remove();
  }

  #foot(extend: (() => void) | undefined): HTMLElement {
    const { take, duration, width, height, size, engine } = this.clip;
    const facts = [length(duration), `${width}×${height}`, bytes(size)];
    if (engine === "sandbox") facts.push("local preview");
    // A line break falls between two facts, never inside one.
    const words = facts.map((fact) => fact.replaceAll(" ", "\u00a0")).join(" · ");
    const actions = element("span", { class: "iv-actions" });
    if (extend) actions.append(button("Extend", { class: "iv-link" }, extend));
    const download = button("Download", { class: "iv-link" }, () => this.#attempt(() => this.#download()));
    actions.append(this.#code.toggle, download);
    return element(
      "div",
      { class: "iv-take-foot" },
      element("strong", {}, String(take)),
      element("span", { class: "iv-facts" }, words),
      actions,
    );
  }

  #listen(): void {
    // A script's video.play() comes here as well, since without a source the native one would only fail.
    this.#video.play = () => this.#play();
    this.#video.addEventListener("keydown", (event) => {
      if (this.#video.src || (event.key !== " " && event.key !== "Enter")) return;
      event.preventDefault();
      this.#attempt(() => this.#play());
    });
    this.#video.addEventListener("error", () => {
      if (this.#video.src) this.#fail("This browser cannot play the clip. Download it to see it.");
    });
  }

  async #play(): Promise<void> {
    if (!this.#video.src) await this.#load();
    const play = (): Promise<void> => HTMLMediaElement.prototype.play.call(this.#video);
    try {
      await play();
    } catch (error) {
      // The click may be too long ago by now for the browser to allow sound; without sound it always may.
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") throw error;
      this.#video.muted = true;
      await play();
    }
  }

  async #load(): Promise<string> {
    show(this.#problem, false, this.#cover);
    show(this.#loading, true);
    try {
      const moved = (share: number): void => setText(this.#loading, `Loading ${percent(share)}`);
      const url = await this.link.assets.load("clip", this.clip.key, moved);
      if (!this.#video.src) this.#video.src = url;
      show(this.#cover, false, this.#video);
      return url;
    } finally {
      show(this.#loading, false);
    }
  }

  async #download(): Promise<void> {
    const link = element("a", { href: await this.#load(), download: this.clip.name, hidden: "" });
    this.root.append(link);
    link.click();
    link.remove();
  }

  #attempt(what: () => Promise<void>): void {
    this.#retry = what;
    what().catch((error: unknown) => {
      // A pause during the start is the person's own wish.
      if (error instanceof DOMException) return;
      this.#fail((error as Error).message);
    });
  }

  #fail(sentence: string): void {
    setText(this.#sentence, sentence);
    show(this.#problem, true);
  }
}
