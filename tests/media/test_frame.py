"""A frame takes a picture in any form, refuses what is none, and gives clean bytes of the right shape."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw, features
from PIL.PngImagePlugin import PngInfo

from ipyveo.errors import FrameError, InvalidRequestError
from ipyveo.media.clip import Clip
from ipyveo.media.frame import Frame

pillow_heif.register_heif_opener()  # to draw with

RED, GREEN, BLUE, WHITE = (220, 30, 20), (20, 180, 60), (30, 60, 210), (255, 255, 255)


def quarters(width=320, height=180) -> Image.Image:
    """Red, green over blue, white: every turn and mirroring of it looks different."""
    picture = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=RED)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=BLUE)
    return picture


def photo(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture with something everywhere that still compresses: smooth noise."""
    noise = np.random.default_rng(seed).integers(
        0, 256, (max(2, height // 40), max(2, width // 40), 3), np.uint8
    )
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def corners(picture: Image.Image) -> list[tuple[int, int, int]]:
    """The colours an eighth of the way in: top left, top right, bottom left, bottom right."""
    x, y = picture.width // 8, picture.height // 8
    places = [(x, y), (picture.width - 1 - x, y), (x, picture.height - 1 - y)]
    return [picture.getpixel(place) for place in [*places, (picture.width - 1 - x, picture.height - 1 - y)]]


def assert_near(colour, expected, tolerance=6):
    assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) <= tolerance, (colour, expected)


def assert_quarters(frame: Frame, tolerance=6):
    whole = opened(frame.thumbnail())
    for colour, expected in zip(corners(whole), (RED, GREEN, BLUE, WHITE), strict=True):
        assert_near(colour, expected, tolerance)


def refusal(picture) -> str:
    with pytest.raises(FrameError) as caught:
        Frame(picture)
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.maybe_charged is False
    assert "Nothing was sent and nothing was charged." in str(error)
    assert len(str(error)) < 300
    assert "\n" not in str(error)
    return str(error)


# Every kind of input ------------------------------------------------------------------------------


@pytest.fixture
def png(tmp_path) -> Path:
    path = tmp_path / "day.png"
    quarters().save(path)
    return path


class PathLike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


class PathLikeBytes(PathLike):
    def __fspath__(self):
        return os.fsencode(self.path)


@pytest.mark.parametrize("kind", [str, Path, PathLike, PathLikeBytes])
def test_a_path_of_any_kind_is_read_and_gives_the_name(png, kind):
    frame = Frame(kind(png))
    assert (frame.name, frame.width, frame.height) == ("day.png", 320, 180)
    assert_quarters(frame)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(png, kind):
    frame = Frame(kind(png.read_bytes()))
    assert frame.name == "picture"
    assert_quarters(frame)


def test_an_open_file_is_read(png):
    with png.open("rb") as file:
        frame = Frame(file)
        assert not file.closed
    assert frame.name == "day.png"
    assert_quarters(frame)


def test_an_unbuffered_file_is_read_in_as_many_reads_as_it_needs(png):
    with png.open("rb", buffering=0) as file:
        assert_quarters(Frame(file))


def test_a_file_is_read_from_its_start_even_if_it_was_just_written(png):
    file = io.BytesIO()
    file.write(png.read_bytes())
    assert_quarters(Frame(file))


def test_a_pipe_is_read(png):
    script = f"import sys; sys.stdout.buffer.write(open({str(png)!r}, 'rb').read())"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert_quarters(Frame(process.stdout))


def test_a_temporary_file_is_read(png):
    with tempfile.TemporaryFile() as file:  # its name is a number
        file.write(png.read_bytes())
        assert Frame(file).name == "picture"


def test_a_named_stream_gives_its_name():
    file = io.BytesIO(saved(quarters(), "PNG"))
    file.name = r"C:\Users\me\Pictures\day.png"
    assert Frame(file).name == "day.png"


def test_a_pillow_image_is_taken_and_left_alone():
    image = quarters()
    image.info["dpi"] = (72, 72)
    frame = Frame(image)
    image.paste((0, 0, 0), (0, 0, 320, 180))
    assert_quarters(frame)
    assert image.info == {"dpi": (72, 72)}


def test_a_pillow_image_that_was_opened_lazily_gives_its_name(png):
    with Image.open(png) as image:
        assert Frame(image).name == "day.png"


def test_a_pillow_image_is_turned_upright_too():
    data = saved(quarters().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif(6), quality=95)
    assert_quarters(Frame(Image.open(io.BytesIO(data))), 25)


def test_a_figure_is_drawn():
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(3.2, 1.8), dpi=100)
    figure.figimage(np.asarray(quarters()))
    frame = Frame(figure)
    assert (frame.width, frame.height) == (320, 180)
    assert_quarters(frame)


def test_a_frame_gives_the_same_frame(png):
    first = Frame(png)
    second = Frame(first)
    assert (second.name, second.width, second.height) == ("day.png", 320, 180)
    assert second.fitted("16:9").data == first.fitted("16:9").data


def test_a_clip_gives_its_last_frame(tmp_path):
    path = tmp_path / "dusk.mp4"
    write_video(path, [(10, 10, 10), (200, 40, 40)])
    clip = Clip(path, "a", "dusk", 320, 192, 2 / 24, 24.0, path.stat().st_size, datetime.now(UTC), "veo")
    frame = Frame(clip)
    assert (frame.name, frame.width, frame.height) == ("dusk.mp4", 320, 192)
    assert_near(opened(frame.thumbnail()).getpixel((100, 100)), (200, 40, 40))


def write_video(path, colours):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for colour in colours:
            frame = av.VideoFrame.from_image(Image.new("RGB", (320, 192), colour))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


# Arrays -------------------------------------------------------------------------------------------

LEVELS = np.asarray(quarters())


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(LEVELS, id="uint8"),
        pytest.param(LEVELS.astype(np.uint16) * 257, id="uint16"),
        pytest.param((LEVELS.astype(np.uint16) * 257).astype(">u2"), id="uint16, other byte order"),
        pytest.param(LEVELS / 255.0, id="float64"),
        pytest.param((LEVELS / 255.0).astype(np.float32), id="float32"),
        pytest.param((LEVELS / 255.0).astype(np.float16), id="float16"),
        pytest.param(np.dstack([LEVELS, np.full((180, 320), 255, np.uint8)]), id="with alpha"),
        pytest.param(np.asfortranarray(LEVELS), id="another memory order"),
        pytest.param(np.repeat(LEVELS, 2, axis=1)[:, ::2], id="strided"),
        pytest.param(np.ma.masked_array(LEVELS), id="masked"),
    ],
)
def test_an_array_of_any_depth_is_taken(array):
    frame = Frame(array)
    assert (frame.width, frame.height, frame.name) == (320, 180, "picture")
    assert_quarters(frame)


@pytest.mark.parametrize("shape", [(20, 40), (20, 40, 1)])
@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [(np.bool_, False, True), (np.uint8, 0, 255), (np.uint16, 0, 65535), (float, 0, 1)],
)
def test_a_grey_array_keeps_black_and_white(shape, dtype, low, high):
    array = np.full(shape, low, dtype)
    array[:, 20:] = high
    sent = opened(Frame(array).fitted("16:9").data)
    assert sent.getpixel((3, 10)) == (0, 0, 0)
    assert sent.getpixel((sent.width - 3, 10)) == (255, 255, 255)


def test_sixteen_bits_are_rounded_to_the_nearest_level():
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    sent = np.asarray(opened(Frame(ramp).fitted("16:9").data))[:, :, 0]
    truth = (ramp / 257.0)[(256 - sent.shape[0]) // 2 :][: sent.shape[0]]
    assert np.abs(sent - truth).max() <= 0.5 + 1e-9


def test_floats_a_little_outside_are_cut_and_far_outside_refused():
    over = np.full((9, 16), 1.02)
    over[:, :8] = -0.02
    sent = opened(Frame(over).fitted("16:9").data)
    assert (sent.getpixel((0, 0)), sent.getpixel((15, 0))) == ((0, 0, 0), (255, 255, 255))
    assert "divide by 255" in refusal(np.full((9, 16), 200.0))


def test_the_array_may_change_afterwards():
    array = LEVELS.copy()
    frame = Frame(array)
    array[:] = 0
    assert_quarters(frame)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(10),
        np.zeros((2, 2, 2)),
        np.zeros((2, 2, 5)),
        np.zeros((2, 2, 3, 1)),
        np.zeros((0, 10)),
        np.zeros((10, 0, 3)),
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4), complex),
        np.full((4, 4), np.nan),
        np.full((4, 4), np.inf),
        np.array(5.0),
        np.full((2, 2), None),
        np.array([["a", "b"]]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_other_arrays_are_refused(array):
    assert "array" in refusal(array)


# What is no picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [None, 5, 3.5, True, object(), ["day.png"], {"a": 1}, ("a",), print, Frame])
def test_things_that_are_no_picture_are_refused(thing):
    assert "is not a picture" in refusal(thing)


@pytest.mark.parametrize(
    "name", ["missing.png", "no/such/folder/day.png", "", "x" * 5000, "nul\0.png", "\udc80.png"]
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refusal(name)


def test_the_sentence_names_the_file_that_is_missing():
    assert refusal("/nowhere/harbour-day.png").startswith("harbour-day.png was not found.")


def test_a_folder_is_refused(tmp_path):
    assert "is not a file" in refusal(tmp_path)


def test_a_named_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a file" in refusal(tmp_path / "pipe.png")


def test_a_device_without_end_is_refused():
    assert "is not a file" in refusal("/dev/zero")


def test_a_text_file_object_is_refused(png):
    with png.open(encoding="latin-1") as file:
        assert "binary mode" in refusal(file)


def test_a_closed_file_is_refused(png):
    with png.open("rb") as file:
        pass
    assert "still open" in refusal(file)


def test_a_closed_pillow_image_is_refused(png):
    image = Image.open(png)
    image.close()
    refusal(image)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"hello",
        b"<html><body>404</body></html>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"BM",
    ],
)
def test_bytes_that_are_no_picture_are_refused(data):
    refusal(data)


def test_a_text_file_with_a_picture_name_is_refused(tmp_path):
    path = tmp_path / "fake.png"
    path.write_text("This is not a picture.\n" * 100)
    assert "not a picture" in refusal(path)


@pytest.mark.parametrize("kind", ["PPM", "TGA", "ICO", "EPS", "PDF", "PCX", "SGI", "DDS"])
def test_formats_nobody_needs_are_not_even_decoded(kind):
    assert "known format" in refusal(saved(quarters(64, 64), kind))


def test_heic_without_its_reader_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pillow-heif" in refusal(saved(quarters(64, 64), "HEIF"))


def test_a_clip_whose_file_is_gone_is_refused(tmp_path):
    clip = Clip(tmp_path / "dusk.mp4", "a", "dusk", 1, 1, 1.0, 24.0, 1, datetime.now(UTC), "veo")
    assert refusal(clip).startswith("The last frame of dusk.mp4 cannot be read")


def test_a_figure_that_cannot_be_drawn_is_refused():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.set_size_inches(10_000, 10_000)
    assert "could not be drawn" in refusal(figure)


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("day.png", "day.png"),
        ("/home/me/day.png", "day.png"),
        ("..\\..\\day.png", "day.png"),
        ("caf\xe9 \u65e5\u672c.png", "caf\xe9 \u65e5\u672c.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u200bb\u2066c\ufeff.png", "abc.png"),
        ("line\nbreak\ttab\x1b[31m.png", "linebreaktab[31m.png"),
        ("two\u2028 lines \u2029.png", "two lines .png"),
        ("<b>day</b>.png", "b>.png"),
        ("", "picture"),
        ("\u202e\n", "picture"),
        ("folder/", "picture"),
        ("x" * 100, "x" * 59 + "\u2026"),
        (7, "picture"),
        (b"day.png", "picture"),
        (None, "picture"),
    ],
)
def test_names_are_fit_to_be_shown(name, shown):
    file = io.BytesIO(saved(quarters(), "PNG"))
    file.name = name
    assert Frame(file).name == shown


def test_a_name_in_a_refusal_is_fit_to_be_shown_too():
    assert refusal("/a/\u202egnp.\x1b[31mexe").startswith("gnp.[31mexe was not found")


def test_its_representation_says_what_it_is(png):
    assert repr(Frame(png)) == "Frame('day.png', 320x180)"


def test_it_cannot_be_changed(png):
    frame = Frame(png)
    for name in ("width", "height", "name"):
        with pytest.raises(AttributeError):
            setattr(frame, name, 1)
    with pytest.raises(AttributeError):
        frame.other = 1


# Upright ------------------------------------------------------------------------------------------

# How a camera that was held so stores what is upright: EXIF's eight orientations.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def exif(orientation) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Acme camera"
    return block.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_all_eight_orientations_come_upright(orientation, kind):
    upright = quarters()
    stored = upright if STORED[orientation] is None else upright.transpose(STORED[orientation])
    options = {"quality": 95} if kind in {"JPEG", "WEBP", "AVIF", "HEIF"} else {}
    frame = Frame(saved(stored, kind, exif=exif(orientation), **options))
    assert (frame.width, frame.height) == (320, 180)
    assert_quarters(frame, 25)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_large_photograph_comes_upright_too(orientation):
    stored = quarters(4000, 3000).transpose(STORED[orientation])
    frame = Frame(saved(stored, "JPEG", exif=exif(orientation), quality=90))
    assert (frame.width, frame.height) == (4000, 3000)
    assert_quarters(frame, 25)


@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0" + b"\xff" * 50, exif(0), exif(99)]
)
def test_a_broken_orientation_is_no_reason_to_refuse(block):
    assert_quarters(Frame(saved(quarters(), "JPEG", exif=block, quality=95)), 25)


# Modes and depths ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000", "HEIF"])
def test_every_format_is_read(kind):
    if kind == "JPEG2000" and not features.check("jpg_2000"):
        pytest.skip("this Pillow cannot write JPEG 2000")
    options = {"quality": 95} if kind in {"JPEG", "WEBP", "AVIF", "HEIF"} else {}
    frame = Frame(saved(quarters(), kind, **options))
    assert (frame.width, frame.height) == (320, 180)
    assert_quarters(frame, 25)


@pytest.mark.parametrize("suffix", [".txt", ".jpg", ".mp4", ""])
def test_the_content_counts_and_not_the_name(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(saved(quarters(), "PNG"))
    assert_quarters(Frame(path))
    assert Frame(path).fitted("16:9").media_type == "image/png"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("P", "BMP"),
        ("P", "TIFF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("RGBA", "TIFF"),
        ("RGBX", "TIFF"),
        ("RGBA", "WEBP"),
    ],
)
def test_every_colour_mode_of_a_file_keeps_its_colours(mode, kind):
    options = (
        {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    )
    assert_quarters(Frame(saved(in_mode(mode), kind, **options)), 12)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "P", "PA"])
def test_every_colour_mode_of_an_image_keeps_its_colours(mode):
    assert_quarters(Frame(in_mode(mode)), 12)


def in_mode(mode) -> Image.Image:
    if mode in {"P", "PA"}:  # a palette made for the picture
        return quarters().quantize(16).convert(mode)
    return quarters().convert("RGBA" if mode == "RGBa" else "RGB").convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "I", "I;16", "I;16B", "F"])
def test_every_grey_mode_keeps_black_grey_and_white(mode):
    steps = np.repeat(np.array([0, 128, 255], np.uint8), 20)
    grey = np.tile(steps, (34, 1))
    image = {
        "1": lambda: Image.fromarray(grey > 200),
        "L": lambda: Image.fromarray(grey),
        "LA": lambda: Image.fromarray(grey).convert("LA"),
        "La": lambda: Image.fromarray(grey).convert("LA").convert("La"),
        "I": lambda: Image.fromarray(grey.astype(np.int32)),
        "I;16": lambda: Image.fromarray(grey.astype(np.uint16) * 257),
        "I;16B": lambda: Image.frombytes("I;16B", (60, 34), (grey.astype(">u2") * 257).tobytes()),
        "F": lambda: Image.fromarray(grey.astype(np.float32)),
    }[mode]()
    assert image.mode == mode
    sent = opened(Frame(image).fitted("16:9").data)
    levels = [sent.getpixel((x, 10)) for x in (5, 30, 55)]
    assert levels == [(0, 0, 0), (0, 0, 0) if mode == "1" else (128, 128, 128), (255, 255, 255)]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.0, 5.0), (1000.0, 2000.0)])
def test_float_levels_are_scaled_from_the_range_they_have(low, high):
    ramp = np.linspace(low, high, 320, dtype=np.float32)
    sent = np.asarray(opened(Frame(Image.fromarray(np.tile(ramp, (180, 1)))).fitted("16:9").data))[90, :, 0]
    assert (sent[0], sent[-1]) == (0, 255)
    assert (np.diff(sent.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    "levels", [np.full((9, 16), np.nan, np.float32), np.full((9, 16), np.inf, np.float32)]
)
def test_float_levels_that_are_no_numbers_are_refused(levels):
    refusal(Image.fromarray(levels))


def test_a_flat_deep_picture_is_no_reason_to_stop():
    assert Frame(Image.fromarray(np.full((9, 16), 70_000, np.int32))).width == 16


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_files_are_scaled_and_not_clipped(kind):
    ramp = np.tile(np.linspace(0, 65535, 320).astype(np.uint16), (180, 1))
    sent = np.asarray(opened(Frame(saved(Image.fromarray(ramp), kind)).fitted("16:9").data))[90, :, 0]
    assert np.abs(sent - ramp[90] / 257.0).max() <= 1.0


def test_sixteen_bit_colour_files_are_scaled():
    rows = b"".join(b"\0" + struct.pack(">HHH", 65535, 32768, 0) * 16 for _ in range(9))
    assert opened(Frame(png_file(16, 9, 16, 2, rows)).fitted("16:9").data).getpixel((5, 5)) == (255, 128, 0)


def png_file(width, height, bits, colour, rows) -> bytes:
    """A PNG made by hand, for kinds that Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (64, 36), colour) for colour in (RED, GREEN, BLUE)]
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert_near(opened(Frame(data).fitted("16:9").data).getpixel((30, 20)), RED, 8)


# Transparency -------------------------------------------------------------------------------------


def test_alpha_is_laid_on_white():
    image = Image.new("RGBA", (96, 54), (200, 0, 0, 0))
    image.paste((200, 0, 0, 128), (32, 0, 64, 54))
    image.paste((200, 0, 0, 255), (64, 0, 96, 54))
    for kind in ("PNG", "TIFF"):
        sent = opened(Frame(saved(image, kind)).fitted("16:9").data)
        assert [sent.getpixel((x, 20)) for x in (10, 48, 90)] == [
            (255, 255, 255),
            (227, 127, 127),
            (200, 0, 0),
        ]


def test_a_transparent_palette_entry_is_white():
    image = Image.new("P", (96, 54), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.paste(1, (48, 0, 96, 54))
    for kind in ("PNG", "GIF"):
        sent = opened(Frame(saved(image, kind, transparency=0)).fitted("16:9").data)
        assert (sent.getpixel((10, 20)), sent.getpixel((80, 20))) == ((255, 255, 255), (0, 0, 200))


@pytest.mark.parametrize(("mode", "key", "other"), [("RGB", (200, 0, 0), (0, 0, 200)), ("L", 60, 200)])
def test_a_transparent_colour_is_white(mode, key, other):
    image = Image.new(mode, (96, 54), key)
    image.paste(other, (48, 0, 96, 54))
    sent = opened(Frame(saved(image, "PNG", transparency=key)).fitted("16:9").data)
    expected = other if mode == "RGB" else (other,) * 3
    assert (sent.getpixel((10, 20)), sent.getpixel((80, 20))) == ((255, 255, 255), expected)


def test_a_transparent_grey_is_laid_on_white():
    image = Image.new("LA", (96, 54), (0, 128))
    assert opened(Frame(saved(image, "PNG")).fitted("16:9").data).getpixel((5, 5)) == (127, 127, 127)


# Colour profiles ----------------------------------------------------------------------------------


def swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries have changed places."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    at = {bytes(data[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    data[at[b"rXYZ"] : at[b"rXYZ"] + 4], data[at[b"gXYZ"] : at[b"gXYZ"] + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_an_embedded_profile_is_converted_to_srgb(kind):
    image = Image.new("RGB", (96, 54), (255, 0, 0))
    options = {"quality": 95} if kind in {"JPEG", "WEBP", "AVIF", "HEIF"} else {}
    data = saved(image, kind, icc_profile=swapped_profile(), **options)
    assert_near(opened(Frame(data).fitted("16:9").data).getpixel((20, 20)), (0, 255, 0), 12)


def test_a_profile_of_an_image_with_alpha_is_converted_too():
    data = saved(Image.new("RGBA", (96, 54), (255, 0, 0, 255)), "PNG", icc_profile=swapped_profile())
    assert_near(opened(Frame(data).fitted("16:9").data).getpixel((20, 20)), (0, 255, 0), 4)


def test_an_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sent = np.asarray(opened(Frame(saved(photo(320, 180), "PNG", icc_profile=profile)).fitted("16:9").data))
    assert np.abs(sent.astype(int) - np.asarray(photo(320, 180))).max() <= 1


@pytest.mark.parametrize("profile", [b"", b"x", b"not a profile" * 50, swapped_profile()[:200]])
def test_a_broken_profile_is_ignored(profile):
    assert_quarters(Frame(saved(quarters(), "PNG", icc_profile=profile)))


def test_a_profile_for_other_channels_is_ignored():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert_quarters(Frame(saved(quarters(), "PNG", icc_profile=profile)))


# Too large ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (8001, 8000), (12_000, 12_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_small_file_that_claims_too_many_pixels_is_refused_from_its_header(width, height):
    bomb = png_file(width, height, 8, 2, bytes(1000))
    assert len(bomb) < 1000
    refusal(bomb)


def test_the_sentence_says_how_many_megapixels_there_may_be():
    assert "64" in refusal(png_file(30_000, 30_000, 8, 2, bytes(1000)))
    assert "has 65 megapixels" in refusal(png_file(10_000, 6500, 8, 2, bytes(1000)))


def test_sixty_four_megapixels_are_taken():
    assert Frame(saved(Image.new("1", (8000, 8000), 1), "PNG")).width == 8000


def test_a_large_image_is_refused_before_it_is_copied():
    assert "megapixels" in refusal(Image.new("1", (8001, 8000)))
    assert "megapixels" in refusal(np.broadcast_to(np.uint8(0), (8001, 8000)))


def test_a_large_progressive_jpeg_is_refused_and_a_baseline_one_taken():
    large = Image.new("L", (6400, 5100), 128)
    assert "progressive" in refusal(saved(large, "JPEG", progressive=True))
    assert Frame(saved(large, "JPEG")).width == 6400


def test_a_file_of_more_than_128_megabytes_is_refused(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(128 * 2**20 + 1)
    assert "128 MB" in refusal(path)


def test_a_stream_without_end_is_read_no_further_than_the_limit():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            size = min(size, 2**20)
            self.given += size
            return bytes(size)

    endless = Endless()
    assert "128 MB" in refusal(endless)
    assert endless.given <= 128 * 2**20 + 1


# Damaged ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF"])
def test_a_file_cut_short_anywhere_is_refused(kind):
    data = saved(photo(400, 300), kind)
    dice = random.Random(kind)
    for end in sorted(dice.randrange(int(len(data) * 0.97)) for _ in range(20)):
        refusal(data[:end])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000", "HEIF"])
def test_damage_ends_in_a_frame_or_in_a_plain_sentence(kind):
    data = saved(photo(200, 120), kind)
    dice = random.Random(kind)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(dice.randrange(1, 12)):
            damaged[dice.randrange(min(len(data), 600))] = dice.randrange(256)
        assert outcome(bytes(damaged)) in {"frame", "sentence"}


def outcome(data: bytes) -> str:
    try:
        frame = Frame(data)
    except FrameError as error:
        return "sentence" if len(str(error)) < 300 else str(error)
    return "frame" if frame.fitted("16:9").data else "nothing"


# What is sent -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", ["16:9", "9:16"])
@pytest.mark.parametrize(
    "size",
    [
        (1920, 1080),
        (1080, 1920),
        (4032, 3024),
        (3024, 4032),
        (1000, 1000),
        (333, 777),
        (1921, 1081),
        (5000, 300),
    ],
)
def test_the_shape_is_exact_to_a_pixel_and_never_enlarged(size, ratio):
    frame = Frame(Image.new("RGB", size, RED))
    fitted = frame.fitted(ratio)
    across, down = (16, 9) if ratio == "16:9" else (9, 16)
    off = fitted.width * down - fitted.height * across
    assert abs(off) <= max(across, down)  # one pixel of the longer side
    assert max(fitted.width, fitted.height) <= 1920
    assert fitted.width <= size[0]
    assert fitted.height <= size[1]
    assert opened(fitted.data).size == (fitted.width, fitted.height)
    assert (frame.width, frame.height) == size


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        ((4032, 3024), "16:9", (1920, 1080)),
        ((4032, 3024), "9:16", (1080, 1920)),
        ((1920, 1080), "16:9", (1920, 1080)),
        ((1920, 1080), "9:16", (608, 1080)),
        ((1280, 720), "16:9", (1280, 720)),
        ((640, 640), "16:9", (640, 360)),
        ((1, 1), "16:9", (1, 1)),
        ((1, 500), "16:9", (1, 1)),
        ((500, 1), "9:16", (1, 1)),
    ],
)
def test_as_many_pixels_are_kept_as_fit(size, ratio, expected):
    fitted = Frame(Image.new("RGB", size)).fitted(ratio)
    assert (fitted.width, fitted.height) == expected


def test_the_crop_is_the_middle():
    picture = photo(400, 400)
    for ratio, box in (("16:9", (0, 87, 400, 312)), ("9:16", (87, 0, 312, 400))):
        sent = opened(Frame(picture).fitted(ratio).data)
        assert sent.tobytes() == picture.crop(box).tobytes()


def test_a_crop_that_is_scaled_is_the_middle_too():
    picture = photo(3000, 3000)
    for ratio, box, size in (
        ("16:9", (0, 656, 3000, 2344), (1920, 1080)),
        ("9:16", (656, 0, 2344, 3000), (1080, 1920)),
    ):
        sent = np.asarray(opened(Frame(picture).fitted(ratio).data)).astype(int)
        truth = np.asarray(picture.resize(size, Image.Resampling.LANCZOS, box=box)).astype(int)
        assert np.abs(sent - truth).mean() < 1.0


def test_a_photograph_that_the_decoder_shrinks_matches_the_truth():
    picture = photo(5000, 3600)
    sent = np.asarray(opened(Frame(saved(picture, "JPEG", quality=97)).fitted("16:9").data)).astype(int)
    box = (0, (3600 - 5000 * 9 / 16) / 2, 5000, (3600 + 5000 * 9 / 16) / 2)
    truth = np.asarray(picture.resize((1920, 1080), Image.Resampling.LANCZOS, box=box)).astype(int)
    assert np.abs(sent - truth).mean() < 2.0


@pytest.mark.parametrize(
    ("label", "word"), [("16:9", "VIDEO_ASPECT_RATIO_LANDSCAPE"), ("9:16", "VIDEO_ASPECT_RATIO_PORTRAIT")]
)
def test_the_words_of_the_service_are_taken_too(label, word):
    frame = Frame(quarters())
    assert frame.fitted(label) == frame.fitted(word)


@pytest.mark.parametrize("ratio", ["4:3", "", "16x9", None, 5])
def test_another_shape_is_refused(ratio):
    with pytest.raises(InvalidRequestError):
        Frame(quarters()).fitted(ratio)


@pytest.mark.parametrize(
    ("kind", "options", "media_type", "suffix"),
    [
        ("PNG", {}, "image/png", ".png"),
        ("BMP", {}, "image/png", ".png"),
        ("TIFF", {}, "image/png", ".png"),
        ("GIF", {}, "image/png", ".png"),
        ("JPEG", {}, "image/jpeg", ".jpg"),
        ("WEBP", {}, "image/jpeg", ".jpg"),
        ("AVIF", {}, "image/jpeg", ".jpg"),
        ("JPEG2000", {}, "image/jpeg", ".jpg"),
    ],
)
def test_the_declared_type_is_the_true_one(kind, options, media_type, suffix):
    fitted = Frame(saved(quarters(), kind, **options)).fitted("16:9")
    assert (fitted.media_type, fitted.suffix) == (media_type, suffix)
    assert opened(fitted.data).format == {"image/png": "PNG", "image/jpeg": "JPEG"}[media_type]


def test_a_lossless_source_is_sent_without_loss():
    picture = photo(1920, 1080)
    assert opened(Frame(picture).fitted("16:9").data).tobytes() == picture.tobytes()


def test_the_largest_png_there_can_be_stays_below_8_megabytes():
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    fitted = Frame(noise).fitted("16:9")
    assert fitted.media_type == "image/png"
    assert len(fitted.data) < 8_000_000


def test_a_jpeg_keeps_its_full_colour_resolution():
    sent = opened(Frame(saved(photo(320, 180), "JPEG")).fitted("16:9").data)
    assert [layer[1:3] for layer in sent.layer] == [(1, 1)] * 3
    assert max(max(table) for table in sent.quantization.values()) <= 15


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_metadata_goes_out(kind):
    block = Image.Exif()
    block[0x010F] = "Acme camera"
    block[0x013B] = "Jane Doe"
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0)})
    text = PngInfo()
    text.add_text("Author", "Jane Doe")
    options = {
        "PNG": {"pnginfo": text},
        "JPEG": {"comment": "by Jane Doe"},
        "TIFF": {"description": "Jane Doe"},
    }
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = saved(
        photo(320, 180), kind, exif=block, icc_profile=profile, dpi=(300, 300), **options.get(kind, {})
    )
    assert b"Jane Doe" in source
    frame = Frame(source)
    for data in (frame.fitted("16:9").data, frame.fitted("9:16").data, frame.thumbnail()):
        for trace in (b"Jane", b"Acme", b"Exif", b"ICC_PROFILE", b"iCCP", b"eXIf", b"tEXt", b"iTXt", b"pHYs"):
            assert trace not in data
        assert dict(opened(data).getexif()) == {}
        assert set(opened(data).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_same_crop_is_made_once():
    frame = Frame(quarters())
    assert frame.fitted("16:9") is frame.fitted("16:9")


@pytest.mark.parametrize(
    ("size", "long_side", "expected"), [((320, 180), 960, (320, 180)), ((2000, 500), 100, (100, 25))]
)
def test_a_thumbnail_shows_the_whole_picture(size, long_side, expected):
    small = opened(Frame(Image.new("RGB", size)).thumbnail(long_side))
    assert (small.format, small.size) == ("JPEG", expected)


def test_a_notebook_shows_the_thumbnail():
    frame = Frame(quarters())
    assert frame._repr_jpeg_() == frame.thumbnail()


def test_what_is_kept_of_a_large_picture_is_small():
    kept = Frame(Image.new("RGB", (8000, 6000)))._decoded.image
    assert kept.size == (2560, 1920)


def test_importing_the_module_does_not_import_the_heavy_packages():
    script = "import ipyveo.media.frame, sys; print({'PIL', 'numpy', 'av', 'httpx'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
