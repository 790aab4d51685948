"""The draft beside Generate: free, quick, stopped by a second press, gone when the real takes come."""

from __future__ import annotations

import asyncio

import pytest

from ipyveo import FramesToVideo, Library
from ipyveo.loop import background_loop, submit
from page import Page


@pytest.fixture
def studio(client, pictures, tmp_path, monkeypatch):
    made = FramesToVideo(*pictures, prompt="slow push in", client=client, library=tmp_path / "library")
    yield made, Page(made, monkeypatch)
    made.close()


def ask(page, prompt: str = "slow push in") -> None:
    page.say(type="preview", prompt=prompt, aspect_ratio="16:9")


async def test_a_draft_costs_nothing_and_is_replaced_by_the_real_take(studio, client, ledger, tmp_path):
    widget, page = studio
    book = ledger(client)
    shares = []
    widget.observe(lambda change: shares.append(change.new["share"]), "_draft")
    ask(page)
    await page.until(lambda: widget._draft["clips"])
    (record,) = widget._draft["clips"]
    assert (record["take"], record["width"], record["height"], record["picked"]) == (0, 640, 360, None)
    assert "Preview" in widget._draft["heading"]
    told = [share for share in shares if share is not None]
    assert told == sorted(told)
    assert len(set(told)) > 2
    assert widget._draft["share"] is None
    assert (book.received_posts, Library(tmp_path / "library").clips(), widget.clips) == (0, [], [])

    (clip,) = [thing for key, thing in widget._keys.items() if key == record["key"]]
    path = clip.path
    assert path.exists()
    del clip
    await widget.generate()
    await page.until(lambda: not widget._draft["clips"])
    assert record["key"] not in widget._keys
    await page.until(lambda: not path.exists())


async def test_a_second_press_stops_the_drawing_and_a_third_draws_anew(studio):
    widget, page = studio
    ask(page)
    await page.until(lambda: widget._draft["share"] is not None)
    ask(page)
    await page.until(lambda: widget._draft["share"] is None)
    assert widget._draft["clips"] == []
    ask(page, "")
    await page.until(lambda: widget._draft["clips"])
    assert widget.error == ""


async def test_a_draft_that_is_stopped_before_it_begins_leaves_a_button_that_draws(studio):
    widget, page = studio
    said = {"type": "preview", "prompt": "slow push in", "aspect_ratio": "16:9"}

    async def press_twice_at_once() -> None:
        for _ in range(2):
            widget._answer(dict(said), [])
        async with asyncio.timeout(60):
            while widget._draft["share"] is not None:
                await asyncio.sleep(0.01)

    await asyncio.wrap_future(submit(press_twice_at_once()))
    ask(page)
    await page.until(lambda: widget._draft["clips"])


async def test_a_draft_that_is_still_drawn_when_the_real_take_comes_is_not_shown(studio):
    widget, page = studio
    ask(page)
    await page.until(lambda: widget._draft["share"] is not None)
    await widget.generate()
    await page.until(lambda: widget._draft["share"] is None)
    assert widget._draft["clips"] == []


async def test_a_widget_that_comes_back_shows_no_draft_that_it_has_let_go(studio):
    widget, page = studio
    ask(page)
    await page.until(lambda: widget._draft["clips"])
    background_loop().call_soon_threadsafe(widget._let_go)
    await page.until(lambda: not widget._draft["clips"])


async def test_a_draft_without_a_start_frame_says_what_is_missing_until_the_next(studio, pictures):
    widget, page = studio
    widget.start_image = None
    ask(page)
    await page.until(lambda: "start picture is missing" in widget.error)
    assert widget._draft == {**widget._draft, "share": None, "clips": []}
    widget.start_image = pictures[0]
    ask(page)
    await page.until(lambda: widget._draft["clips"])
    assert widget.error == ""
