"""The camera's motion out of points: exact, in the presence of others, and none out of nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ipyveo.engine.affine import moved
from ipyveo.engine.global_motion import fitted, global_motions, plausible
from ipyveo.engine.look import look_at
from pairs import frames


def found(motion):
    start, *_, end = (look_at(frame) for frame in frames(motion))
    return global_motions(start.sharp, end.sharp, 2)


@pytest.mark.parametrize(
    ("motion", "matrix"),
    [
        ("pan 255 px", [[1, 0], [0, 1]]),
        ("zoom 2", [[2, 0], [0, 2]]),
        ("rotate 25 degrees", [[0.9063, 0.4226], [-0.4226, 0.9063]]),
    ],
)
def test_the_motion_of_a_camera_is_found(motion, matrix):
    assert np.abs(found(motion)[0][:2, :2] - matrix).max() < 0.01


def test_two_motions_are_found_one_after_the_other():
    rough = np.random.default_rng(4).integers(0, 256, (90, 160), dtype=np.uint8)
    start = cv2.resize(rough, (640, 360), interpolation=cv2.INTER_CUBIC)
    end = np.hstack([np.roll(start[:, :400], 20, axis=1), np.roll(start[:, 400:], -30, axis=1)])
    shifts = [motion[0, 2] for motion in global_motions(start, end, 2)]
    assert shifts == pytest.approx([20, -30], abs=0.5)


def test_pictures_without_points_have_no_motion():
    flat = np.full((360, 640), 128, np.uint8)
    assert global_motions(flat, flat, 1) == []
    assert global_motions(look_at(frames("still")[0]).sharp, flat, 1) == []


def test_a_fit_is_exact_where_the_points_are():
    rng = np.random.default_rng(1)
    before = rng.uniform(0, 640, (50, 2)).astype(np.float32)
    matrix = np.array([[1.2, 0.1, 5], [-0.2, 0.9, 7], [0, 0, 1]])
    assert np.allclose(fitted(before, moved(matrix, before)), matrix, atol=1e-3)


def test_mirrors_flips_and_smears_are_not_motions():
    motions = np.array(
        [np.diag(d) for d in ([1, 1, 1], [-1, 1, 1], [-1, -1, 1], [4, 4, 1], [2, 1, 1])], float
    )
    assert plausible(motions).tolist() == [True, False, False, False, False]
