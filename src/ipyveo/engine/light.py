"""How the light of a pair differs: what only one of the two shows is lit like what both show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ipyveo.engine.rasters import Weights, blurred, grid, read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points
    from ipyveo.engine.look import Look
    from ipyveo.engine.motion import Motion

_STEP = 8  # working pixels
_SHOWN = 0.1
_REACHES = (3, 12, 48)  # in steps
_MOST = 10.0
_SAME = 0.03


class Light:
    """By how much the end is lighter than the start, for Y, U and V, over the frame.

    Parameters
    ----------
    gain
        A value each _STEP working pixels, of three channels.
    """

    def __init__(self, gain: Weights) -> None:
        self._gain = gain

    def at(self, points: Points) -> Weights:
        """Return the gain at points of a frame, in working pixels."""
        return read(self._gain, (points + np.float32(0.5)) / np.float32(_STEP) - np.float32(0.5))


def light_between(start: Look, end: Look, motion: Motion) -> Light | None:
    """Compare what both pictures show; None where the light is the same."""
    points = grid(start.shape, _STEP)
    first, second = (blurred(look.colour.astype(np.float32), _STEP / 2) for look in (start, end))
    before = np.zeros((*points.shape[:2], 3), np.float32)
    after, known = np.zeros_like(before), np.zeros(points.shape[:2], np.float32)
    for sheet in motion.at(0.5, 0.5, points):
        here = np.ones(known.shape, np.bool_) if sheet.cover is None else sheet.cover > np.float32(0.5)
        before[here], after[here] = read(first, sheet.start)[here], read(second, sheet.end)[here]
        known[here] = np.minimum(sheet.start_weight, sheet.end_weight)[here] > _SHOWN
    if not known.any():
        return None
    gain = _whole(after, known) / np.maximum(_whole(before, known), 1)
    gain = np.clip(gain, np.float32(1 / _MOST), np.float32(_MOST))
    different = float(np.percentile(np.abs(gain[known > 0] - 1), 90)) > _SAME
    return Light(gain.astype(np.float32)) if different else None


def _whole(colour: Weights, known: Weights) -> Weights:
    filled, found = np.zeros_like(colour), np.zeros_like(known)
    for reach in _REACHES:
        sure = blurred(known, reach)
        share = np.minimum(sure * 4, 1) * (1 - found)
        filled += (share / np.maximum(sure, np.float32(1e-6)))[..., None] * blurred(
            colour * known[..., None], reach
        )
        found += share
    return filled + (1 - found)[..., None] * np.float32(128)
