"""A picture as BT.709 planes: converted once, so that no frame of a clip ever is."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Plane: TypeAlias = NDArray[np.uint8]

# R'G'B' to Y'CbCr after ITU-R BT.709-6, items 3.2 to 3.4, in the limited range of 8 bits.
_BT709 = (
    np.array(
        [
            [0.2126, 0.7152, 0.0722],
            [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.9278 / 1.8556],
            [0.7874 / 1.5748, -0.7152 / 1.5748, -0.0722 / 1.5748],
        ],
        dtype=np.float32,
    )
    * np.array([[219.0], [224.0], [224.0]], dtype=np.float32)
    / np.float32(255.0)
)
_TO_YUV = np.column_stack([_BT709, np.array([16, 128, 128], np.float32)])
_BAND = 128  # rows, an even number


class Planes(NamedTuple):
    """A picture's luma, height x width, and its two chroma planes, half of each; limited range.

    A chroma sample lies on the left luma column of its pair, between its two rows, as H.264 places it.
    """

    y: Plane
    u: Plane
    v: Plane


def planes(picture: Image.Image, width: int, height: int) -> Planes:
    """Fit a picture to a size, cropped around its centre, and convert it.

    Parameters
    ----------
    picture
        Of any mode and size.
    width, height
        Pixels, even numbers.

    Examples
    --------
    >>> planes(Image.new("RGB", (64, 64), "white"), 32, 18).y[0, 0]
    np.uint8(235)
    """
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")  # which would make a copy
    pixels = np.asarray(ImageOps.fit(rgb, (width, height), Image.Resampling.LANCZOS))
    half = height // 2, width // 2
    made = Planes(np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))
    # Some rows at a time: as floats all of them would be the most that a clip takes memory for.
    for top in range(0, height, _BAND):
        luma, blue, red = cv2.split(cv2.transform(pixels[top : top + _BAND].astype(np.float32), _TO_YUV))
        made.y[top : top + _BAND] = _rounded(luma)
        made.u[top // 2 : (top + _BAND) // 2] = _rounded(_halved(blue))
        made.v[top // 2 : (top + _BAND) // 2] = _rounded(_halved(red))
    return made


def packed(u: Plane, v: Plane) -> Plane:
    """Return two planes as one raster of four channels, of which two are empty.

    OpenCV moves pixels of four in hardly more time than pixels of one, and takes more than twice as long for
    pixels of two.

    Parameters
    ----------
    u, v
        Of one size.
    """
    empty = np.zeros_like(u)
    chroma: Plane = cv2.merge([u, v, empty, empty])
    return chroma


def unpack(chroma: Plane, out: Planes) -> None:
    """Take the chroma planes out of a raster of both.

    Parameters
    ----------
    chroma
        As `packed` makes it, height x width x 4.
    out
        Takes the two planes.

    Examples
    --------
    >>> red, frame = (planes(Image.new("RGB", (4, 4), name), 4, 4) for name in ("red", "black"))
    >>> unpack(packed(red.u, red.v), frame)
    >>> frame.u[0, 0] == red.u[0, 0], frame.v[0, 0] == red.v[0, 0]
    (np.True_, np.True_)
    """
    empty = np.empty_like(out.u)
    cv2.split(chroma, [out.u, out.v, empty, empty])


def _halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(plane, ((0, 0), (1, 0)), mode="edge")
    row = padded[:, :-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]
    return np.asarray((row[::2] + row[1::2]) / 8, dtype=np.float32)


def _rounded(plane: NDArray[np.float32]) -> Plane:
    rounded: Plane = cv2.convertScaleAbs(plane)  # nothing is negative here
    return rounded
