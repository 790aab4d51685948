"""The camera's motion out of spectra: near enough to be refined, also where one thing looks like the next."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ipyveo.engine.affine import moved
from ipyveo.engine.inbetween import InBetweens
from ipyveo.engine.look import look_at
from ipyveo.engine.planes import planes
from ipyveo.engine.rasters import grid
from ipyveo.engine.spectrum import shift, similarity
from pairs import HEIGHT, WIDTH, decibels, drawn, frames

EVERYWHERE = np.ones((360, 640), np.uint8)


@pytest.mark.parametrize(
    ("motion", "linear"),
    [
        ("pan 67 px", [[1, 0], [0, 1]]),
        ("zoom 1.35", [[1.35, 0], [0, 1.35]]),
        ("rotate 25 degrees", [[0.9063, 0.4226], [-0.4226, 0.9063]]),
    ],
)
def test_zoom_and_turn_are_found(motion, linear):
    start, *_, end = (look_at(frame) for frame in frames(motion))
    assert np.abs(similarity(start.even, end.even)[:2, :2] - linear).max() < 0.02


def test_a_still_pair_has_no_motion():
    still = look_at(frames("still")[0]).even
    points = grid(still.shape, 32)
    assert np.abs(moved(similarity(still, still), points) - points).max() < 0.1


def house_front(across, down, zoom):
    """Draw what a camera sees of a front of equal windows, its upper left corner at a place of the front."""
    front = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), "#b0a090")
    draw = ImageDraw.Draw(front)
    for left in range(6, front.width, 31):
        for top in range(5, front.height, 43):
            draw.rectangle((left, top, left + 16, top + 25), "#303848", "#e8e0d0", 2)
            draw.line((left + 8, top, left + 8, top + 25), "#e8e0d0", 1)
    matrix = (1 / zoom, 0, across, 0, 1 / zoom, down)
    seen = front.transform((WIDTH, HEIGHT), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return planes(seen, WIDTH, HEIGHT)


def test_a_camera_that_comes_closer_to_equal_windows_is_followed():
    # The middle of the picture stays where it is, and halfway is halfway of the logarithm.
    zooms = 1, 1.3**0.5, 1.3
    start, halfway, end = (
        house_front(WIDTH * (1 - 0.5 / zoom), HEIGHT * (1 - 0.5 / zoom), zoom) for zoom in zooms
    )
    way = InBetweens(start, end)
    assert decibels(drawn(way, 0.5, start).y, halfway.y) > 33
    assert decibels(start.y / 2 + end.y / 2, halfway.y) < 15


def test_pictures_that_show_nothing_tell_a_motion_that_can_be_looked_at():
    flat = np.full((360, 640), 128, np.uint8)
    assert np.isfinite(similarity(flat, flat)).all()
    grey = planes(Image.new("RGB", (WIDTH, HEIGHT), "grey"), WIDTH, HEIGHT)
    assert InBetweens(grey, grey).kind == "moved"


@pytest.mark.parametrize(("across", "down"), [(230, 10), (-230, 0), (10, 136)])
def test_what_goes_farther_than_half_a_frame_before_something_plain_stays_whole(across, down):
    def seen(share):
        frame = Image.new("RGB", (WIDTH, HEIGHT), "#707880")
        left, top = 192 + across * (share - 0.5), 108 + down * (share - 0.5)
        ImageDraw.Draw(frame).rectangle((left - 50, top - 18, left + 50, top + 18), "#e0d0a0", "#201810", 3)
        ImageDraw.Draw(frame).text((left - 44, top - 8), "A TITLE THAT GOES", "black")
        return planes(frame, WIDTH, HEIGHT)

    start, halfway, end = (seen(share) for share in (0, 0.5, 1))
    assert decibels(drawn(InBetweens(start, end), 0.5, start).y, halfway.y) > 35
    assert decibels(start.y / 2 + end.y / 2, halfway.y) < 22


def test_a_part_that_was_shifted_is_found_without_points():
    start, end = (np.full((360, 640), 128, np.uint8) for _ in range(2))
    start[100:150, 200:260], end[90:140, 300:360] = 220, 220
    assert shift(start, end, (EVERYWHERE, EVERYWHERE))[:2, 2] == pytest.approx([100, -10], abs=2)
