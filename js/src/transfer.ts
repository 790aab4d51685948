// The bookkeeping of bytes on their way, without a page or a kernel: what to send next, what has arrived.

import { CHUNKS_IN_FLIGHT, SILENCE_TICKS } from "./protocol.ts";

export interface Range {
  offset: number;
  end: number;
}

/** One upload: a few chunks in flight, from wherever the kernel says that it is. */
export class UploadWindow {
  #sent = 0;
  #received = 0;

  constructor(
    readonly size: number,
    readonly chunk: number,
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
    return { offset, end: this.#sent };
  }

  /** The kernel has `received` bytes. False if that is not more than before: a chunk was lost or hurt on the way. */
  acknowledge(received: number): boolean {
    if (!Number.isInteger(received) || received <= this.#received || received > this.#sent) return false;
    this.#received = received;
    return true;
  }

  /** Goes on from where the kernel is, whatever was sent before. */
  resume(received: number): void {
    if (Number.isInteger(received) && received >= 0 && received <= this.size) this.#received = this.#sent = received;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1 ? 0xedb88320 : 0) ^ (value >>> 1);
  return value;
});

/** The CRC-32 of PNG and gzip (RFC 1952, section 8). Its cryptographic kin exist on https pages only. */
export function crc32(data: Uint8Array): number {
  let value = ~0;
  // By index: going over an iterator takes several times as long.
  for (let index = 0; index < data.length; index += 1) value = CRC_TABLE[(value ^ data[index]!) & 255]! ^ (value >>> 8);
  return ~value >>> 0;
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
