"""What is framed is what is sent: to the pixel, with the original's detail, and nothing else."""

from __future__ import annotations

import copy
import gc
import io
import itertools
import math
import os
import pickle
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ipyveo.errors import FrameError, InvalidRequestError
from ipyveo.media import frame as frame_module
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.frame import Frame
from ipyveo.media.framing import Crop, Placement
from ipyveo.media.original import Original
from ipyveo.media.pair import pair_notes

RATIOS = ("16:9", "9:16")
FOCI = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.3, 0.8), (0.71, 0.07))
ZOOMS = (1.0, 1.7, 4.0)


def coordinates(width: int, height: int) -> np.ndarray:
    """A picture in which each pixel says where it is; both sides below 4096."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([x & 255, y & 255, x >> 8 | (y >> 8) << 4]).astype(np.uint8)


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def sent(frame: Frame, ratio: str) -> np.ndarray:
    fitted = frame.fitted(ratio)
    with Image.open(io.BytesIO(fitted.data)) as image:
        assert image.size == (fitted.width, fitted.height) == frame.sent_size(ratio)
        return np.asarray(image.convert("RGB"))


def part(array: np.ndarray, crop: Crop) -> np.ndarray:
    return array[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]


def placed(picture: np.ndarray, placement: Placement) -> np.ndarray:
    height, width = picture.shape[:2]
    left, top = round(placement.left * width), round(placement.top * height)
    right, bottom = left + round(placement.width * width), top + round(placement.height * height)
    return picture[top:bottom, left:right]


@pytest.fixture(scope="module")
def small():
    array = coordinates(1600, 1200)
    return array, Frame(array)


@pytest.fixture(scope="module")
def large():
    array = coordinates(4000, 3000)
    return array, Frame(saved(Image.fromarray(array), "PNG", compress_level=1))


# Where the crop is --------------------------------------------------------------------------------


def wanted(width, height, ratio, fit, focus, zoom):
    """The crop in exact numbers, worked out in another way: left, top, width, height."""
    shape = {"16:9": 16 / 9, "9:16": 9 / 16}[ratio]
    sides = [(height * shape, height), (width, width / shape)]
    canvas = min(sides) if fit == "cover" else max(sides)
    across, down = min(width, canvas[0] / zoom), min(height, canvas[1] / zoom)
    left = min(max(focus[0] * width - across / 2, 0), width - across)
    top = min(max(focus[1] * height - down / 2, 0), height - down)
    return left, top, across, down


@pytest.mark.parametrize("size", [(4000, 3000), (1080, 1920), (640, 640), (333, 777), (4032, 100)])
@pytest.mark.parametrize("fit", ["cover", "contain", "blur"])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_crop_is_exact_to_a_pixel(size, fit, ratio):
    frame = Frame(Image.new("1", size), fit=fit)
    for focus, zoom in itertools.product(FOCI, (*ZOOMS, 2.37, 8.0)):
        crop = frame.framed(focus=focus, zoom=zoom).crop(ratio)
        exact = wanted(*size, ratio, fit, focus, zoom)
        got = (crop.left, crop.top, crop.width, crop.height)
        assert max(abs(a - b) for a, b in zip(got, exact, strict=True)) <= 1.0, (focus, zoom, got, exact)
        assert 0 <= crop.left <= size[0] - crop.width
        assert 0 <= crop.top <= size[1] - crop.height


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("focus", FOCI)
def test_a_crop_sends_the_very_pixels_it_names(small, ratio, zoom, focus):
    array, frame = small
    near = frame.framed(focus=focus, zoom=zoom)
    assert (sent(near, ratio) == part(array, near.crop(ratio))).all()
    assert near.placement(ratio) == Placement(0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("focus", FOCI)
@pytest.mark.parametrize("zoom", [2.5, 5.0, 8.0])
def test_a_close_crop_has_every_pixel_of_a_large_original(large, ratio, focus, zoom):
    array, frame = large
    near = frame.framed(focus=focus, zoom=zoom)
    assert (sent(near, ratio) == part(array, near.crop(ratio))).all()


SCALED = [
    pytest.param(ratio, focus, zoom, marks=[] if number in (1, 5) else [pytest.mark.soak])
    for number, (ratio, (focus, zoom)) in enumerate(
        itertools.product(RATIOS, [((0.5, 0.5), 1.0), ((0.1, 0.9), 1.0), ((0.8, 0.3), 1.5)])
    )
]


@pytest.mark.parametrize(("ratio", "focus", "zoom"), SCALED)
def test_a_scaled_crop_is_the_same_rectangle(ratio, focus, zoom):
    noise = np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)
    picture = Image.fromarray(noise).resize((4000, 3000), Image.Resampling.BICUBIC)
    near = Frame(picture, focus=focus, zoom=zoom)
    crop = near.crop(ratio)
    box = (crop.left, crop.top, crop.left + crop.width, crop.top + crop.height)
    truth = picture.resize(near.sent_size(ratio), Image.Resampling.LANCZOS, box=box)
    assert max(near.sent_size(ratio)) == 1920
    assert np.abs(sent(near, ratio).astype(int) - np.asarray(truth)).mean() < 1.0


@pytest.mark.parametrize("fit", ["contain", "blur"])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("zoom", [1.0, 1.2, 3.0])
@pytest.mark.parametrize("size", [(900, 640), (300, 900), (1000, 200)])
def test_between_bars_the_very_pixels_are_sent_too(fit, ratio, zoom, size):
    array = coordinates(*size)
    frame = Frame(array, fit=fit, zoom=zoom, focus=(0.3, 0.6), background="#123456")
    picture, crop, placement = sent(frame, ratio), frame.crop(ratio), frame.placement(ratio)
    # The sent picture is less than a pixel larger or smaller than its exact size, and so may the crop be.
    inner, truth = placed(picture, placement), part(array, crop)
    assert max(abs(a - b) for a, b in zip(inner.shape, truth.shape, strict=True)) <= 1
    if inner.shape == truth.shape:
        assert (inner == truth).all()
    if fit == "contain":
        bars = np.ones(picture.shape[:2], bool)
        placed(bars[..., None], placement)[:] = False
        assert (picture[bars] == (0x12, 0x34, 0x56)).all()
    if zoom == 1.0:
        assert (crop.width, crop.height) == size


def test_most_of_the_pictures_between_bars_were_compared_exactly():
    exact = [
        placed(sent(frame, ratio), frame.placement(ratio)).shape[:2]
        == (frame.crop(ratio).height, frame.crop(ratio).width)
        for size in [(900, 640), (300, 900), (1000, 200)]
        for ratio in RATIOS
        for frame in [Frame(coordinates(*size), fit="contain")]
    ]
    assert all(exact)


def test_a_large_picture_between_bars_is_all_there():
    picture = Image.new("RGB", (3000, 4000), "teal")
    frame = Frame(picture, fit="contain")
    assert frame.sent_size("16:9") == (1920, 1080)
    assert frame.crop("16:9") == Crop(0, 0, 3000, 4000)
    assert frame.placement("16:9") == Placement(555 / 1920, 0.0, 810 / 1920, 1.0)
    pixels = sent(frame, "16:9")
    assert tuple(pixels[500, 554]) == (0, 0, 0)
    assert tuple(pixels[500, 555]) == tuple(pixels[500, 1364]) == (0, 128, 128)
    assert tuple(pixels[500, 1365]) == (0, 0, 0)


def test_the_bars_shrink_with_the_zoom_until_the_picture_covers():
    array = coordinates(1600, 1000)
    widths = [Frame(array, fit="contain", zoom=zoom).placement("9:16").height for zoom in (1, 1.5, 2, 2.5, 3)]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(1000 / (1600 * 16 / 9), abs=0.002)
    assert widths[-1] == 1.0
    # From there on it is the crop that "cover" makes.
    meet = (1600 * 16 / 9) / 1000
    covered = Frame(array, zoom=1.5, focus=(0.2, 0.7)).crop("9:16")
    filled = Frame(array, fit="contain", zoom=1.5 * meet, focus=(0.2, 0.7)).crop("9:16")
    pairs = ((covered.left, filled.left), (covered.top, filled.top), (covered.width, filled.width))
    assert all(abs(a - b) <= 1 for a, b in pairs)


def test_the_blur_behind_is_the_picture_filled_and_out_of_focus():
    array = np.zeros((400, 200, 3), np.uint8)
    array[:200], array[200:] = (200, 40, 40), (40, 40, 200)
    frame = Frame(array, fit="blur")
    picture = sent(frame, "16:9").astype(int)
    bar = picture[:, : round(frame.placement("16:9").left * picture.shape[1])]
    assert bar[0, 0][0] - bar[0, 0][2] > 100
    assert bar[-1, 0][2] - bar[-1, 0][0] > 100
    assert np.abs(np.diff(bar, axis=0)).max() < 30  # the edge is soft there, and sharp in the picture itself
    assert np.abs(np.diff(placed(picture, frame.placement("16:9")), axis=0)).max() == 160


@pytest.mark.parametrize("size", [(1, 1), (1, 16), (16, 1), (16, 16), (2, 3)])
@pytest.mark.parametrize("fit", ["cover", "contain", "blur"])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_tiniest_pictures_are_framed(size, fit, ratio):
    array = np.full((size[1], size[0], 3), (10, 200, 30), np.uint8)
    for zoom in (1.0, 3.0, 8.0):
        frame = Frame(array, fit=fit, zoom=zoom, focus=(1.0, 0.0))
        inner = placed(sent(frame, ratio), frame.placement(ratio))
        assert inner.size >= 3
        assert (inner == (10, 200, 30)).all()


# Upright ------------------------------------------------------------------------------------------

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


def turned(picture: Image.Image, orientation: int, kind: str, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = picture if STORED[orientation] is None else picture.transpose(STORED[orientation])
    return saved(stored, kind, exif=exif, **options)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_focus_is_in_the_upright_picture(orientation, kind):
    array = coordinates(2500, 2300)  # large enough that a close crop comes from the original
    options = {"compress_level": 1} if kind == "PNG" else {}
    frame = Frame(turned(Image.fromarray(array), orientation, kind, **options), zoom=3.0, focus=(0.2, 0.65))
    assert (frame.width, frame.height) == (2500, 2300)
    assert frame._decoded.image.width < 2500
    for ratio in RATIOS:
        assert (sent(frame, ratio) == part(array, frame.crop(ratio))).all()


@pytest.mark.parametrize("orientation", STORED)
def test_a_shrunken_photograph_is_cropped_where_it_should_be(orientation):
    noise = np.random.default_rng(5).integers(0, 256, (31, 43, 3), np.uint8)
    picture = Image.fromarray(noise).resize((8003, 6001), Image.Resampling.BICUBIC)
    data = turned(picture, orientation, "JPEG", quality=90)
    frame = Frame(data, zoom=1.6, focus=(0.8, 0.2))  # its decoder leaves out every second pixel
    crop = frame.crop("16:9")
    box = (crop.left, crop.top, crop.left + crop.width, crop.top + crop.height)
    truth = picture.resize((1920, 1080), Image.Resampling.LANCZOS, box=box)
    assert np.abs(sent(frame, "16:9").astype(int) - np.asarray(truth)).mean() < 2.0


# Detail -------------------------------------------------------------------------------------------


def test_a_close_crop_of_a_48_megapixel_photograph_has_its_detail():
    tile = Image.new("L", (8, 8), 0)
    ImageDraw.Draw(tile).rectangle((4, 0, 7, 7), fill=255)
    picture = Image.fromarray(np.tile(np.asarray(tile), (750, 1000)))  # stripes four pixels wide
    frame = Frame(saved(picture, "JPEG", quality=95))
    for zoom in (4.2, 8.0):
        near = frame.framed(zoom=zoom, focus=(0.37, 0.61))
        crop = near.crop("16:9")
        assert near.sent_size("16:9") == (crop.width, crop.height)
        truth = part(np.asarray(picture), crop).astype(int)
        assert np.abs(sent(near, "16:9")[:, :, 0].astype(int) - truth).mean() < 3.0


@pytest.mark.parametrize(
    ("size", "box"),
    [((320, 180), (0, 0, 2000, 1125)), ((50, 90), (3.3, 7.7, 640.1, 1100.2)), ((199, 111), (0, 0, 200, 112))],
)
def test_scaling_by_bands_changes_nothing(monkeypatch, size, box):
    from ipyveo.media import picture

    noise = np.random.default_rng(4).integers(0, 256, (1125, 2000, 4), np.uint8)
    image = Image.fromarray(noise)
    scaled = image.resize(size, Image.Resampling.LANCZOS, box=box)
    monkeypatch.setattr(picture, "_BAND_PIXELS", 40_000)
    shown = [
        np.asarray(Image.alpha_composite(Image.new("RGBA", size, "white"), each)).astype(int)
        for each in (picture.cut(image, box, size), scaled)
    ]
    assert np.abs(shown[0] - shown[1]).max() <= 2  # of premultiplied levels


# One picture, many framings -----------------------------------------------------------------------


def test_another_framing_shares_the_pixels(monkeypatch, large):
    _, frame = large
    monkeypatch.setattr(frame_module, "take", lambda picture: pytest.fail("decoded again"))
    near = frame.framed(zoom=2, focus=[0.2, 0.4])
    assert near._decoded is frame._decoded
    assert (near.fit, near.focus, near.zoom, near.background) == ("cover", (0.2, 0.4), 2.0, "auto")
    assert (frame.focus, frame.zoom) == ((0.5, 0.5), 1.0)
    assert near.framed(fit="contain").zoom == 2.0


def test_a_frame_of_a_frame_keeps_what_is_not_given():
    first = Frame(coordinates(160, 90), fit="blur", focus=(0.1, 0.2), zoom=3, background="navy")
    same = Frame(first)
    assert (same.fit, same.focus, same.zoom, same.background) == ("blur", (0.1, 0.2), 3.0, "navy")
    assert same.fitted("16:9") is first.fitted("16:9")
    other = Frame(first, background="auto", zoom=1.0)
    assert (other.fit, other.focus, other.zoom, other.background) == ("blur", (0.1, 0.2), 1.0, "auto")


def test_its_representation_says_how_it_is_framed():
    frame = Frame(coordinates(160, 90), fit="contain", zoom=2)
    assert repr(frame) == "Frame('picture', 160x90, fit='contain', zoom=2.0)"


@pytest.mark.parametrize("name", ["fit", "focus", "zoom", "background"])
def test_a_framing_cannot_be_changed(name):
    with pytest.raises(AttributeError):
        setattr(Frame(coordinates(16, 9)), name, 1)


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int64(2)])
def test_numbers_of_any_kind_are_taken(number):
    frame = Frame(coordinates(160, 90), zoom=number, focus=np.array([0, 1]))
    assert (frame.zoom, type(frame.zoom), frame.focus) == (2.0, float, (0.0, 1.0))


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("fit", ["", "Cover", "stretch", 5, b"cover", ["cover"], np.array(["cover", "blur"])]),
        (
            "focus",
            [
                0.5,
                "ab",
                "11",
                (0.5,),
                (0.5, 0.5, 0.5),
                (-0.01, 0.5),
                (0.5, 1.01),
                (math.nan, 0),
                ("0", "1"),
                (True, False),
                (None, None),
                (0.5 + 0j, 0.5),
                {},
            ],
        ),
        ("zoom", [0, 0.99, 8.01, -1, math.nan, math.inf, -math.inf, 10**400, "2", True, 2 + 0j, [2], (2,)]),
        ("background", ["", "blurple", "#12", "#12345", "#1234567", "#11223344", 5, (1, 2, 3), b"#fff"]),
    ],
)
def test_a_framing_that_makes_no_sense_is_refused(argument, values):
    frame = Frame(coordinates(16, 9))
    for value in values:
        with pytest.raises(FrameError) as caught:
            frame.framed(**{argument: value})
        assert str(caught.value).startswith(f"The {argument} has to be ")
        assert "Nothing was sent and nothing was charged." in str(caught.value)
        assert len(str(caught.value)) < 300
        assert caught.value.maybe_charged is False


@pytest.mark.parametrize("ratio", ["4:3", "", None])
def test_another_shape_is_refused(ratio):
    frame = Frame(coordinates(16, 9))
    for ask in (frame.crop, frame.placement, frame.sent_size, frame.notes):
        with pytest.raises(InvalidRequestError):
            ask(ratio)


# Background ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("background", "bar", "under"),
    [
        (None, (0, 0, 0), (255, 255, 255)),
        ("auto", (0, 0, 0), (255, 255, 255)),
        ("#0a0", (0, 170, 0), (0, 170, 0)),
        ("#102030", (16, 32, 48), (16, 32, 48)),
        ("Gold", (255, 215, 0), (255, 215, 0)),
    ],
)
def test_the_background_is_in_bars_and_under_transparency(background, bar, under):
    image = Image.new("RGBA", (100, 100), (200, 0, 0, 0))
    image.paste((200, 0, 0, 255), (50, 0, 100, 100))
    frame = Frame(image, fit="contain", background=background)
    pixels = sent(frame, "16:9")
    assert tuple(pixels[50, 2]) == bar
    assert tuple(pixels[50, pixels.shape[1] // 2 - 20]) == under
    assert tuple(pixels[50, pixels.shape[1] // 2 + 20]) == (200, 0, 0)
    with Image.open(io.BytesIO(frame.thumbnail())) as thumbnail:
        assert max(abs(a - b) for a, b in zip(thumbnail.getpixel((10, 50)), under, strict=True)) < 6


def test_a_close_crop_of_a_large_transparent_picture_is_laid_on_the_background():
    image = Image.new("RGBA", (4000, 3000), (0, 0, 0, 0))
    pixels = sent(Frame(image, zoom=5, background="#123456"), "16:9")
    assert (pixels == (0x12, 0x34, 0x56)).all()


# What goes out, and what stays --------------------------------------------------------------------


@pytest.mark.parametrize("framing", [{"zoom": 4.0}, {"fit": "contain"}, {"fit": "blur"}])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_metadata_goes_out_and_the_original_keeps_it(kind, framing, tmp_path):
    exif = Image.Exif()
    exif[0x013B] = "Jane Doe"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0)})
    data = saved(Image.new("RGB", (2600, 2400), "olive"), kind, exif=exif, dpi=(300, 300))
    (tmp_path / "place.txt").write_bytes(data)
    frame = Frame(tmp_path / "place.txt", **framing)
    (tmp_path / "place.txt").unlink()
    for ratio in RATIOS:
        clean = frame.fitted(ratio).data
        assert not any(trace in clean for trace in (b"Jane", b"Exif", b"eXIf", b"iCCP", b"tEXt", b"pHYs"))
        with Image.open(io.BytesIO(clean)) as image:
            assert dict(image.getexif()) == {}
    suffix = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif"}[kind]
    assert frame.original() == (data, suffix)


@pytest.mark.parametrize("array", [coordinates(300, 200), coordinates(300, 200)[:, :, 0]])
def test_the_original_of_an_array_is_a_png_that_loses_nothing(array):
    data, suffix = Frame(array, zoom=3).original()
    assert suffix == ".png"
    assert (np.asarray(Image.open(io.BytesIO(data))) == array).all()


def test_sixteen_bits_of_grey_stay_in_the_original():
    array = np.arange(60_000, dtype=np.uint16).reshape(200, 300)
    data, _ = Frame(array).original()
    assert (np.asarray(Image.open(io.BytesIO(data))) == array).all()


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "PA"]
)
def test_the_original_of_an_image_gives_the_same_picture_again(mode):
    grey = Image.linear_gradient("L")
    image = grey.convert("I").point(lambda level: level * 257).convert("I;16") if mode == "I;16" else None
    image = grey.convert("RGB").convert(mode) if image is None else image
    assert image.mode == mode
    frame = Frame(image)
    again = Frame(frame.original()[0])
    assert (sent(again, "16:9") == sent(frame, "16:9")).all()


def test_the_original_of_an_image_keeps_its_profile_and_its_orientation():
    from PIL import ImageCms

    image = Image.new("RGB", (60, 40), (255, 0, 0))
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.getexif()[0x0112] = 6
    data, _ = Frame(image).original()
    with Image.open(io.BytesIO(data)) as kept:
        assert kept.info["icc_profile"] == image.info["icc_profile"]
        assert kept.getexif()[0x0112] == 6
    assert (Frame(data).width, Frame(data).height) == (40, 60)


# The kept file ------------------------------------------------------------------------------------


def kept(data: bytes) -> Original:
    return Original(lambda file: file.write(data), "day.png")


@pytest.mark.parametrize("size", [0, 1, 1000, 2**20, 2**20 + 1, 5_000_000])
def test_what_is_kept_reads_like_a_file(size):
    data = np.random.default_rng(size).bytes(size)
    original = kept(data)
    assert original.data() == data
    with original.open() as file, original.open() as other:
        assert file.read(10) == data[:10]
        assert other.read() == data
        assert file.tell() == min(10, size)
        assert file.seek(-min(3, size), io.SEEK_END) == size - min(3, size)
        assert file.read() == data[-3:]
        assert file.seek(size + 100) == size + 100
        assert file.read(5) == b""
        assert file.seek(0) == 0
        assert file.seek(1, io.SEEK_CUR) == 1
        with pytest.raises((OSError, ValueError)):
            file.seek(-1)
    assert pickle.loads(pickle.dumps(original)).data() == data


def test_a_frame_is_pickled_and_copied_whole(large):
    array, frame = large
    near = frame.framed(zoom=5, focus=(0.1, 0.9))
    for other in (pickle.loads(pickle.dumps(near)), copy.copy(near), copy.deepcopy(near)):
        assert (other.zoom, other.focus) == (5.0, (0.1, 0.9))
        assert other.original() == frame.original()
        assert (sent(other, "9:16") == part(array, other.crop("9:16"))).all()


def nameless_files() -> int:
    return Path("/proc/self/maps").read_text("utf-8").count("(deleted)")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
def test_the_temporary_file_goes_with_the_last_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # nobody else writes there
    gc.collect()
    before = nameless_files()
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3), np.uint8)
    frame = Frame(noise)
    near = frame.framed(zoom=3)
    assert nameless_files() == before + 1
    del frame
    assert nameless_files() == before + 1
    assert near.fitted("16:9").data
    del near
    gc.collect()
    assert nameless_files() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_and_its_parent_read_at_the_same_time(large):
    array, frame = large
    ours = [frame.framed(zoom=3, focus=(x / 7, 0.2)) for x in range(8)]
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = all((sent(near, "16:9") == part(array, near.crop("16:9"))).all() for near in ours)
        finally:
            os._exit(0 if good else 1)
    assert all((sent(near, "16:9") == part(array, near.crop("16:9"))).all() for near in ours)
    assert os.waitpid(child, 0)[1] == 0


def test_threads_read_at_the_same_time(large):
    array, frame = large
    bad = []

    def look(number):
        near = frame.framed(zoom=3, focus=(number / 7, 0.8))
        if not (sent(near, "16:9") == part(array, near.crop("16:9"))).all():
            bad.append(number)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bad == []


def test_no_room_for_the_copy_is_said(monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", full)
    for picture in (coordinates(16, 9), Image.new("L", (16, 9)), saved(Image.new("L", (16, 9)), "PNG")):
        with pytest.raises(FrameError, match=r"no room .*No space left on device.*Nothing was sent.*TMPDIR"):
            Frame(picture)


# Notes --------------------------------------------------------------------------------------------


def test_what_the_service_would_enlarge_is_said():
    frame = Frame(coordinates(1280, 720))
    assert frame.notes("16:9") == ()
    assert frame.framed(zoom=2).notes("16:9") == (
        "The crop has 640x360 pixels, so the service will enlarge it.",
    )
    assert frame.notes("9:16") == ("The crop has 405x720 pixels, so the service will enlarge it.",)
    assert Frame(coordinates(300, 300), fit="contain").notes("16:9") == (
        "With its bars the picture has 533x300 pixels, so the service will enlarge it.",
    )
    assert Frame(coordinates(4000, 3000)).framed(zoom=3).notes("16:9") == ()


@pytest.mark.parametrize("ratio", RATIOS)
def test_two_pictures_that_are_alike_need_no_note(ratio):
    frame = Frame(Image.new("L", (4000, 3000)))
    assert pair_notes(frame, frame.framed(zoom=1.5), ratio) == ()
    assert pair_notes(frame, Frame(Image.new("L", (1920, 1080))), ratio) == ()


def test_two_pictures_that_differ_much_are_noted():
    wide, tall = Frame(Image.new("L", (1920, 1080))), Frame(Image.new("L", (1080, 1920)))
    assert "1920x1080 and the end picture 1080x1920: shapes" in pair_notes(wide, tall, "16:9")[0]
    (note,) = pair_notes(wide, Frame(Image.new("L", (480, 270))), "16:9")
    assert "1920x1080 pixels and the end picture with 480x270" in note
    assert pair_notes(wide.framed(fit="contain"), wide, "9:16") == (
        "The two pictures do not have the same bars, so the video may jump.",
    )
    for note in pair_notes(wide, tall, "16:9"):
        assert note.endswith(".")
        assert len(note) < 200


def test_every_shape_has_a_ratio_here():
    assert {ratio.label for ratio in AspectRatio} == set(RATIOS)
