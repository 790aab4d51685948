"""A motion tried on a pair: the two brought halfway towards each other, and the flow that is left over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ipyveo.engine.affine import Affine, Glide, Points, inverse, moved
from ipyveo.engine.flow import Flow, drift, flow_between
from ipyveo.engine.global_motion import fitted, plausible
from ipyveo.engine.motion import Path
from ipyveo.engine.rasters import Mask, Weights, grid, inside, lengths, read, turned

if TYPE_CHECKING:
    from ipyveo.engine.look import Look
    from ipyveo.engine.planes import Plane

_OVERLAP = 0.12  # the share of a frame halfway that both pictures must show
_SURE = 0.5
_FOLLOWS = 2.0  # working pixels: what has more flow left over follows another motion
_LEFT_OVER = 0.9  # of the gap that an affine motion leaves: a flow that leaves more of it is noise
_ENOUGH, _FEWEST = 5000, 50  # points for a fit
# Working pixels by which a fit leads apart what goes side by side, on average, and moves what keeps still.
_NOISE, _STILL = 0.06, 0.04
_THIN = 4.0  # squared working pixels: the spread across points that are too near to a line


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of a motion from the start to the end."""

    glide: Glide
    flow: Flow
    overlap: float

    @property
    def score(self) -> float:
        """How well the motion brings the pictures over each other, 0 to 1."""
        return self.flow.agreed * max(self.flow.likeness, 0.0) if self.overlap > _OVERLAP else 0.0

    def path(self, in_start: Weights | None = None, in_end: Weights | None = None) -> Path:
        """Return the way of what follows the motion: affine, unless more than noise is left over then.

        Parameters
        ----------
        in_start, in_end
            How far each point of either picture follows the motion; all do by default.
        """
        own, their, sure = None, None, self.flow.trust_there > _SURE
        points = grid(sure.shape)
        if in_start is not None and in_end is not None:
            # Straight between its points, unlike `turned`, for what is 0 to 1 must not become more.
            own, their = (
                read(extent, moved(self.glide.at(lead), points))
                for extent, lead in ((in_start, -0.5), (in_end, 0.5))
            )
            sure = self.flow.trust_there * own > _SURE
        follows = sure & (lengths(self.flow.there) < _FOLLOWS)
        some = _some(points, follows)
        rest = _fit(some, some + _some(self.flow.there, follows))
        if rest is None:
            return Path(self.glide, None)
        bent, straight = (
            float(self.flow.gap(led)[sure].mean()) for led in (points + self.flow.there, moved(rest, points))
        )
        if bent < _LEFT_OVER * straight:
            return Path(self.glide, drift(self.flow, own, their))
        whole = _steadied(self.glide.at(0.5) @ rest @ self.glide.at(0.5), moved(self.glide.at(-0.5), some))
        return Path(Glide(whole) if plausible(whole) else self.glide, None)

    def reversed(self) -> Trial:
        """Return the same, from the end to the start."""
        return Trial(Glide(inverse(self.glide.whole)), self.flow.reversed(), self.overlap)

    @cached_property
    def led(self) -> Points:
        """Where the points of the start are in the end."""
        half, sure = self.glide.at(0.5), self.flow.there * (self.flow.trust_there > 0)[..., None]
        halfway = moved(half, grid(sure.shape))
        return moved(half, halfway + read(sure, halfway))

    def fitted(
        self, least: float, within: tuple[Plane, Plane] | None = None, near: float = _FOLLOWS
    ) -> Affine | None:
        """Return the motion as the flow tells it more exactly; None if too little of the picture follows.

        Parameters
        ----------
        least
            The share of the picture.
        within
            Where in either picture: not where this is 0.
        near
            By how many working pixels what follows may be off.
        """
        follows: Mask = (self.flow.trust_there > _SURE) & (lengths(self.flow.there) < near)
        for part, lead in zip(within or (), (-0.5, 0.5), strict=False):
            follows &= turned(part, self.glide.at(lead)) > 0
        if follows.mean() < least:
            return None
        some, there = (_some(field, follows) for field in (grid(follows.shape), self.flow.there))
        return _fit(moved(self.glide.at(-0.5), some), moved(self.glide.at(0.5), some + there))


def _fit(before: Points, after: Points) -> Affine | None:
    """Return the affine motion of points; None if they are too few, or too near to a line, to tell one."""
    if len(before) < _FEWEST or np.linalg.eigvalsh(np.cov(before.T))[0] < _THIN:
        return None
    motion = fitted(before, after)
    return motion if plausible(motion) else None


def _steadied(motion: Affine, points: Points) -> Affine:
    """Return the same motion, without a turn, a growth or a shift that no more than noise makes."""
    shifts = moved(motion, points) - points
    shift = shifts.mean(axis=0)
    if float(lengths(shifts - shift).mean()) > _NOISE:
        return motion
    right, down = np.where(np.abs(shift) > _STILL, shift, 0)
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]], np.float64)


def _some(field: Points, where: Mask) -> Points:
    """Return what a field has at some of the places, as many as tell a motion."""
    places = np.flatnonzero(where)
    return field.reshape(-1, 2)[places[:: max(1, len(places) // _ENOUGH)]]


def tried(start: Look, end: Look, motion: Affine) -> Trial:
    """Try a motion from start to end."""
    glide = Glide(motion)
    back, on = glide.at(-0.5), glide.at(0.5)
    points = grid(start.shape)
    known = inside(moved(back, points), start.shape) & inside(moved(on, points), start.shape)
    flow = flow_between(turned(start.even, back), turned(end.even, on), known)
    return Trial(glide, flow, float(known.mean()))
