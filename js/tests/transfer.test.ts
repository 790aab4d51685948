// What is sent next, what has arrived, when silence is too long.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { PartCollection, Silence, UploadWindow } from "../src/transfer.ts";

function drain(window: UploadWindow): number[] {
  const offsets: number[] = [];
  for (let range = window.next(); range; range = window.next()) offsets.push(range.offset);
  return offsets;
}

const part = (...bytes: number[]): DataView => new DataView(Uint8Array.from(bytes).buffer);

test("at most four chunks are on their way", () => {
  const window = new UploadWindow(1000, 100);
  assert.deepEqual(drain(window), [0, 100, 200, 300]);
  window.acknowledge(100);
  assert.deepEqual(drain(window), [400]);
  window.acknowledge(400);
  assert.deepEqual(drain(window), [500, 600, 700]);
});

test("the last chunk is as short as the rest of the file", () => {
  const window = new UploadWindow(250, 100);
  window.next();
  window.next();
  assert.deepEqual(window.next(), { offset: 200, end: 250 });
  assert.equal(window.next(), null);
});

test("hearing the same count twice resends from there, once for each loss", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  window.acknowledge(100);
  drain(window);
  window.acknowledge(100); // the chunk at 100 was lost; those at 200, 300 and 400 are answered with 100 again
  assert.deepEqual(drain(window), [100, 200, 300, 400]);
  window.acknowledge(100);
  window.acknowledge(100);
  assert.deepEqual(drain(window), []);
  window.acknowledge(500);
  assert.deepEqual(drain(window), [500, 600, 700, 800]);
});

test("a first acknowledgement of nothing is no loss", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  window.acknowledge(0);
  assert.deepEqual(drain(window), []);
});

test("a kernel that is behind, or ahead, is followed", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  window.acknowledge(400);
  drain(window);
  window.acknowledge(50);
  assert.equal(window.next()?.offset, 50);
  window.acknowledge(900);
  assert.deepEqual(drain(window), [900]);
});

test("after a stall everything that was not acknowledged is sent again", () => {
  const window = new UploadWindow(300, 100);
  drain(window);
  window.acknowledge(100);
  window.stalled();
  assert.deepEqual(drain(window), [100, 200]);
});

test("a stall after the last byte sends the last chunk again, each time", () => {
  const window = new UploadWindow(250, 100);
  drain(window);
  window.acknowledge(250);
  assert.deepEqual(drain(window), []);
  window.stalled();
  assert.deepEqual(window.next(), { offset: 200, end: 250 });
  assert.equal(window.next(), null);
  window.acknowledge(250); // the kernel is still looking at the picture
  assert.deepEqual(drain(window), []);
  window.stalled();
  assert.deepEqual(drain(window), [200]);
});

test("counts that cannot be are ignored", () => {
  const window = new UploadWindow(300, 100);
  drain(window);
  for (const count of [-1, 1.5, 301, Number.NaN]) window.acknowledge(count);
  assert.equal(window.received, 0);
  assert.equal(window.next(), null);
});

test("parts are put together by number, whatever their order", async () => {
  const parts = new PartCollection();
  parts.add(2, 3, part(5));
  parts.add(0, 3, part(1, 2));
  assert.equal(parts.complete, false);
  assert.equal(parts.share(5), 0.6);
  parts.add(1, 3, part(3, 4));
  assert.ok(parts.complete);
  const blob = parts.blob("video/mp4");
  assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [1, 2, 3, 4, 5]);
  assert.equal(blob.type, "video/mp4");
});

test("a part that comes twice, or has an impossible number, counts once or not at all", () => {
  const parts = new PartCollection();
  parts.add(0, 2, part(1));
  parts.add(0, 2, part(9));
  parts.add(2, 2, part(9));
  parts.add(-1, 2, part(9));
  parts.add(0.5, 2, part(9));
  assert.equal(parts.count, 1);
});

test("a part is taken out of the larger message it may be a view of", async () => {
  const message = Uint8Array.from([9, 9, 1, 2, 9]);
  const parts = new PartCollection();
  parts.add(0, 1, new DataView(message.buffer, 2, 2));
  message.fill(0);
  assert.deepEqual([...new Uint8Array(await parts.blob("").arrayBuffer())], [1, 2]);
});

test("the kernel is silent after five seconds of visible ticks without a beat", () => {
  const silence = new Silence();
  const ticks = (count: number, visible = true): boolean[] => Array.from({ length: count }, () => silence.tick(visible));
  assert.ok(!ticks(10).includes(true));
  assert.equal(silence.tick(true), true);
  silence.heard();
  assert.ok(!ticks(10).includes(true));
});

test("a hidden page measures no silence", () => {
  const silence = new Silence();
  for (let tick = 0; tick < 50; tick += 1) assert.equal(silence.tick(false), false);
  assert.equal(silence.tick(true), false);
});
