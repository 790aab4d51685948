"""Draw a frame out of two pictures, tile by tile: moved, one sheet before another, and blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.rasters import Mask, Weights, enlarged, led, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ipyveo.engine.motion import Sheet
    from ipyveo.engine.planes import Plane

    Part: TypeAlias = tuple[slice, slice]

_TILE = 24, 40  # cells down and across: small enough for a processor's cache, and often of one picture alone
_NOTHING = 1e-3
_HALF = np.float32(0.5)

Blend: TypeAlias = tuple["Weights", "Weights"]
"""What the start and the end are multiplied by, a value a cell."""


class Leads(NamedTuple):
    """What leads from a plane of the frame to the sheets' pixels, and from these to the planes read."""

    from_frame: Affine
    to_picture: Affine


class Source(NamedTuple):
    """A plane of either picture, and where the frame's goes."""

    start: Plane
    end: Plane
    out: Plane


class Tile(NamedTuple):
    """A part of the frame, and what is seen there; the same for planes of any size."""

    cells: Part
    seen: list[tuple[int, Weights | None]]
    """The sheets from the back to the front, and where those do not hide all that are seen in part."""
    shown: tuple[bool, bool]
    """Whether anything comes out of the start, and out of the end."""
    lit: bool
    """Whether what the two pictures are multiplied by does not add up to 1."""


def tiles(sheets: Sequence[Sheet], blends: Sequence[Sequence[Blend]]) -> list[Tile]:
    """Part a frame into tiles: found once for its planes.

    Parameters
    ----------
    sheets
        Where each point comes from, a value a cell, from the back to the front: the frame's cells, and one
        more on each side, since a map is linear between the middles of cells, but not beyond them.
    blends
        For each plane, how the two pictures are blended in each sheet.
    """
    down, across = (count - 2 for count in sheets[0].start_weight.shape)
    covers = [sheet.cover for sheet in sheets]
    found = []
    for top in range(0, down, _TILE[0]):
        for left in range(0, across, _TILE[1]):
            bottom, right = min(top + _TILE[0], down), min(left + _TILE[1], across)
            cells = slice(top, bottom + 2), slice(left, right + 2)
            seen = _seen(covers, cells)
            parts = [(one[k][0][cells], one[k][1][cells]) for one in blends for k, _ in seen]
            start, end = (any(float(part[i].max()) > _NOTHING for part in parts) for i in range(2))
            found.append(Tile(cells, seen, (start, end), any(_lit(*part) for part in parts)))
    return found


def _seen(covers: Sequence[Weights | None], cells: Part) -> list[tuple[int, Weights | None]]:
    seen: list[tuple[int, Weights | None]] = []
    for k, whole in enumerate(covers):
        cover = None if whole is None else whole[cells]
        if cover is None or float(cover.min()) > _HALF:
            seen = [(k, None)]
        elif float(cover.max()) > _HALF:
            seen.append((k, cover))
    return seen


def _lit(start: Weights, end: Weights) -> bool:
    return float(np.abs(start + end - 1).max()) > _NOTHING


class Mixer:
    """Draws planes of one size; its memory is used again for each frame.

    Parameters
    ----------
    cells
        How many there are down and across, those around the frame among them.
    side
        Of a cell, in pixels of the plane.
    """

    def __init__(self, cells: tuple[int, int], side: int) -> None:
        self._side = side
        down, across = (min(most + 2, count) for most, count in zip(_TILE, cells, strict=True))
        self._whole = down * side, across * side
        self._maps = [np.empty((*self._whole, 2), np.float32) for _ in range(2)]
        self._blend = [np.empty(self._whole, np.float32) for _ in range(2)]
        self._part = {2: np.empty(self._whole, np.float32), 3: np.empty((*self._whole, 2), np.float32)}
        self._drawn = [np.empty(self._whole, np.uint8) for _ in range(2)]

    def draw(
        self,
        parts: Sequence[Tile],
        sheets: Sequence[Sheet],
        blends: Sequence[Sequence[Blend]],
        leads: Leads,
        sources: Sequence[Source],
    ) -> None:
        """Draw planes.

        Parameters
        ----------
        parts
            The tiles of the frame.
        sheets, blends
            As the tiles were found by; of the blends, those of the planes.
        leads
            From the frame's planes and to the pictures'.
        sources
            The planes.
        """
        if len(sheets) == 1 and (motions := sheets[0].motions) is not None:
            straight = [leads.to_picture @ motion @ leads.from_frame for motion in motions]
            for tile in parts:
                for source, shares in zip(sources, blends, strict=True):
                    self._plane(source, tile, shares, [(0, None)], straight)
            return
        places = [[moved(leads.to_picture, points) for points in (one.start, one.end)] for one in sheets]
        for tile in parts:
            seen = [(k, None if cover is None else self._mask(cover)) for k, cover in tile.seen]
            for i in range(2):
                if tile.shown[i]:
                    self._enlarge([places[k][i][tile.cells] for k, _ in seen], seen, self._maps[i])
            for source, shares in zip(sources, blends, strict=True):
                self._plane(source, tile, shares, seen)

    def _mask(self, cover: Weights) -> Plane:
        size = cover.shape[1] * self._side, cover.shape[0] * self._side
        mask: Mask = enlarged(cover, size) > _HALF
        return mask.view(np.uint8)

    def _plane(
        self,
        source: Source,
        tile: Tile,
        shares: Sequence[Blend],
        seen: list[tuple[int, Plane | None]],
        straight: list[Affine] | None = None,
    ) -> None:
        side = self._side
        rows, columns = (slice(part.start * side, (part.stop - 2) * side) for part in tile.cells)
        out = source.out[rows, columns]  # less than a whole tile at the right and at the bottom
        height, width = out.shape
        inner = slice(side, side + height), slice(side, side + width)
        alone = not all(tile.shown) and not tile.lit
        drawn = [out if alone else one[:height, :width] for one in self._drawn]
        for i in range(2):
            if not tile.shown[i]:
                continue
            if straight is None:
                read(source[i], self._maps[i][inner], drawn[i])
            else:
                led(source[i], straight[i], (columns.start, rows.start), drawn[i])
        if alone:
            return
        blends = [tuple(part[tile.cells] for part in shares[k]) for k, _ in seen]
        if len(seen) == 1 and not tile.lit and float(np.ptp(blends[0][1])) < _NOTHING:
            start, end = (float(part[0, 0]) for part in blends[0])
            cv2.addWeighted(drawn[0], start, drawn[1], end, 0, dst=out)
            return
        for i in range(2):
            self._enlarge([part[i] for part in blends], seen, self._blend[i])
        blend = [one[inner] for one in self._blend]
        cv2.blendLinear(drawn[0], drawn[1], blend[0], blend[1], dst=out)
        if tile.lit:  # the blend was brought to 1
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
