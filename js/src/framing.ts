// Where a picture lies in the video's frame: one formula for every fit, the same as the kernel's.

import type { AspectRatio, Fit, Framing } from "./protocol.ts";

export const MOST_ZOOM = 8;
export const WHOLE: Framing = { fit: "cover", focus: [0.5, 0.5], zoom: 1, background: "auto" };

/** Where the whole picture lies, as shares of the frame's width and height; what is outside of 0..1 is cut off. */
export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function placement(width: number, height: number, ratio: AspectRatio, framing: Framing): Placement {
  const wide = width / height / (ratio === "16:9" ? 16 / 9 : 9 / 16);
  const covers = framing.fit === "cover";
  const across = (covers ? Math.max(1, wide) : Math.min(1, wide)) * framing.zoom;
  const down = (covers ? Math.max(1, 1 / wide) : Math.min(1, 1 / wide)) * framing.zoom;
  return {
    left: edge(across, framing.focus[0]),
    top: edge(down, framing.focus[1]),
    width: across,
    height: down,
  };
}

/** In the middle where there is room to spare, else the focus as near to the middle as the edges allow. */
function edge(size: number, focus: number): number {
  return size <= 1 ? (1 - size) / 2 : clamp(0.5 - focus * size, 1 - size, 0);
}

/** The framing after the picture was moved by shares of the frame. */
export function moved(framing: Framing, at: Placement, dx: number, dy: number): Framing {
  return { ...framing, focus: [focusAt(at.left + dx, at.width), focusAt(at.top + dy, at.height)] };
}

/** The focus that keeps what is seen, where the edges hold the picture nearer than the focus says. */
function focusAt(left: number, size: number): number {
  return size <= 1 ? 0.5 : clamp((0.5 - clamp(left, 1 - size, 0)) / size, 0, 1);
}

/** The framing after a zoom that leaves the point under the pointer, in shares of the frame, where it is. */
export function zoomed(framing: Framing, at: Placement, zoom: number, x = 0.5, y = 0.5): Framing {
  const next = clamp(zoom, 1, MOST_ZOOM);
  const grown = next / framing.zoom;
  const left = x - (x - at.left) * grown;
  const top = y - (y - at.top) * grown;
  return { ...framing, zoom: next, focus: [focusAt(left, at.width * grown), focusAt(top, at.height * grown)] };
}

export function same(one: Framing, other: Framing): boolean {
  return JSON.stringify([one.fit, one.focus, one.zoom, one.background]) ===
    JSON.stringify([other.fit, other.focus, other.zoom, other.background]);
}

export const FITS: readonly Fit[] = ["cover", "blur", "contain"];

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
