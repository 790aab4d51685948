"""Affine motions as 3 x 3 matrices, and the even path from rest to each of them."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Affine: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.float32]
"""Of shape (..., 2), x before y."""

_LITTLE, _MOST_HALVINGS = 0.01, 30


def scaling(across: float, down: float) -> Affine:
    """Return the matrix that goes with a resize: the pixels' centres, not their corners, are integers."""
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])


def moved(affine: Affine, points: Points) -> Points:
    """Apply a motion to points, one at least."""
    flat: Points = cv2.transform(points.reshape(-1, 1, 2), affine[:2].astype(np.float32))
    return flat.reshape(points.shape)


def inverse(affine: Affine) -> Affine:
    """Return the motion back."""
    return np.asarray(np.linalg.inv(affine), np.float64)


class Glide:
    """The motion that, in any number of equal parts, makes up a whole one: even zoom, even turn, no detour.

    Parameters
    ----------
    whole
        With a positive determinant and less than half a turn.

    Examples
    --------
    >>> round(float(Glide(np.diag([4.0, 4.0, 1.0])).at(0.5)[0, 0]), 6)
    2.0
    """

    def __init__(self, whole: Affine) -> None:
        self.whole = whole
        self._generator = _logarithm(whole)

    def at(self, share: float) -> Affine:
        """Return the part of the motion that a share of the time makes; -1 gives its inverse."""
        return _exponential(share * self._generator)


def _logarithm(affine: Affine) -> Affine:
    # Square roots until the rest is close to none, then the series: SciPy is not among the dependencies.
    rest, halvings = affine, 0
    while np.abs(rest - np.eye(3))[:2, :2].max() > _LITTLE and halvings < _MOST_HALVINGS:
        rest, halvings = _root(rest), halvings + 1
    little = rest - np.eye(3)
    power, total = little, np.zeros((3, 3))
    for order in range(1, 12):
        total += power * (-1) ** (order + 1) / order
        power = power @ little
    return np.asarray(total * 2**halvings)


def _root(affine: Affine) -> Affine:
    root, inverse = affine, np.eye(3)  # the iteration of Denman and Beavers
    for _ in range(20):
        root, inverse = (root + np.linalg.inv(inverse)) / 2, (inverse + np.linalg.inv(root)) / 2
    return root


def _exponential(generator: Affine) -> Affine:
    halvings = max(0, int(np.ceil(np.log2(np.abs(generator[:2, :2]).max() + 1e-9))) + 6)
    little, total, power = generator / 2**halvings, np.eye(3), np.eye(3)
    for order in range(1, 12):
        power = power @ little / order
        total = total + power
    for _ in range(halvings):
        total = total @ total
    return total
