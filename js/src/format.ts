// Numbers as words for people: times, shares, counts.

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
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}

function day(date: Date): string {
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year });
}

/** A moment in the reader's own time zone: the clock for today, the day as well for any other. */
export function moment(iso: string): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return date.toDateString() === new Date().toDateString() ? time : `${day(date)}, ${time}`;
}

/** The first sentence, and what follows it. */
export function headline(text: string): [first: string, rest: string] {
  const match = /^(.+?[.!?])\s+(\S.*)$/s.exec(text.trim());
  return match ? [match[1] ?? "", match[2] ?? ""] : [text.trim(), ""];
}
