"""Planes of a picture, read between their pixels: all at once by a shift, where nothing turns or grows."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine
from ipyveo.engine.planes import Plane, packed
from ipyveo.engine.rasters import read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points

    Place: TypeAlias = tuple[int, slice]

# In pixels of a frame: how far from its corner a point may be, what a shift may be off there, and how far
# beyond the border of a picture it reaches.
_FAR, _OFF, _BEYOND = 2000, 0.02, 32
_LEAST: Final = 1 / 512  # a share of a pixel, less than which makes no difference of half a level


class Between(NamedTuple):
    """Where a shift leads to along an axis: one phase, or two side by side, and the share of the second.

    Of each how far on it is read, in pixels of its own, and its number.
    """

    phases: list[tuple[int, int]]
    share: float


class Shift(NamedTuple):
    """A motion that takes all points as far."""

    matrix: Affine
    columns: Between
    rows: Between


Way: TypeAlias = Affine | Shift
"""What leads from the points of a frame to those of a picture."""


class Sampled:
    """One plane, or two of one size that are read side by side.

    Beyond its border a plane goes on as at the border.

    Parameters
    ----------
    planes
        One or two.
    step
        How many pixels of theirs a pixel of a frame is wide where nothing grows.

    Examples
    --------
    >>> ramp = Sampled([np.arange(0, 160, 10, np.uint8).reshape(2, 8)], 1)
    >>> seen = np.empty((2, 8), np.uint8)
    >>> ramp.led(ramp.way(np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])), (0, 0), seen)
    >>> seen[0]
    array([ 5, 15, 25, 35, 45, 55, 65, 70], dtype=uint8)
    """

    def __init__(self, planes: list[Plane], step: int) -> None:
        self._planes, self._step = planes, step

    def way(self, matrix: Affine) -> Way:
        """Return a motion as a shift, if it is one."""
        (across, lean, right), (turn, along, down), _ = matrix.tolist()
        off = max(abs(across - self._step) + abs(lean), abs(along - self._step) + abs(turn))
        if off * _FAR > _OFF * self._step:
            return matrix
        return Shift(matrix, self._between(right), self._between(down))

    def at(self, points: Points, out: Plane) -> None:
        """Read what is at points; of two planes both, as channels."""
        if len(self._planes) == 1:
            read(self._planes[0], points, out)
        else:
            _first_two(read(self._packed, points), out)

    def led(self, way: Way, corner: tuple[int, int], out: Plane) -> None:
        """Read where a way leads from each point of a frame, for the part of it that has this corner."""
        if not isinstance(way, Shift):
            self._warped(way, corner, out)
        elif not self._shifted(way, corner, out):
            self._warped(way.matrix, corner, out)

    def _warped(self, matrix: Affine, corner: tuple[int, int], out: Plane) -> None:
        part = matrix[:2].copy()
        part[:, 2] += part[:, :2] @ corner
        if len(self._planes) == 1:
            _warp(self._planes[0], part, out)
        else:
            several = np.empty((*out.shape[:2], self._packed.shape[2]), np.uint8)
            _warp(self._packed, part, several)
            _first_two(several, out)

    def _shifted(self, shift: Shift, corner: tuple[int, int], out: Plane) -> bool:
        """Read a part as the mean of the phases around it; tell whether they reach so far."""
        phases, (height, width) = self._phases, out.shape[:2]
        columns = _along(shift.columns, corner[0], width, phases[0][0].shape[1])
        rows = _along(shift.rows, corner[1], height, phases[0][0].shape[0])
        if not (columns and rows):
            return False
        lines = [
            _mean([phases[row][column][tops, lefts] for column, lefts in columns], shift.columns.share)
            for row, tops in rows
        ]
        _mean(lines, shift.rows.share, out)
        return True

    def _between(self, shift: float) -> Between:
        whole = math.floor(shift + _LEAST)
        share = shift - whole
        if share > _LEAST:
            return Between([divmod(whole, self._step), divmod(whole + 1, self._step)], share)
        return Between([divmod(whole, self._step)], 0.0)

    @cached_property
    def _phases(self) -> list[list[Plane]]:
        """The pixels that are a step apart, by the row and the column of the first of them."""
        pixels = self._planes[0] if len(self._planes) == 1 else cv2.merge(self._planes)
        edge, step = _BEYOND * self._step, self._step
        edged = cv2.copyMakeBorder(pixels, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        return [
            [np.ascontiguousarray(edged[row::step, column::step]) for column in range(step)]
            for row in range(step)
        ]

    @cached_property
    def _packed(self) -> Plane:
        return packed(*self._planes)


def _along(between: Between, first: int, count: int, side: int) -> list[Place]:
    """Return the phases that a part is between along an axis, and where; none beyond their end."""
    found: list[Place] = []
    for further, phase in between.phases:
        begin = first + further + _BEYOND
        if begin < 0 or begin + count > side:
            return []
        found.append((phase, slice(begin, begin + count)))
    return found


def _mean(parts: list[Plane], more: float, out: Plane | None = None) -> Plane:
    if len(parts) == 1:
        return parts[0] if out is None else cv2.copyTo(parts[0], None, dst=out)
    mean: Plane = cv2.addWeighted(parts[0], 1 - more, parts[1], more, 0, dst=out)
    return mean


def _warp(raster: Plane, part: Affine, out: Plane) -> None:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(raster, part, out.shape[1::-1], dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _first_two(several: Plane, out: Plane) -> None:
    cv2.mixChannels([several], [out], [0, 0, 1, 1])
