// The words for numbers.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { clock, headline, moment, percent } from "../src/format.ts";

test("times read as on a clock", () => {
  assert.deepEqual([0, 7.9, 72, 3599, -3].map(clock), ["0:00", "0:07", "1:12", "59:59", "0:00"]);
  assert.deepEqual([3600, 4205].map(clock), ["1:00:00", "1:10:05"]);
});

test("a share is 100 % only when all of it is there", () => {
  assert.deepEqual([0, 0.425, 0.999, 1, 1.2, -1].map(percent), ["0 %", "42 %", "99 %", "100 %", "100 %", "0 %"]);
});

test("a moment of today is a time, any other has its day", () => {
  const noon = new Date(new Date().setHours(10, 42, 0)).toISOString();
  assert.equal(moment(noon), "10:42");
  assert.equal(moment(new Date(2020, 2, 30, 9, 5).toISOString()), "30 March 2020, 09:05");
});

test("the first sentence stands apart from the rest", () => {
  assert.deepEqual(headline("Refused. Nothing was charged. Try again."), ["Refused.", "Nothing was charged. Try again."]);
  assert.deepEqual(headline("Could not reach genaipro.vn today"), ["Could not reach genaipro.vn today", ""]);
  assert.deepEqual(headline(""), ["", ""]);
});
