// What is sent next, what has arrived, when silence is too long.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { crc32, PartCollection, Silence, UploadWindow } from "../src/transfer.ts";

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

test("a count that does not grow is no progress", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  assert.equal(window.acknowledge(100), true);
  assert.equal(window.acknowledge(100), false);
  assert.equal(window.acknowledge(50), false);
  assert.equal(window.acknowledge(Number.NaN), false);
  assert.equal(window.received, 100);
});

test("a count of bytes that were never sent is not believed", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  assert.equal(window.acknowledge(500), false);
  assert.equal(window.acknowledge(400), true);
});

test("a kernel that is behind, or ahead, is followed", () => {
  const window = new UploadWindow(1000, 100);
  drain(window);
  window.resume(50);
  assert.deepEqual(drain(window), [50, 150, 250, 350]);
  window.resume(900);
  assert.deepEqual(drain(window), [900]);
});

test("the checksum is the one that everybody knows", () => {
  // The check value of CRC-32/ISO-HDLC, and zlib's own for these bytes.
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.equal(crc32(new Uint8Array(0)), 0);
  assert.equal(crc32(Uint8Array.of(255, 254, 0, 128)), 0xada30417);
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
