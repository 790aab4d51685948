"""Draw a frame out of two pictures, patch by patch: moved, one sheet before another, and blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.rasters import Mask, Weights, enlarged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ipyveo.engine.motion import Sheet
    from ipyveo.engine.planes import Plane
    from ipyveo.engine.sampled import Sampled, Way

    Part: TypeAlias = tuple[slice, slice]
    Reader: TypeAlias = Callable[[Sampled, Plane], None]

_TILE = 30, 40  # cells down and across: small enough for a processor's cache, and often of one picture alone
_NEXT = np.ones((3, 3), np.uint8)  # a cell and those around it
_NOTHING, _HALF = np.float32(1e-3), np.float32(0.5)

Blend: TypeAlias = tuple["Weights", "Weights"]
"""What the start and the end are multiplied by, a value a cell."""


class Leads(NamedTuple):
    """What leads from a plane of the frame to the sheets' pixels, and from these to the planes read."""

    from_frame: Affine
    to_picture: Affine


class Source(NamedTuple):
    """A plane of either picture, and where the frame's goes."""

    pictures: tuple[Sampled, Sampled]
    out: Plane


class Patch(NamedTuple):
    """A part of the frame, in cells, where a sheet is seen; the same for planes of any size."""

    sheet: int
    part: Part
    veils: bool
    """Whether those behind are seen in the same part."""
    lit: bool
    """Whether what the two pictures are multiplied by does not add up to 1, as blending takes for granted."""
    first: int
    """The picture that most of it comes out of: 0 the start, 1 the end."""
    other: Part | None
    """Where something comes out of the other picture too."""


def patches(sheets: Sequence[Sheet], blends: Sequence[Sequence[Blend]]) -> list[Patch]:
    """Part a frame into patches, those behind before those in front of them: found once for its planes.

    Parameters
    ----------
    sheets
        Where each point comes from, a value a cell, from the back to the front: the frame's cells, and one
        more on each side, since a map is linear between the middles of cells, but not beyond them.
    blends
        For each plane, how the two pictures are blended in each sheet.
    """
    found: list[Patch] = []
    # Where what is behind is still seen.
    bare = np.ones([count - 2 for count in sheets[0].start_weight.shape], np.uint8)
    for k, sheet in reversed(list(enumerate(sheets))):
        solid = np.ones(sheet.start_weight.shape, np.uint8)
        if sheet.cover is not None:
            solid = (sheet.cover > _HALF).view(np.uint8)
        seen, hides = bare & _inner(cv2.dilate(solid, _NEXT)), _inner(cv2.erode(solid, _NEXT))
        found = [*_patches_of(k, seen, hides, [one[k] for one in blends]), *found]
        bare &= ~hides
    return found


def _patches_of(k: int, seen: Plane, hides: Plane, blends: Sequence[Blend]) -> Iterator[Patch]:
    counts = [seen & _near(np.max([blend[i] for blend in blends], axis=0)) for i in range(2)]
    lit = seen & _near(np.max([np.abs(start + end - 1) for start, end in blends], axis=0))
    any_lit = bool(lit.any())
    for top in range(0, seen.shape[0], _TILE[0]):
        for left in range(0, seen.shape[1], _TILE[1]):
            tile = slice(top, top + _TILE[0]), slice(left, left + _TILE[1])
            part = _bounds(seen, tile)
            if part is not None:
                shown = [_bounds(count, tile) for count in counts]
                first = int(_size(shown[0]) < _size(shown[1]))
                veils, bright = k > 0 and not hides[part].all(), any_lit and bool(lit[part].any())
                yield Patch(k, part, veils, bright, first, shown[1 - first])


def _inner(cells: Plane) -> Plane:
    return cells[1:-1, 1:-1]


def _near(cells: Weights) -> Plane:
    """Tell where there is something in a cell or next to it."""
    return _inner(cv2.dilate((cells > _NOTHING).view(np.uint8), _NEXT))


def _bounds(cells: Plane, tile: Part) -> Part | None:
    """Return the least part of a tile outside of which all is 0."""
    left, top, across, down = cv2.boundingRect(cells[tile])
    top, left = top + tile[0].start, left + tile[1].start
    return (slice(top, top + down), slice(left, left + across)) if across else None


def _with_next(part: Part) -> Part:
    """Return where a part of the frame, and a cell more on each side, is among all cells."""
    rows, columns = part
    return slice(rows.start, rows.stop + 2), slice(columns.start, columns.stop + 2)


def _size(part: Part | None) -> int:
    return 0 if part is None else (part[0].stop - part[0].start) * (part[1].stop - part[1].start)


class Mixer:
    """Draws planes of one size; its memory is used again for each frame.

    Parameters
    ----------
    cells
        How many there are down and across, those around the frame among them.
    side
        Of a cell, in pixels of the plane.
    channels
        Of a pixel: none of a plane, two of two that are drawn at once.
    """

    def __init__(self, cells: tuple[int, int], side: int, channels: tuple[int, ...] = ()) -> None:
        self._side = side
        down, across = (min(most + 2, count) for most, count in zip(_TILE, cells, strict=True))
        whole = down * side, across * side
        self._maps = [np.empty((*whole, 2), np.float32) for _ in range(2)]
        self._weights = [np.empty(whole, np.float32) for _ in range(2)]
        self._veil, self._other = (np.empty((*whole, *channels), np.uint8) for _ in range(2))

    def draw(
        self,
        parts: Sequence[Patch],
        sheets: Sequence[Sheet],
        blends: Sequence[Sequence[Blend]],
        leads: Leads,
        sources: Sequence[Source],
    ) -> None:
        """Draw planes.

        Parameters
        ----------
        parts
            The patches of the frame.
        sheets, blends
            As the patches were found by; of the blends, those of the planes.
        leads
            From the frame's planes and to the pictures'.
        sources
            The planes.
        """
        motions = [_ways(sheet, leads, sources[0]) for sheet in sheets]
        for patch in parts:
            sheet, ways = sheets[patch.sheet], motions[patch.sheet]
            other = patch.other and self._reader(sheet, ways, 1 - patch.first, patch.other, leads)
            readers = (self._reader(sheet, ways, patch.first, patch.part, leads), other)
            mask = self._mask(sheet, patch)
            for source, shares in zip(sources, blends, strict=True):
                out = source.out[self._pixels(patch.part)]  # less than the part beyond a frame's border
                if mask is None:
                    self._draw(source, patch, readers, shares[patch.sheet], out)
                else:
                    drawn = _corner(self._veil, out.shape)
                    self._draw(source, patch, readers, shares[patch.sheet], drawn)
                    cv2.copyTo(drawn, _corner(mask, out.shape), out)

    def _reader(
        self, sheet: Sheet, motions: list[Way] | None, picture: int, part: Part, leads: Leads
    ) -> Reader:
        """Return what reads a plane of a picture for a part of the frame's."""
        if motions is not None:
            rows, columns = self._pixels(part)
            return lambda plane, out: plane.led(motions[picture], (columns.start, rows.start), out)
        cells = (sheet.start, sheet.end)[picture][_with_next(part)]
        points = self._enlarged(moved(leads.to_picture, cells), self._maps[picture])
        return lambda plane, out: plane.at(_corner(points, out.shape), out)

    def _mask(self, sheet: Sheet, patch: Patch) -> Plane | None:
        if sheet.cover is None or not patch.veils:
            return None
        cover = self._enlarged(sheet.cover[_with_next(patch.part)], self._weights[0])
        mask: Mask = cover > _HALF
        return mask.view(np.uint8)

    def _draw(
        self,
        source: Source,
        patch: Patch,
        readers: tuple[Reader, Reader | None],
        blend: Blend,
        out: Plane,
    ) -> None:
        readers[0](source.pictures[patch.first], out)
        both = other = None
        if patch.other is not None and readers[1] is not None:
            both = self._within(patch.part, patch.other)
            other = _corner(self._other, out[both].shape)
            readers[1](source.pictures[1 - patch.first], other)
        if patch.lit:
            self._light(patch, blend, out, both, other)
        elif both is not None and other is not None:
            self._cross(patch, blend, out[both], other)

    def _light(self, patch: Patch, blend: Blend, out: Plane, both: Part | None, other: Plane | None) -> None:
        """Add the pictures up, each lit by itself; rounded once, for what is flat would flicker."""
        lit = self._weights_of(blend[patch.first], patch.part, out, 0)
        cv2.multiply(out, lit, dst=lit, dtype=cv2.CV_32F)
        if patch.other is not None and both is not None and other is not None:
            more = self._weights_of(blend[1 - patch.first], patch.other, other, 1)
            cv2.multiply(other, more, dst=more, dtype=cv2.CV_32F)
            cv2.add(lit[both], more, dst=lit[both])
        cv2.convertScaleAbs(lit, dst=out)

    def _cross(self, patch: Patch, blend: Blend, out: Plane, other: Plane) -> None:
        """Blend the pictures where something comes out of both."""
        assert patch.other is not None
        cells = blend[1 - patch.first][_with_next(patch.other)]
        if float(np.ptp(cells)) < _NOTHING:
            share = float(cells[0, 0])
            cv2.addWeighted(out, 1 - share, other, share, 0, dst=out)
        else:
            weights = [
                self._weights_of(blend[i], patch.other, out, i) for i in (patch.first, 1 - patch.first)
            ]
            cv2.blendLinear(out, other, weights[0], weights[1], dst=out)

    def _within(self, whole: Part, part: Part) -> Part:
        """Return where in the pixels of a part those of another are, which lies within it."""
        rows, columns = (
            slice((less.start - more.start) * self._side, (less.stop - more.start) * self._side)
            for less, more in zip(part, whole, strict=True)
        )
        return rows, columns

    def _weights_of(self, cells: Weights, part: Part, pixels: Plane, room: int) -> Weights:
        return _corner(self._enlarged(cells[_with_next(part)], self._weights[room]), pixels.shape)

    def _enlarged(self, cells: Weights, room: Weights) -> Weights:
        """Return a value for each pixel of a part whose cells, and one more on each side, are given."""
        down, across = (count * self._side for count in cells.shape[:2])
        full = enlarged(cells, (across, down), room[:down, :across])
        return full[self._side : down - self._side, self._side : across - self._side]

    def _pixels(self, part: Part) -> Part:
        rows, columns = (slice(one.start * self._side, one.stop * self._side) for one in part)
        return rows, columns


def _ways(sheet: Sheet, leads: Leads, source: Source) -> list[Way] | None:
    """Return what leads from a plane of the frame to those of the pictures, where that is affine."""
    return sheet.motions and [
        plane.way(leads.to_picture @ motion @ leads.from_frame)
        for plane, motion in zip(source.pictures, sheet.motions, strict=True)
    ]


def _corner(raster: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return raster[: shape[0], : shape[1]]
