// Who has the last word about the prompt.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { movedCaret, PromptText } from "../src/prompt_text.ts";

test("a late echo does not overwrite what is being typed", () => {
  const rule = new PromptText();
  rule.typed("dusk");
  assert.equal(rule.accepts("dus", "dusk"), false);
});

test("the kernel's value appears where nobody types", () => {
  assert.equal(new PromptText().accepts("dawn", "dusk"), true);
});

test("a value of the kernel waits behind an edit that was not sent, and the edit is still sent", () => {
  const rule = new PromptText();
  rule.typed("mine");
  assert.equal(rule.accepts("theirs", "mine"), false);
  assert.ok(rule.unsent);
});

test("once the model holds the edit, a later value of the kernel appears even while the field has the focus", () => {
  const rule = new PromptText();
  rule.typed("mine");
  rule.held("mine");
  assert.equal(rule.accepts("mine", "mine"), false);
  assert.equal(rule.accepts("theirs", "mine"), true);
});

test("leaving the field sends nothing back over a value that came from the kernel", () => {
  const rule = new PromptText();
  assert.equal(rule.unsent, false);
  rule.typed("mine");
  assert.ok(rule.unsent);
  rule.held("mine");
  rule.accepts("theirs", "mine");
  assert.equal(rule.unsent, false);
});

test("typing on after a flush protects the new words from the echo of the old ones", () => {
  const rule = new PromptText();
  rule.typed("dus");
  rule.held("dus");
  rule.typed("dusk");
  assert.equal(rule.accepts("dus", "dusk"), false);
  rule.held("dusk");
  assert.equal(rule.accepts("dawn", "dusk"), true);
});

test("a value that is already there is not written again", () => {
  assert.equal(new PromptText().accepts("dusk", "dusk"), false);
});

test("the caret stays at its place in the text", () => {
  assert.equal(movedCaret("dusk falls", "dusk slowly falls", 3), 3);
  assert.equal(movedCaret("dusk falls", "dusk slowly falls", 10), 17);
  assert.equal(movedCaret("dusk falls", "", 6), 0);
  assert.equal(movedCaret("", "dusk", 0), 0);
});
