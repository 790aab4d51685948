"""Draw a frame out of two pictures, tile by tile: moved, one sheet before another, and blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.rasters import Mask, Weights, enlarged, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ipyveo.engine.motion import Sheet
    from ipyveo.engine.planes import Plane

    Part: TypeAlias = tuple[slice, slice]

_TILE = 24, 40  # cells down and across: small enough for a processor's cache, and often of one picture alone
_NOTHING = 1e-3
_HALF = np.float32(0.5)

Blend: TypeAlias = tuple["Weights", "Weights"]
"""What the start and the end are multiplied by, a value a cell."""


class Source(NamedTuple):
    """A plane of either picture, and where the frame's goes."""

    start: Plane
    end: Plane
    out: Plane


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
        self._side, self._shape, self._cells = side, shape, cells
        down, across = (min(most, count) + 2 for most, count in zip(_TILE, cells, strict=True))
        self._whole = down * side, across * side
        self._maps = [np.empty((*self._whole, 2), np.float32) for _ in range(2)]
        self._blend = [np.empty(self._whole, np.float32) for _ in range(2)]
        self._part = {2: np.empty(self._whole, np.float32), 3: np.empty((*self._whole, 2), np.float32)}
        self._drawn = [np.empty(self._whole, np.uint8) for _ in range(2)]

    def draw(
        self,
        sheets: Sequence[Sheet],
        blends: Sequence[Sequence[Blend]],
        to_plane: Affine,
        sources: Sequence[Source],
    ) -> None:
        """Draw planes.

        Parameters
        ----------
        sheets
            Where each point comes from, a value a cell, from the back to the front.
        blends
            For each plane, how the two pictures are blended in each sheet.
        to_plane
            From the sheets' pixels to those of the planes that are read.
        sources
            The planes.
        """
        places = [(moved(to_plane, sheet.start), moved(to_plane, sheet.end)) for sheet in sheets]
        for cells, pixels in self._tiles():
            seen = self._seen([sheet.cover for sheet in sheets], cells)
            shares = [[(one[k][0][cells], one[k][1][cells]) for k, _ in seen] for one in blends]
            shown = [
                any(float(np.max(part[i])) > _NOTHING for one in shares for part in one) for i in range(2)
            ]
            for i in range(2):
                if shown[i]:
                    self._enlarge([places[k][i][cells] for k, _ in seen], seen, self._maps[i])
            for source, parts in zip(sources, shares, strict=True):
                self._plane(source, parts, seen, shown, pixels)

    def _tiles(self) -> Iterator[tuple[Part, Part]]:
        """Yield the cells of each tile, with one more on each side, and its pixels."""
        down, across = (count - 2 for count in self._cells)
        for top in range(0, down, _TILE[0]):
            for left in range(0, across, _TILE[1]):
                bottom, right = min(top + _TILE[0], down), min(left + _TILE[1], across)
                height, width = self._shape
                rows = slice(top * self._side, min(bottom * self._side, height))
                columns = slice(left * self._side, min(right * self._side, width))
                yield (slice(top, bottom + 2), slice(left, right + 2)), (rows, columns)

    def _seen(self, covers: Sequence[Weights | None], cells: Part) -> list[tuple[int, Plane | None]]:
        """Return the sheets that are seen in a tile, from the back to the front, and where they are."""
        seen: list[tuple[int, Plane | None]] = []
        for k, whole in enumerate(covers):
            cover = None if whole is None else whole[cells]
            if cover is None or float(cover.min()) > _HALF:
                seen = [(k, None)]
            elif float(cover.max()) > _HALF:
                size = cover.shape[1] * self._side, cover.shape[0] * self._side
                mask: Mask = enlarged(cover, size) > _HALF
                seen.append((k, mask.view(np.uint8)))
        return seen

    def _plane(
        self,
        source: Source,
        parts: Sequence[Blend],
        seen: list[tuple[int, Plane | None]],
        shown: list[bool],
        pixels: Part,
    ) -> None:
        out = source.out[pixels]
        inner = tuple(slice(self._side, self._side + side) for side in out.shape)
        total = [part[0] + part[1] for part in parts]
        lit = any(float(np.abs(one - 1).max()) > _NOTHING for one in total)
        pictures = [(plane, full[inner]) for plane, full in zip(source[:2], self._maps, strict=True)]
        if not all(shown) and not lit:
            plane, places = pictures[shown.index(True)]
            read(plane, places, out)
            return
        drawn = [self._drawn[i][: out.shape[0], : out.shape[1]] for i in range(2)]
        for (plane, places), into, there in zip(pictures, drawn, shown, strict=True):
            if there:
                read(plane, places, into)
        if len(parts) == 1 and not lit and float(np.ptp(parts[0][1])) < _NOTHING:
            cv2.addWeighted(
                drawn[0], float(parts[0][0][0, 0]), drawn[1], float(parts[0][1][0, 0]), 0, dst=out
            )
            return
        for i in range(2):
            self._enlarge([part[i] for part in parts], seen, self._blend[i])
        blend = [one[inner] for one in self._blend]
        cv2.blendLinear(drawn[0], drawn[1], blend[0], blend[1], dst=out)
        if lit:  # the blend was brought to 1
            cv2.multiply(out, blend[0] + blend[1], dst=out, dtype=cv2.CV_8U)

    def _enlarge(
        self,
        parts: Sequence[NDArray[np.float32]],
        seen: list[tuple[int, Plane | None]],
        full: NDArray[np.float32],
    ) -> None:
        height, width = (side * self._side for side in parts[0].shape[:2])
        for part, (_, mask) in zip(parts, seen, strict=True):
            if mask is None:
                enlarged(part, (width, height), full[:height, :width])
            else:
                over = enlarged(part, (width, height), self._part[part.ndim][:height, :width])
                cv2.copyTo(over, mask, full[:height, :width])
