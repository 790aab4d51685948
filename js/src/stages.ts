// The line of stages: which are done, which one runs, which are still to come.

import type { Status } from "./protocol.ts";

const ORDER: readonly (readonly [Status, string])[] = [
  ["starting", "Starting"],
  ["uploading_images", "Uploading images"],
  ["processing", "Processing"],
  ["downloading", "Downloading"],
  ["complete", "Done"],
];

export interface Stage {
  words: string;
  state: "done" | "now" | "next";
}

/**
 * The stages of a run in their fixed order.
 *
 * `words` name the current one, so a word the service made up appears as sent. A stage that was passed without
 * ever being seen is left out. A status outside the order (waiting, checking) stands alone.
 */
export function stageLine(status: string, words: string, seen: readonly string[]): Stage[] {
  const current = ORDER.findIndex(([name]) => name === status);
  if (current < 0) return [{ words: words || status, state: "now" }];
  return ORDER.flatMap(([name, label], index): Stage[] => {
    if (index > current) return [{ words: label, state: "next" }];
    if (index === current) return [{ words: words || label, state: "now" }];
    return seen.includes(name) ? [{ words: label, state: "done" }] : [];
  });
}
