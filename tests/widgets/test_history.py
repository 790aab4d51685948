"""The history in a widget: its pages, its searches, clips put away and brought back, settings used again."""

from __future__ import annotations

import pytest

from ipyveo import FramesToVideo, Library
from page import Page


@pytest.fixture
async def shelf(client, fourteen_clips, tmp_path, monkeypatch):
    """A widget on a library of fourteen clips, and its page."""
    studio = FramesToVideo(client=client, library=fourteen_clips(tmp_path / "library"))
    yield studio, Page(studio, monkeypatch)
    studio.close()


async def ask(page, kind: str, **said) -> dict:
    question = f"{len(page.said)}"
    page.say(id=question, **said)

    def answer() -> dict | None:
        return next((each for each in page.said if each["type"] == kind and each["id"] == question), None)

    await page.until(answer)
    return answer()


async def history(page, search: str = "", skip: int = 0) -> dict:
    return await ask(page, "history", type="history", search=search, skip=skip)


async def move(page, way: str, clip: dict) -> str:
    return (await ask(page, "moved", type="move", way=way, key=clip["key"]))["sentence"]


def prompts(answer: dict) -> list[str]:
    return [clip["prompt"] for clip in answer["clips"]]


async def test_the_history_comes_in_pages_is_searched_and_each_clip_keeps_its_name(shelf):
    _, page = shelf
    first, second = await history(page), await history(page, skip=12)
    assert (len(first["clips"]), first["more"]) == (12, True)
    assert (len(second["clips"]), second["more"]) == (2, False)
    assert len({*prompts(first), *prompts(second)}) == 14
    moments = [clip["at"][:19] for clip in [*first["clips"], *second["clips"]]]
    assert moments == sorted(moments, reverse=True)
    found = await history(page, "DAWN 1")
    assert set(prompts(found)) == {"dawn 12", "dawn 10"}
    keys = {clip["prompt"]: clip["key"] for clip in [*first["clips"], *second["clips"]]}
    assert all(clip["key"] == keys[clip["prompt"]] for clip in found["clips"])
    assert found["sentence"] == "2 clips of such a prompt."
    nothing = await history(page, "noon")
    assert (nothing["clips"], nothing["sentence"]) == ([], "No clips of such a prompt.")


async def test_what_was_hidden_or_deleted_is_gone_from_the_pages_and_back_with_undo(shelf, tmp_path):
    _, page = shelf
    library = Library(tmp_path / "library")
    first, second, *_ = (await history(page))["clips"]
    for clip, away, back in ((first, "hide", "unhide"), (second, "delete", "restore")):
        said = await move(page, away, clip)
        assert said.endswith(f": {clip['prompt']}")
        assert clip["prompt"] not in prompts(await history(page))
        assert await move(page, back, clip) == f"Back again: {clip['prompt']}"
        assert clip["prompt"] in prompts(await history(page))
    assert len(library.clips()) == 14
    assert library.deleted() == []
    # Of two that were put away none of the older ones is passed over.
    await move(page, "hide", first)
    await move(page, "hide", second)
    seen = {*prompts(await history(page, skip=0)), *prompts(await history(page, skip=10))}
    assert len(seen) == 12


async def test_a_clip_fills_the_form_in_as_it_was(shelf, pictures):
    studio, page = shelf
    studio.prompt = "something else"
    studio.aspect_ratio = "9:16"
    clip = next(each for each in (await history(page))["clips"] if each["prompt"] == "dusk 11")
    assert await move(page, "use", clip) == "The form is as it was for this clip: dusk 11"
    await page.until(lambda: studio.prompt == "dusk 11")
    assert (studio.aspect_ratio, studio.number_of_videos) == ("16:9", 1)
    await page.until(lambda: studio.start_image is not None and studio.end_image is not None)
    assert [studio.start_image.name, studio.end_image.name] == [path.name for path in pictures]


async def test_clips_that_were_deleted_are_not_offered_as_made_before(shelf):
    studio, page = shelf
    clip = (await history(page))["clips"][0]
    await move(page, "use", clip)
    await page.until(lambda: studio._before.get("lines"))
    await move(page, "delete", clip)
    await page.until(lambda: not studio._before.get("lines"))
    await move(page, "restore", clip)
    await page.until(lambda: studio._before.get("lines"))


async def test_a_clip_without_its_run_tells_what_it_knows_itself(shelf, tmp_path):
    studio, page = shelf
    newest = (await history(page))["clips"][0]
    sheet = Library(tmp_path / "library").clips()[-1].path.with_suffix(".json")
    text = sheet.read_text().replace('"generation"', '"other"')
    sheet.write_text(text)
    assert "not all of its pictures" in await move(page, "use", newest)
    await page.until(lambda: studio.prompt == newest["prompt"])
    assert studio.start_image is None


async def test_a_library_that_cannot_be_changed_says_so(shelf, tmp_path):
    _, page = shelf
    clip = (await history(page))["clips"][0]
    (tmp_path / "library" / ".trash").write_text("no folder")
    answer = await ask(page, "moved", type="move", way="delete", key=clip["key"])
    assert "trash" in answer["sentence"]
    assert answer["done"] is False
    assert clip["prompt"] in prompts(await history(page))


async def test_a_clip_that_is_gone_says_so_and_words_of_no_page_do_nothing(shelf, tmp_path):
    _, page = shelf
    first, second, *_ = (await history(page))["clips"]
    for clip in Library(tmp_path / "library").clips()[-1:]:
        clip.path.unlink()
        clip.path.with_suffix(".json").unlink()
    assert await move(page, "restore", first) != f"Back again: {first['prompt']}"
    said = len(page.said)
    page.say(type="move", id="x", key="no such key", way="delete")
    page.say(type="move", id="x", key=second["key"], way="burn")
    page.say(type="history", id="x", search="", skip="many")
    assert len((await history(page, skip=-5))["clips"]) == 12
    assert {each["type"] for each in page.said[said:]} == {"history"}
    assert len(Library(tmp_path / "library").clips()) == 13
