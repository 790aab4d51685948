"""The frames between two pictures: near the truth, exact at the ends, even on the way, the same each time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from bench.truth import truths
from ipyveo.engine.inbetween import InBetweens, in_betweens
from ipyveo.engine.look import look_at
from ipyveo.engine.planes import Planes, planes
from ipyveo.engine.rasters import grid
from ipyveo.engine.trial import tried
from pairs import HEIGHT, WIDTH, between, blank, decibels, drawn, frames

# Each floor is 3 dB under what was measured, of the worst of three frames.
FLOORS = {
    "pan 67 px": ("moved", 38),
    "pan 255 px": ("moved", 36),
    "zoom 1.35": ("moved", 35),
    "zoom 2": ("moved", 30),
    "rotate 8 degrees": ("moved", 34),
    "rotate 25 degrees": ("moved", 29),
    "two layers, parallax": ("layered", 29),
    "one object moves 180 px": ("layered", 35),
    "relit, small pan": ("moved", 36),
}


def still(scene):
    return frames("still", scene)[0]


def unrelated(one, other):
    return InBetweens(still(one), still(other))


def as_bytes(frame):
    return b"".join(plane.tobytes() for plane in frame)


@pytest.mark.parametrize("motion", FLOORS)
def test_frames_are_near_the_truth(motion):
    known = frames(motion)
    way = between(motion)
    reached = [decibels(drawn(way, i / 4, known[0]).y, known[i].y) for i in (1, 2, 3)]
    dissolved = [decibels(known[0].y * (1 - i / 4) + known[4].y * (i / 4), known[i].y) for i in (1, 2, 3)]
    assert min(reached) > FLOORS[motion][1]
    assert min(reached) > max(dissolved) + 6


@pytest.mark.parametrize("motion", FLOORS)
def test_colour_moves_with_the_light(motion):
    known, way = frames(motion), between(motion)
    halfway = drawn(way, 0.5, known[0])
    assert min(decibels(halfway.u, known[2].u), decibels(halfway.v, known[2].v)) > 33


@pytest.mark.parametrize("motion", [*FLOORS, "still"])
def test_the_ends_are_the_pictures_themselves(motion):
    start, *_, end = frames(motion)
    for share, picture in ((0.0, start), (1.0, end), (0, start), (1, end)):
        assert as_bytes(drawn(between(motion), share, start)) == as_bytes(picture)


@pytest.mark.parametrize("motion", [*FLOORS, "still"])
def test_the_frames_next_to_the_ends_are_nearly_the_pictures(motion):
    start, *_, end = frames(motion)
    assert decibels(drawn(between(motion), 1e-4, start).y, start.y) > 40
    assert decibels(drawn(between(motion), 1 - 1e-4, start).y, end.y) > 40


def test_unrelated_pictures_reach_both_ends():
    way, start, end = unrelated("coffee", "astronaut"), still("coffee"), still("astronaut")
    assert decibels(drawn(way, 1e-4, start).y, start.y) > 40
    assert decibels(drawn(way, 1 - 1e-4, start).y, end.y) > 40


def test_where_nothing_moves_a_frame_is_the_picture_bit_for_bit():
    start = frames("still")[0]
    assert as_bytes(drawn(between("still"), 0.4, start)) == as_bytes(start)


def test_a_ground_that_keeps_still_is_the_picture_bit_for_bit_around_what_moves():
    start, end = (frames("one object moves 180 px")[i] for i in (0, 4))
    frame = drawn(between("one object moves 180 px"), 0.3, start)
    for shown, one, other in zip(frame, start, end, strict=True):
        down, across = np.nonzero(one != other)
        margin, still = one.shape[1] // 12, np.ones_like(one)
        still[down.min() - margin : down.max() + margin, across.min() - margin : across.max() + margin] = 0
        assert still.mean() > 0.2
        assert (shown == one)[still > 0].all()


def test_a_pan_goes_on_evenly_in_one_direction():
    start = frames("pan 255 px")[0]
    shares = np.linspace(0, 1, 13)
    shown = [drawn(between("pan 255 px"), share, start).y.astype(np.float32) for share in shares]
    window = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
    steps = [-cv2.phaseCorrelate(one, other, window)[0][0] for one, other in pairwise(shown)]
    even = 255 * WIDTH / 1280 / 12
    assert np.abs(np.array(steps) - even).max() < 0.06 * even


def test_a_thing_that_moves_goes_on_evenly_in_one_direction():
    start = frames("one object moves 180 px")[0]
    ground = frames("still")[0]
    places = []
    for share in np.linspace(0, 1, 13):
        frame = drawn(between("one object moves 180 px"), share, start)
        there = cv2.absdiff(frame.v, ground.v) > 12
        places.append(float(np.nonzero(there)[1].mean()))
    steps, even = np.diff(places), 90 * WIDTH / 1280 / 12
    assert np.abs(steps - even).max() < 0.35 * even


def test_the_light_changes_evenly():
    start = frames("relit, small pan")[0]
    light = [drawn(between("relit, small pan"), share, start).y.mean() for share in np.linspace(0, 1, 9)]
    steps = np.diff(light)
    assert (np.abs(steps - steps.mean()) < 0.15 * abs(steps.mean())).all()


def test_a_flat_sky_darkens_evenly_and_in_one_piece():
    ground = Image.fromarray(still("coffee").y)

    def seen(shift, light):
        picture = Image.new("RGB", (WIDTH, HEIGHT), (120, 150, 200))
        picture.paste(ground, (shift, HEIGHT // 2))
        return planes(picture.point(lambda value: round(value * light)), WIDTH, HEIGHT)

    start, end = seen(0, 1.0), seen(-14, 0.7)
    way = InBetweens(start, end)
    skies = [drawn(way, share, start).y[10:60, 30:-30].astype(int) for share in np.linspace(0.01, 0.99, 99)]
    # Where all rows take a step in the same column, a patch ends.
    assert not any((np.diff(sky, axis=1) != 0).all(axis=0).any() for sky in skies)
    assert (np.diff([sky.mean() for sky in skies]) <= 0).all()


@pytest.mark.parametrize("motion", FLOORS)
def test_each_pair_is_given_the_motion_it_has(motion):
    assert between(motion).kind == FLOORS[motion][0]


def bent(share):
    """What is seen of a picture whose middle comes 8 pixels to the right and 5 down, its border staying."""
    down, across = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    bulge = np.sin(np.pi * across / (WIDTH - 1)) * np.sin(np.pi * down / (HEIGHT - 1)) * np.float32(share)
    seen = []
    for plane, half in zip(still("coffee"), (1, 2, 2), strict=True):
        x, y, moves = (each[::half, ::half] / half for each in (across, down, bulge))
        seen.append(cv2.remap(plane, x - 8 * moves, y - 5 * moves, cv2.INTER_CUBIC))
    return Planes(*seen)


def test_what_bends_is_followed_too():
    start, halfway, end = (bent(share) for share in (0, 0.5, 1))
    way = InBetweens(start, end)
    assert way.kind == "flowed"
    assert decibels(drawn(way, 0.5, start).y, halfway.y) > 40
    assert decibels(start.y / 2 + end.y / 2, halfway.y) < 30


@pytest.mark.parametrize("scenes", ["coffee astronaut", "rocket chelsea", "drawn coffee", "chelsea drawn"])
def test_pictures_with_nothing_in_common_are_not_warped_into_each_other(scenes):
    one, other = scenes.split()
    way = unrelated(one, other)
    assert way.kind == "unrelated"
    early = as_bytes(drawn(way, 0.3, still(one)))
    late = as_bytes(drawn(way, 0.7, still(one)))
    flat = planes(Image.new("RGB", (WIDTH, HEIGHT), "gray"), WIDTH, HEIGHT)
    assert early == as_bytes(drawn(InBetweens(still(one), flat), 0.3, flat))
    assert late == as_bytes(drawn(InBetweens(flat, still(other)), 0.7, flat))


def test_the_same_place_by_day_and_by_night_is_dissolved_where_it_is(tmp_path):
    from ipyveo.media.samples import sample_pictures

    day, night = (planes(Image.open(path), WIDTH, HEIGHT) for path in sample_pictures(tmp_path))
    way = InBetweens(day, night)
    assert way.kind == "moved"
    assert decibels(drawn(way, 0.5, day).y, (day.y.astype(float) + night.y) / 2) > 40


@pytest.mark.parametrize("part", [np.s_[100:101, 100:101], np.s_[100:101, 50:300], np.s_[40:200, 80:81]])
def test_what_is_too_thin_to_tell_a_motion_follows_the_one_it_was_given(part):
    looks = [look_at(still(scene)) for scene in ("coffee", "coffee")]
    trial = tried(*looks, np.eye(3))
    follows = np.zeros(looks[0].shape, np.float32)
    follows[part] = 1
    start, end, motions = trial.path(follows, follows).back(0.5, grid((4, 4)))
    assert motions is not None
    assert np.abs(start - end).max() < 1e-6


SLIGHT = {
    "a shift": ((9.4, -3.3), 0, 1, True),
    "next to no shift": ((0.02, -0.01), 0, 1, True),
    "a slight shift": ((0.1, 0), 0, 1, True),
    "a slight growth": ((0, 0), 0, 1.0005, False),
    "a slight turn": ((0, 0), 0.03, 1, False),
}


@pytest.mark.parametrize(("shift", "turn", "growth", "shifts"), SLIGHT.values(), ids=SLIGHT.keys())
def test_what_only_shifts_is_shifted_and_slight_turns_are_turns(shift, turn, growth, shifts):
    size = width, height = 640, 360
    scene, rng = np.full((height, width), 128, np.float32), np.random.default_rng(5)
    for level in range(1, 6):
        rough = rng.normal(0, 12, (height >> level, width >> level)).astype(np.float32)
        scene += cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC)
    moves = cv2.getRotationMatrix2D((width / 2, height / 2), turn, growth)
    moves[:, 2] += shift
    moved_on = cv2.warpAffine(scene, moves, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    looks = [
        look_at(planes(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), width, height))
        for picture in (scene, moved_on)
    ]
    about = np.array([[1, 0, round(shift[0])], [0, 1, round(shift[1])], [0, 0, 1]])
    _, there, motions = tried(*looks, about).path().back(0.0, grid((height, width)))
    assert motions is not None
    assert (motions[1][:2, :2] == np.eye(2)).all() == shifts
    assert (motions[1] == np.eye(3)).all() == (0 < max(map(abs, shift)) < 0.04)
    assert np.abs(there - (grid((height, width)) @ moves[:, :2].T + moves[:, 2])).mean() < 0.1


def test_things_that_come_to_where_another_was_both_move():
    ground, first, second = (Image.fromarray(still(scene).y) for scene in ("rocket", "coffee", "chelsea"))
    one, other = first.crop((130, 30, 220, 110)), second.crop((140, 60, 230, 140))

    def at(share):
        seen = ground.copy()
        seen.paste(one, (round(40 + 120 * share), 50))
        seen.paste(other, (round(170 - 120 * share), round(80 + 12 * share)))
        return planes(seen, WIDTH, HEIGHT)

    start, known, end = (at(share) for share in (0, 0.1, 1))
    assert decibels(drawn(InBetweens(start, end), 0.1, start).y, known.y) > 28


@pytest.mark.parametrize("light", [1.0, 0.6])
def test_what_has_a_things_colour_does_not_fly_with_it(light):
    size = width, height = 640, 360
    cup = Image.fromarray(skimage.data.coffee()).resize((750, 500)).crop((50, 50, 50 + width, 50 + height))
    face = Image.fromarray(skimage.data.astronaut()).crop((164, 22, 310, 168)).resize((130, 130))
    round_one = Image.new("L", face.size)
    ImageDraw.Draw(round_one).ellipse((0, 0, 129, 129), fill=255)

    def seen(share, light):
        picture = cup.copy()
        picture.paste(face, (round(50 + 300 * share), round(75 + 75 * share)), round_one)
        return planes(ImageEnhance.Brightness(picture).enhance(light), *size)

    start, known, end = seen(0, 1), seen(0.5, (1 + light) / 2), seen(1, light)
    assert decibels(drawn(InBetweens(start, end), 0.5, start).y, known.y) > 31


ACROSS = ((60, 60), (340, 150))


@dataclass(frozen=True)
class Crossing:
    """A coloured thing that moves over a picture."""

    ground: Image.Image
    light: float = 1.0
    """What is left of it in the end."""
    own_light: float | None = None
    """The same of the thing; None if it is in the light of all."""
    colour: float = 1.0
    way: tuple[tuple[int, int], tuple[int, int]] = ACROSS

    def at(self, share: float) -> Planes:
        thing, shape = Image.new("RGB", (130, 130), (210, 40, 40)), Image.new("L", (130, 130))
        ImageDraw.Draw(thing).ellipse((30, 30, 100, 100), fill=(240, 200, 60))
        ImageDraw.Draw(thing).rectangle((20, 20, 50, 50), fill=(120, 20, 90))
        ImageDraw.Draw(shape).ellipse((0, 0, 129, 129), fill=255)
        place = tuple(round(a + (b - a) * share) for a, b in zip(*self.way, strict=True))
        own_light = self.light if self.own_light is None else self.own_light
        light, own, colour = (1 + (left - 1) * share for left in (self.light, own_light, self.colour))
        picture = ImageEnhance.Brightness(self.ground).enhance(light)
        picture.paste(ImageEnhance.Brightness(thing).enhance(own), place, shape)
        return planes(ImageEnhance.Color(picture).enhance(colour), *self.ground.size)


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB").resize((640, 360))


CROSSINGS = {
    "text": (Crossing(photograph("text"), light=0.4), 40),
    "a page": (Crossing(photograph("page"), light=1.5), 25),
    "the moon, which it mostly leaves": (Crossing(photograph("moon"), way=((430, 100), (620, 130))), 29),
    "what is nearly black": (Crossing(photograph("gravel").point(lambda tone: tone * 0.06), light=0.5), 40),
    "what is nearly white": (
        Crossing(photograph("gravel").point(lambda tone: 244 + tone * 0.04), light=0.5),
        40,
    ),
    "what loses its colour": (Crossing(photograph("coffee"), colour=0.0), 30),
    "what gets dark, and the thing does not": (
        Crossing(photograph("grass"), light=0.4, own_light=1.0),
        38,
    ),
    "what stays light, and the thing gets dark": (Crossing(photograph("page"), own_light=0.4), 25),
}


@pytest.mark.parametrize("name", CROSSINGS)
def test_a_thing_is_seen_once_in_any_light(name):
    crossing, floor = CROSSINGS[name]
    start, known, end = (crossing.at(share) for share in (0, 0.5, 1))
    assert decibels(drawn(InBetweens(start, end), 0.5, start).y, known.y) > floor


@pytest.mark.parametrize("motion", ["pan 67 px", "zoom 2", "two layers, parallax", "relit, small pan"])
def test_the_same_pair_gives_the_same_bytes(motion):
    start, *_, end = frames(motion)
    again = InBetweens(start, end)
    for share in (0.2, 0.7):
        assert as_bytes(drawn(again, share, start)) == as_bytes(drawn(between(motion), share, start))


@pytest.mark.parametrize("motion", ["zoom 2", "two layers, parallax"])
def test_the_bytes_do_not_depend_on_the_number_of_cores(motion):
    start, *_, end = frames(motion)
    cv2.setNumThreads(3)
    assert as_bytes(drawn(InBetweens(start, end), 0.4, start)) == as_bytes(drawn(between(motion), 0.4, start))


def test_threads_draw_at_once_and_the_same():
    start = frames("two layers, parallax")[0]
    way = between("two layers, parallax")
    shares = np.linspace(0.02, 0.98, 24)
    alone = [as_bytes(drawn(way, share, start)) for share in shares]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda share: as_bytes(drawn(way, share, start)), shares)) == alone


def test_pairs_found_in_threads_are_the_same():
    start, *_, end = frames("one object moves 180 px")
    with ThreadPoolExecutor(2) as threads:
        ways = list(threads.map(lambda _: InBetweens(start, end), range(2)))
    assert {as_bytes(drawn(way, 0.3, start)) for way in ways} == {
        as_bytes(drawn(between("one object moves 180 px"), 0.3, start))
    }


@pytest.mark.parametrize("motion", ["still", "pan 67 px", "two layers, parallax", "relit, small pan"])
def test_a_camera_at_rest_changes_nothing(motion):
    start = frames(motion)[0]
    rest = np.eye(2, 3, dtype=np.float32)
    for share in (0.0, 0.4, 1.0):
        plain, seen = drawn(between(motion), share, start), drawn(between(motion), share, start, rest)
        assert decibels(plain.y, seen.y) > 40


def test_a_camera_looks_where_it_is_told():
    start = frames("pan 67 px")[0]
    aside = np.array([[1, 0, 12], [0, 1, -6]], np.float32)
    plain, seen = drawn(between("pan 67 px"), 0.5, start), drawn(between("pan 67 px"), 0.5, start, aside)
    inner = np.s_[20:-20, 20:-20]
    assert decibels(np.roll(plain.y, (6, -12), (0, 1))[inner], seen.y[inner]) > 45
    assert decibels(np.roll(plain.u, (3, -6), (0, 1))[inner], seen.u[inner]) > 45


def test_luma_and_colour_are_turned_alike():
    picture = Image.new("RGB", (256, 144), (40, 90, 40))
    picture.paste((230, 60, 200), (150, 60, 190, 90))
    pair = planes(picture, 256, 144)
    way = InBetweens(pair, pair)
    angle = np.deg2rad(10)
    camera = np.array(
        [[np.cos(angle), -np.sin(angle), 20], [np.sin(angle), np.cos(angle), -15]], dtype=np.float32
    )
    seen = drawn(way, 0.5, pair, camera)
    places = []
    for plane, scale in ((seen.y, 1), (seen.v, 2)):
        spot = np.abs(plane.astype(float) - np.median(plane))
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]] * float(scale)
        places.append(((spot * x).sum() / spot.sum(), (spot * y).sum() / spot.sum() + 0.5 * (scale - 1)))
    assert np.abs(np.subtract(*places)).max() < 0.1


@pytest.mark.parametrize("size", [(16, 16), (16, 240), (240, 16), (90, 160), (160, 90), (258, 130), (2, 2)])
def test_any_size_is_drawn(size):
    pictures = [planes(Image.fromarray(noise(seed, size)), *size) for seed in (1, 2)]
    for pair in (pictures, pictures[:1] * 2):
        way = InBetweens(*pair)
        for share in (0.0, 0.31, 0.5, 1.0):
            frame = drawn(way, share, pair[0])
            assert [plane.shape for plane in frame] == [plane.shape for plane in pair[0]]
        assert as_bytes(frame) == as_bytes(pair[1])


@pytest.mark.parametrize("colours", [("black", "white"), ("red", "blue"), ("gray", "gray")])
def test_flat_pictures_blend_evenly(colours):
    start, end = (planes(Image.new("RGB", (128, 72), colour), 128, 72) for colour in colours)
    frame = drawn(InBetweens(start, end), 0.25, start)
    for plane, one, other in zip(frame, start, end, strict=True):
        assert np.abs(plane - (one * 0.75 + other * 0.25)).max() <= 1


def test_a_portrait_pan_is_as_near_to_the_truth():
    known = [Planes(*(np.ascontiguousarray(plane.T) for plane in frame)) for frame in frames("pan 67 px")]
    way = InBetweens(known[0], known[4])
    assert decibels(drawn(way, 0.5, known[0]).y, known[2].y) > 36


def test_grey_pictures_stay_grey():
    known = [
        frame._replace(u=np.full_like(frame.u, 128), v=np.full_like(frame.v, 128))
        for frame in frames("zoom 1.35")
    ]
    frame = drawn(InBetweens(known[0], known[4]), 0.5, known[0])
    assert (frame.u == 128).all()
    assert (frame.v == 128).all()


def test_a_frame_is_drawn_into_the_buffers_given():
    start = frames("pan 67 px")[0]
    frame = blank(start)
    before = [plane.ctypes.data for plane in frame]
    between("pan 67 px").draw(0.5, None, frame)
    assert [plane.ctypes.data for plane in frame] == before
    assert not any((plane == 77).all() for plane in frame)


@pytest.mark.parametrize("motion", ["pan 67 px", "zoom 2", "one object moves 180 px", "relit, small pan"])
def test_rows_of_an_encoder_s_frames_may_be_longer_than_what_is_seen(motion):
    start = frames(motion)[0]
    wide = [np.full((plane.shape[0], plane.shape[1] + 10), 77, np.uint8) for plane in start]
    between(motion).draw(0.45, None, Planes(*(plane[:, :-10] for plane in wide)))
    for plane, known in zip(wide, drawn(between(motion), 0.45, start), strict=True):
        assert (plane[:, :-10] == known).all()
        assert (plane[:, -10:] == 77).all()


def noise(seed, size):
    rough = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return cv2.GaussianBlur(rough, (0, 0), 1.5)


@pytest.mark.parametrize("radius", [14, 24, 40])
@pytest.mark.parametrize("scene", ["coffee", "drawn", "rocket"])
def test_a_thing_that_moves_before_a_still_ground_is_seen_once(scene, radius):
    ground = next(each for each in truths(WIDTH, HEIGHT, (scene,)) if each.motion == "still").at(0)
    picture = next(each for each in truths(2 * radius, 2 * radius, ("astronaut",)) if each.motion == "still")

    def seen(share):
        frame = ground.copy()
        frame.paste(picture.at(0), (round(120 - radius + 54 * share), round(90 - radius + 18 * share)))
        return planes(frame, WIDTH, HEIGHT)

    start, halfway, end = (seen(share) for share in (0, 0.5, 1))
    way = InBetweens(start, end)
    dissolved = decibels(start.y / 2 + end.y / 2, halfway.y)
    assert decibels(drawn(way, 0.5, start).y, halfway.y) > dissolved + 6


def test_the_takes_of_a_request_find_its_motion_once(monkeypatch):
    from ipyveo.engine import inbetween

    searches = []
    find = inbetween.chosen
    monkeypatch.setattr(inbetween, "chosen", lambda *pair: searches.append(pair) or find(*pair))
    start, *_, end = frames("pan 67 px", "rocket")
    ways = [in_betweens(Planes(*map(np.copy, start)), end) for _ in range(3)]
    assert len(searches) == 1
    assert ways[0] is ways[2]
    in_betweens(end, start)
    assert len(searches) == 2
    assert in_betweens(start, end) is not ways[0]


@pytest.mark.parametrize("zoom", [1.5, 2.0])
def test_a_sign_on_a_plain_ground_comes_closer_in_one_piece(zoom):
    def seen(closer):
        frame = Image.new("RGB", (4 * WIDTH, 4 * HEIGHT), "#b8c4d0")
        draw = ImageDraw.Draw(frame)
        middle, reach = (2 * WIDTH, 2 * HEIGHT), 150 * closer
        draw.ellipse((middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach), "#203a60")
        draw.rectangle(
            (
                middle[0] - 0.8 * reach,
                middle[1] - 20 * closer,
                middle[0] + 1.3 * reach,
                middle[1] + 30 * closer,
            ),
            "#e0a030",
        )
        draw.text(middle, "SIGN", "white", ImageFont.load_default(60 * closer), anchor="mb")
        return planes(frame, WIDTH, HEIGHT)

    start, halfway, end = (seen(zoom**share) for share in (0, 0.5, 1))
    assert decibels(drawn(InBetweens(start, end), 0.5, start).y, halfway.y) > 30
