"""Damaged pictures: either a picture or a `FrameError`, never anything else."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image, ImageDraw

from ipyveo import Frame, FrameError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000")


def drawn(kind: str) -> bytes:
    image = Image.new("RGB", (160, 90), "navy")
    ImageDraw.Draw(image).ellipse((30, 10, 110, 80), fill="gold")
    file = io.BytesIO()
    image.save(file, kind)
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
    data = damaged(drawn(chance.choice(FORMATS)), chance)
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
        fitted = frame.fitted("16:9")
        with Image.open(io.BytesIO(fitted.data)) as image:
            assert image.size == (fitted.width, fitted.height)
            assert Image.MIME[image.format] == fitted.media_type


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_picture_is_a_picture_or_a_sentence(seed):
    survives(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(1000, 3000, 100))
def test_two_thousand_damaged_pictures_are_pictures_or_sentences(start):
    for seed in range(start, start + 100):
        survives(seed)
