"""Where each point of a picture went that a motion has nearly brought over another, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ipyveo.engine.rasters import Mask, Weights, averaged, blurred, grid, halved, lengths, read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points
    from ipyveo.engine.planes import Plane

_STRIDE = 4  # half working pixels between patches: with the preset's 3 it takes a third longer for 0.1 dB
_AGREE = 2.0  # working pixels between there and back again
_REACHES = (1, 4, 16, 64)  # how far around, in half working pixels, an unsure flow is filled in from
_ENOUGH = 0.25  # of the trust around
_PATCH = 11
_LEVEL = 25.0  # squared levels: a patch that varies less shows nothing that could be like another
_FEW_PATCHES = 50


class Flow(NamedTuple):
    """What was found between two pictures.

    `there` says for each point of the first where it is in the second, as a difference, `back` the same for
    the second; the trusts are 1 where the two agree, 0 where they do not or a picture shows nothing.
    """

    first: Plane
    second: Plane
    there: Points
    back: Points
    trust_there: Weights
    trust_back: Weights
    agreed: float
    likeness: float

    def reversed(self) -> Flow:
        """Return the same, from the second picture to the first."""
        return self._replace(
            first=self.second,
            second=self.first,
            there=self.back,
            back=self.there,
            trust_there=self.trust_back,
            trust_back=self.trust_there,
        )

    def gap(self, led: Points) -> Plane:
        """Return by how many levels points of the first differ from what they are led to in the second."""
        gap: Plane = cv2.absdiff(self.first, read(self.second, led))
        return gap


class Drift(NamedTuple):
    """A flow made whole, at half its size; from either picture it points from the first to the second."""

    there: Points
    back: Points


def flow_between(first: Plane, second: Plane, known: Mask) -> Flow:
    """Find the flow of two evened pictures.

    Parameters
    ----------
    first, second
        Two that a motion has brought nearly over each other.
    known
        Where both show something.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setPatchStride(_STRIDE)
    there, back = search.calc(first, second, None), search.calc(second, first, None)
    trust = _trust(there, back, known)
    followed = read(second, grid(first.shape) + there)
    return Flow(
        first,
        second,
        there,
        back,
        trust,
        _trust(back, there, known),
        agreed=float((trust[known] > 0).mean()) if known.any() else 0.0,
        likeness=likeness(first, followed, known),
    )


def likeness(first: Plane, second: Plane, known: Mask) -> float:
    """Return the median correlation of small patches, of those that show something."""
    one_mean, other_mean = averaged(first, _PATCH), averaged(second, _PATCH)
    one_spread = averaged(cv2.multiply(first, first, dtype=cv2.CV_16U), _PATCH) - one_mean * one_mean
    other_spread = averaged(cv2.multiply(second, second, dtype=cv2.CV_16U), _PATCH) - other_mean * other_mean
    both = averaged(cv2.multiply(first, second, dtype=cv2.CV_16U), _PATCH) - one_mean * other_mean
    shown = known & (one_spread > _LEVEL)
    if shown.sum() < _FEW_PATCHES:
        return 1.0
    return float(np.median(both[shown] / np.sqrt(np.maximum(one_spread * other_spread, _LEVEL)[shown])))


def drift(flow: Flow, there: Weights | None = None, back: Weights | None = None) -> Drift:
    """Make a flow whole: where it cannot be trusted, it is what it is around there.

    Parameters
    ----------
    flow
        As it was found.
    there, back
        How far each point of the first and of the second picture belongs to what moves so; all by default.
    """
    trust_there = flow.trust_there if there is None else flow.trust_there * there
    trust_back = flow.trust_back if back is None else flow.trust_back * back
    return Drift(_whole(flow.there, trust_there), -_whole(flow.back, trust_back))


def _trust(there: Points, back: Points, known: Mask) -> Weights:
    gap = lengths(there + read(back, grid(there.shape) + there))
    return np.where(known & (gap < _AGREE), np.exp(-gap), np.float32(0))


def _whole(flow: Points, trust: Weights) -> Points:
    weight, flow = halved(trust), halved(flow * trust[..., None])
    filled, found = np.zeros_like(flow), np.zeros_like(weight)
    for reach in _REACHES:
        sure = blurred(weight, reach)
        share = np.minimum(sure / np.float32(_ENOUGH), 1) * (1 - found)
        filled += (share / np.maximum(sure, np.float32(1e-6)))[..., None] * blurred(flow, reach)
        found += share
    return filled  # where nothing around tells, all keeps still
