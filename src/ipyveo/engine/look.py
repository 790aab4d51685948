"""A picture as motion is looked for in it: small, and evened out so that light does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ipyveo.engine.rasters import Weights, blurred, fitted_to, inside, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ipyveo.engine.affine import Points
    from ipyveo.engine.planes import Plane, Planes

_LONGER_SIDE, _LEAST_SIDE = 640, 64
_AROUND = 12.0  # pixels that make up a neighbourhood
_SPREAD = 48.0  # what the spread of brightness in a neighbourhood is brought to
_FINEST = 0.8  # what is finer looks otherwise when it is moved by half a pixel
_THICK = 1.5  # an edge is as wide, so that it need not be met exactly
_FLAT, _FEW = 1.0, 100
_NOISE = 4.0  # levels: a neighbourhood with less to show is not brought up to it


class Look(NamedTuple):
    """A picture of the working size."""

    even: Plane
    """Its luma less the mean around, over the spread around: a thing looks the same in any light."""
    sharp: Plane
    """The same with its finest detail, which makes points but no good flow."""
    colour: NDArray[np.uint8]
    """Y, U and V of each pixel."""
    edges: Weights
    """How sharply the evened picture changes, whether to lighter or to darker."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        return self.even.shape


def look_at(picture: Planes) -> Look:
    """Bring a picture to the working size."""
    height, width = picture.y.shape
    scale = _LONGER_SIDE / max(width, height)
    size = max(_LEAST_SIDE, round(width * scale)), max(_LEAST_SIDE, round(height * scale))
    colour = np.stack([fitted_to(plane, size) for plane in picture], axis=-1)
    grey = colour[..., 0].astype(np.float32)
    mean = blurred(grey, _AROUND)
    spread = np.sqrt(np.maximum(blurred(grey * grey, _AROUND) - mean * mean, 0))
    even = np.asarray(128 + _SPREAD * (grey - mean) / (spread + _NOISE), np.float32)
    soft, sharp = (np.clip(each, 0, 255).astype(np.uint8) for each in (blurred(even, _FINEST), even))
    return Look(soft, sharp, colour, _edges(even))


def coincidence(start: Look, end: Look, led: Points) -> float:
    """Return how well edges come to lie over edges: 1 if all do, about 0 if they do by chance.

    Parameters
    ----------
    start, end
        A pair.
    led
        Where the points of the start are said to be in the end.
    """
    known = inside(led, end.shape)
    before, after = start.edges[known], read(end.edges, led)[known]
    if before.size < _FEW:
        return 0.0
    spread = float(before.std()), float(after.std())
    if max(spread) < _FLAT:
        return 1.0
    together = float(np.mean((before - before.mean()) * (after - after.mean())))
    return together / max(spread[0] * spread[1], _FLAT**2)


def _edges(even: Weights) -> Weights:
    across, down = (cv2.Sobel(blurred(even, _THICK), cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    return blurred(cv2.magnitude(across, down), _THICK)
