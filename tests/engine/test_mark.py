"""The corner says "preview" in the middle of a clip, and nothing at its ends."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ipyveo.engine.mark import Mark, mark_strength
from ipyveo.engine.planes import planes


def test_the_first_and_the_last_half_second_carry_no_mark():
    strengths = [mark_strength(number, 192, 24) for number in range(192)]
    assert strengths == strengths[::-1]
    assert not any(strengths[:13])
    assert strengths[12:25] == sorted(strengths[12:25])
    assert set(strengths[24:-24]) == {1.0}


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (360, 640), (720, 1280)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_the_mark_is_small_in_its_corner_and_can_be_seen_on_any_ground(size, grey):
    width, height = size
    frame = planes(Image.new("RGB", size, (grey,) * 3), width, height)
    before = frame.y.astype(int)
    Mark(width, height).put(1.0, frame)
    changed = np.argwhere(np.abs(frame.y - before) > 20)
    assert changed.min(0)[0] > height * 0.85
    assert changed.min(0)[1] > width * 0.7
    assert changed.max(0)[0] < height - 4
    assert 0.0005 < len(changed) / before.size < 0.02


def test_a_mark_that_is_faded_out_changes_nothing_and_a_frame_too_small_has_none():
    frame = planes(Image.new("RGB", (640, 360), "red"), 640, 360)
    before = [plane.copy() for plane in frame]
    Mark(640, 360).put(0.0, frame)
    assert all(np.array_equal(plane, was) for plane, was in zip(frame, before, strict=True))
    tiny = planes(Image.new("RGB", (16, 16)), 16, 16)
    Mark(16, 16).put(1.0, tiny)
    assert (tiny.y == 16).all()
