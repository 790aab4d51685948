"""Affine motions: parts that make up the whole, and centres of pixels that stay centres."""

from __future__ import annotations

import numpy as np
import pytest

from ipyveo.engine.affine import Glide, moved, scaling


def motion(turn=0.0, zoom=1.0, shift=(0, 0), shear=0.0):
    angle = np.deg2rad(turn)
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]])
    return np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


WHOLES = [
    motion(),
    motion(shift=(255, -31)),
    motion(turn=25, shift=(40, 300)),
    motion(turn=-80, zoom=0.4, shear=0.2),
    motion(zoom=2, shift=(-320, -180)),
    motion(zoom=1 + 1e-9, turn=1e-7, shift=(3, 4)),
]


@pytest.mark.parametrize("whole", WHOLES)
def test_equal_parts_make_up_the_whole(whole):
    glide = Glide(whole)
    for parts in (1, 2, 3, 7):
        assert np.allclose(np.linalg.matrix_power(glide.at(1 / parts), parts), whole, atol=1e-8)
    assert np.allclose(glide.at(0), np.eye(3))
    assert np.allclose(glide.at(-1) @ whole, np.eye(3), atol=1e-8)


def test_a_zoom_grows_by_the_same_factor_in_equal_times():
    sizes = [Glide(motion(zoom=2)).at(share)[0, 0] for share in (0, 0.25, 0.5, 0.75, 1)]
    assert np.allclose(np.diff(np.log(sizes)), np.log(2) / 4)


def test_a_turn_neither_grows_nor_shrinks_on_the_way():
    assert np.linalg.det(Glide(motion(turn=60)).at(0.5)[:2, :2]) == pytest.approx(1)


def test_the_middle_of_a_picture_is_the_middle_in_any_size():
    middle = np.array([[639.5, 359.5]], np.float32)
    assert np.allclose(moved(scaling(0.5, 0.25), middle), [[319.5, 89.5]])
