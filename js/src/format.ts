// Numbers and facts as words for people: times, costs, how a picture fits.

import type { AspectRatio, Engine, Framing, Offer } from "./protocol.ts";

/** Seconds as m:ss, or h:mm:ss from an hour on. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (part: number): string => String(part).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** A share of 0..1 as a whole percentage that says 100 only at the very end. */
export function percent(share: number): string {
  return `${Math.min(100, Math.max(0, Math.floor(share * 100)))} %`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What pressing Generate may cost; `again` where the very same was made already. */
export function cost(engine: Engine, videos: number, again = false): string {
  const { budget } = engine;
  const left = budget ? `${engine.sandbox ? " · " : "; "}${budget[0]} of the budget of ${budget[1]} left` : "";
  if (engine.sandbox) return `free${left}`;
  const of = engine.credits === null ? counted(videos, "credit") : `${videos} of ${counted(engine.credits, "credit")}`;
  return `${again ? "again " : ""}up to ${of}${expiry(engine)}${left}`;
}

/** "40 expire on 30 June", in the reader's own time zone. */
function expiry({ expiring, expires_at }: Engine): string {
  const end = new Date(expires_at ?? Number.NaN);
  if (Number.isNaN(end.getTime()) || expiring === 0) return "";
  const verb = end < new Date() ? "expired" : expiring === 1 ? "expires" : "expire";
  return `, ${expiring} ${verb} on ${day(end)}`;
}

function day(date: Date): string {
  const year = date.getFullYear() === new Date().getFullYear() ? {} : ({ year: "numeric" } as const);
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", ...year });
}

/** A moment in the reader's own time zone: the clock for today, the day as well for any other. */
export function moment(iso: string): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? time : `${day(date)}, ${time}`;
}

/** "1 video from 10:42 is ready to fetch" */
export function offered({ videos, began_at, ready }: Pick<Offer, "videos" | "began_at" | "ready">): string {
  const state = ready ? `${videos === 1 ? "is" : "are"} ready to fetch` : "may still come";
  return `${counted(videos, "video")} from ${moment(began_at)} ${state}`;
}

/** What a press of the button may cost: the first request may have been accepted after all. */
export function sendAgainWords(videos: number): string {
  return `Send again, up to ${counted(videos, "more credit")}`;
}

/** What is said of a job that takes long: jobs take 1 to 6 minutes, now and then more than 10. */
export function longWait(elapsed: number): string {
  if (elapsed < 360) return "";
  if (elapsed < 720) return "This takes longer than most jobs; some need more than 10 minutes.";
  return "Still going. You can stop watching or close the notebook: the job goes on and is fetched later.";
}

/** What becomes of a picture in the chosen ratio; within 1 % nothing visible is lost. */
export function fit(width: number, height: number, ratio: AspectRatio, { fit, zoom }: Pick<Framing, "fit" | "zoom">): string {
  const wanted = ratio === "16:9" ? 16 / 9 : 9 / 16;
  if (zoom > 1) return `→ ${zoom.toFixed(1)}×`;
  if (fit !== "cover") return fit === "blur" ? "→ whole, blurred edges" : "→ whole, with bars";
  return Math.abs(width / height / wanted - 1) <= 0.01 ? "· fits" : `→ cropped to ${ratio}`;
}

/** The first sentence, and what follows it. */
export function headline(text: string): [first: string, rest: string] {
  const match = /^(.+?[.!?])\s+(\S.*)$/s.exec(text.trim());
  return match ? [match[1] ?? "", match[2] ?? ""] : [text.trim(), ""];
}
