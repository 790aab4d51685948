"""A motion tried on a pair: the two brought halfway towards each other, and the flow that is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ipyveo.engine.affine import Affine, Glide, Points, inverse, moved
from ipyveo.engine.flow import Drift, Flow, drift, flow_between
from ipyveo.engine.global_motion import fitted, plausible
from ipyveo.engine.rasters import Mask, Weights, grid, inside, lengths, read, turned

if TYPE_CHECKING:
    from ipyveo.engine.look import Look
    from ipyveo.engine.planes import Plane

_OVERLAP = 0.12  # the share of a frame halfway that both pictures must show
_SURE = 0.5
_FOLLOWS = 2.0  # working pixels: what has more flow left over follows another motion
_LEFT_OVER = 0.9  # of the gap between two pictures: a flow that leaves more of it is noise


class Trial(NamedTuple):
    """What came of a motion from the start to the end."""

    glide: Glide
    flow: Flow
    overlap: float

    @property
    def score(self) -> float:
        """How well the motion brings the pictures over each other, 0 to 1."""
        return self.flow.agreed * max(self.flow.likeness, 0.0) if self.overlap > _OVERLAP else 0.0

    def left_over(self, in_start: Weights | None = None, in_end: Weights | None = None) -> Drift | None:
        """Return what the motion leaves over; None if that is next to nothing.

        Parameters
        ----------
        in_start, in_end
            How far each point of either picture follows the motion; all do by default.
        """
        if in_start is None or in_end is None:
            own = their = None
            sure = self.flow.trust_there > _SURE
        else:
            own, their = turned(in_start, self.glide.at(-0.5)), turned(in_end, self.glide.at(0.5))
            sure = self.flow.trust_there * own > _SURE
        if not sure.any() or self.flow.gap_left[sure].mean() >= _LEFT_OVER * self.flow.gap[sure].mean():
            return None
        return drift(self.flow, own, their)

    def reversed(self) -> Trial:
        """Return the same, from the end to the start."""
        return Trial(Glide(inverse(self.glide.whole)), self.flow.reversed(), self.overlap)

    def led(self, shape: tuple[int, ...]) -> Points:
        """Return where the points of the start are in the end."""
        half, sure = self.glide.at(0.5), self.flow.there * (self.flow.trust_there > 0)[..., None]
        halfway = moved(half, grid(shape))
        return moved(half, halfway + read(sure, halfway))

    def fitted(self, least: float, within: tuple[Plane, Plane] | None = None) -> Affine | None:
        """Return the motion as the flow tells it more exactly; None if too little of the picture follows.

        Parameters
        ----------
        least
            The share of the picture.
        within
            Where in either picture: not where this is 0.
        """
        follows: Mask = (self.flow.trust_there > _SURE) & (lengths(self.flow.there) < _FOLLOWS)
        for part, lead in zip(within or (), (-0.5, 0.5), strict=False):
            follows &= turned(part, self.glide.at(lead)) > 0
        if follows.mean() < least:
            return None
        points, there = grid(follows.shape)[follows], self.flow.there[follows]
        motion = fitted(moved(self.glide.at(-0.5), points), moved(self.glide.at(0.5), points + there))
        return motion if plausible(motion) else None


def tried(start: Look, end: Look, motion: Affine) -> Trial:
    """Try a motion from start to end."""
    glide = Glide(motion)
    back, on = glide.at(-0.5), glide.at(0.5)
    points = grid(start.shape)
    known = inside(moved(back, points), start.shape) & inside(moved(on, points), start.shape)
    flow = flow_between(turned(start.even, back), turned(end.even, on), known)
    return Trial(glide, flow, float(known.mean()))
