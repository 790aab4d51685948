"""Rendered clips are what they say: their length, colours, ends, and nothing left behind."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

from ipyveo.sandbox.render import backdrop, render_clip


def _clip(path, start, end=None, *, size=(320, 180), seconds=1.0, take=0, on_progress=lambda _: None):
    width, height = size
    render_clip(
        path, start, end, width=width, height=height, seconds=seconds, take=take, on_progress=on_progress
    )
    return path


def _frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


def _luma(path):
    return [frame[: frame.shape[0] * 2 // 3].astype(float) for frame in _frames(path)]


def _psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-9))


def _wanted_luma(picture, size):
    """Crop around the centre, resize and take BT.709's luma, each by the book."""
    width, height = size
    scale = min(picture.width / width, picture.height / height)
    w, h = width * scale, height * scale
    left, top = (picture.width - w) / 2, (picture.height - h) / 2
    fitted = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=(left, top, left + w, top + h))
    red, green, blue = np.moveaxis(np.asarray(fitted, dtype=float), 2, 0) / 255
    return 16 + 219 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
def test_a_clip_is_h264_in_an_mp4_of_the_right_size_length_and_tags(tmp_path, size):
    path = _clip(tmp_path / "clip.mp4", backdrop("a", 640, 640), size=size, seconds=0.49)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", *size)
        # 1 is BT.709 in each of the three, and the limited range in the last.
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        assert (stream.average_rate, stream.frames) == (24, 12)
        assert float(stream.duration * stream.time_base) == 0.5
        assert container.metadata["comment"] == "ipyveo sandbox"
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert len(_frames(path)) == 12


@pytest.mark.parametrize("take", range(4))
@pytest.mark.parametrize("shape", [(640, 640), (320, 180), (200, 600)])
def test_a_dissolve_begins_and_ends_with_its_pictures(tmp_path, shape, take):
    start, end, size = backdrop("start", *shape), backdrop("end", 900, 300), (640, 360)
    luma = _luma(_clip(tmp_path / "clip.mp4", start, end, size=size, seconds=0.25, take=take))
    assert _psnr(luma[0], _wanted_luma(start, size)) > 35
    assert _psnr(luma[-1], _wanted_luma(end, size)) > 35


@pytest.mark.parametrize("take", range(4))
def test_a_move_begins_with_its_picture_and_comes_closer_frame_by_frame(tmp_path, take):
    start, size = backdrop("start", 640, 360), (640, 360)
    luma = _luma(_clip(tmp_path / "clip.mp4", start, size=size, take=take))
    assert _psnr(luma[0], _wanted_luma(start, size)) > 35
    similar = [_psnr(frame, luma[0]) for frame in luma[1:]]
    assert all(later < earlier + 0.5 for earlier, later in pairwise(similar))
    assert similar[-1] < 32


def test_colours_survive_as_bt709(tmp_path):
    for color in ((200, 30, 40), (20, 160, 60), (40, 60, 190), (128, 128, 128)):
        path = _clip(tmp_path / "clip.mp4", Image.new("RGB", (320, 180), color), seconds=0.1)
        frame = _frames(path)[0]
        y, (u, v) = frame[:180].mean(), (plane.mean() for plane in frame[180:].reshape(2, -1))
        luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
        back = (luma + 1.5748 * red, luma - 0.18733 * blue - 0.46813 * red, luma + 1.8556 * blue)
        assert np.allclose(np.array(back) * 255, color, atol=2.5)


@pytest.mark.parametrize(("two", "size"), [(True, (1280, 720)), (False, (720, 1280))])
def test_takes_differ_and_each_is_the_same_to_the_byte_again(tmp_path, two, size):
    start, end = backdrop("start", 640, 360), backdrop("end", 640, 360) if two else None
    takes = [
        _clip(tmp_path / f"{take}.mp4", start, end, size=size, seconds=0.25, take=take) for take in range(4)
    ]
    middles = [_luma(path)[3] for path in takes]
    for one in range(4):
        assert all(_psnr(middles[one], middles[other]) < 40 for other in range(one))
        again = _clip(tmp_path / "again.mp4", start, end, size=size, seconds=0.25, take=one)
        assert again.read_bytes() == takes[one].read_bytes()


def test_progress_is_told_frame_by_frame_up_to_one(tmp_path):
    told = []
    _clip(tmp_path / "clip.mp4", backdrop("a", 320, 180), seconds=0.5, on_progress=told.append)
    assert told == [n / 12 for n in range(1, 13)]


def test_raising_out_of_progress_ends_the_work_and_leaves_nothing(tmp_path):
    def stop(share):
        if share > 0.3:
            raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        _clip(tmp_path / "clip.mp4", backdrop("a", 320, 180), on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_pictures_of_any_mode_are_taken(tmp_path, mode):
    start = backdrop("start", 320, 180).convert(mode)
    assert len(_frames(_clip(tmp_path / "clip.mp4", start, seconds=0.1))) == 2


def test_a_backdrop_follows_its_prompt():
    assert backdrop("dusk", 64, 36).tobytes() == backdrop("dusk", 64, 36).tobytes()
    assert backdrop("dusk", 64, 36).tobytes() != backdrop("dawn", 64, 36).tobytes()
