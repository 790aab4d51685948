"""Draw a frame's plane out of those of two pictures: moved, one sheet before another, and blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.rasters import Mask, Weights, enlarged, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ipyveo.engine.motion import Sheet
    from ipyveo.engine.planes import Plane

_EVEN = 1e-3

Blend: TypeAlias = tuple[Weights, Weights]
"""What the start and the end are multiplied by, a value a cell."""


class Mixer:
    """Draws planes of one size; its memory is used again for each frame.

    Parameters
    ----------
    cells
        How many there are down and across: those of the frame, and one more on each side, since a map is
        linear between the middles of cells, but not beyond them.
    side
        Of a cell, in pixels of the plane.
    shape
        Height and width of the plane.
    """

    def __init__(self, cells: tuple[int, int], side: int, shape: tuple[int, ...]) -> None:
        self._size = cells[1] * side, cells[0] * side
        self._frame = slice(side, side + shape[0]), slice(side, side + shape[1])
        whole = self._size[::-1]
        self._maps = np.empty((*whole, 2), np.float32), np.empty((*whole, 2), np.float32)
        self._blend = np.empty(whole, np.float32), np.empty(whole, np.float32)
        self._part = {2: np.empty(whole, np.float32), 3: np.empty((*whole, 2), np.float32)}
        self._drawn = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        self._masks: list[NDArray[np.uint8] | None] = []
        self._even: tuple[float, float] | None = None
        self._lit: Weights | None = None

    def lay(self, sheets: Sequence[Sheet], to_plane: Affine) -> None:
        """Take where each point of the plane comes from.

        Parameters
        ----------
        sheets
            From the back to the front, a value a cell.
        to_plane
            From their pixels to those of the planes that are read.
        """
        self._masks = [None if sheet.cover is None else self._mask(sheet.cover) for sheet in sheets]
        for full, places in zip(
            self._maps, zip(*((one.start, one.end) for one in sheets), strict=True), strict=True
        ):
            self._enlarge([moved(to_plane, place) for place in places], full)

    def weigh(self, blends: Sequence[Blend], *, lit: bool) -> None:
        """Take how the two pictures are blended.

        Parameters
        ----------
        blends
            One a sheet.
        lit
            Whether a blend may come to more or less than 1.
        """
        start, end = blends[0]
        self._even = self._lit = None
        if len(blends) == 1 and not lit and float(np.ptp(end)) < _EVEN:
            self._even = float(start[0, 0]), float(end[0, 0])
            return
        for full, parts in zip(self._blend, zip(*blends, strict=True), strict=True):
            self._enlarge(parts, full)
        if lit:
            self._lit = (self._blend[0] + self._blend[1])[self._frame]

    def draw(self, start: Plane, end: Plane, out: Plane) -> None:
        """Draw one plane out of two."""
        for plane, places, drawn in zip((start, end), self._maps, self._drawn, strict=True):
            read(plane, places[self._frame], drawn)
        if self._even is not None:
            cv2.addWeighted(self._drawn[0], self._even[0], self._drawn[1], self._even[1], 0, dst=out)
            return
        blends = [blend[self._frame] for blend in self._blend]
        cv2.blendLinear(self._drawn[0], self._drawn[1], blends[0], blends[1], dst=out)
        if self._lit is not None:  # the blend was brought to 1
            cv2.multiply(out, self._lit, dst=out, dtype=cv2.CV_8U)

    def _mask(self, cover: Weights) -> NDArray[np.uint8]:
        mask: Mask = enlarged(cover, self._size) > np.float32(0.5)
        return mask.view(np.uint8)

    def _enlarge(self, parts: Sequence[NDArray[np.float32]], full: NDArray[np.float32]) -> None:
        for part, mask in zip(parts, self._masks, strict=True):
            if mask is None:
                enlarged(part, self._size, full)
            else:
                cv2.copyTo(enlarged(part, self._size, self._part[part.ndim]), mask, full)
