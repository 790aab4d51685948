"""Pictures as BT.709 planes: each grey and each primary is what the standard says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ipyveo.engine.planes import planes


def test_each_grey_is_the_nearest_level():
    ramp = np.arange(256, dtype=np.uint8).repeat(2)[None].repeat(2, axis=0)
    made = planes(Image.fromarray(ramp).convert("RGB"), 512, 2)
    assert (made.y[0, ::2] == np.rint(16 + 219 / 255 * np.arange(256))).all()
    assert (made.u == 128).all()
    assert (made.v == 128).all()


@pytest.mark.parametrize(
    ("colour", "levels"),
    [
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
        ((255, 255, 255), (235, 128, 128)),
    ],
)
def test_primaries_have_the_levels_of_the_standard(colour, levels):
    made = planes(Image.new("RGB", (4, 4), colour), 4, 4)
    assert tuple(int(plane[0, 0]) for plane in made) == levels
