"""Planes of a picture, read between their pixels; by shifting all of them at once where nothing turns or grows."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine
from ipyveo.engine.planes import Plane
from ipyveo.engine.rasters import read

if TYPE_CHECKING:
    from ipyveo.engine.affine import Points

# OpenCV looks up pixels of four channels in hardly more time than pixels of one, and takes more than twice as
# long for pixels of two.
_CHANNELS: Final = 4
_FAR: Final = 2000.0  # of a frame's pixels: wherever in a frame a point is
_OFF: Final = 0.02  # of a frame's pixel, what a shift may be off at most
_BEYOND: Final = 32  # of a frame's pixels, how far beyond a border can be shifted from
_LEAST: Final = 1 / 512  # a share of a pixel that makes no difference of half a level


class Shift(NamedTuple):
    """By how much all points are moved: whole pixels of a plane, and what is left over."""

    down: int
    right: int
    more_down: float
    more_right: float


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
        How many pixels of theirs one of a frame is wide, when it is looked at as it is.

    Examples
    --------
    >>> ramp = Sampled([np.arange(16, dtype=np.uint8).reshape(2, 8) * 10], 1)
    >>> moved = np.empty((2, 8), np.uint8)
    >>> ramp.led(ramp.way(np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])), (0, 0), moved)
    >>> moved[0]
    array([ 5, 15, 25, 35, 45, 55, 65, 70], dtype=uint8)
    """

    def __init__(self, planes: list[Plane], step: int) -> None:
        self._planes, self._step = planes, step

    def way(self, matrix: Affine) -> Way:
        """Return the same motion as a shift, if it is one."""
        turn = np.abs(matrix[:2, :2] - np.diag([self._step, self._step])).sum(axis=1).max()
        if turn * _FAR > _OFF * self._step:
            return matrix
        (right, more_right), (down, more_down) = (_parted(float(each)) for each in matrix[:2, 2])
        return Shift(down, right, more_down, more_right)

    def at(self, points: Points, out: Plane) -> None:
        """Read what is at points; of two planes both, as channels."""
        if len(self._planes) == 1:
            read(self._planes[0], points, out)
        else:
            _first_two(read(self._wide, points), out)

    def led(self, way: Way, corner: tuple[int, int], out: Plane) -> None:
        """Read where a way leads from each point of a frame, for the part of it that has this corner."""
        if not isinstance(way, Shift):
            self._warped(way, corner, out)
        elif not self._shifted(way, corner, out):
            matrix = np.array([[self._step, 0, way.right + way.more_right], [0, self._step, way.down + way.more_down]])
            self._warped(matrix, corner, out)

    def _warped(self, matrix: Affine, corner: tuple[int, int], out: Plane) -> None:
        part = matrix[:2].copy()
        part[:, 2] += part[:, :2] @ corner
        if len(self._planes) == 1:
            _warp(self._planes[0], part, out)
        else:
            wide = np.empty((*out.shape[:2], _CHANNELS), np.uint8)
            _warp(self._wide, part, wide)
            _first_two(wide, out)

    def _shifted(self, way: Shift, corner: tuple[int, int], out: Plane) -> bool:
        """Read what all of a part is shifted to, as means of the phases next to it; if these reach so far."""
        (across, down), (height, width) = corner, out.shape[:2]
        columns = self._places(way.right, way.more_right, across, width, 1)
        rows = self._places(way.down, way.more_down, down, height, 0)
        if columns is None or rows is None:
            return False
        last = len(rows) - 1
        for i, (row, tops) in enumerate(rows):
            seen = [self._phases[row][column][tops, lefts] for column, lefts in columns]
            room = out if not last else None
            line = seen[0] if len(seen) == 1 else cv2.addWeighted(seen[0], 1 - way.more_right, seen[1], way.more_right, 0, dst=room)
            if not i:
                first = line
        if last:
            cv2.addWeighted(first, 1 - way.more_down, line, way.more_down, 0, dst=out)
        elif len(seen) == 1:
            np.copyto(out, line)
        return True

    def _places(self, whole: int, more: float, begin: int, count: int, axis: int) -> list[tuple[int, slice]] | None:
        """Return which phases are read along an axis, and where; None if they do not reach so far."""
        found = []
        for place in (whole, whole + 1) if more else (whole,):
            first = place // self._step + begin + _BEYOND
            if first < 0 or first + count > self._phases[0][0].shape[axis]:
                return None
            found.append((place % self._step, slice(first, first + count)))
        return found

    @cached_property
    def _phases(self) -> list[list[Plane]]:
        """The pixels that are a step apart, by the row and the column of the first of them."""
        both = self._planes[0] if len(self._planes) == 1 else cv2.merge(self._planes)
        edges, step = [_BEYOND] * 4, self._step
        return [
            [cv2.copyMakeBorder(both[row::step, column::step], *edges, cv2.BORDER_REPLICATE) for column in range(step)]
            for row in range(step)
        ]

    @cached_property
    def _wide(self) -> Plane:
        empty = np.zeros_like(self._planes[0])
        wide: Plane = cv2.merge([*self._planes, empty, empty])
        return wide


def _parted(shift: float) -> tuple[int, float]:
    whole = math.floor(shift + _LEAST)
    more = shift - whole
    return whole, more if more > _LEAST else 0.0


def _warp(raster: Plane, part: Affine, out: Plane) -> None:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(raster, part, out.shape[1::-1], dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _first_two(wide: Plane, out: Plane) -> None:
    cv2.mixChannels([wide], [out], [0, 0, 1, 1])
