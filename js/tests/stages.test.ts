// The line of stages of a run.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { stageLine } from "../src/stages.ts";

const line = (status: string, words: string, seen: string[]): string =>
  stageLine(status, words, seen)
    .map((stage) => ({ done: "✓ ", now: "● ", next: "" })[stage.state] + stage.words)
    .join(" — ");

test("the stages seen are ticked, the current one is marked, the others follow", () => {
  assert.equal(
    line("processing", "Processing", ["starting", "uploading_images", "processing"]),
    "✓ Starting — ✓ Uploading images — ● Processing — Downloading — Done",
  );
  assert.equal(line("starting", "", []), "● Starting — Uploading images — Processing — Downloading — Done");
});

test("a stage that was never seen is not ticked off", () => {
  assert.equal(line("processing", "Processing", ["processing"]), "● Processing — Downloading — Done");
});

test("a word of the service's own appears as sent, in the place of the current stage", () => {
  const shown = line("processing", "queued_upstream", ["starting"]);
  assert.equal(shown, "✓ Starting — ● queued_upstream — Downloading — Done");
});

test("waiting and checking stand alone", () => {
  assert.equal(line("checking", "Checking your account", ["starting", "processing"]), "● Checking your account");
  assert.equal(line("waiting", "", []), "● waiting");
});
