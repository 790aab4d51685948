// The bookkeeping of bytes on their way, without a page or a kernel: what to send next, what has arrived.

import { CHUNK_BYTES, CHUNKS_IN_FLIGHT, SILENCE_TICKS } from "./protocol.ts";

export interface Range {
  offset: number;
  end: number;
}

/** One upload: a few chunks in flight, continued from wherever the kernel says it is. */
export class UploadWindow {
  #sent = 0;
  #received = 0;
  #heard = false;
  #resentFrom = -1;
  #last = 0;

  constructor(
    readonly size: number,
    readonly chunk = CHUNK_BYTES,
    readonly inFlight = CHUNKS_IN_FLIGHT,
  ) {}

  get received(): number {
    return this.#received;
  }

  /** The next bytes to send, or null while enough are in flight or all are sent. */
  next(): Range | null {
    const room = this.chunk * this.inFlight - (this.#sent - this.#received);
    if (this.#sent >= this.size || room < this.chunk) return null;
    const offset = this.#sent;
    this.#sent = Math.min(offset + this.chunk, this.size);
    this.#last = offset;
    return { offset, end: this.#sent };
  }

  /** The kernel has `received` bytes. Hearing the same count again means that a chunk was lost on the way. */
  acknowledge(received: number): void {
    if (!Number.isInteger(received) || received < 0 || received > this.size) return;
    const repeated = this.#heard && received === this.#received;
    this.#heard = true;
    if (received > this.#received) {
      this.#received = received;
      this.#sent = Math.max(this.#sent, received);
    } else if (received < this.#received || (repeated && this.#resentFrom !== received)) {
      // Once per loss only: the chunks still in flight behind the lost one repeat the same count.
      this.#received = received;
      this.#resentFrom = received;
      this.#sent = received;
    }
  }

  /**
   * Nothing was heard for too long: send again from the last byte that is known to be there.
   *
   * Where all of them are there, the kernel's last word was lost; the last chunk once more makes it say it again.
   */
  stalled(): void {
    this.#sent = Math.min(this.#received, this.#last);
  }
}

/** One fetch: numbered parts, in any order, each perhaps twice. */
export class PartCollection {
  #parts: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  #count = 0;
  #bytes = 0;
  #total = 0;

  /** How many different parts are here. */
  get count(): number {
    return this.#count;
  }

  get complete(): boolean {
    return this.#total > 0 && this.#count === this.#total;
  }

  share(size: number): number {
    return size > 0 ? Math.min(1, this.#bytes / size) : 0;
  }

  add(index: number, total: number, buffer: DataView): void {
    this.#total ||= total;
    if (!Number.isInteger(index) || index < 0 || index >= this.#total || this.#parts[index]) return;
    // A copy: the host may hand out a view into a much larger message, which would then be kept alive.
    this.#parts[index] = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
    this.#count += 1;
    this.#bytes += buffer.byteLength;
  }

  blob(type: string): Blob {
    return new Blob(this.#parts as Uint8Array<ArrayBuffer>[], { type });
  }
}

/** Whether the kernel has gone quiet, counted in ticks that ran: a sleeping laptop or a hidden tab counts none. */
export class Silence {
  #ticks = 0;

  heard(): void {
    this.#ticks = 0;
  }

  /** Called at each tick of the view; true while the kernel is too quiet. */
  tick(visible: boolean): boolean {
    this.#ticks = visible ? this.#ticks + 1 : 0;
    return this.#ticks > SILENCE_TICKS;
  }
}
