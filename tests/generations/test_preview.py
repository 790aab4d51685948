"""A preview is a free draft, drawn on this machine, that stops when nobody waits for it."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import ipyveo
from ipyveo import Clip, FrameError, InvalidRequestError, VeoError, preview, run
from ipyveo.generations.preview import _client


@pytest.fixture(autouse=True)
def unpaid(monkeypatch):
    """A key is there, and nothing answers where it would be sent."""
    monkeypatch.setenv("GENAIPRO_API_KEY", "must-not-be-used")
    monkeypatch.setenv("GENAIPRO_BASE_URL", "http://127.0.0.1:9/")


@pytest.mark.parametrize(("ratio", "size"), [("16:9", (640, 360)), ("9:16", (360, 640))])
def test_a_preview_is_a_small_clip_outside_the_library(pictures, ratio, size):
    day, night = pictures
    clip = run(preview(day, night, prompt="slow push in", aspect_ratio=ratio))
    assert isinstance(clip, Clip)
    assert (clip.width, clip.height) == size
    assert (clip.duration, clip.fps) == (8.0, 24.0)
    assert (clip.engine, clip.prompt) == ("sandbox", "slow push in")
    assert len(clip.poster()) > 1000
    assert list(Path(os.environ["IPYVEO_LIBRARY"]).iterdir()) == []


def test_its_file_goes_with_the_clip(pictures):
    clip = run(preview(pictures[0]))
    path = clip.path
    assert path.exists()
    assert clip.prompt == ""
    del clip
    gc.collect()
    assert not path.exists()


FORKS = """
import os, sys
from ipyveo import preview, run
clip = run(preview(sys.argv[1]))
child = os.fork()
if child == 0:
    sys.exit()
os.waitpid(child, 0)
print(clip.path.exists())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_its_file_does_not_go_with_a_forked_child(pictures):
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(pictures[0])]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout == "True\n"


@pytest.mark.parametrize("height", [360, pytest.param(720, marks=pytest.mark.soak)])
def test_its_ends_are_the_pictures_even_where_these_are_text(height):
    picture = Image.new("RGB", (1280, 720), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for top in range(8, 700, 17):
        draw.text((8, top), "The quick brown fox jumps over the lazy dog, 0123456789. " * 4, "black", font)
    clip = run(preview(picture, picture, height=height))
    for seen in (clip.frame(0), clip.last_frame()):
        wanted = picture.resize(seen.size, Image.Resampling.LANCZOS)
        grey = [np.asarray(one.convert("L"), dtype=float) * 219 / 255 for one in (seen, wanted)]
        assert 10 * np.log10(255**2 / np.mean((grey[0] - grey[1]) ** 2)) > 35


def test_720_lines_on_request_and_no_others(pictures):
    assert run(preview(pictures[0], prompt="static camera", height=720)).height == 720
    for height in (0, 361, "360"):
        with pytest.raises(InvalidRequestError, match="360 or 720"):
            run(preview(pictures[0], height=height))


def test_its_progress_is_the_share_of_frames_from_0_to_1(pictures):
    told = []
    run(preview(pictures[0], prompt="pan left", on_progress=told.append))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(set(told)) > 50


async def test_it_can_be_awaited_on_a_loop_of_ones_own_and_several_at_once(pictures):
    clips = await asyncio.gather(*(preview(pictures[0], prompt=prompt) for prompt in ("push in", "pan left")))
    assert [clip.prompt for clip in clips] == ["push in", "pan left"]
    assert clips[0].path.read_bytes() != clips[1].path.read_bytes()


async def test_the_same_preview_is_the_same_to_the_byte(pictures):
    one, other = [await preview(*pictures, prompt="push in") for _ in range(2)]
    assert one.path.read_bytes() == other.path.read_bytes()


async def test_whoever_stops_waiting_stops_the_drawing(pictures, ledger):
    counted = ledger(_client(720))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(share):
        if share > 0:
            loop.call_soon_threadsafe(begun.set)

    drawing = asyncio.create_task(preview(*pictures, height=720, on_progress=tell))
    await begun.wait()
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    async with asyncio.timeout(60):
        while not counted.refunded:
            await asyncio.sleep(0.02)
    assert counted.charged == counted.refunded == 1


def test_what_cannot_be_used_is_refused_at_once(pictures):
    with pytest.raises(FrameError):
        run(preview("nowhere.png"))
    with pytest.raises(InvalidRequestError):
        run(preview(pictures[0], aspect_ratio="1:1"))
    with pytest.raises(InvalidRequestError):
        run(preview(pictures[0], prompt="a\0b"))


def test_a_draft_that_cannot_be_drawn_says_so(pictures):
    with pytest.raises(VeoError):
        run(preview(pictures[0], prompt="push in [sandbox: create-video-error]"))


def test_it_is_a_public_name_that_loads_when_it_is_used():
    assert "preview" in ipyveo.__all__
