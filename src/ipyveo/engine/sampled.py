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


class Shift(NamedTuple):
    """By how much all points are moved: whole pixels of a plane, and the share of one that is left over."""

    right: int
    more_right: float
    down: int
    more_down: float


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
        off = float(np.abs(matrix[:2, :2] - np.diag([self._step, self._step])).sum(axis=1).max())
        if off * _FAR > _OFF * self._step:
            return matrix
        return Shift(*_parted(float(matrix[0, 2])), *_parted(float(matrix[1, 2])))

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
            right, down = way.right + way.more_right, way.down + way.more_down
            self._warped(np.array([[self._step, 0, right], [0, self._step, down]]), corner, out)

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
        (left, top), (height, width, *_) = corner, out.shape
        columns = self._places(shift.right, shift.more_right, left, width, axis=1)
        rows = self._places(shift.down, shift.more_down, top, height, axis=0)
        if not (columns and rows):
            return False
        lines = [
            _mean([self._phases[row][column][tops, lefts] for column, lefts in columns], shift.more_right)
            for row, tops in rows
        ]
        _mean(lines, shift.more_down, out)
        return True

    def _places(self, whole: int, more: float, first: int, count: int, *, axis: int) -> list[Place]:
        """Return the phases that a part is between along an axis, and where; none beyond their end."""
        found: list[Place] = []
        for shift in (whole, whole + 1) if more else (whole,):
            further, phase = divmod(shift, self._step)
            begin = first + further + _BEYOND
            if begin < 0 or begin + count > self._phases[0][0].shape[axis]:
                return []
            found.append((phase, slice(begin, begin + count)))
        return found

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


def _parted(shift: float) -> tuple[int, float]:
    whole = math.floor(shift + _LEAST)
    more = shift - whole
    return whole, more if more > _LEAST else 0.0


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
