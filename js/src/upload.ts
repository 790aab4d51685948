// Sends one chosen file to the kernel in chunks, a slice in memory at a time.

import { randomId } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type Slot, type ToKernel, UPLOAD_STALL_MS, UPLOAD_STALLS, type UploadAnswer } from "./protocol.ts";
import { UploadWindow } from "./transfer.ts";

export interface UploadEvents {
  /** 0..1 of the bytes the kernel has; 1 means that it looks at the picture now */
  moved: (share: number) => void;
  done: () => void;
  failed: (sentence: string) => void;
}

export class Upload {
  readonly #id = randomId();
  readonly #window: UploadWindow;
  #over = false;
  #reading = false;
  #stalls = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    slot: Slot,
    private readonly file: File,
    private readonly events: UploadEvents,
  ) {
    this.#window = new UploadWindow(file.size);
    link.listen(this.#id, (answer) => this.#hear(answer as UploadAnswer));
    this.#send({ type: "upload", id: this.#id, slot, name: file.name, size: file.size });
    this.#watch();
    void this.#pump();
  }

  cancel(): void {
    if (this.#over) return;
    this.#end();
    this.#send({ type: "cancel_upload", id: this.#id });
  }

  #send(message: ToKernel, buffers?: ArrayBuffer[]): void {
    this.link.send(message, buffers);
  }

  #hear(answer: UploadAnswer): void {
    if (answer.type === "upload_done") {
      this.#end();
      this.events.done();
    } else if (answer.type === "upload_failed") {
      this.#end();
      this.events.failed(answer.sentence);
    } else {
      this.#window.acknowledge(answer.received);
      this.#stalls = 0;
      this.#watch();
      this.events.moved(this.#window.received / this.file.size);
      void this.#pump();
    }
  }

  async #pump(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (let range = this.#window.next(); range && !this.#over; range = this.#window.next()) {
        const buffer = await this.file.slice(range.offset, range.end).arrayBuffer();
        if (!this.#over) this.#send({ type: "chunk", id: this.#id, offset: range.offset }, [buffer]);
      }
    } catch {
      if (this.#over) return;
      // The file was moved, changed or is not readable (a folder, a lost drive): the browser gives no better reason.
      this.cancel();
      this.events.failed("This file could not be read. Choose it again.");
    } finally {
      this.#reading = false;
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stall(), UPLOAD_STALL_MS * 2 ** this.#stalls);
  }

  #stall(): void {
    this.#stalls += 1;
    if (this.#stalls === UPLOAD_STALLS) {
      this.cancel();
      this.events.failed("The kernel did not take the picture. Check the connection and choose it again.");
      return;
    }
    this.#window.stalled();
    this.#watch();
    void this.#pump();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
  }
}
