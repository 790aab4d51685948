"""How the points of a pair move: where a point of a frame between them comes from in each of the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ipyveo.engine.affine import Affine, Glide, Points, moved
from ipyveo.engine.rasters import Weights, read

if TYPE_CHECKING:
    from ipyveo.engine.flow import Drift

_SOFT = 24.0  # working pixels over which a picture fades in from its border
_FADE, _LEAST = (0.4, 0.6), 2e-5  # where most points come from both pictures, which costs twice as much
_FAINT = 1e-8  # where neither picture shows a point, both give what their borders have


class Sheet(NamedTuple):
    """For each point of a frame: where it comes from in either picture, and how much either counts.

    `cover` says where the sheet hides those behind it, from one half on; None hides all. `motions` lead from
    the points to where they come from in the start and in the end, where an affine each is all there is.
    """

    start: Points
    end: Points
    start_weight: Weights
    end_weight: Weights
    cover: Weights | None = None
    motions: tuple[Affine, Affine] | None = None


def crossing(share: float, fade: tuple[float, float] = _FADE) -> float:
    """Return how far a fade in the middle of the way has come.

    Never quite 0 nor 1: what only one picture shows comes from that one all the way.
    """
    done = min(1.0, max(0.0, (share - fade[0]) / (fade[1] - fade[0])))
    return min(1 - _LEAST, max(_LEAST, done * done * (3 - 2 * done)))


class Motion(Protocol):
    """The way from one picture to the other."""

    def at(self, share: float, crossed: float, points: Points) -> list[Sheet]:
        """Return where points of a frame come from, from the back to the front.

        Parameters
        ----------
        share
            How far on the way the frame is.
        crossed
            How much the end counts where both pictures show a point.
        points
            In pixels of the working size, as what is returned.
        """


class Whole:
    """One motion for all.

    Parameters
    ----------
    path
        The way that all points take.
    shape
        Height and width of the working size.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self._path, self._shape = path, shape

    def at(self, share: float, crossed: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from."""
        start, end, motions = self._path.back(share, points)
        start_weight, end_weight = shown(start, self._shape), shown(end, self._shape)
        counts = np.float32(1 - crossed) * start_weight, np.float32(crossed) * end_weight
        return [Sheet(start, end, *counts, motions=motions)]


class Path:
    """The way that the points take which follow one motion.

    Parameters
    ----------
    glide
        Leads from the start to the end.
    left_over
        Between the pictures when each is brought half of the way; None where next to nothing is.
    """

    def __init__(self, glide: Glide, left_over: Drift | None) -> None:
        self._glide, self._left_over = glide, left_over
        self._to_start, self._to_end = glide.at(-0.5), glide.at(0.5)

    @property
    def bends(self) -> bool:
        """Whether it is more than affine."""
        return self._left_over is not None

    def back(self, share: float, points: Points) -> tuple[Points, Points, tuple[Affine, Affine] | None]:
        """Return where points of the frame at a share of the way are in the start and in the end.

        And what leads there, if affine.
        """
        onward = self._glide.at(0.5 - share)
        if self._left_over is None:
            motions = self._to_start @ onward, self._to_end @ onward
            return moved(motions[0], points), moved(motions[1], points), motions
        halfway, before = moved(onward, points), np.float32(share)
        passing = _passing(self._left_over, halfway, before)
        start = moved(self._to_start, halfway - before * passing)
        return start, moved(self._to_end, halfway + (1 - before) * passing), None


def shown(points: Points, shape: tuple[int, ...]) -> Weights:
    """Return how far within a picture points are: 1 inside, falling to nearly 0 at the border."""
    reach = np.full(points.shape[:2], _SOFT, np.float32)
    for axis, side in enumerate((shape[1], shape[0])):
        place = points[..., axis] + np.float32(0.5)
        np.minimum(reach, place, out=reach)
        np.minimum(reach, np.float32(side) - place, out=reach)
    return np.asarray(np.maximum(reach / np.float32(_SOFT), np.float32(_FAINT)), np.float32)


def _passing(drift: Drift, halfway: Points, share: np.float32) -> Points:
    """Return the drift of what passes through points at a share of the way, as it is seen from both ends."""
    there, back = _drift_at(drift.there, halfway), _drift_at(drift.back, halfway)
    there = _drift_at(drift.there, halfway - share * there)
    back = _drift_at(drift.back, halfway + (1 - share) * back)
    return np.asarray((1 - share) * there + share * back, np.float32)


def _drift_at(field: Points, points: Points) -> Points:
    return read(field, points * np.float32(0.5) - np.float32(0.25))  # it has half the working size
