"""Damaged and hostile pictures: a picture or a sentence, in bounds of memory, and nothing is ever sent."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageDraw

from ipyveo import Frame, FrameError, generate

pillow_heif.register_heif_opener()  # to draw with

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "HEIF")


def drawn(kind: str) -> bytes:
    image = Image.new("RGB", (160, 90), "navy")
    ImageDraw.Draw(image).ellipse((30, 10, 110, 80), fill="gold")
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def turned(kind: str, chance: random.Random) -> bytes:
    """A large picture, of which a close crop is decoded again, with metadata that can be damaged too."""
    image = Image.linear_gradient("L").resize((2400, 2200)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = chance.randint(1, 8)
    file = io.BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


def damaged(data: bytes, chance: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    if chance.random() < 0.3:
        del broken[chance.randrange(1, len(broken)) :]
    return bytes(broken)


def survives(seed: int) -> None:
    chance = random.Random(seed)
    if seed % 10:
        data = damaged(drawn(chance.choice(FORMATS)), chance)
    else:
        data = damaged(turned(chance.choice(("JPEG", "PNG", "WEBP")), chance), chance)
    refusal: FrameError | None = None
    try:
        frame = Frame(data)
    except FrameError as error:
        refusal = error
    if refusal is not None:
        assert "Nothing was sent" in str(refusal)
        assert len(str(refusal)) < 300
        assert refusal.maybe_charged is False
    else:
        for near in (frame, frame.framed(fit=chance.choice(["blur", "contain"]), zoom=chance.uniform(1, 8))):
            fitted = near.fitted(chance.choice(["16:9", "9:16"]))
            with Image.open(io.BytesIO(fitted.data)) as image:
                assert image.size == (fitted.width, fitted.height)
                assert Image.MIME[image.format] == fitted.media_type


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_a_damaged_picture_is_a_picture_or_a_sentence(start):
    for seed in range(start, start + 20):
        survives(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(1000, 3000, 100))
def test_two_thousand_damaged_pictures_are_pictures_or_sentences(start):
    for seed in range(start, start + 100):
        survives(seed)


# Hostile ------------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(*chunks: bytes, size=(16, 9)) -> bytes:
    rows = (b"\0" + bytes((220, 30, 20)) * size[0]) * size[1]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(2**20)) for _ in range(megabytes)]) + packer.flush()


def tiff(entries: list[tuple[int, int, int, int]], following: int) -> bytes:
    listed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + listed + struct.pack("<I", following)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("page.html", "<script>alert(1)</script>")
    return file.getvalue()


ORDINARY = [(256, 3, 1, 16), (257, 3, 1, 9), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
HOSTILE = {
    "a text that unpacks to 200 MB": png(chunk(b"zTXt", b"Comment\0\0" + bomb(200))),
    "a profile that unpacks to 200 MB": png(chunk(b"iCCP", b"icc\0\0" + bomb(200))),
    "ten thousand texts": png(*[chunk(b"tEXt", b"Comment\0" + bytes(100))] * 10_000),
    "a chunk of 2 GB": png(struct.pack(">I", 2**31 - 1) + b"tEXt"),
    "30000 x 30000 pixels": png().replace(struct.pack(">II", 16, 9), struct.pack(">II", 30_000, 30_000)),
    "a GIF of one screen of 4 gigapixels": b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3) + b";",
    "a TIFF whose directories go round": tiff(ORDINARY, 8),
    "a TIFF with a tag of 4 GB": tiff([*ORDINARY, (700, 1, 2**32 - 1, 8)], 0),
    "a TIFF of 2 gigapixels": tiff([(256, 4, 1, 50_000), (257, 4, 1, 40_000), *ORDINARY[2:]], 0),
    "a drawing with entities": b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "a PDF with a picture in it": b"%PDF-1.7\n" + drawn("JPEG"),
    "an archive with a picture before it": drawn("PNG") + zipped(),
    "a page after a photograph": drawn("JPEG") + b"<html><script>alert(1)</script></html>",
    "a script that is a picture": b"GIF89a=1;/*" + bytes(20) + b"*/alert(1)//",
    "a playlist": b"#EXTM3U\n/etc/passwd\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_hostile_file_is_a_picture_or_a_sentence(data, suffix, tmp_path):
    path = tmp_path / f"day{suffix}"
    path.write_bytes(data)
    refusal: FrameError | None = None
    try:
        frame = Frame(path)
    except FrameError as error:
        refusal = error
    if refusal is not None:
        assert str(refusal).startswith("day.")
        assert "Nothing was sent" in str(refusal)
        assert len(str(refusal)) < 300
    else:
        clean = frame.framed(fit="blur").fitted("16:9").data
        assert b"script" not in clean
        assert len(clean) < 100_000


def test_what_comes_after_a_picture_is_not_sent():
    plain = Frame(drawn("PNG")).fitted("16:9").data
    assert Frame(drawn("PNG") + zipped()).fitted("16:9").data == plain


async def test_nothing_is_sent_for_a_picture_that_is_refused(client, ledger, tmp_path):
    book = ledger(client)
    good = drawn("PNG")
    for seed in range(40):
        data = good[: random.Random(seed).randrange(len(good) - 20)]
        for pictures in ((data, good), (good, data)):
            with pytest.raises(FrameError):
                await generate(*pictures, prompt="dusk", client=client, library=tmp_path / "clips")
    assert book.received_posts == 0
    assert not (tmp_path / "clips").exists()


# Memory -------------------------------------------------------------------------------------------

# Run by itself, so that the pictures here and in other tests do not count.
MEASURE = """
import json, pathlib, re, resource, sys
import PIL.ImageCms, numpy, ipyveo
from ipyveo.media import frame, picture

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # Linux's rusage counts what the process was before it became this one
        return int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

ipyveo.Frame(numpy.zeros((90, 160, 3), numpy.uint8)).fitted("16:9")
idle, said = peak(), ""
try:
    one = ipyveo.Frame(sys.argv[1])
    one.fitted("16:9")
    for framing in ({"zoom": 8.0}, {"zoom": 1.5}, {"fit": "blur"}):
        one.framed(**framing).fitted("9:16")
    one.original()
except ipyveo.FrameError as error:
    said = str(error)
print(json.dumps([peak() - idle, said]))
"""


def noise(width: int, height: int) -> Image.Image:
    coarse = np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)


def with_alpha(width: int, height: int) -> Image.Image:
    image = noise(width, height)
    image.putalpha(image.getchannel(0))
    return image


def deep(dtype: type, factor: int) -> Image.Image:
    return Image.fromarray(np.asarray(noise(8000, 8000).convert("L")).astype(dtype) * dtype(factor))


LARGE = {
    "64 megapixels with transparency": (lambda: with_alpha(8000, 8000), "PNG", {"compress_level": 1}),
}
LARGER = {
    "a progressive photograph": (
        lambda: noise(6400, 5000),
        "JPEG",
        {"progressive": True, "subsampling": 0, "quality": 95},
    ),
    "64 megapixels of 32 bits": (lambda: deep(np.int32, 200), "TIFF", {"compression": "tiff_adobe_deflate"}),
    "64 megapixels of floats": (lambda: deep(np.float32, 1), "TIFF", {"compression": "tiff_adobe_deflate"}),
    "64 megapixels of 16 bits": (lambda: deep(np.uint16, 257), "PNG", {"compress_level": 1}),
    "64 megapixels": (lambda: noise(8000, 8000), "JPEG", {"quality": 95, "subsampling": 0}),
    "64 megapixels for print": (lambda: noise(8000, 8000).convert("CMYK"), "JPEG", {}),
    "a palette with a transparent entry": (
        lambda: noise(8000, 8000).convert("P"),
        "PNG",
        {"transparency": 3, "compress_level": 1},
    ),
    "a GIF": (lambda: noise(8000, 8000).convert("P"), "GIF", {"transparency": 3}),
    "a bitmap near the limit": (lambda: noise(6600, 6700), "BMP", {}),
    "25 megapixels of WebP": (
        lambda: with_alpha(6250, 4000),
        "WEBP",
        {"lossless": True, "method": 0, "quality": 0},
    ),
    "40 megapixels of AVIF": (lambda: noise(8000, 5000), "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
    "50 megapixels of a phone": (lambda: noise(8160, 6120), "HEIF", {"quality": 80}),
    "32 megapixels of HEIC with transparency": (
        lambda: with_alpha(6530, 4900),
        "HEIF",
        {"quality": 80, "chroma": 444},
    ),
    "18 megapixels of JPEG 2000": (
        lambda: with_alpha(4500, 4000),
        "JPEG2000",
        {"quality_mode": "rates", "quality_layers": [20]},
    ),
}


def stays_small(path, make, kind, options) -> None:
    make().save(path, kind, **options)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    extra, said = json.loads(done.stdout)
    assert said == ""
    assert extra < 500


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE.keys())
def test_a_large_picture_takes_less_than_500_megabytes(large, tmp_path):
    stays_small(tmp_path / "large", *large)


@pytest.mark.soak
@pytest.mark.parametrize("large", LARGER.values(), ids=LARGER.keys())
def test_every_kind_of_large_picture_takes_less_than_500_megabytes(large, tmp_path):
    stays_small(tmp_path / "large", *large)


@pytest.mark.parametrize(
    ("kind", "size", "most"),
    [
        ("WEBP", (6251, 4000), 25),
        ("AVIF", (8001, 5000), 40),
        ("JPEG2000", (4501, 4000), 18),
        ("HEIF", (8001, 6250), 50),
    ],
)
def test_what_takes_more_is_refused_from_its_header(kind, size, most, tmp_path):
    options = {"speed": 10} if kind == "AVIF" else {}
    Image.new("L", size).convert("RGB").save(tmp_path / "large", kind, **options)
    named = "HEIC" if kind == "HEIF" else kind
    with pytest.raises(FrameError, match=f"large is a {named} of more than {most} megapixels.*smaller copy"):
        Frame(tmp_path / "large")
