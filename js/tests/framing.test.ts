// Where a picture lies in the frame.

import * as assert from "node:assert/strict";
import { test } from "node:test";

import { moved, placement, WHOLE, zoomed } from "../src/framing.ts";
import type { Framing } from "../src/protocol.ts";

const at = (width: number, height: number, framing: Partial<Framing> = {}) =>
  placement(width, height, "16:9", { ...WHOLE, ...framing });

function near(got: object, wanted: object): void {
  const round = (thing: object): [string, number][] =>
    Object.entries(thing).map(([name, value]) => [name, Math.round(value * 1e9) / 1e9 + 0]);
  assert.deepEqual(round(got), round(wanted));
}

test("a picture of the very shape fills the frame", () => {
  near(at(1920, 1080), { left: 0, top: 0, width: 1, height: 1 });
});

test("a taller picture that fills is cut above and below, about its focus as far as the edges allow", () => {
  near(at(1600, 1800), { left: 0, top: -0.5, width: 1, height: 2 });
  near(at(1600, 1800, { focus: [0.5, 0] }), { left: 0, top: 0, width: 1, height: 2 });
  near(at(1600, 1800, { focus: [0.5, 0.4] }), { left: 0, top: -0.3, width: 1, height: 2 });
});

test("a taller picture shown whole has bars at both sides, until the zoom fills them", () => {
  near(at(1600, 1800, { fit: "contain" }), { left: 0.25, top: 0, width: 0.5, height: 1 });
  near(at(1600, 1800, { fit: "blur", zoom: 2 }), { left: 0, top: -0.5, width: 1, height: 2 });
});

test("a move moves what is seen by as much, and stops at the edge", () => {
  const framing = { ...WHOLE, zoom: 2 };
  const before = at(1920, 1080, framing);
  near(at(1920, 1080, moved(framing, before, 0.1, -0.2)), { left: -0.4, top: -0.7, width: 2, height: 2 });
  near(at(1920, 1080, moved(framing, before, 3, 0)), { left: 0, top: -0.5, width: 2, height: 2 });
});

test("a zoom leaves the point under the pointer where it is", () => {
  const before = at(1920, 1080, { zoom: 2 });
  const after = at(1920, 1080, zoomed({ ...WHOLE, zoom: 2 }, before, 4, 0.75, 0.5));
  const point = (where: typeof before) => (0.75 - where.left) / where.width;
  assert.equal(Math.round(point(after) * 1e6), Math.round(point(before) * 1e6));
  near(at(1920, 1080, zoomed({ ...WHOLE, zoom: 2 }, before, 99)), at(1920, 1080, { zoom: 8 }));
});
