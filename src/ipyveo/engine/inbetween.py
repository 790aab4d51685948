"""The frames between two pictures: each point follows its motion, and the light blends on the way."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ipyveo.engine.affine import moved, scaling
from ipyveo.engine.choice import Kind, chosen
from ipyveo.engine.light import light_between
from ipyveo.engine.look import look_at
from ipyveo.engine.mixing import Blend, Leads, Mixer, Source, patches
from ipyveo.engine.motion import crossing
from ipyveo.engine.rasters import grid
from ipyveo.engine.sampled import Sampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ipyveo.engine.motion import Sheet
    from ipyveo.engine.planes import Plane, Planes
    from ipyveo.engine.rasters import Weights

_FINE = 2  # luma is kept at twice its size: what is linear between its points is nearly cubic between pixels
_HALFWAY = np.array([-3, 19, 19, -3], np.float32) / np.float32(32)  # of four pixels, by a cubic of slope -3/4
_FROM_CHROMA = scaling(2, 2)  # where each is the middle of its four, as a cell's middle is in either plane
_CELLS = 160  # along a frame's longer side: where points come from is worked out once a cell

_last: list[tuple[bytes, InBetweens]] = []  # one at most: the takes of a request come one after another


def in_betweens(start: Planes, end: Planes) -> InBetweens:
    """Return the way from one picture to another; that of the last pair is at hand, for its next take.

    Parameters
    ----------
    start, end
        Two of one size.

    Examples
    --------
    >>> from PIL import Image
    >>> from ipyveo.engine.planes import planes
    >>> dark, light = (planes(Image.new("RGB", (64, 36), grey), 64, 36) for grey in ("black", "white"))
    >>> in_betweens(dark, light) is in_betweens(dark, light)
    True
    """
    digest = hashlib.blake2b(repr(start.y.shape).encode())
    for plane in (*start, *end):
        digest.update(plane.tobytes())
    pair = digest.digest()
    for known, way in _last:
        if known == pair:
            return way
    way = InBetweens(start, end)
    _last[:] = [(pair, way)]
    return way


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
        looks = look_at(start), look_at(end)
        self.kind, self._motion = chosen(*looks)
        self._light = None if self.kind == "unrelated" else light_between(*looks, self._motion)
        self._luma = Sampled([_refined(start.y)], _FINE), Sampled([_refined(end.y)], _FINE)
        # The light of U and V differs in its own way each, and what is drawn at once is drawn in one way.
        at_once = [(1, 2)] if self._light is None else [(1,), (2,)]
        self._chroma = [
            (Sampled([start[i] for i in drawn], 1), Sampled([end[i] for i in drawn], 1)) for drawn in at_once
        ]
        height, width = start.y.shape
        # Cells of an even number of pixels, so that those of chroma have whole ones too.
        self._cell = 2 * max(1, round(max(width, height) / (2 * _CELLS)))
        down, across = (-(-side // self._cell) + 2 for side in (height, width))
        self._cells = grid((down * self._cell, across * self._cell), self._cell) - np.float32(self._cell)
        self._to_working = scaling(looks[0].shape[1] / width, looks[0].shape[0] / height)
        to_luma = np.linalg.inv(self._to_working)
        self._to_fine = np.diag([_FINE, _FINE, 1]) @ to_luma
        # A chroma sample lies half a pixel above and left of the middle of its four.
        self._to_chroma = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]]) @ to_luma
        self._threads = threading.local()

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
        view = np.eye(3) if camera is None else np.vstack([camera, [0, 0, 1]]).astype(np.float64)
        points = moved(self._to_working @ view, self._cells)
        # Where light is the same, a short fade is enough, and most of a frame comes out of one picture.
        crossed = crossing(share) if self._light is None else share
        sheets = self._motion.at(share, crossed, points)
        gain = None if self._light is None else self._light.at(points)
        if gain is None:
            differ, blends = 1, [[_blend(sheet) for sheet in sheets]] * 2
        else:
            differ = 3
            blends = [[_lit(sheet, share, gain[..., channel]) for sheet in sheets] for channel in range(3)]
        parts = patches(sheets, blends[:differ])
        tools = self._tools()
        leads = Leads(self._to_working @ view, self._to_fine)
        tools.luma.draw(parts, sheets, blends[:1], leads, [Source(self._luma, out.y)])
        outs = [tools.colour] if self._light is None else out[1:]
        colours = [Source(*each) for each in zip(self._chroma, outs, strict=True)]
        leads = Leads(leads.from_frame @ _FROM_CHROMA, self._to_chroma)
        tools.chroma.draw(parts, sheets, blends[1:], leads, colours)
        if self._light is None:
            cv2.split(tools.colour, out[1:])

    def _tools(self) -> _Tools:
        tools: _Tools | None = getattr(self._threads, "tools", None)
        if tools is None:
            cells, colours = self._cells.shape[:2], (2,) if self._light is None else ()
            chroma = Mixer(cells, self._cell // 2, colours)
            tools = _Tools(Mixer(cells, self._cell), chroma, np.empty((*self._start.u.shape, 2), np.uint8))
            self._threads.tools = tools
        return tools


class _Tools(NamedTuple):
    """What one thread draws with."""

    luma: Mixer
    chroma: Mixer
    colour: Plane


def _blend(sheet: Sheet) -> Blend:
    """Return what either picture is multiplied by: 1 in all."""
    end = sheet.end_weight / (sheet.start_weight + sheet.end_weight)
    return 1 - end, end


def _lit(sheet: Sheet, share: float, gain: Weights) -> Blend:
    """Return what either picture is multiplied by: what lights it as halfway it would be."""
    start, end = _blend(sheet)
    more = np.float32(share) - end
    start += np.maximum(more, 0) * (gain - 1)
    return start, end + np.maximum(-more, 0) * (np.float32(1) / gain - 1)


def _refined(plane: Plane) -> Plane:
    # Each pixel stays what it is, with a new one between two: at rest a frame is the picture, bit for bit.
    fine = np.empty((plane.shape[0] * _FINE, plane.shape[1] * _FINE), np.uint8)
    fine[::2, ::2] = plane
    border = cv2.BORDER_REPLICATE
    fine[::2, 1::2] = cv2.filter2D(plane, -1, _HALFWAY[None], anchor=(1, 0), borderType=border)
    fine[1::2, ::2] = cv2.filter2D(plane, -1, _HALFWAY[:, None], anchor=(0, 1), borderType=border)
    fine[1::2, 1::2] = cv2.sepFilter2D(plane, -1, _HALFWAY, _HALFWAY, anchor=(1, 1), borderType=border)
    return fine
