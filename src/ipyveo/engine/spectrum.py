"""The zoom, turn and shift between two pictures, told by their spectra: also of one that repeats itself.

A shift leaves the strengths of the waves that make up a picture as they are; a zoom or a turn shifts these
strengths in log-polar coordinates. After Reddy and Chatterji, "An FFT-based technique for translation,
rotation, and scale-invariant image registration", IEEE Transactions on Image Processing 5 (8), 1996.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, inverse, scaling
from ipyveo.engine.rasters import Weights, blurred, halved, turned

if TYPE_CHECKING:
    from ipyveo.engine.planes import Plane

_SIDE = 512  # of a spectrum
_ANGLES, _RADII = 180, 256  # of half a spectrum: the other half is the same
_MOST, _LEAST = 200.0, 12.0  # waves across a spectrum's side
_BROAD = 12.0
_MIDDLE = np.float32(128)


def similarity(start: Plane, end: Plane) -> Affine:
    """Return the zoom, turn and shift that bring most of the start over the end; any, where nothing tells.

    Parameters
    ----------
    start, end
        Pictures in the working size, evened out in brightness.

    Examples
    --------
    >>> page = np.random.default_rng(0).integers(0, 256, (360, 640)).astype(np.uint8)
    >>> page = np.asarray(blurred(page.astype(np.float32), 2), np.uint8)
    >>> (similarity(page, np.roll(page, 20, axis=1)).round() + 0).tolist()
    [[1.0, 0.0, 20.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    half = halved(start), halved(end)
    (wider, further), _ = cv2.phaseCorrelate(_strengths(half[0]), _strengths(half[1]))
    zoom = np.exp(np.clip(-wider, -_RADII, _RADII) * np.log(_MOST) / _RADII)
    turn = np.radians((further + _ANGLES / 2) % _ANGLES - _ANGLES / 2)
    turned_and_zoomed = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = (np.array(half[0].shape[::-1]) - 1) / 2
    motion = np.eye(3)
    motion[:2, :2], motion[:2, 2] = turned_and_zoomed, middle - turned_and_zoomed @ middle
    led = turned(half[0], inverse(motion))
    # Padded to twice its size, so that what leaves on one side does not come in on the other.
    (across, down), _ = cv2.phaseCorrelate(*(_padded(_faded(each)) for each in (led, half[1])))
    motion[:2, 2] += across, down
    to_half = scaling(0.5, 0.5)
    found = inverse(to_half) @ motion @ to_half
    return found if np.isfinite(found).all() else np.eye(3)


def shift(start: Plane, end: Plane, within: tuple[Plane, Plane]) -> Affine:
    """Return the shift that brings most of one part of the start over one of the end.

    For what has too few points of its own: outlines and plain surfaces count here too.

    Parameters
    ----------
    start, end
        Pictures in the working size, evened out in brightness.
    within
        The parts: what is not 0.
    """
    # Halved and padded to twice that, for the same reason.
    waves = [
        np.fft.rfft2(_halved_part(*both), start.shape) for both in zip((start, end), within, strict=True)
    ]
    alike = np.fft.irfft2(np.conj(waves[0]) * waves[1], start.shape)
    down, across = np.unravel_index(int(alike.argmax()), alike.shape)
    motion = np.eye(3)
    motion[:2, 2] = [2 * _signed(across, start.shape[1]), 2 * _signed(down, start.shape[0])]
    return motion


def _strengths(picture: Plane) -> Weights:
    """Return how strong the waves of a picture are, angle by angle, finer ones to the right."""
    waves = np.fft.fftshift(np.abs(np.fft.fft2(_faded(picture), (_SIDE, _SIDE))))
    middle = _SIDE / 2, _SIDE / 2
    flags = cv2.INTER_LINEAR | cv2.WARP_POLAR_LOG
    size = _RADII, 2 * _ANGLES
    polar = cv2.warpPolar(np.log1p(waves).astype(np.float32), size, middle, _MOST, flags)[:_ANGLES]
    fine = np.asarray(polar - blurred(polar, _BROAD), np.float32)
    fine[:, : round(_RADII * np.log(_LEAST) / np.log(_MOST))] = 0
    return fine


def _faded(picture: Plane) -> Weights:
    """Let a picture fade towards its border, which is no part of what it shows."""
    window = cv2.createHanningWindow(picture.shape[::-1], cv2.CV_32F)
    return np.asarray((picture.astype(np.float32) - _MIDDLE) * window, np.float32)


def _padded(picture: Weights) -> Weights:
    height, width = picture.shape
    return np.pad(picture, ((0, height), (0, width)))


def _halved_part(picture: Plane, part: Plane) -> Weights:
    return halved(np.where(part > 0, picture.astype(np.float32) - _MIDDLE, np.float32(0)))


def _signed(place: Any, side: int) -> int:  # noqa: ANN401 - NumPy's own integer
    return int(place) if place < side / 2 else int(place) - side
