// Sends one chosen file to the kernel in chunks, a slice in memory at a time.

import { randomId } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { CHUNK_BYTES, COLAB_CHUNK_BYTES, type Slot, UPLOAD_LONGEST_MS, UPLOAD_LOSSES, UPLOAD_STALL_MS, type UploadAnswer } from "./protocol.ts";
import { crc32, UploadWindow } from "./transfer.ts";

export interface UploadEvents {
  /** 0..1 of the bytes the kernel has; 1 means that it looks at the picture now */
  moved: (share: number) => void;
  /** nothing was heard for a while; the upload goes on by itself when the kernel is there again */
  waits: () => void;
  done: () => void;
  failed: (sentence: string) => void;
}

export class Upload {
  readonly #id = randomId();
  readonly #window: UploadWindow;
  #over = false;
  #reading = false;
  /** the kernel was asked how far it is, and has not answered */
  #asked = false;
  /** answers in a row after which nothing more had arrived */
  #losses = 0;
  #patience = UPLOAD_STALL_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Pick<KernelLink, "send" | "listen" | "forget">,
    private readonly slot: Slot,
    private readonly file: File,
    private readonly events: UploadEvents,
  ) {
    // Colab gives each output's page an object of this name.
    this.#window = new UploadWindow(file.size, "google" in globalThis ? COLAB_CHUNK_BYTES : CHUNK_BYTES);
    link.listen(this.#id, (answer) => this.#hear(answer as UploadAnswer));
    this.#ask();
  }

  cancel(): void {
    if (this.#over) return;
    this.#end();
    this.link.send({ type: "cancel_upload", id: this.#id });
  }

  /** Asks from where to go on: nothing is sent, or sent again, before the kernel has said so. */
  #ask(): void {
    const { name, size } = this.file;
    this.#asked = true;
    this.link.send({ type: "upload", id: this.#id, slot: this.slot, name, size });
    this.#watch();
  }

  #hear(answer: UploadAnswer): void {
    this.#patience = UPLOAD_STALL_MS;
    if (answer.type === "upload_done") {
      this.#end();
      this.events.done();
    } else if (answer.type === "upload_failed") {
      this.#fail(answer.sentence);
    } else if (answer.type === "upload_at") {
      this.#goOn(answer.received);
    } else if (this.#window.acknowledge(answer.received)) {
      this.#losses = 0;
      this.#moved();
    } else if (!this.#asked) {
      this.#ask();
    }
  }

  #goOn(received: number): void {
    this.#asked = false;
    this.#losses += 1;
    if (this.#losses > UPLOAD_LOSSES && received < this.file.size) {
      this.cancel();
      return this.#fail("The picture does not arrive unhurt. Check the connection and choose it again.");
    }
    this.#window.resume(received);
    this.#moved();
  }

  #moved(): void {
    this.#watch();
    this.events.moved(this.#window.received / this.file.size);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (let range = this.#window.next(); range && !this.#over; range = this.#window.next()) {
        const buffer = await this.file.slice(range.offset, range.end).arrayBuffer();
        const crc = crc32(new Uint8Array(buffer));
        if (!this.#over) this.link.send({ type: "chunk", id: this.#id, offset: range.offset, crc }, [buffer]);
      }
    } catch {
      if (this.#over) return;
      // The file was moved, changed or is not readable (a folder, a lost drive): the browser gives no better reason.
      this.cancel();
      this.#fail("This file could not be read. Choose it again.");
    } finally {
      this.#reading = false;
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#patience = Math.min(2 * this.#patience, UPLOAD_LONGEST_MS);
      if (this.#window.received < this.file.size) this.events.waits();
      this.#ask();
    }, this.#patience);
  }

  #fail(sentence: string): void {
    this.#end();
    this.events.failed(sentence);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
  }
}
