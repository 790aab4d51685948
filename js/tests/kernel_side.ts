// The kernel's end of the line for the tests: records what is sent, and answers by id.

import type { FetchAnswer, ToKernel, UploadAnswer } from "../src/protocol.ts";

type Answer = UploadAnswer | FetchAnswer;
type Body = Answer extends infer Each ? (Each extends Answer ? Omit<Each, "id"> : never) : never;

export class KernelSide {
  readonly sent: (ToKernel & { bytes?: number })[] = [];
  readonly #listeners = new Map<string, (answer: Answer, buffer: DataView | undefined) => void>();

  send = (message: ToKernel, buffers: ArrayBuffer[] = []): void => {
    const [buffer] = buffers;
    this.sent.push(buffer ? { ...message, bytes: buffer.byteLength } : message);
  };

  listen = (id: string, listener: (answer: Answer, buffer: DataView | undefined) => void): void => {
    this.#listeners.set(id, listener);
  };

  forget = (id: string): void => {
    this.#listeners.delete(id);
  };

  get listeners(): number {
    return this.#listeners.size;
  }

  of<Type extends ToKernel["type"]>(type: Type): (ToKernel & { type: Type; bytes?: number })[] {
    return this.sent.filter((message) => message.type === type) as (ToKernel & { type: Type; bytes?: number })[];
  }

  /** Answers the transfer that carries this id, as the kernel's broadcast does; others hear nothing. */
  say(id: string, body: Body, buffer?: Uint8Array): void {
    this.#listeners.get(id)?.({ ...body, id } as Answer, buffer && new DataView(buffer.slice().buffer));
  }
}

/** Lets everything that is ready run: file slices are read and promises settled over several turns. */
export async function settled(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => new MessageChannelTurn(resolve));
}

/** A turn of the event loop that does not depend on the clock, which some tests hold still. */
class MessageChannelTurn {
  constructor(done: (value: unknown) => void) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done(undefined);
    };
    port2.postMessage(null);
  }
}
