// A view's presence: the greetings that keep it known to the kernel, and whether there is a line to greet on.

import type { KernelLink } from "./kernel_link.ts";
import { HELLO_MS, type Model } from "./protocol.ts";

export class Presence {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #commChanged: () => void;
  #gone: boolean;

  constructor(
    private readonly model: Model,
    host: HTMLElement,
    private readonly link: KernelLink,
    private readonly view: string,
    changed: () => void = () => {},
  ) {
    // The widget manager marks the element of a view that is drawn without a comm, as after a reload.
    this.#gone = host.closest(".jupyter-widgets-disconnected") !== null;
    // Its posters are nowhere: the still beside it stays in sight.
    if (this.#gone) host.classList.add("iv-ghost");
    this.#commChanged = whenCommChanges((live) => {
      this.#gone = !live;
      if (live) this.greet();
      changed();
    });
    model.on("comm_live_update", this.#commChanged);
    link.viewOpened();
    this.greet();
    this.#timer = setInterval(() => {
      if (!this.#gone) this.greet();
    }, HELLO_MS);
  }

  /** True once the kernel that made this view has ended. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The kernel takes any number of greetings of the same view: one may be lost with a connection. */
  greet(): void {
    this.link.send({ type: "hello", view: this.view });
  }

  close(): void {
    clearInterval(this.#timer);
    this.model.off("comm_live_update", this.#commChanged);
    this.link.send({ type: "bye", view: this.view });
    this.link.viewClosed();
  }
}

/**
 * A listener for the event that a comm has died or come back, which does not say which of the two.
 *
 * The model we are given hides `comm_live`; but listeners are called with the host's own view as `this`, as Backbone
 * does it, and that view knows. In a host that is built otherwise the listener does nothing.
 */
function whenCommChanges(heard: (live: boolean) => void): () => void {
  return function (this: { model?: { comm_live?: boolean } } | undefined): void {
    const live = this?.model?.comm_live;
    if (live !== undefined) heard(live);
  };
}
