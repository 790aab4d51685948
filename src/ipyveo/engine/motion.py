"""How the points of a pair move: where a point of a frame between them comes from in each of the two."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, Glide, Points, moved
from ipyveo.engine.flow import Drift, Weights

_SOFT = 12.0  # working pixels over which a picture fades in from its border
_FAINT = 1e-3  # where neither picture shows a point, both give what their borders have


class Sheet(NamedTuple):
    """For each point of a frame: where it comes from in either picture, and how much either counts.

    `cover` says where the sheet hides those below it, from one half on; None hides all.
    """

    start: Points
    end: Points
    start_weight: Weights
    end_weight: Weights
    cover: Weights | None = None


class Motion(Protocol):
    """The way from one picture to the other."""

    def at(self, share: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from, from the back to the front.

        All in working pixels.
        """


class Whole:
    """One affine motion for all, and what is left over after it as flow.

    Parameters
    ----------
    glide
        Leads from the start to the end.
    drift
        The flow between the two pictures when each is brought half of the way; None where nothing is left over.
    shape
        Height and width of the working size.
    """

    def __init__(self, glide: Glide, drift: Drift | None, shape: tuple[int, ...]) -> None:
        self._glide, self._drift, self._shape = glide, drift, shape
        self._halves = glide.at(-0.5), glide.at(0.5)

    def at(self, share: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from."""
        onward, before = self._glide.at(0.5 - share), np.float32(share)
        if self._drift is None:
            start, end = (moved(half @ onward, points) for half in self._halves)
        else:
            midway = moved(onward, points)
            passing = passing_through(self._drift, midway, share)
            start = moved(self._halves[0], midway - before * passing)
            end = moved(self._halves[1], midway + (1 - before) * passing)
        start_weight, end_weight = shown(start, self._shape), shown(end, self._shape)
        return [Sheet(start, end, (1 - before) * start_weight, before * end_weight)]


def passing_through(drift: Drift, midway: Points, share: float) -> Points:
    """Return the flow that passes through points at a share of the way."""
    before = np.float32(share)
    there, back = _read(drift.there, midway), _read(drift.back, midway)
    there = _read(drift.there, midway - before * there)
    back = _read(drift.back, midway + (1 - before) * back)
    return np.asarray((1 - before) * there + before * back)


def shown(points: Points, shape: tuple[int, ...]) -> Weights:
    """Return how far within a picture points are: 1 inside, falling to nearly 0 at the border."""
    reach = np.full(points.shape[:2], _SOFT, np.float32)
    for axis, side in enumerate((shape[1], shape[0])):
        place = points[..., axis] + np.float32(0.5)
        np.minimum(reach, place, out=reach)
        np.minimum(reach, np.float32(side) - place, out=reach)
    return np.asarray(np.maximum(reach / np.float32(_SOFT), np.float32(_FAINT)))


def _read(field: Points, points: Points) -> Points:
    # A field has half the working size.
    return cv2.remap(
        field,
        points * np.float32(0.5) - np.float32(0.25),
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
