"""A picture as motion is looked for in it: small, and evened out so that light does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ipyveo.engine.rasters import blurred, fitted_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ipyveo.engine.planes import Plane, Planes

_LONGER_SIDE, _LEAST_SIDE = 640, 64
_AROUND = 12.0  # pixels that make up a neighbourhood
_SPREAD = 48.0  # what the spread of brightness in a neighbourhood is brought to
_NOISE = 4.0  # levels: a neighbourhood with less to show is not brought up to it


class Look(NamedTuple):
    """A picture of the working size."""

    even: Plane
    """Its luma less the mean around, over the spread around: a thing looks the same in any light."""
    colour: NDArray[np.uint8]
    """Y, U and V of each pixel."""

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
    even = 128 + _SPREAD * (grey - mean) / (spread + _NOISE)
    return Look(np.clip(even, 0, 255).astype(np.uint8), colour)
