// A file on its way to the kernel, from the first message to the last word.

import * as assert from "node:assert/strict";
import { mock, test } from "node:test";

import { CHUNK_BYTES, COLAB_CHUNK_BYTES } from "../src/protocol.ts";
import { Upload } from "../src/upload.ts";
import { KernelSide, settled } from "./kernel_side.ts";

const SENTENCE = "The picture does not arrive unhurt. Check the connection and choose it again.";

function start(size: number, file = new File([new Uint8Array(size)], "day.png")) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const kernel = new KernelSide();
  const seen: (number | string)[] = [];
  const upload = new Upload(kernel, "start", file, {
    moved: (share) => seen.push(share),
    waits: () => seen.push("waits"),
    done: () => seen.push("done"),
    failed: (sentence) => seen.push(sentence),
  });
  return { kernel, seen, upload, id: kernel.of("upload")[0]?.id ?? "" };
}

async function begun(size: number) {
  const all = start(size);
  all.kernel.say(all.id, { type: "upload_at", received: 0 });
  await settled();
  all.seen.length = 0;
  return all;
}

test("the file is announced, and sent in four chunks at a time once the kernel is ready for it", async () => {
  const size = 5 * CHUNK_BYTES + 7;
  const { kernel, seen, id } = start(size);
  await settled();
  assert.deepEqual(kernel.of("upload"), [{ type: "upload", id, slot: "start", name: "day.png", size }]);
  assert.deepEqual(kernel.of("chunk"), []);
  kernel.say(id, { type: "upload_at", received: 0 });
  await settled();
  assert.deepEqual(
    kernel.of("chunk").map(({ offset }) => offset / CHUNK_BYTES),
    [0, 1, 2, 3],
  );
  kernel.say(id, { type: "uploaded", received: 2 * CHUNK_BYTES });
  await settled();
  assert.deepEqual(
    kernel.of("chunk").map(({ bytes }) => bytes),
    [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 7],
  );
  kernel.say(id, { type: "uploaded", received: size });
  kernel.say(id, { type: "upload_done" });
  assert.deepEqual(seen, [0, (2 * CHUNK_BYTES) / size, 1, "done"]);
  assert.equal(kernel.listeners, 0);
});

test("in Colab the chunks are small", async () => {
  Object.assign(globalThis, { google: {} });
  try {
    const { kernel } = await begun(CHUNK_BYTES);
    assert.deepEqual(
      kernel.of("chunk").map(({ bytes }) => bytes),
      Array(4).fill(COLAB_CHUNK_BYTES),
    );
  } finally {
    delete (globalThis as { google?: object }).google;
  }
});

test("each chunk carries the checksum of its bytes", async () => {
  const { kernel, id } = start(9, new File(["123456789"], "day.png"));
  kernel.say(id, { type: "upload_at", received: 0 });
  await settled();
  assert.deepEqual(
    kernel.of("chunk").map(({ crc }) => crc),
    [0xcbf43926],
  );
});

test("a refusal ends the upload with the kernel's sentence", async () => {
  const { kernel, seen, id } = await begun(9 * CHUNK_BYTES);
  kernel.say(id, { type: "upload_failed", sentence: "This is not a picture." });
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  await settled();
  assert.deepEqual(seen, ["This is not a picture."]);
  assert.equal(kernel.of("chunk").length, 4);
});

test("a cancelled upload says so once and sends nothing more", async () => {
  const { kernel, upload, id } = await begun(9 * CHUNK_BYTES);
  upload.cancel();
  upload.cancel();
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  mock.timers.tick(60_000);
  await settled();
  assert.equal(kernel.of("cancel_upload").length, 1);
  assert.equal(kernel.of("chunk").length, 4);
});

test("a kernel that says nothing is asked how far it is, ever less often, and nothing is sent twice", async () => {
  const { kernel, seen, id } = await begun(5 * CHUNK_BYTES);
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  await settled();
  for (const [seconds, questions] of [[2.9, 1], [0.1, 2], [5.9, 2], [0.1, 3], [12, 4], [24, 5], [30, 6], [30, 7]] as const) {
    mock.timers.tick(seconds * 1000);
    assert.equal(kernel.of("upload").length, questions);
  }
  assert.equal(kernel.of("chunk").length, 5);
  assert.deepEqual(seen, [0.2, ...Array(6).fill("waits")]);
  kernel.say(id, { type: "upload_at", received: 3 * CHUNK_BYTES });
  await settled();
  assert.deepEqual(
    kernel.of("chunk").map(({ offset }) => offset / CHUNK_BYTES),
    [0, 1, 2, 3, 4, 3, 4],
  );
  mock.timers.tick(3_000); // a word from the kernel makes the page impatient again
  assert.equal(kernel.of("upload").length, 8);
});

test("a lost chunk is noticed by those behind it, and sent again from there, once", async () => {
  const { kernel, id } = await begun(9 * CHUNK_BYTES);
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  for (let late = 0; late < 3; late += 1) kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  assert.equal(kernel.of("upload").length, 2);
  kernel.say(id, { type: "upload_at", received: CHUNK_BYTES });
  await settled();
  const offsets = kernel.of("chunk").map(({ offset }) => offset / CHUNK_BYTES);
  assert.deepEqual(offsets.slice(-4), [1, 2, 3, 4]);
});

test("when the last word is lost, it is asked for and ends the upload", async () => {
  const { kernel, seen, id } = await begun(CHUNK_BYTES + 7);
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES + 7 });
  mock.timers.tick(3_000);
  assert.equal(kernel.of("upload").length, 2);
  kernel.say(id, { type: "upload_at", received: CHUNK_BYTES + 7 }); // still being looked at
  mock.timers.tick(3_000);
  kernel.say(id, { type: "upload_done" });
  assert.deepEqual(seen, [1, 1, "done"]);
  assert.equal(kernel.of("chunk").length, 2);
  assert.equal(kernel.listeners, 0);
});

test("a chunk that is hurt on the way time and again ends the upload with a sentence", async () => {
  const { kernel, seen, id } = await begun(CHUNK_BYTES);
  for (let time = 0; time < 5; time += 1) {
    kernel.say(id, { type: "uploaded", received: 0 });
    kernel.say(id, { type: "upload_at", received: 0 });
    await settled();
  }
  assert.deepEqual(seen, [0, 0, 0, 0, SENTENCE]);
  assert.equal(kernel.of("chunk").length, 5);
  assert.deepEqual(kernel.of("cancel_upload"), [{ type: "cancel_upload", id }]);
  assert.equal(kernel.listeners, 0);
  mock.timers.tick(600_000);
  assert.equal(kernel.of("upload").length, 6);
});

test("a file that cannot be read is said so and cancelled", async () => {
  const file = new File([new Uint8Array(10)], "gone.png");
  file.slice = () => {
    throw new DOMException("gone", "NotReadableError");
  };
  const { kernel, seen, id } = start(10, file);
  kernel.say(id, { type: "upload_at", received: 0 });
  await settled();
  assert.deepEqual(seen, [0, "This file could not be read. Choose it again."]);
  assert.equal(kernel.of("cancel_upload").length, 1);
});
