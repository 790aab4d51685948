"""The pictures between two pictures: each point follows its motion, and the light blends on the way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ipyveo.engine.affine import Points, moved, scaling
from ipyveo.engine.choice import Kind, chosen
from ipyveo.engine.flow import Weights, grid, working
from ipyveo.engine.motion import Motion, Sheet

if TYPE_CHECKING:
    from ipyveo.engine.planes import Plane, Planes

_PUSH_IN = 0.08
_FADE = (0.3, 0.7)
_FINE = 2  # luma is kept at twice its size: what is linear between its points is nearly cubic between pixels


class InBetweens:
    """The way from one picture to another, found once; then a frame at any share of it.

    Parameters
    ----------
    start, end
        Two of one size.

    Examples
    --------
    >>> from PIL import Image
    >>> from ipyveo.engine.planes import planes
    >>> dark, light = (planes(Image.new("RGB", (64, 36), grey), 64, 36) for grey in ("black", "white"))
    >>> frame = planes(Image.new("RGB", (64, 36)), 64, 36)
    >>> InBetweens(dark, light).draw(0.5, None, frame)
    >>> frame.y[18, 32]
    np.uint8(126)
    """

    kind: Kind
    """What the pair was found to be."""

    def __init__(self, start: Planes, end: Planes) -> None:
        self._start, self._end = start, end
        height, width = start.y.shape
        small = working(start), working(end)
        self.kind, found = chosen(*small)
        self._motion: Motion = found or CrossFade(small[0].shape)
        self._fine = tuple(_enlarged(picture.y) for picture in (start, end))
        # Cells of an even number of pixels, so that chroma has whole ones too; a frame has about 320 across.
        self._cell = 2 * max(1, round(max(width, height) / 640))
        across, down = (-(-side // self._cell) + 2 for side in (width, height))
        # One cell more on each side: between the middles of cells every map is linear, beyond them it is not.
        self._cells = grid((down * self._cell, across * self._cell), self._cell) - np.float32(self._cell)
        self._to_working = scaling(small[0].shape[1] / width, small[0].shape[0] / height)
        self._to_luma = np.linalg.inv(self._to_working)[:2]
        # A chroma sample lies half a pixel above and left of the middle of its four.
        self._to_chroma = (self._to_luma - [[0, 0, 0.5], [0, 0, 0.5]]) / 2
        self._desks = threading.local()

    def draw(self, share: float, camera: NDArray[np.float32] | None, out: Planes) -> None:
        """Draw the frame at a share of the way; any number of threads may draw at once.

        Parameters
        ----------
        share
            0 is the start, 1 the end.
        camera
            From the frame's luma pixels to the pictures', 2 x 3; None looks at them as they are.
        out
            Takes the frame.
        """
        if camera is None and share in (0.0, 1.0):
            for plane, ready in zip(out, self._end if share else self._start, strict=True):
                np.copyto(plane, ready)
            return
        view = np.eye(3) if camera is None else np.vstack([camera.astype(np.float64), [0, 0, 1]])
        sheets = self._motion.at(share, moved(self._to_working @ view, self._cells))
        desk = self._desk()
        desk.luma.lay(sheets, _FINE * self._to_luma)
        desk.luma.put(self._fine, out.y)
        desk.chroma.lay(sheets, self._to_chroma)
        desk.chroma.put((self._start.u, self._end.u), out.u)
        desk.chroma.put((self._start.v, self._end.v), out.v)

    def _desk(self) -> _Desk:
        if not hasattr(self._desks, "own"):
            down, across = self._cells.shape[:2]
            luma = _Mixer((down, across), self._cell, self._start.y.shape)
            self._desks.own = _Desk(luma, _Mixer((down, across), self._cell // 2, self._start.u.shape))
        desk: _Desk = self._desks.own
        return desk


class CrossFade:
    """For pictures that have nothing in common: a slow push-in on both, crossed in the middle."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def at(self, share: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from."""
        middle = np.array([self._shape[1] - 1, self._shape[0] - 1], np.float32) / 2
        start = middle + (points - middle) * np.float32((1 + _PUSH_IN) ** -share)
        crossed = np.float32(min(1, max(0, (share - _FADE[0]) / (_FADE[1] - _FADE[0]))))
        crossed = crossed * crossed * (3 - 2 * crossed)
        weight = np.ones(points.shape[:2], np.float32)
        return [Sheet(start, self._further(points, 1 - share), (1 - crossed) * weight, crossed * weight)]

    def _further(self, points: Points, share: float) -> Points:
        # The end picture has nothing beyond its borders to come from, so they stay and the rest stands back:
        # axis by axis, so that what is straight along one stays straight.
        sides = np.array([self._shape[1], self._shape[0]], np.float32)
        turn = np.float32(2 * np.pi) / sides
        return np.asarray(
            points - np.float32(_PUSH_IN * share) * np.sin((points + np.float32(0.5)) * turn) / turn
        )


class _Desk(NamedTuple):
    """What one thread draws with."""

    luma: _Mixer
    chroma: _Mixer


class _Mixer:
    """Draws planes of one size out of two others; its memory is used again for each frame."""

    def __init__(self, cells: tuple[int, int], cell: int, shape: tuple[int, ...]) -> None:
        self._size = cells[1] * cell, cells[0] * cell
        inner = slice(cell, cell + shape[0]), slice(cell, cell + shape[1])
        self._maps = [np.empty((*self._size[::-1], 2), np.float32) for _ in range(2)]
        self._weights = [np.empty(self._size[::-1], np.float32) for _ in range(2)]
        self._inner_maps = [full[inner] for full in self._maps]
        self._inner_weights = [full[inner] for full in self._weights]
        self._drawn = [np.empty(shape, np.uint8) for _ in range(2)]
        self._even: tuple[float, float] | None = None

    def lay(self, sheets: Sequence[Sheet], to_plane: NDArray[np.float64]) -> None:
        """Take where each point comes from, a value a cell, from the back to the front."""
        self._even = _evenly(sheets)
        for sheet in sheets:
            mask = None if sheet.cover is None else self._enlarged(sheet.cover) > np.float32(0.5)
            for full, place in zip(self._maps, sheet[:2], strict=True):
                self._onto(full, moved(to_plane, place), mask)
            if self._even is None:
                for full, weight in zip(self._weights, _shares(sheet), strict=True):
                    self._onto(full, weight, mask)

    def _enlarged(self, cells: Weights) -> Weights:
        return cv2.resize(cells, self._size)

    def _onto(
        self, full: NDArray[np.float32], cells: NDArray[np.float32], mask: NDArray[np.bool_] | None
    ) -> None:
        if mask is None:
            cv2.resize(cells, self._size, dst=full)
        else:
            cv2.copyTo(cv2.resize(cells, self._size), mask.view(np.uint8), full)

    def put(self, planes: Sequence[Plane], out: Plane) -> None:
        """Draw one plane out of two."""
        for plane, place, drawn in zip(planes, self._inner_maps, self._drawn, strict=True):
            cv2.remap(plane, place, None, cv2.INTER_LINEAR, dst=drawn, borderMode=cv2.BORDER_REPLICATE)
        start, end = self._drawn
        if self._even is not None:
            cv2.addWeighted(start, self._even[0], end, self._even[1], 0, dst=out)
        else:
            cv2.blendLinear(start, end, *self._inner_weights, dst=out)


def _shares(sheet: Sheet) -> tuple[Weights, Weights]:
    share = sheet.end_weight / (sheet.start_weight + sheet.end_weight)
    return 1 - share, share


def _evenly(sheets: Sequence[Sheet]) -> tuple[float, float] | None:
    """Return how much either picture counts if that is the same all over."""
    share = _shares(sheets[0])[1]
    if len(sheets) > 1 or share.max() - share.min() > 1e-3:
        return None
    return 1 - float(share[0, 0]), float(share[0, 0])


def _enlarged(plane: Plane) -> Plane:
    # Each pixel stays what it is, with a new one between two: at rest a frame is the picture, bit for bit.
    size = plane.shape[1] * _FINE, plane.shape[0] * _FINE
    finer = np.array([[1 / _FINE, 0, 0], [0, 1 / _FINE, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, finer, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
