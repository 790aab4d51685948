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
  /** what becomes of it in the chosen ratio, in words */
  fit: string;
  /** what people should know before they pay */
  notes: string[];
}

export interface Clip {
  key: string;
  /** 0 for a draft */
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

export type Stage = [state: "done" | "now" | "next", words: string];

/** What is said over takes. */
export interface Headed {
  /** what or how many they are; and what else is known of them, where "{at}" stands for when they were made */
  heading?: [string, string];
  /** ISO 8601 */
  at: string;
}

export interface Run extends Headed {
  /** seconds, at the moment the trait was written */
  elapsed: number;
  running: boolean;
  /** the line of stages, in order */
  stages: Stage[];
  /** seconds until the service takes requests again, at the moment the trait was written */
  wait: number | null;
  /** the run's own name in the journal */
  run: string;
  /** what sending it again may cost, in words, where it is in doubt; else "" */
  again: string;
  /** what is to be said from so many seconds on */
  patience: [seconds: number, words: string][];
  /** what is to be said once the kernel has gone */
  lost: string;
  /** what it cost, in words, once it is over; "" where nothing is known or nothing is paid */
  note: string;
}

/** Something to be had without a new run. */
export interface Line {
  run: string;
  /** what it is; "{at}" stands for when it began */
  words: string;
  /** ISO 8601 */
  at: string;
  /** what was asked for, where the form does not say so */
  prompt: string;
  actions: [label: string, type: "take_up" | "dismiss" | "show_before"][];
}

export interface Engine {
  sandbox: boolean;
  /** who makes the video, in words; the middle stands out */
  chip: [who: string, count: string, rest: string];
  /** what one, two, three and four videos may cost, in words */
  costs: string[];
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
  /** the latest few runs that nobody watches, and that there are more; empty before the kernel has looked */
  _offers: { lines?: Line[]; more?: string };
  /** the clips of this very form that are in the library: no line where they are on the page, nothing where there are none */
  _before: { lines?: Line[] };
  _run: Run;
  _clips: Clip[];
  /** a draft of the form: how much is drawn while it is (null otherwise), and the latest one until there are takes */
  _draft: Headed & { share: number | null; clips: Clip[] };
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
  "_draft",
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
 * `preview` draws a free draft on the kernel's machine, or stops the one that is being drawn.
 *
 * `history` asks for what comes after the first `skip` clips of a search; `move` fills the form in as it was for a clip,
 * or puts one away and brings it back.
 *
 * `fetch_picture` has the kernel fetch an http(s) address; `loop` makes the start frame the end frame, too.
 * `send_again` pays a second time for the run it names, if that one is shown and in doubt; `take_up` goes on with a run
 * that was offered; `show_before` shows the clips that the form has made already.
 */
export type ToKernel =
  | { type: "hello"; view: string }
  | { type: "bye"; view: string }
  | { type: "generate"; prompt: string; aspect_ratio: AspectRatio; number_of_videos: number }
  | { type: "preview"; prompt: string; aspect_ratio: AspectRatio }
  | { type: "stop" }
  | { type: "send_again"; run: string }
  | { type: "take_up"; run: string }
  | { type: "dismiss"; run: string }
  | { type: "show_before"; run: string }
  | { type: "swap" }
  | { type: "extend"; key: string }
  | { type: "text"; id: string; key: string; kind: TextKind }
  | { type: "pick"; key: string; picked: boolean }
  | { type: "prompts"; id: string }
  | { type: "history"; id: string; search: string; skip: number }
  | { type: "move"; id: string; key: string; way: "use" | "hide" | "unhide" | "delete" | "restore" }
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

/** A clip of the library, by the name that its poster is asked for. */
export interface PastClip {
  key: string;
  /** the beginning of it */
  prompt: string;
  /** when it was made (ISO 8601) */
  at: string;
}

/** The kernel's answer to `history`: a page of the clips, the newest first; a sentence where there is something to say. */
export type HistoryAnswer = { type: "history"; id: string; clips: PastClip[]; more: boolean; sentence: string };

/** The kernel's answer to `move`: what was done, or what is wrong and kept it from being done. */
export type MovedAnswer = { type: "moved"; id: string; sentence: string; done: boolean };

/** A poster sent unasked, with one buffer: a kernel whose cell runs may hear no question. */
export type PosterGift = { type: "poster"; key: string; media_type: string };

/** Everything the kernel says, to all pages at once; a page picks out its own ids. */
export type FromKernel = UploadAnswer | FetchAnswer | TextAnswer | PromptsAnswer | HistoryAnswer | MovedAnswer | PosterGift | { type: "beat" };

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
