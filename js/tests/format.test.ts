// The words for numbers.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { clock, cost, fit, headline, longWait, moment, offered, percent } from "../src/format.ts";

test("times read as on a clock", () => {
  assert.deepEqual([0, 7.9, 72, 3599, -3].map(clock), ["0:00", "0:07", "1:12", "59:59", "0:00"]);
  assert.deepEqual([3600, 4205].map(clock), ["1:00:00", "1:10:05"]);
});

test("a share is 100 % only when all of it is there", () => {
  assert.deepEqual([0, 0.425, 0.999, 1, 1.2, -1].map(percent), ["0 %", "42 %", "99 %", "100 %", "100 %", "0 %"]);
});

test("the cost is free on the sandbox and an upper bound elsewhere", () => {
  const engine = { sandbox: false, host: "h", credits: null, expiring: 0, expires_at: null, budget: null };
  assert.equal(cost({ ...engine, sandbox: true }, 4), "free");
  assert.equal(cost({ ...engine, credits: 77 }, 2), "up to 2 of 77 credits");
  assert.equal(cost({ ...engine, credits: 1 }, 1), "up to 1 of 1 credit");
  assert.equal(cost(engine, 1), "up to 1 credit");
  assert.equal(cost({ ...engine, credits: 77 }, 2, true), "again up to 2 of 77 credits");
  assert.equal(cost({ ...engine, budget: [6, 10] }, 2), "up to 2 credits; 6 of the budget of 10 left");
  assert.equal(cost({ ...engine, sandbox: true, budget: [0, 10] }, 2), "free · 0 of the budget of 10 left");
});

test("what ends first is said, with the year where it is another one", () => {
  const engine = { sandbox: false, host: "h", credits: 77, expiring: 40, expires_at: null, budget: null };
  const next = new Date().getFullYear() + 1;
  const ends = (expires_at: string | null, expiring = 40): string => cost({ ...engine, expiring, expires_at }, 2);
  assert.equal(ends(`${next}-06-30T12:00:00Z`), `up to 2 of 77 credits, 40 expire on 30 June ${next}`);
  assert.equal(ends(`${next}-06-30T12:00:00Z`, 1), `up to 2 of 77 credits, 1 expires on 30 June ${next}`);
  assert.equal(ends("2020-06-30T12:00:00Z"), "up to 2 of 77 credits, 40 expired on 30 June 2020");
  for (const nothing of [null, "soon"]) assert.equal(ends(nothing), "up to 2 of 77 credits");
});

test("a moment of today is a time, any other has its day, and an offer says what can be done", () => {
  const noon = new Date(new Date().setHours(10, 42, 0)).toISOString();
  assert.equal(moment(noon), "10:42");
  assert.equal(moment(new Date(2020, 2, 30, 9, 5).toISOString()), "30 March 2020, 09:05");
  assert.equal(offered({ videos: 1, began_at: noon, ready: true }), "1 video from 10:42 is ready to fetch");
  assert.equal(offered({ videos: 2, began_at: noon, ready: true }), "2 videos from 10:42 are ready to fetch");
  assert.equal(offered({ videos: 2, began_at: noon, ready: false }), "2 videos from 10:42 may still come");
});

test("a job that takes long is spoken of at 6 and at 12 minutes, and never before", () => {
  assert.equal(longWait(359), "");
  assert.ok(longWait(360).includes("longer than most"));
  assert.equal(longWait(719), longWait(360));
  assert.ok(longWait(720).includes("goes on and is fetched later"));
});

test("a picture fits within one per cent, and is cropped otherwise", () => {
  const filled = { fit: "cover", zoom: 1 } as const;
  assert.equal(fit(1920, 1080, "16:9", filled), "· fits");
  assert.equal(fit(1366, 768, "16:9", filled), "· fits");
  assert.equal(fit(4032, 3024, "16:9", filled), "→ cropped to 16:9");
  assert.equal(fit(1920, 1080, "9:16", filled), "→ cropped to 9:16");
  assert.equal(fit(1080, 1920, "9:16", filled), "· fits");
  assert.equal(fit(1080, 1920, "16:9", { fit: "blur", zoom: 1 }), "→ whole, blurred edges");
  assert.equal(fit(1080, 1920, "16:9", { fit: "cover", zoom: 1.5 }), "→ 1.5×");
});

test("the first sentence stands apart from the rest", () => {
  assert.deepEqual(headline("Refused. Nothing was charged. Try again."), ["Refused.", "Nothing was charged. Try again."]);
  assert.deepEqual(headline("Could not reach genaipro.vn today"), ["Could not reach genaipro.vn today", ""]);
  assert.deepEqual(headline(""), ["", ""]);
});
