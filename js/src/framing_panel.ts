// Moves and zooms a picture in the video's frame: by pointer, touch, wheel and keys, and with named controls.

import { Choices } from "./choices.ts";
import { button, element, setAttribute, setText, show } from "./element.ts";
import { FITS, MOST_ZOOM, moved, placement, same, WHOLE, zoomed } from "./framing.ts";
import type { AspectRatio, Fit, Frame, Framing, Slot } from "./protocol.ts";

const NAMES: Record<Fit, string> = { cover: "Fill", blur: "Blur", contain: "Bars" };
const STEP = 0.02;
const STRIDE = 0.1;
const PAUSE_MS = 200;

export interface FramingChange {
  /** called at once with each change, to draw it */
  drawn: (framing: Framing) => void;
  /** called when it rests, to tell the kernel */
  rested: (framing: Framing) => void;
  /** called to give the other picture the same framing */
  shared: (framing: Framing) => void;
}

export class FramingPanel {
  /** lies over the picture while it is framed */
  readonly surface: HTMLElement;
  readonly tools: HTMLElement;
  readonly toggle: HTMLButtonElement;
  readonly #fits: Choices<string>;
  readonly #zoom: HTMLInputElement;
  readonly #times = element("output", { class: "iv-times" });
  readonly #colour: HTMLInputElement;
  readonly #both: HTMLButtonElement;
  readonly #pointers = new Map<number, PointerEvent>();
  #framing: Framing = WHOLE;
  #frame: Frame | null = null;
  #ratio: AspectRatio = "16:9";
  #open = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    view: string,
    slot: Slot,
    private readonly fallback: HTMLElement,
    private readonly change: FramingChange,
  ) {
    const id = `${view}-${slot}-framing`;
    this.toggle = button("⤢", { class: "iv-icon iv-adjust", "aria-controls": id, hidden: "" }, () => this.#unfold());
    setAttribute(this.toggle, "aria-label", `Adjust ${slot} frame`);
    this.surface = element("div", {
      class: "iv-surface",
      tabindex: "0",
      role: "application",
      "aria-label": `Framing of the ${slot} frame: arrow keys move it, plus and minus zoom`,
      hidden: "",
    });
    this.#fits = new Choices(`Fit of the ${slot} frame`, `${id}-fit`, FITS.map((fit) => NAMES[fit]), (name) =>
      this.#edit({ ...this.#framing, fit: FITS.find((fit) => NAMES[fit] === name) ?? "cover" }),
    );
    this.#zoom = element("input", {
      type: "range",
      min: "1",
      max: String(MOST_ZOOM),
      step: "0.01",
      "aria-label": `Zoom of the ${slot} frame`,
    });
    this.#colour = element("input", { type: "color", "aria-label": `Colour of the bars of the ${slot} frame` });
    this.#both = button("Same for both", { class: "iv-link" }, () => this.change.shared(this.#framing));
    const reset = button("Reset", { class: "iv-link" }, () => this.#edit(WHOLE));
    const zoom = element("span", { class: "iv-zoom" }, this.#zoom, this.#times);
    const actions = element("span", { class: "iv-actions" }, this.#colour, this.#both, reset);
    this.tools = element("div", { class: "iv-tools", id, hidden: "" }, this.#fits.root, zoom, actions);
    this.#listen();
  }

  /** The kernel's word; what is being changed here comes first. */
  update(frame: Frame | null, ratio: AspectRatio, other: boolean, disabled: boolean): void {
    if (frame?.key !== this.#frame?.key) this.#drop();
    this.#frame = frame;
    this.#ratio = ratio;
    if (frame && this.#timer === undefined && this.#pointers.size === 0) this.#framing = frame.framing;
    if (!frame || disabled) this.#open = false;
    show(this.#both, other, this.toggle);
    this.#draw();
    show(this.toggle, frame !== null && !disabled, this.fallback);
  }

  /** Tells the kernel now what it has not been told yet, as before a request is sent. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.change.rested(this.#framing);
  }

  get framing(): Framing {
    return this.#framing;
  }

  close(): void {
    this.#drop();
  }

  /** What was being changed is no longer there to be changed. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pointers.clear();
  }

  #unfold(): void {
    this.#open = !this.#open;
    this.#draw();
    if (this.#open) this.surface.focus({ preventScroll: true });
  }

  #draw(): void {
    if (!this.#open) this.#pointers.clear();
    show(this.surface, this.#open, this.toggle);
    show(this.tools, this.#open, this.toggle);
    setAttribute(this.toggle, "aria-expanded", String(this.#open));
    this.#fits.update(NAMES[this.#framing.fit]);
    const times = `${this.#framing.zoom.toFixed(2)}×`;
    if (this.#zoom.valueAsNumber !== this.#framing.zoom) this.#zoom.value = String(this.#framing.zoom);
    setAttribute(this.#zoom, "aria-valuetext", times);
    setText(this.#times, times);
    show(this.#colour, this.#framing.fit === "contain", this.toggle);
    const colour = this.#framing.background === "auto" ? "#000000" : this.#framing.background;
    if (this.#colour.value !== colour) this.#colour.value = colour;
  }

  #edit(framing: Framing): void {
    if (same(framing, this.#framing)) return;
    this.#framing = framing;
    this.#draw();
    this.change.drawn(framing);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  #placement(): ReturnType<typeof placement> {
    const { width, height } = this.#frame ?? { width: 16, height: 9 };
    return placement(width, height, this.#ratio, this.#framing);
  }

  #listen(): void {
    this.#zoom.addEventListener("input", () => this.#zoomTo(this.#zoom.valueAsNumber));
    this.#colour.addEventListener("input", () => this.#edit({ ...this.#framing, background: this.#colour.value }));
    const { surface } = this;
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    surface.addEventListener("keydown", (event) => this.#key(event));
    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      surface.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
    });
    surface.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const)
      surface.addEventListener(name, (event) => this.#pointers.delete(event.pointerId));
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const { x, y } = this.#share(event);
    this.#zoomTo(this.#framing.zoom * Math.exp(-event.deltaY / 400), x, y);
  }

  /** One pointer moves the picture; two that part or close zoom it about their middle. */
  #drag(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    if (event.buttons === 0) {
      this.#pointers.delete(event.pointerId);
      return;
    }
    const box = this.surface.getBoundingClientRect();
    const other = [...this.#pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (other) {
      const apart = (pointer: PointerEvent): number =>
        Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      const { x, y } = this.#share(middle);
      this.#zoomTo((this.#framing.zoom * apart(event)) / Math.max(1, apart(before)), x, y);
      return;
    }
    const dx = (event.clientX - before.clientX) / box.width;
    const dy = (event.clientY - before.clientY) / box.height;
    this.#edit(moved(this.#framing, this.#placement(), dx, dy));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? STRIDE : STEP;
    const arrows: Record<string, [number, number]> = {
      ArrowLeft: [step, 0],
      ArrowRight: [-step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    };
    const arrow = arrows[event.key];
    if (arrow) this.#edit(moved(this.#framing, this.#placement(), ...arrow));
    else if (event.key === "+" || event.key === "=") this.#zoomTo(this.#framing.zoom * 1.1);
    else if (event.key === "-") this.#zoomTo(this.#framing.zoom / 1.1);
    else if (event.key === "Escape") this.#unfold();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #zoomTo(zoom: number, x = 0.5, y = 0.5): void {
    this.#edit(zoomed(this.#framing, this.#placement(), zoom, x, y));
  }

  #share(point: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.surface.getBoundingClientRect();
    return { x: (point.clientX - box.left) / box.width, y: (point.clientY - box.top) / box.height };
  }
}
