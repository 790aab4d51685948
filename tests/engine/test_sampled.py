"""Planes read between their pixels: a shift gives what looking each pixel up gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ipyveo.engine.sampled import Sampled, Shift

HEIGHT, WIDTH = 60, 90


def plane(seed, step=1):
    rough = np.random.default_rng(seed).integers(0, 256, (HEIGHT * step // 4, WIDTH * step // 4), np.uint8)
    return cv2.resize(rough, (WIDTH * step, HEIGHT * step), interpolation=cv2.INTER_CUBIC)


def shifting(step, right, down):
    return np.array([[step, 0, right], [0, step, down], [0, 0, 1]], np.float64)


def looked_up(pixels, matrix, corner, shape):
    """Return the mean of the four pixels around each point, as it is defined."""
    down, across = (side.astype(np.float64) for side in np.mgrid[: shape[0], : shape[1]])
    x, y, _ = np.tensordot(matrix, np.stack([across + corner[0], down + corner[1], np.ones(shape)]), 1)
    found = np.zeros(shape)
    left, top = np.floor(x), np.floor(y)
    for column in (left, left + 1):
        for row in (top, top + 1):
            weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            inside = [
                place.clip(0, side - 1).astype(int)
                for place, side in zip((row, column), pixels.shape, strict=True)
            ]
            found += weight * pixels[tuple(inside)]
    return found


def led(sampled, matrix, corner, shape):
    out = np.empty(shape, np.uint8)
    sampled.led(sampled.way(matrix), corner, out)
    return out


SHIFTS = [
    (0, 0),
    (0.5, 0),
    (0, 1.25),
    (-3.4, 2.7),
    (7, -9),
    (40.3, -22.6),
    (-300.5, 11),
    (0.9999, -0.9999),
    (0.05, -0.05),
]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_gives_what_looking_each_pixel_up_gives(step, shift):
    pixels, matrix = plane(1, step), shifting(step, *shift)
    corner, shape = (17, 5), (31, 44)
    shown = led(Sampled([pixels], step), matrix, corner, shape)
    assert np.abs(shown - looked_up(pixels, matrix, corner, shape)).max() <= 1.5


@pytest.mark.parametrize("shift", SHIFTS)
def test_two_planes_are_shifted_alike(shift):
    pixels, matrix = [plane(1), plane(2)], shifting(1, *shift)
    shown = led(Sampled(pixels, 1), matrix, (17, 5), (31, 44, 2))
    for channel, one in enumerate(pixels):
        assert np.abs(shown[..., channel] - looked_up(one, matrix, (17, 5), (31, 44))).max() <= 1.5


@pytest.mark.parametrize("planes", [1, 2])
def test_what_turns_and_grows_is_looked_up(planes):
    pixels = [plane(seed) for seed in range(planes)]
    matrix = np.array([[0.9, 0.1, 3.2], [-0.1, 0.9, 8.6], [0, 0, 1]])
    shape = (31, 44) if planes == 1 else (31, 44, 2)
    shown = led(Sampled(pixels, 1), matrix, (10, 5), shape).reshape(31, 44, planes)
    for channel, one in enumerate(pixels):
        # OpenCV looks up at thirty-seconds of a pixel.
        assert np.abs(shown[..., channel] - looked_up(one, matrix, (10, 5), (31, 44))).max() <= 5


@pytest.mark.parametrize("step", [1, 2])
def test_whole_pixels_stay_what_they_are_bit_for_bit(step):
    pixels = plane(3, step)
    shown = led(Sampled([pixels], step), shifting(step, 4 * step, 0), (0, 0), (HEIGHT, WIDTH - 4))
    assert (shown == pixels[::step, 4 * step :: step]).all()


def test_a_turn_is_no_shift_that_would_be_seen_in_a_corner():
    sampled = Sampled([plane(1)], 1)
    assert isinstance(sampled.way(shifting(1, 5, 5)), Shift)
    slight = shifting(1, 5, 5)
    slight[0, 1] = 0.1 / 2000
    assert not isinstance(sampled.way(slight), Shift)
