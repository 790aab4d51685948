"""The small word "preview" in a corner of the frames: so that nobody takes the clip for the service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from ipyveo.engine.planes import Planes

_WORD: Final = "preview"
_CLEAR_SECONDS: Final = 0.5  # at both ends of a clip there is none, for these frames are the pictures'
_FADE_SECONDS: Final = 0.5
_SIZE: Final = 1 / 30  # of the frame's short side, but never too small to be read
_SMALLEST: Final = 9
_STRENGTH: Final = 0.75
_LETTERS: Final = 225
_GROUND: Final = 40


class Mark:
    """The mark for frames of one size.

    Parameters
    ----------
    width, height
        Pixels of a frame.
    """

    def __init__(self, width: int, height: int) -> None:
        letters = max(_SMALLEST, round(min(width, height) * _SIZE))
        word = _drawn(letters)
        # Even, so that the chroma below is whole.
        down, across = (side + side % 2 for side in word.shape)
        word = np.pad(word, ((0, down - word.shape[0]), (0, across - word.shape[1])))
        gap = letters - letters % 2
        top, left = (height - down - gap) // 2 * 2, (width - across - gap) // 2 * 2
        self._fits = top > 0 and left > 0 and across < width // 2
        self._luma = slice(top, top + down), slice(left, left + across)
        self._chroma = slice(top // 2, (top + down) // 2), slice(left // 2, (left + across) // 2)
        self._levels = _GROUND + (_LETTERS - _GROUND) * word
        self._cover = (0.45 + 0.55 * word).astype(np.float32)

    def put(self, strength: float, frame: Planes) -> None:
        """Lay it over a frame."""
        if strength <= 0.0 or not self._fits:
            return
        cover = self._cover * np.float32(strength * _STRENGTH)
        part = frame.y[self._luma]
        part[:] = np.rint(part + cover * (self._levels - part))
        for plane in (frame.u, frame.v):
            grey = plane[self._chroma]
            grey[:] = np.rint(grey + cover[::2, ::2] * (128 - grey.astype(np.float32)))


def mark_strength(number: int, frames: int, rate: int) -> float:
    """Return how much of the mark a frame shows, 0 to 1: it comes and goes, and the ends carry none.

    Examples
    --------
    >>> [mark_strength(number, 96, 24) for number in (0, 12, 18, 24, 48, 83, 95)]
    [0.0, 0.0, 0.5, 1.0, 1.0, 0.0, 0.0]
    """
    nearest = min(number, frames - 1 - number) / rate
    return min(1.0, max(0.0, (nearest - _CLEAR_SECONDS) / _FADE_SECONDS))


def _drawn(size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(side) for side in font.getbbox(_WORD))
    inset = size // 2
    picture = Image.new("L", (right - left + 2 * inset, bottom - top + inset))
    ImageDraw.Draw(picture).text((inset - left, inset // 2 - top), _WORD, 255, font)
    return np.asarray(picture, dtype=np.float32) / np.float32(255)
