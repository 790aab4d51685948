"""Where each point of a picture went: what is left over after a global motion, made whole where unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ipyveo.engine.affine import Affine, Points, moved

if TYPE_CHECKING:
    from ipyveo.engine.planes import Plane, Planes

WORKING_SIDE = 640  # the longer side of the pictures that motion is looked for in
_AGREE = 2.0  # working pixels between there and back again

Weights: TypeAlias = NDArray[np.float32]
Field = TypeVar("Field", bound=NDArray[Any])


class Flow(NamedTuple):
    """What was found between two pictures that nearly match, and how far it can be trusted.

    `there` says for each point of the first where it is in the second, as a difference; `back` the same for
    the second.
    """

    there: Points
    back: Points
    trust_there: Weights
    trust_back: Weights
    agreed: float
    likeness: float


class Drift(NamedTuple):
    """A flow made whole, at half its size; seen from either picture it points from first to second."""

    there: Points
    back: Points


class Look(NamedTuple):
    """A picture in the working size: evened out so that a thing looks alike in any light, and its colours."""

    even: Plane
    colour: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.even.shape


def working(picture: Planes) -> Look:
    """Bring a picture to the working size."""
    height, width = picture.y.shape
    scale = WORKING_SIDE / max(width, height)
    size = (max(64, round(width * scale)), max(64, round(height * scale)))
    fitting = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    colour = np.stack([cv2.resize(plane, size, interpolation=fitting) for plane in picture], axis=-1)
    grey = colour[..., 0].astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), 12)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), 12) - mean * mean, 0))
    return Look(np.clip(128 + 48 * (grey - mean) / (spread + 4), 0, 255).astype(np.uint8), colour)


def grid(shape: tuple[int, ...], step: int = 1) -> Points:
    """Return the points in the middle of each square of `step` pixels."""
    down, across = (np.arange(side // step, dtype=np.float32) * step + (step - 1) / 2 for side in shape[:2])
    return np.ascontiguousarray(np.stack(np.meshgrid(across, down), axis=-1))


def warped(picture: Plane, matrix: Affine, border: int = cv2.BORDER_REPLICATE) -> Plane:
    """Return the picture whose point p shows what the given one shows at `matrix` times p."""
    size = picture.shape[1], picture.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix[:2], size, flags=flags, borderMode=border)


def inside(shape: tuple[int, ...], matrix: Affine) -> NDArray[np.bool_]:
    """Tell for each point whether the matrix leads it to a place within the picture."""
    there = moved(matrix, grid(shape))
    within_x = (there[..., 0] > -0.5) & (there[..., 0] < shape[1] - 0.5)
    return np.asarray(within_x & (there[..., 1] > -0.5) & (there[..., 1] < shape[0] - 0.5))


def flow_between(first: Plane, second: Plane, known: NDArray[np.bool_]) -> Flow:
    """Find the flow of two pictures of the working size.

    Parameters
    ----------
    first, second
        Two that a global motion has brought over each other.
    known
        Where both show something.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there = search.calc(first, second, None)
    back = search.calc(second, first, None)
    agree_there, agree_back = _agreement(there, back, known), _agreement(back, there, known)
    return Flow(
        there,
        back,
        agree_there,
        agree_back,
        agreed=float((agree_there[known] > 0).mean()) if known.any() else 0.0,
        likeness=likeness(first, looked_up(second, there), known),
    )


def drift(flow: Flow, there: Weights | None = None, back: Weights | None = None) -> Drift:
    """Make a flow whole: where it cannot be trusted, it is what it is around there.

    Parameters
    ----------
    flow
        As it was found.
    there, back
        How far each point of the first and of the second picture belongs to what moves so; all by default.
    """
    trusts = (
        flow.trust_there if there is None else flow.trust_there * there,
        flow.trust_back if back is None else flow.trust_back * back,
    )
    return Drift(_settled(flow.there, trusts[0]), -_settled(flow.back, trusts[1]))


def looked_up(field: Field, flow: Points) -> Field:
    """Return what a field holds where a flow leads each point."""
    return cv2.remap(field, grid(flow.shape) + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _agreement(there: Points, back: Points, known: NDArray[np.bool_]) -> Weights:
    gap = np.hypot(*np.moveaxis(there + looked_up(back, there), -1, 0))
    return np.where(known & (gap < _AGREE), np.exp(-gap), 0).astype(np.float32)


def likeness(first: Plane, second: Plane, known: NDArray[np.bool_]) -> float:
    """Return the median correlation of small neighbourhoods, over those that show something."""
    one, other = first.astype(np.float32), second.astype(np.float32)

    def mean(field: Weights) -> Weights:
        return cv2.boxFilter(field, -1, (11, 11))

    one_mean, other_mean = mean(one), mean(other)
    one_spread, other_spread = (mean(a * a) - m * m for a, m in ((one, one_mean), (other, other_mean)))
    shown = known & (one_spread > 25)
    if shown.sum() < 50:
        return 1.0
    alike = (mean(one * other) - one_mean * other_mean) / np.sqrt(np.maximum(one_spread * other_spread, 25))
    return float(np.median(alike[shown]))


def _halved(field: Weights) -> Weights:
    return cv2.resize(field, (field.shape[1] // 2, field.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _settled(flow: Points, trust: Weights) -> Points:
    """Halve a flow, and fill it from ever wider around where it cannot be trusted."""
    weight = _halved(trust)
    flow = np.stack([_halved(flow[..., i] * trust) for i in range(2)], axis=-1)
    filled, found = np.zeros_like(flow), np.zeros_like(weight)
    for reach in (1, 4, 16, 64):
        wide, sure = (cv2.GaussianBlur(field, (0, 0), reach) for field in (flow, weight))
        share = np.minimum(sure / 0.25, 1) * (1 - found)
        filled += (share / np.maximum(sure, 1e-6))[..., None] * wide
        found += share
    return np.asarray(filled, dtype=np.float32)  # what nothing around tells keeps still
