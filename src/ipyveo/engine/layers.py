"""Things that move differently, one before another: at each point of a frame the nearest is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ipyveo.engine.motion import Path, Sheet, shown
from ipyveo.engine.rasters import Weights, read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points
    from ipyveo.engine.planes import Plane


_ALL = 255


class Layer(NamedTuple):
    """What moves as one, and the extent of it in either picture."""

    path: Path
    in_start: Plane
    in_end: Plane


def extent(seen: Weights, hidden: Weights) -> Plane:
    """Note where a layer is in a picture: what both pictures show, and what something hides in the other.

    In bytes, and with two empty channels: OpenCV reads four much faster than two.
    """
    empty = np.zeros_like(seen)
    extents: Plane = np.rint(cv2.merge([seen, hidden, empty, empty]) * np.float32(_ALL)).astype(np.uint8)
    return extents


class Layers:
    """The motion of a pair that was cut into layers.

    Parameters
    ----------
    layers
        From the back to the front.
    shape
        Height and width of the working size.
    """

    def __init__(self, layers: list[Layer], shape: tuple[int, ...]) -> None:
        self._layers, self._shape = layers, shape

    def at(self, share: float, crossed: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from, layer by layer."""
        back, *others = [self._sheet(layer, share, crossed, points) for layer in self._layers]
        return [back._replace(cover=None), *others]

    def _sheet(self, layer: Layer, share: float, crossed: float, points: Points) -> Sheet:
        before = np.float32(share)
        start, end, motions = layer.path.back(share, points)
        in_start, in_end = _parts(layer.in_start, start), _parts(layer.in_end, end)
        start_shown, end_shown = shown(start, self._shape), shown(end, self._shape)
        start_counts, end_counts = (1 - before) * start_shown, before * end_shown
        both = start_counts * in_start[0] + end_counts * in_end[0]
        return Sheet(
            start,
            end,
            np.float32(1 - crossed) * start_shown * _within(in_start),
            np.float32(crossed) * end_shown * _within(in_end),
            np.maximum(both / (start_counts + end_counts), np.maximum(in_start[1], in_end[1])),
            motions,
        )


def _parts(extents: Plane, points: Points) -> list[Weights]:
    """Return how much of what is at points both pictures show, and how much is hidden in the other."""
    there = read(extents, points)
    return [np.asarray(there[..., i] * np.float32(1 / _ALL), np.float32) for i in range(2)]


def _within(parts: list[Weights]) -> Weights:
    # At its very edge a layer has something of the others' colours.
    return np.asarray(np.clip(4 * (parts[0] + parts[1]) - 3, np.float32(1e-8), 1), np.float32)
