"""Things that move differently, one before another: at each point of a frame the nearest is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ipyveo.engine.motion import Path, Sheet, shown
from ipyveo.engine.rasters import Weights, read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points


class Layer(NamedTuple):
    """What moves as one, and where it is in either picture.

    Each mask has two channels: what both pictures show, and what something else hides in the other.
    """

    path: Path
    in_start: Weights
    in_end: Weights


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
        start, end = layer.path.back(share, points)
        in_start, in_end = read(layer.in_start, start), read(layer.in_end, end)
        start_shown, end_shown = shown(start, self._shape), shown(end, self._shape)
        start_counts, end_counts = (1 - before) * start_shown, before * end_shown
        both = start_counts * in_start[..., 0] + end_counts * in_end[..., 0]
        return Sheet(
            start,
            end,
            np.float32(1 - crossed) * start_shown * _within(in_start),
            np.float32(crossed) * end_shown * _within(in_end),
            np.maximum(both / (start_counts + end_counts), np.maximum(in_start[..., 1], in_end[..., 1])),
            layer.path.motions(share),
        )


def _within(mask: Weights) -> Weights:
    # At its very edge a layer has something of the others' colours.
    return np.asarray(np.clip(4 * (mask[..., 0] + mask[..., 1]) - 3, np.float32(1e-8), 1), np.float32)
