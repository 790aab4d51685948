// Posters, thumbnails and clips fetched from the kernel: one copy for all views of a model, kept while it is shown.

import { randomId } from "./element.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type Asset, FETCH_STALL_MS, type FetchAnswer } from "./protocol.ts";
import { PartCollection } from "./transfer.ts";

type Line = Pick<KernelLink, "send" | "listen" | "forget">;
type Share = (share: number) => void;

// Anything else would run as a page of the notebook's origin when somebody opens it in a tab of its own.
const MEDIA = /^(image\/(gif|jpeg|png|webp)|video\/(mp4|webm))$/;

function mediaType(word: string): string {
  return MEDIA.test(word) ? word : "application/octet-stream";
}

/** Fetches one asset, asking a second time if the kernel stays quiet; rejects with a sentence for people. */
class Fetch {
  readonly done: Promise<Blob>;
  #resolve!: (blob: Blob) => void;
  #reject!: (error: Error) => void;
  #id = "";
  #parts = new PartCollection();
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: Line,
    private readonly what: Asset,
    private readonly key: string,
    private readonly moved: Share,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#ask();
  }

  cancel(sentence: string): void {
    this.link.send({ type: "cancel_fetch", id: this.#id });
    this.#end();
    this.#reject(new Error(sentence));
  }

  /** Takes what came unasked; the kernel's own answer is not waited for any more. */
  settle(blob: Blob): void {
    this.#end();
    this.#resolve(blob);
  }

  #ask(): void {
    // A new id each time: late parts of the first answer cannot mix with the second.
    this.#id = randomId();
    this.#parts = new PartCollection();
    this.#asked += 1;
    this.link.listen(this.#id, (answer, buffer) => this.#hear(answer as FetchAnswer, buffer));
    this.link.send({ type: "fetch", id: this.#id, what: this.what, key: this.key });
    this.#watch();
  }

  #hear(answer: FetchAnswer, buffer: DataView | undefined): void {
    if (answer.type === "fetch_failed") {
      this.#end();
      this.#reject(new Error(answer.sentence));
      return;
    }
    this.#watch();
    if (answer.type === "part" && buffer) {
      this.#parts.add(answer.index, answer.parts, buffer);
      this.link.send({ type: "received", id: this.#id, parts: this.#parts.count });
      this.moved(this.#parts.share(answer.size));
      if (!this.#parts.complete) return;
      this.#end();
      this.#resolve(this.#parts.blob(mediaType(answer.media_type)));
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#asked > 1) return this.cancel("The kernel did not send it. It may be busy; nothing is lost.");
      this.link.send({ type: "cancel_fetch", id: this.#id });
      this.#end();
      this.#ask();
    }, FETCH_STALL_MS);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#id);
  }
}

interface Entry {
  key: string;
  fetch: Fetch;
  share: number;
  watchers: Set<Share>;
  url: Promise<string>;
  /** the object URL once there is one, to be revoked */
  made: string;
}

export class Assets {
  readonly #entries = new Map<string, Entry>();
  /** the keys of each view's history, whose posters no other view's update may drop */
  readonly strips = new Set<ReadonlySet<string>>();

  constructor(private readonly link: Line) {}

  /** The object URL of an asset, fetched when first asked for; a failed one is fetched anew the next time. */
  load(what: Asset, key: string, moved: Share = () => {}): Promise<string> {
    const name = `${what} ${key}`;
    const entry = this.#entries.get(name) ?? this.#open(name, what, key);
    entry.watchers.add(moved);
    moved(entry.share);
    return entry.url;
  }

  /** Takes an asset that the kernel sent unasked, if it is still waited for. */
  give(what: Asset, key: string, media: string, data: DataView): void {
    const bytes = new Uint8Array(data.byteLength);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#entries.get(`${what} ${key}`)?.fetch.settle(new Blob([bytes], { type: mediaType(media) }));
  }

  /** Drops and revokes everything whose key is not among these, nor in a strip. */
  retain(keys: ReadonlySet<string>): void {
    for (const [name, entry] of this.#entries) {
      if ([keys, ...this.strips].some((each) => each.has(entry.key))) continue;
      this.#entries.delete(name);
      if (entry.made) URL.revokeObjectURL(entry.made);
      else entry.fetch.cancel("No longer shown.");
    }
  }

  #open(name: string, what: Asset, key: string): Entry {
    const watchers = new Set<Share>();
    const fetch = new Fetch(this.link, what, key, (share) => {
      entry.share = share;
      for (const watcher of watchers) watcher(share);
    });
    const url = fetch.done.then(
      (blob) => {
        if (this.#entries.get(name) !== entry) throw new Error("No longer shown.");
        return (entry.made = URL.createObjectURL(blob));
      },
      (error: unknown) => {
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
        throw error;
      },
    );
    const entry: Entry = { key, fetch, share: 0, watchers, url, made: "" };
    this.#entries.set(name, entry);
    return entry;
  }
}
