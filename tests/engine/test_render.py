"""Rendered clips are what they say: their length, colours, ends and moves, and nothing left behind."""

from __future__ import annotations

import threading
from itertools import combinations, pairwise

import av
import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from ipyveo import sample_pictures
from ipyveo.engine import render
from ipyveo.engine.backdrop import backdrop
from ipyveo.engine.render import render_clip

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
SMALL = (320, 180)


def photograph(name):
    return Image.fromarray(getattr(skimage.data, name)())


def clip(path, start, end=None, *, size=SMALL, seconds=1.0, prompt="", take=0, on_progress=None, **more):
    width, height = size
    render_clip(
        path,
        start,
        end,
        width=width,
        height=height,
        seconds=seconds,
        prompt=prompt,
        take=take,
        on_progress=on_progress or (lambda _: None),
        **more,
    )
    return path


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


def luma(path):
    return [frame[: frame.shape[0] * 2 // 3].astype(float) for frame in frames(path)]


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-9))


def wanted_luma(picture, size):
    """Crop around the centre, resize and take BT.709's luma, each by the book."""
    width, height = size
    scale = min(picture.width / width, picture.height / height)
    w, h = width * scale, height * scale
    left, top = (picture.width - w) / 2, (picture.height - h) / 2
    fitted = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=(left, top, left + w, top + h))
    red, green, blue = np.moveaxis(np.asarray(fitted, dtype=float), 2, 0) / 255
    return 16 + 219 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 360), (360, 640)])
def test_a_clip_is_h264_in_an_mp4_of_the_right_size_length_and_tags(tmp_path, size):
    path = clip(tmp_path / "clip.mp4", backdrop("a", 640, 640), size=size, seconds=0.49)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", *size)
        # 1 is BT.709 in each of the three, and the limited range in the last.
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        assert (stream.average_rate, stream.frames) == (24, 12)
        assert float(stream.duration * stream.time_base) == 0.5
        assert container.metadata["comment"] == "ipyveo sandbox"
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert len(frames(path)) == 12


@pytest.mark.parametrize("prompt", ["", "pull out", "fast roll", "static, day to night"])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_move_over_a_photograph_begins_with_it(tmp_path, name, prompt):
    start, size = photograph(name), (640, 360)
    seen = luma(clip(tmp_path / "clip.mp4", start, size=size, seconds=0.25, prompt=prompt))
    assert psnr(seen[0], wanted_luma(start, size)) > 35
    assert psnr(seen[-1], seen[0]) < 35


@pytest.mark.parametrize(
    ("first", "last", "prompt"),
    [
        ("coffee", "chelsea", ""),
        ("astronaut", "rocket", "push in"),
        ("rocket", "coffee", "cross-fade"),
    ],
)
def test_two_photographs_are_the_first_and_the_last_frame(tmp_path, first, last, prompt):
    start, end, size = photograph(first), photograph(last), (640, 360)
    seen = luma(clip(tmp_path / "clip.mp4", start, end, size=size, seconds=0.25, prompt=prompt))
    assert psnr(seen[0], wanted_luma(start, size)) > 35
    assert psnr(seen[-1], wanted_luma(end, size)) > 35


@pytest.mark.parametrize("shape", [(640, 640), (320, 180), (200, 601), (16, 16), (17, 9)])
def test_drawn_pictures_of_any_shape_are_the_first_and_the_last_frame(tmp_path, shape):
    start, end, size = backdrop("start", *shape), backdrop("end", 900, 301), (180, 320)
    seen = luma(clip(tmp_path / "clip.mp4", start, end, size=size, seconds=0.25, take=1))
    assert psnr(seen[0], wanted_luma(start, size)) > 35
    assert psnr(seen[-1], wanted_luma(end, size)) > 35


def page(width=1280, height=720):
    """Draw a page full of small letters, which is the hardest to keep."""
    picture = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for top in range(8, height - 16, 17):
        draw.text((8, top), "The quick brown fox jumps over the lazy dog, 0123456789. " * 4, "black", font)
    return picture


@pytest.mark.parametrize("size", [(640, 360), (1280, 720)])
@pytest.mark.parametrize(("end", "prompt"), [("none", ""), ("itself", "pan left"), ("another", "push in")])
def test_a_page_of_text_is_the_first_and_the_last_frame(tmp_path, size, end, prompt):
    first, last = {
        "none": (page(), None),
        "itself": (page(), page()),
        "another": (photograph("astronaut"), page()),
    }[end]
    seen = luma(clip(tmp_path / "clip.mp4", first, last, size=size, prompt=prompt, take=1))
    assert psnr(seen[0], wanted_luma(first, size)) > 35
    assert last is None or psnr(seen[-1], wanted_luma(last, size)) > 35


def stripes(axis, shift=0):
    return Image.fromarray((((np.indices((360, 640))[axis] + shift) // 8) % 2 * 255).astype(np.uint8))


def specks(seed):
    cells = np.random.default_rng(seed).integers(0, 2, (72, 128), dtype=np.uint8)
    return Image.fromarray(np.kron(cells, np.full((5, 5), 255, np.uint8)))


@pytest.mark.parametrize("seconds", [0.25, 1.0])
@pytest.mark.parametrize("prompt", ["", "cross-fade"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (stripes(0), stripes(0, 5)),
        (stripes(1), stripes(1, 5)),
        (specks(1), specks(2)),
    ],
    ids=["rows", "columns", "specks"],
)
def test_what_is_hardest_to_encode_is_the_first_and_the_last_frame(tmp_path, start, end, prompt, seconds):
    seen = luma(clip(tmp_path / "clip.mp4", start, end, size=start.size, seconds=seconds, prompt=prompt))
    assert psnr(seen[0], wanted_luma(start, start.size)) > 35
    assert psnr(seen[-1], wanted_luma(end, end.size)) > 35


@pytest.mark.parametrize("prompt", ["", "static camera"])
def test_a_loop_ends_with_the_end_picture_even_where_encoding_changed_it(tmp_path, prompt):
    start, size = photograph("grass"), (640, 360)
    start.save(tmp_path / "again.jpg", quality=50)
    end = Image.open(tmp_path / "again.jpg")
    assert psnr(wanted_luma(start, size), wanted_luma(end, size)) < 33
    seen = luma(clip(tmp_path / "clip.mp4", start, end, size=size, prompt=prompt))
    assert psnr(seen[0], wanted_luma(start, size)) > 35
    assert psnr(seen[-1], wanted_luma(end, size)) > 35


@pytest.mark.parametrize("take", range(4))
def test_day_and_night_of_one_harbour_are_the_ends_of_each_take(tmp_path, take):
    start, end = (Image.open(path) for path in sample_pictures(tmp_path))
    seen = luma(clip(tmp_path / "clip.mp4", start, end, seconds=0.25, take=take))
    assert psnr(seen[0], wanted_luma(start, SMALL)) > 35
    assert psnr(seen[-1], wanted_luma(end, SMALL)) > 35


@pytest.mark.parametrize("take", range(4))
@pytest.mark.parametrize("prompt", ["", "push in", "pan left"])
def test_a_move_goes_on_frame_by_frame(tmp_path, prompt, take):
    start = photograph("coffee")
    seen = luma(clip(tmp_path / "clip.mp4", start, prompt=prompt, take=take))
    similar = [psnr(frame, seen[0]) for frame in seen[1:]]
    assert all(later < earlier + 0.5 for earlier, later in pairwise(similar))
    assert similar[-1] < 25


@pytest.mark.parametrize("prompt", ["", "pan left", "static camera"])
def test_a_picture_that_is_both_ends_makes_a_loop_without_a_seam(tmp_path, prompt):
    start = photograph("astronaut")
    seen = luma(clip(tmp_path / "clip.mp4", start, start.copy(), seconds=2, prompt=prompt, take=1))
    assert psnr(seen[-1], wanted_luma(start, SMALL)) > 35
    # Over the seam it changes no faster than beside it, and half way through it is somewhere else.
    seam = np.abs(seen[0] - seen[-1]).mean()
    assert seam < 1.5 + max(np.abs(seen[1] - seen[0]).mean(), np.abs(seen[-1] - seen[-2]).mean())
    assert psnr(seen[0], seen[24]) < 35


def test_day_turns_into_night_and_back(tmp_path):
    day = photograph("coffee")
    dark = luma(clip(tmp_path / "clip.mp4", day, prompt="static camera, day to night"))
    means = [frame.mean() for frame in dark]
    assert all(later <= earlier + 0.2 for earlier, later in pairwise(means))
    assert means[-1] < means[0] * 0.6
    light = luma(clip(tmp_path / "clip.mp4", day, prompt="static camera, night to day"))
    assert light[-1].mean() > light[0].mean() * 1.15


def test_a_clip_fades_from_and_to_black_where_the_prompt_says_so(tmp_path):
    seen = luma(
        clip(tmp_path / "clip.mp4", photograph("coffee"), seconds=3, prompt="static, fade in, fade out")
    )
    assert np.abs(seen[0] - 16).max() < 4 > np.abs(seen[-1] - 16).max()
    assert psnr(seen[36], wanted_luma(photograph("coffee"), SMALL)) > 30


@pytest.mark.parametrize(
    ("end", "prompt"),
    [
        (None, ""),
        (None, "push in"),
        (None, "static"),
        (None, "static, day to night"),
        ("night", ""),
        ("night", "static"),
    ],
)
def test_takes_differ_and_each_is_the_same_to_the_byte_again(tmp_path, end, prompt):
    start = photograph("coffee")
    end = end and photograph("rocket")
    takes = [
        clip(tmp_path / f"{take}.mp4", start, end, seconds=0.5, prompt=prompt, take=take) for take in range(4)
    ]
    seen = [frames(path) for path in takes]
    for one, other in combinations(seen, 2):
        assert min(psnr(a, b) for a, b in zip(one, other, strict=True)) < 35
    again = clip(tmp_path / "again.mp4", start, end, seconds=0.5, prompt=prompt, take=2)
    assert again.read_bytes() == takes[2].read_bytes()


def used_memory():
    """Leave all sorts of bytes in the memory that is given out next."""
    rng = np.random.default_rng()
    blocks = [
        np.full(size, rng.integers(256), np.uint8)
        for size in np.geomspace(4e3, 3e6, 12, dtype=int)
        for _ in range(6)
    ]
    blocks.clear()


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 360), (360, 640), (322, 178)])
def test_the_same_request_gives_the_same_bytes_in_every_size(tmp_path, size):
    start, made = photograph("chelsea"), set()
    for _ in range(6):
        used_memory()
        made.add(clip(tmp_path / "a.mp4", start, size=size, seconds=1.5, prompt="push in").read_bytes())
    assert len(made) == 1


def test_a_draft_goes_the_way_of_the_large_clip(tmp_path):
    start = photograph("rocket")
    small = luma(clip(tmp_path / "a.mp4", start, size=(640, 360), seconds=0.5))[-1]
    large = luma(clip(tmp_path / "b.mp4", start, size=(1280, 720), seconds=0.5))[-1]
    assert psnr(cv2.resize(large, (640, 360), interpolation=cv2.INTER_AREA), small) > 30


def test_progress_is_told_frame_by_frame_up_to_one(tmp_path):
    told = []
    clip(tmp_path / "clip.mp4", backdrop("a", *SMALL), seconds=0.5, on_progress=told.append)
    assert told == [n / 12 for n in range(1, 13)]


@pytest.mark.parametrize("fragmented", [False, True])
def test_raising_out_of_progress_ends_the_work_at_once_and_leaves_nothing(tmp_path, monkeypatch, fragmented):
    drawn = []
    put = render.Mark.put
    monkeypatch.setattr(render.Mark, "put", lambda *said: (drawn.append(1), put(*said)))

    def stop(share):
        if share > 0.1:
            raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        clip(
            tmp_path / "clip.mp4",
            backdrop("a", *SMALL),
            seconds=8,
            on_progress=stop,
            fragmented=fragmented,
        )
    assert list(tmp_path.iterdir()) == []
    assert len(drawn) <= 192 * 0.1 + 1 + 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ipyveo-painter")]


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("out of memory")])
def test_an_error_of_a_painter_ends_the_work(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(render.Mark, "put", fail)
    with pytest.raises(type(error)):
        clip(tmp_path / "clip.mp4", backdrop("a", *SMALL))
    assert list(tmp_path.iterdir()) == []


def test_a_fragmented_clip_can_be_decoded_before_the_last_frame_is_drawn(tmp_path):
    path, early = tmp_path / "clip.mp4", []

    def look(share):
        if share >= 0.5 and not early:
            early.extend(luma(path))

    whole = luma(
        clip(path, photograph("coffee"), seconds=6, prompt="push in", fragmented=True, on_progress=look)
    )
    assert len(whole) == 144
    assert 24 <= len(early) <= 72
    # The last that is there may be one after the next, which needs it.
    assert all(np.array_equal(one, other) for one, other in zip(early[:-1], whole, strict=False))


def test_a_single_frame_is_a_clip_too(tmp_path):
    start = photograph("chelsea")
    (frame,) = luma(clip(tmp_path / "clip.mp4", start, size=(640, 360), seconds=0.01))
    assert psnr(frame, wanted_luma(start, (640, 360))) > 35


def test_a_backdrop_follows_its_prompt():
    assert backdrop("dusk", 64, 36).tobytes() == backdrop("dusk", 64, 36).tobytes()
    assert backdrop("dusk", 64, 36).tobytes() != backdrop("dawn", 64, 36).tobytes()
