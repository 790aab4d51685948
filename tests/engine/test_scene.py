"""What is drawn lies where the camera's path says, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ipyveo.engine.planes import Planes, planes
from ipyveo.engine.scene import stage
from ipyveo.engine.sentence import read_direction

WIDTH, HEIGHT = 640, 360
FINER = 1.5  # of the picture, so that its pixels are those of the source
SPOTS = [(200, 150), (480, 270), (640, 380), (330, 390)]


def spotted():
    """Draw soft spots on black, each of them with a middle that is known exactly."""
    rows, columns = np.mgrid[: int(HEIGHT * FINER), : int(WIDTH * FINER)]
    grey = sum(230 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 7.0**2)) for x, y in SPOTS)
    return Image.fromarray(np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2))


def blank():
    return Planes(*(plane.copy() for plane in planes(Image.new("RGB", (16, 9)), WIDTH, HEIGHT)))


def middle(luma, near):
    """Measure where the spot near a place is, by its centre of mass."""
    x, y = (round(float(value)) for value in near)
    part = luma[y - 30 : y + 31, x - 30 : x + 31].astype(float) - 16
    part[part < 2] = 0
    rows, columns = np.mgrid[y - 30 : y + 31, x - 30 : x + 31]
    return np.array([(columns * part).sum(), (rows * part).sum()]) / part.sum()


@pytest.mark.parametrize("prompt", ["push in", "pull out", "pan left", "tilt down", "roll", "orbit", ""])
def test_a_move_lies_within_a_twentieth_of_a_pixel_of_the_ideal_path(prompt):
    picture, direction = spotted(), read_direction(prompt)
    scene = stage(picture, None, WIDTH, HEIGHT, prompt=prompt, direction=direction, take=0)
    path = scene._path
    frame, worst, moved = blank(), 0.0, 0.0
    for time in np.linspace(0, 1, 25):
        scene.draw(float(time), frame)
        view = path.pose(float(time)).view(WIDTH, HEIGHT)
        for spot in SPOTS:
            at_rest = (np.array(spot) + 0.5) / FINER - 0.5
            ideal = np.linalg.solve(view[:, :2], at_rest - view[:, 2])
            if 35 < ideal[0] < WIDTH - 35 and 35 < ideal[1] < HEIGHT - 35:
                worst = max(worst, float(np.abs(middle(frame.y, ideal) - ideal).max()))
                moved = max(moved, float(np.abs(ideal - at_rest).max()))
    assert moved > 10
    assert worst < 0.05


@pytest.mark.parametrize("prompt", ["push in", "pan left", "roll"])
def test_colours_move_with_the_light(prompt):
    red = np.asarray(spotted()).copy()
    red[..., 1:] //= 4
    direction = read_direction(prompt)
    scene = stage(Image.fromarray(red), None, WIDTH, HEIGHT, prompt=prompt, direction=direction, take=0)
    frame = blank()
    for time in (0.0, 0.4, 1.0):
        scene.draw(time, frame)
        view = scene._path.pose(time).view(WIDTH, HEIGHT)
        at_rest = (np.array(SPOTS[1]) + 0.5) / FINER - 0.5
        ideal = np.linalg.solve(view[:, :2], at_rest - view[:, 2])
        # A chroma sample lies on the left luma column of its pair, between its two rows.
        found = middle(frame.v - 112, (ideal - [0, 0.5]) / 2) * 2 + [0, 0.5]
        assert np.abs(found - ideal).max() < 0.1


def test_what_is_around_a_picture_goes_on_from_its_border():
    ramp = np.linspace(40, 200, 960).astype(np.uint8)
    picture = Image.fromarray(np.broadcast_to(ramp[None, :, None], (540, 960, 3)).copy())
    scene = stage(
        picture,
        None,
        WIDTH,
        HEIGHT,
        prompt="pull out",
        direction=read_direction("fast pull out"),
        take=0,
    )
    frame = blank()
    scene.draw(1.0, frame)
    assert np.abs(np.diff(frame.y[180].astype(int))).max() <= 3


@pytest.mark.parametrize("quality", [75, 95])
def test_a_picture_is_the_same_however_it_was_encoded_and_another_is_not(tmp_path, quality):
    import skimage.data

    start = Image.fromarray(skimage.data.coffee())
    start.save(tmp_path / "again.jpg", quality=quality)
    again = Image.open(tmp_path / "again.jpg")
    moved = Image.fromarray(np.asarray(start)[:, :-6])
    changed = start.copy()
    changed.paste((255, 255, 255), (300, 200, 330, 230))
    asked = {"prompt": "", "direction": read_direction(""), "take": 0}
    kinds = [type(stage(start, end, WIDTH, HEIGHT, **asked)).__name__ for end in (again, moved, changed)]
    assert kinds == ["Moved", "Between", "Between"]


@pytest.mark.parametrize(("lighter", "kind"), [(10, "Moved"), (60, "Between")])
def test_a_draft_loops_where_the_large_clip_does(lighter, kind):
    start = Image.new("RGB", (1280, 720), "#405060")
    end = start.copy()
    end.paste(tuple(level + lighter for level in (0x40, 0x50, 0x60)), (640, 320, 648, 328))
    asked = {"prompt": "", "direction": read_direction(""), "take": 0}
    kinds = {type(stage(start, end, *size, **asked)).__name__ for size in ((640, 360), (1280, 720))}
    assert kinds == {kind}


@pytest.mark.parametrize(("box", "right", "down"), [((0, 0), -1, 0), ((480, 0), 1, 0), ((240, 200), 0, 1)])
def test_without_words_the_camera_looks_to_where_there_is_detail(box, right, down):
    picture = Image.new("RGB", (640, 360), "grey")
    noise = np.random.default_rng(0).integers(0, 255, (160 if down else 360, 160, 3), dtype=np.uint8)
    picture.paste(Image.fromarray(noise), box)
    scene = stage(picture, None, WIDTH, HEIGHT, prompt="", direction=read_direction(""), take=0)
    assert (np.sign(scene._path.end.right), np.sign(scene._path.end.down)) == (right, down)


def test_between_two_pictures_a_camera_that_draws_back_sees_no_streaks():
    noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3), dtype=np.uint8)
    start = Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    end = start.crop((12, 4, WIDTH, HEIGHT - 2)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    prompt = "fast pull out"
    scene = stage(start, end, WIDTH, HEIGHT, prompt=prompt, direction=read_direction(prompt), take=2)
    frame = blank()
    scene.draw(0.5, frame)
    for border in (frame.y[:, :12], frame.y[:12].T):
        assert np.abs(np.diff(border.astype(int), axis=1)).mean() > 3


def test_a_camera_that_leaves_a_picture_does_not_blur_it_at_once():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    fine = np.where((rows // 2 + columns // 2) % 2, 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.repeat(fine[..., None], 3, axis=2))
    scene = stage(picture, None, WIDTH, HEIGHT, prompt="", direction=read_direction(""), take=0)
    frame, sharp = blank(), []
    for number in range(24):
        scene.draw(number / 191, frame)
        sharp.append(float(np.abs(np.diff(frame.y.astype(int))).mean()))
    assert np.array_equal(first_of(scene), planes(picture, WIDTH, HEIGHT).y)
    assert np.abs(np.diff(sharp)).max() < 0.2 * sharp[0]


def first_of(scene):
    frame = blank()
    scene.draw(0.0, frame)
    return frame.y
