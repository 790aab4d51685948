// One keyframe: choose, drop or paste a picture, see it as it will be cropped, take it out again.

import { button, element, setAttribute, setText, show } from "./element.ts";
import { FieldMessage } from "./field_message.ts";
import { percent } from "./format.ts";
import { placement } from "./framing.ts";
import { FramingPanel } from "./framing_panel.ts";
import type { KernelLink } from "./kernel_link.ts";
import type { AspectRatio, Frame, Framing, Slot, Traits } from "./protocol.ts";
import { Upload } from "./upload.ts";

const TITLE = { start: "Start", end: "End" } as const;
export const WAIT = "Wait until this picture has arrived.";

export class KeyframeSlot {
  readonly root: HTMLElement;
  readonly input: HTMLInputElement;
  readonly message: FieldMessage;
  readonly #picture = element("img", { class: "iv-picture", alt: "", hidden: "" });
  /** the picture as the kernel draws it, where the page cannot */
  readonly #drawn = element("img", { class: "iv-drawn", alt: "", hidden: "" });
  readonly #blurred = element("img", { class: "iv-blurred", alt: "", hidden: "" });
  readonly #zone: HTMLElement;
  readonly #framing: FramingPanel;
  readonly #invite: HTMLElement;
  readonly #name = element("bdi", { class: "iv-name" });
  readonly #size = element("span");
  readonly #fit = element("span", { class: "iv-fit" });
  readonly #caption: HTMLElement;
  readonly #share = element("span", { class: "iv-share" });
  readonly #bar = element("span", { class: "iv-fill" });
  readonly #track: HTMLElement;
  readonly #arriving: HTMLElement;
  readonly #remove: HTMLButtonElement;
  readonly #retry: HTMLButtonElement;
  #upload: Upload | null = null;
  /** the kernel holds an unfinished upload for this slot, of this view or of another */
  #held = false;
  #gone = false;
  #frame: Frame | null = null;
  #key = "";
  #drawnKey = "";
  #ratio: AspectRatio = "16:9";

  constructor(
    view: string,
    private readonly slot: Slot,
    private readonly link: KernelLink,
    announce: (words: string) => void,
    private readonly changed: () => void,
    /** says so and is true where nothing can be sent any more */
    private readonly refused: () => boolean,
    /** takes what was dropped here, of which the second picture is the other slot's */
    private readonly drop: (data: DataTransfer) => void,
    /** gives the other picture the same framing */
    share: (framing: Framing) => void,
  ) {
    const id = `${view}-${slot}`;
    const title = TITLE[slot];
    this.input = element("input", {
      type: "file",
      id,
      class: "iv-hidden iv-file",
      accept: "image/*,.heic,.heif",
      "aria-label": `${title} frame`,
      "aria-describedby": `${id}-caption ${id}-message`,
    });
    this.#invite = element("span", { class: "iv-invite" }, element("strong", {}, `${title} frame`));
    this.#invite.append(slot === "end" ? " (optional)" : "", element("br"), "drop, paste or browse");
    this.#caption = element("span", { class: "iv-caption", id: `${id}-caption`, hidden: "" });
    this.#caption.append(element("strong", {}, title), " ", this.#name, element("span", { class: "iv-dot" }, " · "));
    this.#caption.append(element("span", { class: "iv-facts" }, this.#size, " ", this.#fit));
    this.#track = element("span", { class: "iv-track" }, this.#bar);
    this.#arriving = element("span", { class: "iv-arriving", hidden: "" }, this.#share, this.#track);
    this.#remove = button("✕", { class: "iv-icon iv-remove", "aria-label": `Remove ${slot} frame`, hidden: "" }, () =>
      this.#takeOut(),
    );
    this.#retry = button("Try again", { class: "iv-link", hidden: "" }, () => this.#load());
    this.message = new FieldMessage(`${id}-message`, this.input, announce, this.#retry);
    this.#framing = new FramingPanel(view, slot, this.input, {
      drawn: (framing) => this.#place(framing, false),
      rested: (framing) => this.frameAs(framing),
      shared: share,
    });
    this.#zone = element("label", { class: "iv-zone", for: id });
    this.#zone.append(this.#picture, this.#blurred, this.#drawn, this.#invite, this.#caption, this.#arriving);
    const stage = element("div", { class: "iv-stage" }, this.input, this.#zone, this.#framing.surface);
    stage.append(this.message.root, this.#framing.toggle, this.#remove);
    this.root = element("div", { class: "iv-slot" }, stage, this.#framing.tools);
    this.#listen();
  }

  get uploading(): boolean {
    return this.#upload !== null || this.#held;
  }

  update(traits: Traits, gone: boolean): void {
    this.#gone = gone;
    if (gone && this.#upload) {
      this.#upload.cancel();
      this.#upload = null;
    }
    this.#held = !gone && traits._uploading.includes(this.slot);
    const frame = traits._frames[this.slot];
    this.#frame = frame;
    this.#ratio = traits.aspect_ratio;
    if ((frame?.key ?? "") !== this.#key) {
      this.#key = frame?.key ?? "";
      this.#say("");
      show(this.#picture, false);
      if (frame) this.#load();
    }
    if (frame) {
      setText(this.#name, frame.name);
      setText(this.#size, `${frame.width}×${frame.height}`);
      setText(this.#fit, frame.fit);
      setAttribute(this.#caption, "title", this.#caption.textContent);
    }
    const other = traits._frames[this.slot === "start" ? "end" : "start"] !== null;
    this.#framing.update(frame, traits.aspect_ratio, other, gone || this.uploading);
    this.#place(this.#framing.framing, true);
    this.#loadDrawn(frame?.drawn ?? "");
    this.#patch();
  }

  /** Tells the kernel how the picture is to lie in the frame. */
  frameAs(framing: Framing): void {
    if (this.#frame) this.link.send({ type: "frame", slot: this.slot, key: this.#frame.key, ...framing });
  }

  /** Tells the kernel what it has not been told yet, before a request is sent. */
  flush(): void {
    this.#framing.flush();
  }

  /** Takes a picture: a file to be sent, or an address that the kernel fetches. */
  take(picture: File | string): void {
    if (typeof picture !== "string") return this.receive(picture);
    if (this.refused()) return;
    this.#upload?.cancel();
    this.#settle();
    this.link.send({ type: "fetch_picture", slot: this.slot, address: picture });
  }

  /** Says beside the field what is wrong with what was given. */
  complain(sentence: string): void {
    this.#say(sentence);
  }

  /** Sends a picture to the kernel, in place of one that may still be on its way. */
  receive(file: File): void {
    if (this.refused()) return;
    this.#upload?.cancel();
    this.#upload = null;
    if (file.size === 0) {
      this.#settle();
      this.#say("This file is empty. Choose another picture.");
      return;
    }
    this.#say("");
    this.#moved(0);
    this.#upload = new Upload(this.link, this.slot, file, {
      moved: (share) => this.#moved(share),
      waits: () => setText(this.#share, "Waiting for the kernel"),
      done: () => this.#settle(),
      failed: (sentence) => {
        this.#settle();
        this.#say(sentence);
      },
    });
    this.#patch();
    this.changed();
  }

  close(): void {
    this.#upload?.cancel();
    this.#framing.close();
  }

  #listen(): void {
    this.input.addEventListener("click", (event) => {
      if (this.refused()) event.preventDefault();
    });
    this.input.addEventListener("change", () => {
      const file = this.input.files?.[0];
      if (file) this.receive(file);
      // Otherwise choosing the same file again would change nothing and go unnoticed.
      this.input.value = "";
    });
    this.root.addEventListener("dragover", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      this.root.dataset["over"] = "";
    });
    this.root.addEventListener("dragleave", (event) => {
      if (!this.root.contains(event.relatedTarget as Node | null)) delete this.root.dataset["over"];
    });
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      delete this.root.dataset["over"];
      if (event.dataTransfer) this.drop(event.dataTransfer);
    });
  }

  /** Draws the picture where it lies; what the kernel drew holds only while nothing is being changed. */
  #place(framing: Framing, rested: boolean): void {
    if (!this.#frame) return;
    const { left, top, width, height } = placement(this.#frame.width, this.#frame.height, this.#ratio, framing);
    const share = (value: number): string => `${value * 100}%`;
    const { style } = this.#picture;
    [style.left, style.top, style.width, style.height] = [share(left), share(top), share(width), share(height)];
    this.#zone.style.background = framing.fit !== "contain" ? "" : framing.background === "auto" ? "#000" : framing.background;
    show(this.#blurred, framing.fit === "blur" && !this.#picture.hidden);
    if (!rested) show(this.#drawn, false);
  }

  /** Fetches the picture as it is sent, where only the kernel can draw it. */
  #loadDrawn(key: string): void {
    if (key === this.#drawnKey) return;
    this.#drawnKey = key;
    show(this.#drawn, false);
    if (!key) return;
    this.link.assets.load("framed", key).then(
      (url) => {
        if (key !== this.#drawnKey) return;
        this.#drawn.src = url;
        show(this.#drawn, true);
      },
      () => {}, // The page's own drawing stays, which is close.
    );
  }

  #load(): void {
    const key = this.#key;
    this.#say("");
    this.link.assets.load("thumbnail", key).then(
      (url) => {
        if (key !== this.#key) return;
        this.#picture.src = this.#blurred.src = url;
        show(this.#picture, true);
        this.#place(this.#framing.framing, true);
      },
      (error: Error) => {
        if (key === this.#key) this.#say(error.message, true);
      },
    );
  }

  #say(sentence: string, retry = false): void {
    show(this.#retry, retry, this.input);
    this.message.say(sentence);
  }

  #moved(share: number): void {
    setText(this.#share, share < 1 ? `Uploading ${percent(share)}` : "Checking the picture");
    this.#bar.style.width = `${share * 100}%`;
  }

  #settle(): void {
    this.#upload = null;
    this.#say("");
    this.#patch();
    this.changed();
  }

  #takeOut(): void {
    if (this.refused()) return;
    if (this.#upload) {
      this.#upload.cancel();
      this.#settle();
    } else {
      this.link.send({ type: "remove", slot: this.slot });
    }
  }

  #patch(): void {
    const frame = this.#frame !== null;
    const own = this.#upload !== null;
    if (!own) setText(this.#share, "Uploading …");
    if (!this.uploading && this.message.sentence === WAIT) this.#say("");
    show(this.#track, own);
    show(this.#caption, frame && !this.uploading);
    show(this.#invite, !frame && !this.uploading);
    show(this.#arriving, this.uploading);
    show(this.#remove, frame || this.uploading, this.input);
    setAttribute(this.root, "aria-busy", this.uploading ? "true" : null);
    for (const control of [this.input, this.#remove]) setAttribute(control, "aria-disabled", this.#gone ? "true" : null);
    this.root.dataset["state"] = this.uploading ? "uploading" : frame ? "filled" : "empty";
  }
}
