// Who has the last word about the prompt.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { movedCaret, PromptText } from "../src/prompt_text.ts";

test("a late echo does not overwrite what is being typed", () => {
  const rule = new PromptText();
  rule.typed();
  assert.equal(rule.accepts("dus", "dusk", true), false);
});

test("the kernel's value appears where nobody types", () => {
  const rule = new PromptText();
  assert.equal(rule.accepts("dawn", "dusk", true), true);
  rule.typed();
  assert.equal(rule.accepts("dawn", "dusk", false), true);
});

test("after leaving the field the kernel's value is accepted again", () => {
  const rule = new PromptText();
  rule.typed();
  rule.left();
  assert.equal(rule.accepts("dawn", "dusk", true), true);
});

test("a value that is already there is not written again", () => {
  assert.equal(new PromptText().accepts("dusk", "dusk", false), false);
});

test("the caret stays at its place in the text", () => {
  assert.equal(movedCaret("dusk falls", "dusk slowly falls", 3), 3);
  assert.equal(movedCaret("dusk falls", "dusk slowly falls", 10), 17);
  assert.equal(movedCaret("dusk falls", "", 6), 0);
  assert.equal(movedCaret("", "dusk", 0), 0);
});
