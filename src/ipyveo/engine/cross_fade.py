"""The way between pictures that have nothing in common: a slow push-in on both, crossed in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ipyveo.engine.motion import Sheet, crossing

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points

_PUSH_IN = 0.08
_FADE = 0.3, 0.7  # what has nothing in common needs longer than what lies over each other


class CrossFade:
    """Both pictures come closer all the way; the first fades into the second in the middle.

    Parameters
    ----------
    shape
        Height and width of the working size.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sides = np.array([shape[1], shape[0]], np.float32)

    def at(self, share: float, crossed: float, points: Points) -> list[Sheet]:  # noqa: ARG002 - has its own
        """Return where points of the frame at a share of the way come from."""
        middle = (self._sides - 1) / 2
        start = np.asarray(middle + (points - middle) * (1 + _PUSH_IN) ** -share, np.float32)
        weight = np.full(points.shape[:2], crossing(share, _FADE), np.float32)
        return [Sheet(start, self._farther(points, 1 - share), 1 - weight, weight)]

    def _farther(self, points: Points, share: float) -> Points:
        # The end has nothing beyond its borders to come from, so these stay and the rest stands back: axis
        # by axis, so that what is straight along one stays straight.
        turn = np.float32(2 * np.pi) / self._sides
        nearer = np.float32(_PUSH_IN * share) / turn * np.sin((points + np.float32(0.5)) * turn)
        return np.asarray(points - nearer, np.float32)
