"""The affine motions that most points of a pair follow, one after another: ORB points and consensus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, Points, moved
from ipyveo.engine.rasters import Mask, Weights, lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ipyveo.engine.planes import Plane

_POINTS, _PATCH = 1400, 31
_TRIPLES = 800
_NEAR = 3.0  # pixels of the working size: what follows a motion is as near to where it leads
_FEWEST = 10
_ALIKE = 64  # bits of 256 in which the same point may differ
_ON_A_LINE = 200.0  # twice the area of a triangle too thin to tell a motion
_UPRIGHT = 0.6  # the cosine of a turn
_ZOOM, _SHEAR = 3.0, 1.5


def global_motions(
    start: Plane, end: Plane, most: int, within: tuple[Plane, Plane] | None = None
) -> list[Affine]:
    """Find the motions from start to end, best supported first; none when the pictures share no points.

    Parameters
    ----------
    start, end
        Pictures in the working size, evened out in brightness.
    most
        How many motions to look for.
    within
        Where to look for points in either picture: not where this is 0.
    """
    before, after = _matches(start, end, within or (None, None))
    motions: list[Affine] = []
    chance = np.random.default_rng(len(before))
    while len(motions) < most and len(before) >= _FEWEST:
        motion = _consensus(before, after, chance)
        if motion is None:
            break
        motions.append(motion)
        rest = _distance(motion, before, after) > 2 * _NEAR
        before, after = before[rest], after[rest]
    return motions


def fitted(before: Points, after: Points) -> Affine:
    """Return the affine motion of least squares; the points must not lie on one line."""
    middle = before.mean(axis=0, dtype=np.float64)
    known = np.column_stack([before - middle, np.ones(len(before))])
    # einsum, not @: BLAS adds in an order that depends on the number of its threads.
    normal = np.einsum("ni,nj->ij", known, known)
    right = np.einsum("ni,nj->ij", known, after.astype(np.float64))
    solved = np.linalg.solve(normal, right).T
    solved[:, 2] -= solved[:, :2] @ middle
    return np.vstack([solved, [0, 0, 1]])


def plausible(motions: Affine) -> Mask:
    """Tell which motions a camera or a thing may make: no mirror, little turn, zoom and shear."""
    linear = motions[..., :2, :2]
    stretch = np.linalg.svd(linear, compute_uv=False)
    long, short = stretch[..., 0], stretch[..., 1]
    upright = linear[..., 0, 0] + linear[..., 1, 1] > _UPRIGHT * (long + short)
    sound: Mask = (np.linalg.det(linear) > 0) & upright
    return sound & (long < _ZOOM) & (short > 1 / _ZOOM) & (long < _SHEAR * short)


def _matches(start: Plane, end: Plane, within: tuple[Plane | None, Plane | None]) -> tuple[Points, Points]:
    orb = cv2.ORB.create(_POINTS, fastThreshold=8, edgeThreshold=15, patchSize=_PATCH)
    (before, one), (after, other) = (
        orb.detectAndCompute(*both) for both in zip((start, end), within, strict=True)
    )
    if one is None or other is None:
        return np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
    found = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(one, other)
    close = [match for match in found if match.distance < _ALIKE]
    return (
        _places([before[match.queryIdx] for match in close]),
        _places([after[match.trainIdx] for match in close]),
    )


def _places(points: list[Any]) -> Points:
    # ORB scales the places of a smaller picture's pixels as if a pixel's corner, not its centre, were there.
    places = [(x + late, y + late) for x, y, late in ((*p.pt, p.size / (2 * _PATCH) - 0.5) for p in points)]
    return np.array(places, np.float32).reshape(-1, 2)


def _consensus(before: Points, after: Points, chance: np.random.Generator) -> Affine | None:
    triples = chance.integers(0, len(before), (_TRIPLES, 3))
    known = np.concatenate([before[triples], np.ones((_TRIPLES, 3, 1), np.float32)], axis=2).astype(
        np.float64
    )
    known[np.abs(np.linalg.det(known)) < _ON_A_LINE] = (
        np.eye(3) * 1e6
    )  # too near to a line: a motion nobody follows
    solved = np.linalg.solve(known, after[triples].astype(np.float64))
    guesses = np.asarray(solved.transpose(0, 2, 1), np.float64)
    guesses = guesses[plausible(guesses)]
    counts = _followers(guesses, before, after)
    if len(counts) == 0 or counts.max() < _FEWEST:
        return None
    best = guesses[int(counts.argmax())]
    for near in (_NEAR, _NEAR, _NEAR / 2, _NEAR / 2):
        follows = _distance(best, before, after) < near
        if follows.sum() < _FEWEST:
            break
        best = fitted(before[follows], after[follows])
    return best if plausible(best) else None


def _followers(motions: Affine, before: Points, after: Points) -> NDArray[np.intp]:
    """Return how many points follow each motion."""
    x, y = before.T
    far = np.zeros((len(motions), len(before)), np.float32)
    for i in range(2):
        across, down, shift = motions[:, i, :, None].astype(np.float32).transpose(1, 0, 2)
        gap = across * x
        gap += down * y
        gap += shift - after[:, i]
        far += np.square(gap, out=gap)
    return np.asarray(np.count_nonzero(far < np.float32(_NEAR**2), axis=1))


def _distance(motion: Affine, before: Points, after: Points) -> Weights:
    return lengths((moved(motion, before) - after)[:, None])[:, 0]
