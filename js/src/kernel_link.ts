// The page's line to the kernel, one a model: sends messages, hands each answer to whoever asked.

import { Assets } from "./assets.ts";
import { ASKED_MS, type FromKernel, type Model, type ToKernel } from "./protocol.ts";

type Answer = Extract<FromKernel, { id: string }>;
type Listener = (answer: Answer, buffer: DataView | undefined) => void;

export class KernelLink {
  readonly assets = new Assets(this);
  readonly #model: Model;
  readonly #listeners = new Map<string, Listener>();
  #views = 0;
  #runArrived = performance.now();
  #asked: ReturnType<typeof setTimeout> | undefined;

  constructor(model: Model) {
    this.#model = model;
    model.on("msg:custom", this.#receive);
    model.on("change:status", this.#release);
    model.on("change:error", this.#release);
    model.on("change:_run", this.#anchor);
  }

  /** Seconds since `_run` arrived: its elapsed time was true then, and a view may be opened much later. */
  get sinceRun(): number {
    return (performance.now() - this.#runArrived) / 1000;
  }

  /** True from the press of Generate until the kernel has taken it up, in every view of the model. */
  get asked(): boolean {
    return this.#asked !== undefined;
  }

  send(message: ToKernel, buffers: ArrayBuffer[] = []): void {
    try {
      this.#model.send(message, undefined, buffers);
    } catch (cause) {
      // A kernel that died throws here, in the middle of a click; the notice of the lost line says so to people.
      console.warn("ipyveo: the kernel could not be reached.", cause);
    }
  }

  generate(message: ToKernel & { type: "generate" }): void {
    if (this.asked) return;
    this.#asked = setTimeout(this.#release, ASKED_MS);
    this.send(message);
  }

  /** Calls back with each answer that carries this id, until `forget`. */
  listen(id: string, listener: Listener): void {
    this.#listeners.set(id, listener);
  }

  forget(id: string): void {
    this.#listeners.delete(id);
  }

  viewOpened(): void {
    this.#views += 1;
  }

  viewClosed(): void {
    this.#views -= 1;
    if (this.#views === 0) this.assets.retain(new Set());
  }

  close(): void {
    this.#release();
    this.assets.retain(new Set());
    this.#listeners.clear();
    this.#model.off("msg:custom", this.#receive);
    this.#model.off("change:status", this.#release);
    this.#model.off("change:error", this.#release);
    this.#model.off("change:_run", this.#anchor);
  }

  #receive = (message: FromKernel, buffers: DataView[] = []): void => {
    if (message.type === "poster" && buffers[0]) this.assets.give("poster", message.key, message.media_type, buffers[0]);
    else if ("id" in message) this.#listeners.get(message.id)?.(message, buffers[0]);
  };

  #anchor = (): void => {
    this.#runArrived = performance.now();
  };

  #release = (): void => {
    clearTimeout(this.#asked);
    this.#asked = undefined;
  };
}
