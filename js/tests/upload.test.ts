// A file on its way to the kernel, from the first message to the last word.

import * as assert from "node:assert/strict";
import { mock, test } from "node:test";

import { CHUNK_BYTES } from "../src/protocol.ts";
import { Upload } from "../src/upload.ts";
import { KernelSide, settled } from "./kernel_side.ts";

function start(size: number, file = new File([new Uint8Array(size)], "day.png")) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const kernel = new KernelSide();
  const seen: (number | string)[] = [];
  const upload = new Upload(kernel, "start", file, {
    moved: (share) => seen.push(share),
    done: () => seen.push("done"),
    failed: (sentence) => seen.push(sentence),
  });
  return { kernel, seen, upload, id: kernel.of("upload")[0]?.id ?? "" };
}

test("the file is announced, then sent in four chunks until the kernel has them", async () => {
  const size = 5 * CHUNK_BYTES + 7;
  const { kernel, seen, id } = start(size);
  await settled();
  assert.deepEqual(kernel.of("upload"), [{ type: "upload", id, slot: "start", name: "day.png", size }]);
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
  assert.deepEqual(seen, [(2 * CHUNK_BYTES) / size, 1, "done"]);
  assert.equal(kernel.listeners, 0);
});

test("a refusal ends the upload with the kernel's sentence", async () => {
  const { kernel, seen, id } = start(9 * CHUNK_BYTES);
  await settled();
  kernel.say(id, { type: "upload_failed", sentence: "This is not a picture." });
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  await settled();
  assert.deepEqual(seen, ["This is not a picture."]);
  assert.equal(kernel.of("chunk").length, 4);
});

test("a cancelled upload says so once and sends nothing more", async () => {
  const { kernel, upload, id } = start(9 * CHUNK_BYTES);
  await settled();
  upload.cancel();
  upload.cancel();
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES });
  mock.timers.tick(60_000);
  await settled();
  assert.equal(kernel.of("cancel_upload").length, 1);
  assert.equal(kernel.of("chunk").length, 4);
});

test("a stall resends what was not acknowledged, after 10 s and then after twice as long", async () => {
  const { kernel, id } = start(2 * CHUNK_BYTES);
  await settled();
  const rounds = (): number => kernel.of("chunk").length / 2;
  mock.timers.tick(9_999);
  await settled();
  assert.equal(rounds(), 1);
  mock.timers.tick(1);
  await settled();
  assert.equal(rounds(), 2);
  mock.timers.tick(19_999);
  await settled();
  assert.equal(rounds(), 2);
  mock.timers.tick(1);
  await settled();
  assert.equal(rounds(), 3);
  kernel.say(id, { type: "upload_done" });
  mock.timers.tick(600_000);
  await settled();
  assert.equal(rounds(), 3);
});

test("when the last word is lost, the last chunk is sent again and the repeated word ends the upload", async () => {
  const { kernel, seen, id } = start(CHUNK_BYTES + 7);
  await settled();
  kernel.say(id, { type: "uploaded", received: CHUNK_BYTES + 7 });
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(
    kernel.of("chunk").map(({ offset, bytes }) => [offset, bytes]),
    [
      [0, CHUNK_BYTES],
      [CHUNK_BYTES, 7],
      [CHUNK_BYTES, 7],
    ],
  );
  kernel.say(id, { type: "upload_done" });
  assert.deepEqual(seen, [1, "done"]);
  assert.equal(kernel.listeners, 0);
});

test("after five stalls in a row the upload is given up with a sentence", async () => {
  const { kernel, seen, id } = start(CHUNK_BYTES);
  const stall = async (seconds: number): Promise<void> => {
    await settled();
    mock.timers.tick(seconds * 1000);
  };
  for (const seconds of [10, 20, 40, 80]) await stall(seconds);
  kernel.say(id, { type: "uploaded", received: 0 }); // a word from the kernel begins the count anew
  for (const seconds of [10, 20, 40, 80]) await stall(seconds);
  assert.deepEqual(seen, [0]);
  await stall(160);
  assert.deepEqual(seen, [0, "The kernel did not take the picture. Check the connection and choose it again."]);
  assert.deepEqual(kernel.of("cancel_upload"), [{ type: "cancel_upload", id }]);
  assert.equal(kernel.listeners, 0);
  const chunks = kernel.of("chunk").length;
  await stall(600);
  await settled();
  assert.equal(kernel.of("chunk").length, chunks);
});

test("a file that cannot be read is said so and cancelled", async () => {
  const file = new File([new Uint8Array(10)], "gone.png");
  file.slice = () => {
    throw new DOMException("gone", "NotReadableError");
  };
  const { kernel, seen } = start(10, file);
  await settled();
  assert.deepEqual(seen, ["This file could not be read. Choose it again."]);
  assert.equal(kernel.of("cancel_upload").length, 1);
});
