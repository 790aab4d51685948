"""What OpenCV does to arrays of pixels or of values, with types, and with one convention for borders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ipyveo.engine.affine import Affine, Points

Weights: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
_BELL, _SMALL = 8.0, 8  # the least reach, and the least side, in points, that wide means are found with
Raster = TypeVar("Raster", bound=NDArray[Any])


def grid(shape: tuple[int, ...], step: int = 1) -> Points:
    """Return the points in the middle of each square of `step` pixels."""
    down, across = (np.arange(side // step, dtype=np.float32) * step + (step - 1) / 2 for side in shape[:2])
    points: Points = np.ascontiguousarray(np.stack(np.meshgrid(across, down), axis=-1))
    return points


def lengths(points: Points) -> Weights:
    """Return how long each arrow is."""
    return cv2.magnitude(points[..., 0], points[..., 1])  # type: ignore[no-any-return]


def read(raster: Raster, points: Points, out: Raster | None = None) -> Raster:
    """Return what is at points, between pixels too; beyond the border it goes on as at the border."""
    border = cv2.BORDER_REPLICATE
    found: Raster = cv2.remap(raster, points, None, cv2.INTER_LINEAR, dst=out, borderMode=border)
    return found


def turned(raster: Raster, matrix: Affine) -> Raster:
    """Return the raster whose point p shows what the given one shows at `matrix` times p."""
    size, flags = raster.shape[1::-1], cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    found: Raster = cv2.warpAffine(raster, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return found


def enlarged(raster: Raster, size: tuple[int, int], out: Raster | None = None) -> Raster:
    """Return a raster of values in a greater size, width before height."""
    found: Raster = cv2.resize(raster, size, dst=out)
    return found


def fitted_to(raster: Raster, size: tuple[int, int]) -> Raster:
    """Return a raster of pixels in any other size, width before height."""
    shrinks = size[0] < raster.shape[1]
    found: Raster = cv2.resize(raster, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return found


def halved(raster: Raster) -> Raster:
    """Return the means of squares of four."""
    size = raster.shape[1] // 2, raster.shape[0] // 2
    found: Raster = cv2.resize(raster, size, interpolation=cv2.INTER_AREA)
    return found


def blurred(field: Weights, reach: float) -> Weights:
    """Return the means around each point, weighted by a bell of this standard deviation."""
    step = int(reach / _BELL)
    if step < 2 or min(field.shape[:2]) < _SMALL * step:  # noqa: PLR2004 - nothing to be made smaller
        found: Weights = cv2.GaussianBlur(field, (0, 0), reach)
        return found
    # A wide bell leaves nothing fine: fewer points tell the same, for a hundredth of the work.
    size = field.shape[1] // step, field.shape[0] // step
    small = cv2.resize(field, size, interpolation=cv2.INTER_AREA)
    return enlarged(cv2.GaussianBlur(small, (0, 0), reach / step), field.shape[1::-1])


def averaged(field: NDArray[Any], side: int) -> Weights:
    """Return the means of squares around each point."""
    found: Weights = cv2.boxFilter(field, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT)
    return found


def inside(points: Points, shape: tuple[int, ...]) -> Mask:
    """Tell for each point whether it lies within a picture."""
    edge = -0.5
    within: Mask = cv2.inRange(points, (edge, edge), (shape[1] + edge, shape[0] + edge)) > 0
    return within
