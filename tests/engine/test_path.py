"""The way of the camera: from the whole picture, smooth, beyond it only to draw back, other in each take."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ipyveo.engine.path import Pose, plan
from ipyveo.engine.sentence import read_direction

SHAPE = 16 / 9
MOVES = [
    "push in",
    "pull out",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "roll",
    "roll left",
    "orbit",
    "orbit left",
    "pan left, tilt up, roll, fast push in",
]


def path(prompt, *, take=0, returns=False, pair=False, focus=(0.25, -0.125), shape=SHAPE):
    return plan(read_direction(prompt), prompt, focus, shape, take=take, returns=returns, pair=pair)


def poses(way, frames=192):
    return [way.pose(number / (frames - 1)) for number in range(frames)]


@pytest.mark.parametrize("take", range(4))
@pytest.mark.parametrize("prompt", ["", *MOVES, "fast roll", "slow orbit"])
def test_a_move_leaves_from_the_whole_picture_and_sees_nothing_beyond_it(prompt, take):
    for shape in (SHAPE, 1 / SHAPE):
        seen = poses(path(prompt, take=take, shape=shape))
        assert seen[0] == Pose()
        assert np.allclose(seen[0].view(64, 36), [[1, 0, 0], [0, 1, 0]])
        assert all(pose.inside(shape) for pose in seen) or "pull out" in prompt


@pytest.mark.parametrize(
    ("prompt", "what", "sign"),
    [
        ("push in", "closer", 1),
        ("pull out", "closer", -1),
        ("pan left", "right", -1),
        ("pan right", "right", 1),
        ("tilt up", "down", -1),
        ("tilt down", "down", 1),
        ("roll", "roll", 1),
        ("roll left", "roll", -1),
        ("orbit", "yaw", 1),
        ("orbit left", "yaw", -1),
    ],
)
def test_each_move_goes_its_way_in_every_take_and_faster_goes_farther(prompt, what, sign):
    for take in range(4):
        went = [getattr(path(f"{pace}{prompt}", take=take).end, what) for pace in ("slow ", "", "fast ")]
        assert went == sorted(went, key=abs)
        assert all(sign * far > 0 for far in went)


@pytest.mark.parametrize("prompt", ["", *MOVES])
def test_a_move_is_smooth_and_monotone(prompt):
    way = path(prompt)
    far = np.array([way.gone(number / 191) for number in range(192)])
    steps = np.diff(far)
    assert (steps > 0).all()
    assert far[-1] == 1
    assert np.abs(np.diff(steps)).max() < 4e-4
    assert steps[0] < 2e-4 > steps[-1]


def test_easing_says_where_the_camera_is_fast():
    eased = {name: path(f"push in, {name}") for name in ("linear", "ease in", "ease out", "ease")}
    first = {name: way.gone(0.1) for name, way in eased.items()}
    last = {name: 1 - way.gone(0.9) for name, way in eased.items()}
    assert first["linear"] == pytest.approx(0.1) == last["linear"]
    assert first["ease in"] < first["linear"] < first["ease out"]
    assert last["ease out"] < last["linear"] < last["ease in"]
    assert first["ease"] < first["linear"] > last["ease"]


@pytest.mark.parametrize("prompt", ["", "linear pan left", "push in, ease out"])
def test_a_loop_has_no_seam(prompt):
    way = path(prompt, returns=True)
    far = np.array([way.gone(number / 191) for number in range(192)])
    assert far[0] == far[-1] == 0
    assert far.max() > 0.999
    # The same speed on both sides of the seam, once more around included.
    around = np.diff(np.concatenate((far, far[:10])))
    assert np.abs(np.diff(around)).max() < 1e-3


@pytest.mark.parametrize("prompt", ["", *MOVES])
def test_takes_go_different_ways(prompt):
    ends = [path(prompt, take=take).end for take in range(4)]
    for one, other in itertools.combinations(ends, 2):
        assert math.dist(one, other) > 0.02


def test_of_two_pictures_the_first_take_only_moves_them_unless_the_camera_is_told_to():
    assert path("", returns=True, pair=True).end == Pose()
    assert path("push in", returns=True, pair=True).end.closer > 0
    ways = [path("", take=take, returns=True, pair=True) for take in range(4)]
    assert len({(way.end, way.timing) for way in ways}) == 4
    for way in ways:
        went = [way.way(number / 100) for number in range(101)]
        assert (went[0], went[-1]) == (0, 1)
        assert went == sorted(went)


def test_a_gentle_default_looks_to_where_there_is_something_to_see():
    left, right = (path("", focus=(side, 0.0)).end for side in (-0.5, 0.5))
    assert left.right < 0 < right.right
    assert left.closer == right.closer > 0
    assert (
        path("a harbour", take=1, focus=(-0.5, 0)).end.right < 0 < path("", take=1, focus=(0.5, 0)).end.right
    )


def test_a_camera_that_is_told_to_stand_still_does():
    assert all(path("static camera", take=take).end == Pose() for take in range(4))
