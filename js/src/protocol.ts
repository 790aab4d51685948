// What the page and the kernel say to each other: the traits, the messages, the numbers they share.

import type { AnyModel } from "@anywidget/types";

export type Slot = "start" | "end";
export type AspectRatio = "16:9" | "9:16";
/** What can be fetched by a key: of a clip also one frame by its number from 0, as PNG, and small animations. */
export type Asset = "clip" | "poster" | "thumbnail" | "framed" | `frame ${number}` | "gif" | "webp";
/** What can be asked of a clip as text: the Python that makes it again, the same for curl, all that is known. */
export type TextKind = "Code" | "curl" | "Details";

/** Where a run stands; a word of the service that is not among these arrives as `stage` only. */
export type Status =
  | "idle"
  | "waiting"
  | "starting"
  | "uploading_images"
  | "processing"
  | "checking"
  | "downloading"
  | "complete"
  | "failed"
  | "interrupted"
  | "stopped";

export type Fit = "cover" | "blur" | "contain";

/** How a picture lies in the video's frame. */
export interface Framing {
  fit: Fit;
  /** the point of the picture that is in the middle, as far as the edges allow: shares of its width and height */
  focus: [x: number, y: number];
  /** 1 fills the frame, or shows the picture whole */
  zoom: number;
  /** the colour of the bars and under transparency, as #rrggbb, or "auto": black and white */
  background: string;
}

export interface Frame {
  key: string;
  name: string;
  width: number;
  height: number;
  framing: Framing;
  /** the key of the picture as it is sent, wherever it is not simply cut in the middle; else "" */
  drawn: string;
  /** what people should know before they pay */
  notes: string[];
}

export interface Clip {
  key: string;
  take: number;
  width: number;
  height: number;
  /** its length, size and the like in words, and that it is only a local preview */
  facts: string;
  /** in what its size or shape is not as asked, in words; "" where it is */
  differs: string;
  /** the file name a download gets, which ends in .mp4 */
  name: string;
  /** the beginning of it */
  prompt: string;
  /** frames a second, and frames in all */
  fps: number;
  frames: number;
  /** whether it is the pick of its run; null where that cannot be kept */
  picked: boolean | null;
}

export interface Run {
  /** seconds, at the moment the trait was written */
  elapsed: number;
  running: boolean;
  /** the statuses seen so far, in order */
  stages: string[];
  /** seconds from start to end, once there is an end */
  took: number | null;
  /** seconds until the service takes requests again, at the moment the trait was written */
  wait: number | null;
  /** the run's own name in the journal */
  run: string;
  /** it is looked for in the account, or was not found there */
  doubt: boolean;
  /** how many were asked for */
  videos: number;
  /** what it cost, in words, once it is over; "" where nothing is known or nothing is paid */
  note: string;
  /** when the clips were made, if they are an earlier run's (ISO 8601) */
  from: string | null;
}

/** A run of the library that nobody watches. */
export interface Offer {
  run: string;
  videos: number;
  /** ISO 8601 */
  began_at: string;
  prompt: string;
  /** its videos can be fetched now */
  ready: boolean;
}

/** The clips of this very form that are in the library; empty where there are none. */
export interface Before {
  /** ISO 8601 */
  began_at?: string;
  /** they are the ones on the page */
  shown?: boolean;
}

export interface Engine {
  sandbox: boolean;
  host: string;
  credits: number | null;
  /** how many of them end at `expires_at`, the first such moment */
  expiring: number;
  expires_at: string | null;
  /** what is left of how much, if there is one */
  budget: [left: number, limit: number] | null;
}

export interface Traits {
  /** what is shown; set once, by the kernel */
  _view: "studio" | "player";

  // The page may set these three; everything below is the kernel's alone.
  prompt: string;
  aspect_ratio: AspectRatio;
  number_of_videos: number;

  status: Status;
  stage: string;
  progress: number | null;
  error: string;
  _error_details: string;
  _notice: string;
  _engine: Engine;
  _frames: Record<Slot, Frame | null>;
  /** the slots whose picture is on its way from any page */
  _uploading: string[];
  /** the latest few, and how many more there are; empty before the kernel has looked */
  _offers: { runs?: Offer[]; more?: number };
  _before: Before;
  _run: Run;
  _clips: Clip[];
}

export const TRAITS = [
  "prompt",
  "aspect_ratio",
  "number_of_videos",
  "status",
  "stage",
  "progress",
  "error",
  "_error_details",
  "_notice",
  "_engine",
  "_frames",
  "_uploading",
  "_offers",
  "_before",
  "_run",
  "_clips",
] as const satisfies readonly (keyof Traits)[];

export type Model = AnyModel<Traits>;

/**
 * Page to kernel. Ids are made by the page.
 *
 * `hello` is repeated while a view is open, for the kernel forgets a view it has not heard of for 30 s. `extend` makes
 * the last frame of a clip the start frame, and clears the end frame. `pick` is answered by `_clips`: one of a run is
 * picked at most.
 *
 * `generate` repeats the form's values: a trait update may still be waiting in the browser (the widget manager
 * holds updates back while an earlier one is unanswered) and a paid run must never use yesterday's prompt.
 *
 * `fetch_picture` has the kernel fetch an http(s) address; `loop` makes the start frame the end frame, too.
 * `send_again` pays a second time for the run it names, if that one is shown and in doubt; `take_up` goes on with a run
 * that was offered; `show_before` shows the clips that the form has made already.
 */
export type ToKernel =
  | { type: "hello"; view: string }
  | { type: "bye"; view: string }
  | { type: "generate"; prompt: string; aspect_ratio: AspectRatio; number_of_videos: number }
  | { type: "stop" }
  | { type: "send_again"; run: string }
  | { type: "take_up"; run: string }
  | { type: "dismiss"; run: string }
  | { type: "show_before" }
  | { type: "swap" }
  | { type: "extend"; key: string }
  | { type: "text"; id: string; key: string; kind: TextKind }
  | { type: "pick"; key: string; picked: boolean }
  | { type: "prompts"; id: string }
  | { type: "remove"; slot: Slot }
  | { type: "fetch_picture"; slot: Slot; address: string }
  | { type: "loop" }
  | ({ type: "frame"; slot: Slot; key: string } & Framing)
  | { type: "upload"; id: string; slot: Slot; name: string; size: number; question: number }
  | { type: "chunk"; id: string; offset: number; crc: number }
  | { type: "cancel_upload"; id: string }
  | { type: "fetch"; id: string; what: Asset; key: string }
  | { type: "received"; id: string; parts: number }
  | { type: "cancel_fetch"; id: string };

/**
 * The kernel's answers to one upload. `upload` is asked again whenever too little is heard, and answered with
 * `upload_at`: from where to go on; or once it is over with its last word again. A chunk whose offset is not `received`, or whose CRC-32 is another, is dropped and answered with
 * `received`; one of an upload that is unknown is not answered.
 */
export type UploadAnswer =
  | { type: "upload_at"; id: string; received: number; question: number }
  | { type: "uploaded"; id: string; received: number }
  | { type: "upload_done"; id: string }
  | { type: "upload_failed"; id: string; sentence: string };

/** The kernel's answers to one fetch: still being made, every few seconds; then parts, each with one buffer. */
export type FetchAnswer =
  | { type: "making"; id: string }
  | { type: "part"; id: string; index: number; parts: number; size: number; media_type: string }
  | { type: "fetch_failed"; id: string; sentence: string };

/** The kernel's answer to `text`. */
export type TextAnswer = { type: "text"; id: string; text: string };

/** The kernel's answer to `prompts`: the latest ones of the notebook, the newest first. */
export type PromptsAnswer = { type: "prompts"; id: string; prompts: string[] };

/** A poster sent unasked, with one buffer: a kernel whose cell runs may hear no question. */
export type PosterGift = { type: "poster"; key: string; media_type: string };

/** Everything the kernel says, to all pages at once; a page picks out its own ids. */
export type FromKernel = UploadAnswer | FetchAnswer | TextAnswer | PromptsAnswer | PosterGift | { type: "beat" };

/** Well below the notebook server's 10 MiB; larger ones are hardly faster. */
export const CHUNK_BYTES = 1024 * 1024;
/** For Colab, which fails from about 1 MB. */
export const COLAB_CHUNK_BYTES = 256 * 1024;
export const CHUNKS_IN_FLIGHT = 4;
/** An upload without a word for so long asks how far the kernel is, then waits twice as long, up to the longest. */
export const UPLOAD_STALL_MS = 3_000;
export const UPLOAD_LONGEST_MS = 30_000;
/** So often in a row the kernel says that nothing more has arrived, and the upload is given up. */
export const UPLOAD_LOSSES = 5;
/** A fetch without a word for so long is asked again once, then given up; other questions go by it too. */
export const FETCH_STALL_MS = 10_000;
/** The clock of a view, and the measure of silence: the kernel beats every 2 s, and is missed after 5 s. */
export const TICK_MS = 500;
export const SILENCE_TICKS = 10;
/** How often an open view greets the kernel. */
export const HELLO_MS = 10_000;
export const TYPING_PAUSE_MS = 300;
/** One press of Generate sends one message, however often it is pressed within this time. */
export const ASKED_MS = 5_000;
