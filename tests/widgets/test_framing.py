"""What a page asks about pictures: framings, a loop, an address; the kernel's side of it."""

from __future__ import annotations

import threading

import pytest
from PIL import Image

from ipyveo import Frame, FramesToVideo
from page import Page

NEAR = {"fit": "cover", "focus": [0.25, 0.5], "zoom": 2.0, "background": "auto"}


@pytest.fixture
def studio(client, pictures, tmp_path, monkeypatch):
    studio = FramesToVideo(*pictures, prompt="dusk", client=client, library=tmp_path)
    yield studio, Page(studio, monkeypatch)
    studio.close()


async def test_a_framing_of_the_page_is_the_frames_own_and_keeps_its_thumbnail(studio):
    studio, page = studio
    key = studio._frames["start"]["key"]
    assert studio._frames["start"]["drawn"] == ""
    page.say(type="frame", slot="start", key=studio._frames["start"]["key"], **NEAR)
    await page.until(lambda: studio.start_image.zoom == 2.0)
    assert studio.start_image.crop("16:9").width == 960
    record = studio._frames["start"]
    assert (record["key"], record["framing"]) == (key, NEAR)
    assert record["drawn"]
    assert studio._frames["end"]["framing"]["zoom"] == 1.0
    studio.aspect_ratio = "9:16"
    assert studio._frames["start"]["framing"] == NEAR
    assert studio._frames["start"]["drawn"] != record["drawn"]


async def test_the_framing_of_a_moment_ago_is_what_is_sent(studio, tmp_path):
    studio, page = studio
    page.say(type="frame", slot="start", key=studio._frames["start"]["key"], **NEAR)
    page.say(type="generate", prompt="dusk", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: studio.status == "complete")
    sheet = next(tmp_path.glob("*.json")).read_text("utf-8")
    assert '"zoom": 2.0' in sheet


@pytest.mark.parametrize(
    "wrong", [{"fit": "none"}, {"zoom": 99}, {"focus": [2, 0]}, {"background": "url(x)"}]
)
async def test_a_framing_that_cannot_be_is_passed_over(studio, wrong):
    studio, page = studio
    page.say(type="frame", slot="start", key=studio._frames["start"]["key"], **{**NEAR, **wrong})
    page.say(type="frame", slot="end", key=studio._frames["end"]["key"], **NEAR)
    await page.until(lambda: studio.end_image.zoom == 2.0)
    assert studio.start_image.framing == {}


async def test_swap_and_loop_take_the_framing_along(studio):
    studio, page = studio
    page.say(type="frame", slot="start", key=studio._frames["start"]["key"], **NEAR)
    page.say(type="swap")
    await page.until(lambda: studio.end_image.zoom == 2.0)
    assert studio.start_image.zoom == 1.0
    page.say(type="swap")
    page.say(type="loop")
    await page.until(lambda: studio.end_image.zoom == studio.start_image.zoom == 2.0)
    assert studio.end_image.same_picture(studio.start_image)


async def test_what_will_jump_or_be_enlarged_is_said(studio):
    studio, _ = studio
    assert studio._frames["start"]["notes"] == studio._frames["end"]["notes"] == []
    studio.end_image = Image.new("RGB", (300, 400))
    (enlarged, *jumps) = studio._frames["end"]["notes"]
    assert enlarged.startswith("End: The crop has 300x169 pixels")
    assert any("may jump" in note for note in jumps)


@pytest.mark.parametrize(
    "address", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x.png", "day.png"]
)
async def test_an_address_of_the_page_is_fetched_as_an_address_only(studio, address):
    studio, page = studio
    before = studio.start_image
    page.say(type="fetch_picture", slot="start", address=address)
    await page.until(lambda: studio.error and studio._uploading == [])
    assert studio.start_image is before


async def test_a_picture_of_an_address_is_taken(studio, monkeypatch, pictures):
    studio, page = studio
    monkeypatch.setattr("ipyveo.network.fetch.fetch_picture", lambda address, limit: pictures[1].read_bytes())
    page.say(type="fetch_picture", slot="start", address="https://example.com/night.png")
    await page.until(lambda: studio.start_image.name == "night.png")
    assert isinstance(studio.start_image, Frame)
    await page.until(lambda: studio._uploading == [])


async def test_a_framing_of_a_picture_that_was_replaced_is_not_the_new_ones(studio, pictures):
    studio, page = studio
    key = studio._frames["start"]["key"]
    studio.start_image = pictures[1]
    page.say(type="frame", slot="start", key=key, **NEAR)
    page.say(type="frame", slot="end", key=studio._frames["end"]["key"], **NEAR)
    await page.until(lambda: studio.end_image.zoom == 2.0)
    assert studio.start_image.framing == {}


async def test_a_picture_chosen_while_another_is_fetched_stays(studio, monkeypatch, pictures):
    studio, page = studio
    arrive = threading.Event()

    def fetched() -> bytes:
        arrive.wait(20)
        return pictures[1].read_bytes()

    monkeypatch.setattr("ipyveo.network.fetch.fetch_picture", lambda address, limit: fetched())
    page.say(type="fetch_picture", slot="start", address="https://example.com/slow.png")
    await page.until(lambda: studio._uploading == ["start"])
    page.say(type="generate", prompt="dusk", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: "still on its way" in studio.error)
    chosen = Frame(pictures[0])
    studio.start_image = chosen
    await page.until(lambda: studio._uploading == [])
    arrive.set()
    page.say(type="loop")
    await page.until(lambda: studio.end_image is not None and studio.end_image.same_picture(chosen))
    assert studio.start_image.same_picture(chosen)
