"""A clip is measured for real, refused if it is not whole, and gives its exact last frame."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import numbered
from ipyveo.media.clip import Clip, measure_video

BT709, BT601 = 1, 6  # ITU-T H.273
FULL_RANGE = 2


def pixels(number: int, width: int, height: int) -> np.ndarray:
    """Frame `number`: two strong colours whose border moves on, so that no two frames are alike."""
    frame = np.empty((height, width, 3), np.uint8)
    frame[:] = (200, 60, 30)
    frame[:, : 16 * (number + 1) % width] = (20, 120 + 4 * (number % 30), 210)
    return frame


def write_video(
    path, *, width=320, height=192, frames=24, rate=24, matrix=None, full_range=False, movflags="", b_frames=2
) -> np.ndarray:
    """Write a small MP4 and return the pixels of its last frame."""
    with av.open(
        str(path), "w", format="mp4", options={"movflags": movflags} if movflags else {}
    ) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": "4", "bf": str(b_frames), "g": "12"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if matrix:
            stream.codec_context.colorspace = matrix
        if full_range:
            stream.codec_context.color_range = FULL_RANGE
        for number in range(frames):
            last = pixels(number, width, height)
            container.mux(stream.encode(in_planes(last, matrix or BT601, full_range=full_range)))
        container.mux(stream.encode(None))
    return last


def in_planes(rgb: np.ndarray, matrix: int, *, full_range: bool) -> av.VideoFrame:
    """Convert to YUV 4:2:0 by the formulas of BT.709 and BT.601, so that nobody's converter is trusted."""
    red, green = (0.2126, 0.7152) if matrix == BT709 else (0.299, 0.587)
    blue = 1 - red - green
    r, g, b = (rgb[:, :, channel] / 255.0 for channel in range(3))
    y = red * r + green * g + blue * b
    chroma = [(b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)]
    halves = [plane.reshape(plane.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3)) for plane in chroma]
    luma = y * 255 if full_range else 16 + 219 * y
    u, v = (128 + (255 if full_range else 224) * plane for plane in halves)
    packed = np.concatenate([np.round(plane).clip(0, 255).astype(np.uint8).ravel() for plane in (luma, u, v)])
    return av.VideoFrame.from_ndarray(packed.reshape(-1, rgb.shape[1]), format="yuv420p")


def clip_of(path) -> Clip:
    measured = measure_video(path)
    return Clip(
        path=path,
        id="abc123",
        prompt="dusk falls",
        width=measured.width,
        height=measured.height,
        duration=measured.duration,
        fps=measured.fps,
        size=measured.size,
        created_at=datetime(2026, 3, 30, 10, tzinfo=UTC),
        engine="veo",
    )


@pytest.fixture
def video(tmp_path) -> Path:
    path = tmp_path / "dusk.mp4"
    write_video(path)
    return path


# Measuring ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "movflags", ["", "faststart", "frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof"]
)
@pytest.mark.parametrize(("width", "height"), [(320, 192), (192, 320)])
def test_a_video_is_measured_wherever_its_index_lies(tmp_path, movflags, width, height):
    path = tmp_path / "clip.part"
    write_video(path, width=width, height=height, movflags=movflags)
    measured = measure_video(path)
    assert (measured.width, measured.height, measured.size) == (width, height, path.stat().st_size)
    assert measured.duration == pytest.approx(1.0, abs=0.002)
    assert measured.fps == pytest.approx(24.0, abs=0.05)


@pytest.mark.parametrize(("frames", "rate"), [(1, 24), (30, 30), (50, 25), (7, 10)])
def test_duration_and_rate_are_those_of_the_frames(tmp_path, frames, rate):
    write_video(tmp_path / "a.mp4", frames=frames, rate=rate)
    measured = measure_video(tmp_path / "a.mp4")
    assert measured.duration == pytest.approx(frames / rate, abs=0.002)
    assert measured.fps == pytest.approx(rate, rel=0.01)


def test_sound_makes_no_difference(tmp_path):
    path = tmp_path / "a.mp4"
    write_with_sound(path)
    measured = measure_video(path)
    assert (measured.width, measured.height) == (320, 192)
    assert measured.duration == pytest.approx(1.0, abs=0.002)


def test_a_title_in_broken_letters_is_no_reason_to_refuse(tmp_path, video):
    path = tmp_path / "a.mp4"
    assert b"Lavf" in video.read_bytes()
    path.write_bytes(video.read_bytes().replace(b"Lavf", b"L\xe9vf"))
    assert measure_video(path).width == 320
    assert clip_of(path).last_frame().size == (320, 192)


def write_with_sound(path, *, picture=True):
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        if picture:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
            for number in range(24):
                container.mux(stream.encode(in_planes(pixels(number, 320, 192), BT601, full_range=False)))
            container.mux(stream.encode(None))
        for start in range(0, 48_000, 1024):
            wave = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


# What is no video ---------------------------------------------------------------------------------


def reason(path) -> str:
    with pytest.raises(ValueError, match="it ") as caught:
        measure_video(path)
    text = str(caught.value)
    assert type(caught.value) is ValueError
    assert str(path.parent) not in text
    assert len(text) < 200
    return text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"<html><body>404 Not Found</body></html>" * 50,
        b'{"error":"expired"}',
        b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
        b"\0\0\0\x08free" * 100,
    ],
    ids=["empty", "zeros", "html", "json", "playlist", "concat", "header alone", "free boxes"],
)
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    reason(path)


def test_pictures_and_other_containers_are_refused(tmp_path):
    picture = tmp_path / "picture.mp4"
    Image.new("RGB", (64, 36)).save(picture, "PNG")
    reason(picture)
    matroska = tmp_path / "matroska.mp4"
    with av.open(str(matroska), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    reason(matroska)


def test_sound_without_a_picture_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    write_with_sound(path, picture=False)
    assert reason(path) == "it holds no video"


@pytest.mark.parametrize("movflags", ["", "faststart"])
def test_a_video_cut_short_anywhere_is_refused(tmp_path, movflags):
    whole = tmp_path / "whole.mp4"
    write_video(whole, movflags=movflags)
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    dice = random.Random(movflags)
    for end in [*sorted(dice.randrange(len(data)) for _ in range(30)), len(data) - 1]:
        cut.write_bytes(data[:end])
        reason(cut)


def test_a_fragmented_video_cut_inside_a_fragment_is_refused(tmp_path):
    whole = tmp_path / "whole.mp4"
    write_video(whole, frames=60, movflags="frag_keyframe+empty_moov")
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    start = data.index(b"mdat", len(data) // 2)
    end = data.index(b"moof", start)
    for at in (start + 10, (start + end) // 2, end - 10):
        cut.write_bytes(data[:at])
        reason(cut)


def test_a_video_whose_pictures_are_all_rubbish_is_refused(tmp_path, video):
    data = bytearray(video.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") if data.index(b"moov") > start else len(data)
    data[start : end - 4] = bytes(end - 4 - start)
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(data)
    reason(rubbish)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        measure_video(tmp_path / "missing.mp4")


def test_damage_ends_in_measurements_or_in_a_plain_reason(tmp_path, video):
    data = video.read_bytes()
    dice = random.Random(5)
    path = tmp_path / "damaged.mp4"
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(dice.randrange(1, 20)):
            damaged[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(damaged)
        assert outcome(path) in {"measured", "refused"}


def outcome(path) -> str:
    try:
        measured = measure_video(path)
    except ValueError as error:
        return "refused" if type(error) is ValueError else repr(error)
    return "measured" if measured.duration > 0 else repr(measured)


# Frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("frames", [1, 2, 12, 13, 24, 31])
def test_the_last_frame_is_exactly_the_last(tmp_path, frames, b_frames):
    path = tmp_path / "a.mp4"
    last = write_video(path, frames=frames, b_frames=b_frames)
    got = np.asarray(clip_of(path).last_frame()).astype(int)
    before = pixels(frames - 2, 320, 192).astype(int)
    assert np.abs(got - last).mean() < 2.5
    if frames > 1:
        assert np.abs(got - before).mean() > 2 * np.abs(got - last).mean()


@pytest.mark.parametrize("movflags", ["faststart", "frag_keyframe+empty_moov"])
def test_the_last_frame_is_found_wherever_the_index_lies(tmp_path, movflags):
    path = tmp_path / "a.mp4"
    last = write_video(path, frames=31, movflags=movflags)
    assert np.abs(np.asarray(clip_of(path).last_frame()).astype(int) - last).mean() < 2.5


@pytest.mark.parametrize(
    ("size", "matrix", "full_range"),
    [
        pytest.param((1280, 720), BT709, False, id="HD, tagged BT.709"),
        pytest.param((1280, 720), BT601, False, id="HD, tagged BT.601"),
        pytest.param((640, 368), BT709, False, id="SD, tagged BT.709"),
        pytest.param((640, 368), BT601, False, id="SD, tagged BT.601"),
        pytest.param((1280, 720), BT709, True, id="HD, full range"),
        pytest.param((640, 368), BT601, True, id="SD, full range"),
    ],
)
def test_colours_come_back_by_the_tagged_matrix(tmp_path, size, matrix, full_range):
    path = tmp_path / "a.mp4"
    last = write_video(path, width=size[0], height=size[1], frames=3, matrix=matrix, full_range=full_range)
    got = np.asarray(clip_of(path).last_frame()).astype(int)
    assert np.abs(got[8, 8] - last[8, 8]).max() <= 4
    assert np.abs(got[8, -8] - last[8, -8]).max() <= 4


def test_an_untagged_small_video_is_taken_for_bt601(tmp_path):
    path = tmp_path / "a.mp4"
    last = write_video(path, frames=3)
    assert np.abs(np.asarray(clip_of(path).last_frame()).astype(int)[8, 8] - last[8, 8]).max() <= 4


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_an_untagged_hd_video_is_taken_for_bt709(tmp_path, size):
    path = tmp_path / "a.mp4"
    frame = pixels(2, *size)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        container.mux(stream.encode(in_planes(frame, BT709, full_range=False)))
        container.mux(stream.encode(None))
    assert np.abs(np.asarray(clip_of(path).last_frame()).astype(int)[8, 8] - frame[8, 8]).max() <= 4


def turned(video, quarter_turns) -> Path:
    """Write the rotation into the file's own track header, as a phone does (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(video.read_bytes())
    one = 0x10000
    rows = {1: (0, one, -one, 0), 2: (-one, 0, 0, -one), 3: (0, -one, one, 0)}[quarter_turns]
    at = data.index(b"tkhd") + 4 + 40
    for place, value in zip((0, 4, 12, 16), rows, strict=True):
        data[at + place : at + place + 4] = (value & 0xFFFFFFFF).to_bytes(4, "big")
    path = video.with_name("turned.mp4")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("quarter_turns", "transposition"),
    [(1, Image.Transpose.ROTATE_270), (2, Image.Transpose.ROTATE_180), (3, Image.Transpose.ROTATE_90)],
)
def test_a_stored_rotation_is_honoured(video, quarter_turns, transposition):
    plain = clip_of(video)
    clip = clip_of(turned(video, quarter_turns))
    upright = plain.last_frame().transpose(transposition)
    assert (clip.width, clip.height) == upright.size
    assert clip.last_frame().tobytes() == upright.tobytes()
    assert Image.open(io.BytesIO(clip.poster())).size == upright.size


@pytest.mark.parametrize(
    ("size", "expected"), [((1280, 720), (640, 360)), ((720, 1280), (360, 640)), ((320, 192), (320, 192))]
)
def test_the_poster_is_a_small_jpeg_of_the_first_frame(tmp_path, size, expected):
    path = tmp_path / "a.mp4"
    write_video(path, width=size[0], height=size[1], frames=8)
    poster = Image.open(io.BytesIO(clip_of(path).poster()))
    assert (poster.format, poster.size) == ("JPEG", expected)
    first = Image.fromarray(pixels(0, *size)).resize(expected)
    assert np.abs(np.asarray(poster).astype(int) - np.asarray(first)).mean() < 12


def test_a_clip_that_is_gone_or_broken_says_so(video):
    clip = clip_of(video)
    video.write_bytes(b"<html>")
    for read in (clip.last_frame, clip.poster):
        with pytest.raises(ValueError, match="cannot be played"):
            read()
    video.unlink()
    for read in (clip.last_frame, clip.poster):
        with pytest.raises(FileNotFoundError):
            read()


# The record ---------------------------------------------------------------------------------------


def test_it_reads_well_in_a_plain_script(video):
    clip = clip_of(video)
    assert str(clip) == f"{video} (320x192, 1.0 s, {clip.size / 1e6:.1f} MB, veo)"


def test_it_cannot_be_changed_and_equal_clips_are_equal(video):
    clip = clip_of(video)
    with pytest.raises(AttributeError):
        clip.prompt = "dawn"
    assert clip == clip_of(video)


def test_importing_the_module_does_not_import_the_heavy_packages():
    script = "import ipyveo.media.clip, sys; print({'PIL', 'numpy', 'av', 'anywidget'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def numbered_clip(path: Path, frames: int, rate: int = 24) -> Clip:
    numbered.write(path, frames)
    return Clip(path, "a", "dusk", 640, 360, frames / rate, rate, 1, datetime.now(UTC), "veo")


def test_each_frame_is_found_exactly_and_one_past_the_end_is_the_last(tmp_path):
    clip = numbered_clip(tmp_path / "numbered.mp4", 120)
    asked = [0, 1, 47, 48, 49, 100, 119, 120, 10_000]
    assert [numbered.read(clip.frame(number)) for number in asked] == [0, 1, 47, 48, 49, 100, 119, 119, 119]
    with pytest.raises(ValueError, match="counted from 0"):
        clip.frame(-1)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize(("frames", "every"), [(1, 2), (25, 2), (600, 4)])
def test_an_animation_is_small_and_lasts_as_long_as_the_clip(tmp_path, kind, frames, every):
    clip = numbered_clip(tmp_path / "numbered.mp4", frames)
    picture = Image.open(io.BytesIO(clip.animation(kind)))
    assert picture.size == (480, 270)
    assert picture.format == kind.upper()
    count = getattr(picture, "n_frames", 1)
    assert count == -(-frames // every)
    numbers, lasted = [], 0
    for index in range(count):
        picture.seek(index)
        picture.load()
        lasted += picture.info.get("duration", 0)
        numbers.append(numbered.read(picture))
    assert numbers == list(range(0, frames, every))
    if count > 1:
        assert lasted == pytest.approx(1000 * count * every / 24, abs=10)
