// Posters, thumbnails and clips: fetched once, asked for again, given up, let go.

import * as assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Assets } from "../src/assets.ts";
import { KernelSide, settled } from "./kernel_side.ts";

function start() {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const kernel = new KernelSide();
  return { kernel, assets: new Assets(kernel), last: () => kernel.of("fetch").at(-1)?.id ?? "" };
}

const part = (index: number, parts: number) => ({ type: "part", index, parts, size: 4, media_type: "video/mp4" }) as const;

test("a clip becomes an address, each part is acknowledged, the share is told", async () => {
  const { kernel, assets, last } = start();
  const shares: number[] = [];
  const url = assets.load("clip", "k", (share) => shares.push(share));
  kernel.say(last(), part(1, 2), Uint8Array.from([3, 4]));
  kernel.say(last(), part(0, 2), Uint8Array.from([1, 2]));
  const blob = await (await fetch(await url)).blob();
  assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [1, 2, 3, 4]);
  assert.equal(blob.type, "video/mp4");
  assert.deepEqual(shares, [0, 0.5, 1]);
  assert.deepEqual(
    kernel.of("received").map(({ parts }) => parts),
    [1, 2],
  );
  assert.equal(kernel.listeners, 0);
});

test("a type that could run as a page is not believed", async () => {
  const { kernel, assets, last } = start();
  const url = assets.load("poster", "k");
  kernel.say(last(), { ...part(0, 1), media_type: "text/html" }, Uint8Array.from([1]));
  assert.equal((await (await fetch(await url)).blob()).type, "application/octet-stream");
});

test("two views of a clip fetch it once", async () => {
  const { kernel, assets, last } = start();
  const urls = [assets.load("clip", "k"), assets.load("clip", "k")];
  kernel.say(last(), part(0, 1), Uint8Array.from([1]));
  const [first, second] = await Promise.all(urls);
  assert.equal(first, second);
  assert.equal(kernel.of("fetch").length, 1);
});

test("a failure is passed on in the kernel's words, and the next request fetches anew", async () => {
  const { kernel, assets, last } = start();
  const url = assets.load("clip", "k");
  kernel.say(last(), { type: "fetch_failed", sentence: "The clip is gone." });
  await assert.rejects(url, /^Error: The clip is gone\.$/);
  const again = assets.load("clip", "k");
  kernel.say(last(), part(0, 1), Uint8Array.from([1]));
  assert.ok((await again).startsWith("blob:"));
});

test("without a part for 10 s it is asked for once more, then given up", async () => {
  const { kernel, assets, last } = start();
  const url = assets.load("clip", "k");
  const first = last();
  kernel.say(first, part(0, 2), Uint8Array.from([1, 2]));
  mock.timers.tick(10_000);
  assert.equal(kernel.of("fetch").length, 2);
  assert.deepEqual(kernel.of("cancel_fetch"), [{ type: "cancel_fetch", id: first }]);
  mock.timers.tick(10_000);
  await assert.rejects(url, /may be busy; nothing is lost/);
  assert.equal(kernel.of("fetch").length, 2);
  assert.equal(kernel.listeners, 0);
});

test("what is still being made is waited for, however long it takes", async () => {
  const { kernel, assets, last } = start();
  const url = assets.load("gif", "k");
  for (let spell = 0; spell < 9; spell += 1) {
    mock.timers.tick(9_000);
    kernel.say(last(), { type: "making" });
  }
  kernel.say(last(), { ...part(0, 1), media_type: "image/gif" }, Uint8Array.from([1]));
  assert.equal((await (await fetch(await url)).blob()).type, "image/gif");
  assert.equal(kernel.of("fetch").length, 1);
});

test("a part that is late for the first request is not mixed into the second", async () => {
  const { kernel, assets, last } = start();
  const url = assets.load("clip", "k");
  const first = last();
  mock.timers.tick(10_000);
  kernel.say(first, part(0, 1), Uint8Array.from([9]));
  kernel.say(last(), part(0, 1), Uint8Array.from([1]));
  assert.deepEqual([...new Uint8Array(await (await fetch(await url)).arrayBuffer())], [1]);
});

test("what is no longer shown is revoked, or cancelled while on its way", async () => {
  const { kernel, assets, last } = start();
  const kept = assets.load("poster", "a");
  kernel.say(last(), part(0, 1), Uint8Array.from([1]));
  const dropped = assets.load("clip", "b");
  kernel.say(last(), part(0, 1), Uint8Array.from([1]));
  const [keptUrl, droppedUrl] = await Promise.all([kept, dropped]);
  const pending = assets.load("clip", "c");
  assets.retain(new Set(["a"]));
  await assert.rejects(pending, /No longer shown/);
  await assert.rejects(fetch(droppedUrl), /failed/);
  assert.ok((await fetch(keptUrl)).ok);
  assert.equal(kernel.of("cancel_fetch").length, 1);
  await settled();
});

test("a poster that comes unasked ends the wait for it, and one that nobody waits for is dropped", async () => {
  const { kernel, assets, last } = start();
  assets.give("poster", "k", "image/jpeg", new DataView(Uint8Array.from([9]).buffer));
  const url = assets.load("poster", "k");
  const asked = last();
  assets.give("poster", "k", "image/jpeg", new DataView(Uint8Array.from([7, 8]).buffer));
  const blob = await (await fetch(await url)).blob();
  assert.deepEqual([...new Uint8Array(await blob.arrayBuffer())], [7, 8]);
  assert.equal(blob.type, "image/jpeg");
  assert.equal(kernel.listeners, 0);
  kernel.say(asked, part(0, 1), Uint8Array.from([1])); // the answer to the question, late
  assert.equal(await assets.load("poster", "k"), await url);
});
