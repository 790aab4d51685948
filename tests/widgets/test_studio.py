"""The widget without a page: what a notebook's code sees of it."""

from __future__ import annotations

import ast
import asyncio
import json
import threading

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from ipyveo import (
    ContentRejectedError,
    Frame,
    FrameError,
    FramesToVideo,
    InterruptedGenerationError,
    InvalidRequestError,
    Library,
    VeoClient,
)
from ipyveo.loop import background_loop
from page import Page


def settled() -> None:
    """Wait until the background loop has done what was handed over to it before."""
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), background_loop()).result()


@pytest.fixture
def studio(client, pictures, tmp_path):
    studio = FramesToVideo(*pictures, prompt="dusk falls", client=client, library=tmp_path)
    yield studio
    studio.close()
    settled()


def test_two_lines_are_enough():
    studio = FramesToVideo()
    assert studio.status == "idle"
    assert studio.start_image is studio.end_image is None
    assert (studio.aspect_ratio, studio.number_of_videos, studio.clips) == ("16:9", 1, [])
    studio.close()


def test_a_misspelt_parameter_is_refused():
    with pytest.raises(TypeError, match="promt"):
        FramesToVideo(promt="dusk")


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"aspect_ratio": "4:3"}, InvalidRequestError),
        ({"number_of_videos": 5}, InvalidRequestError),
        ({"start_image": "missing.png"}, FrameError),
    ],
)
def test_a_wrong_value_is_refused_when_it_is_given(wrong, kind):
    with pytest.raises(kind):
        FramesToVideo(**wrong)
    studio = FramesToVideo()
    ((name, value),) = wrong.items()
    before = getattr(studio, name)
    with pytest.raises(kind):
        setattr(studio, name, value)
    assert getattr(studio, name) == before
    studio.close()


def test_the_apis_own_words_for_the_ratio_become_the_short_ones(studio):
    studio.aspect_ratio = "VIDEO_ASPECT_RATIO_PORTRAIT"
    assert studio.aspect_ratio == "9:16"


def test_a_picture_given_is_a_frame_read(studio, pictures):
    assert isinstance(studio.start_image, Frame)
    assert (studio.start_image.width, studio.start_image.height) == (1920, 1080)
    studio.start_image = pictures[1]
    assert studio.start_image.name == pictures[1].name
    studio.end_image = None
    assert studio.end_image is None


async def test_generate_gives_clips_and_the_traits_tell_the_way(studio):
    seen = []
    studio.observe(lambda change: seen.append(change.new), "status")
    clips = await studio.generate()
    assert studio.clips == clips
    assert len(clips) == 1
    assert (studio.status, studio.stage, studio.progress, studio.error) == ("complete", "Done", 1.0, "")
    assert seen == ["waiting", "starting", "uploading_images", "processing", "downloading", "complete"]


async def test_while_a_run_goes_asking_again_returns_that_same_run(studio, client, ledger):
    book = ledger(client)
    runs = []
    studio.prompt = "dusk [sandbox: stall@starting]"  # it goes until it is stopped
    threads = [threading.Thread(target=lambda: runs.append(studio.generate())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(run) for run in runs}) == 1
    await anext(aiter(runs[0]))
    assert book.received_posts == 1
    studio.stop()
    with pytest.raises(InterruptedGenerationError):
        await runs[0]
    studio.prompt = "dusk falls"
    await studio.generate()
    assert book.received_posts == 2


async def test_a_fault_is_shown_and_raised_and_the_next_run_is_good(studio):
    studio.prompt = "dusk [sandbox: unsafe]"
    with pytest.raises(ContentRejectedError) as caught:
        await studio.generate()
    assert studio.status == "failed"
    assert studio.error == str(caught.value)
    assert "PUBLIC_ERROR_UNSAFE_GENERATION" in studio._error_details
    studio.prompt = "dusk falls"
    assert len(await studio.generate()) == 1
    assert (studio.status, studio.error, studio._error_details) == ("complete", "", "")


async def test_stop_stops_watching_and_says_that_the_job_goes_on(studio):
    studio.prompt = "dusk [sandbox: stall@starting]"
    shot = studio.generate()
    async for _ in shot:
        studio.stop()
        break
    with pytest.raises(InterruptedGenerationError):
        await shot
    assert studio.status == "stopped"
    assert "goes on" in studio.stage
    assert studio.error == ""


async def test_an_unknown_word_of_the_service_is_the_stage_as_sent(studio):
    studio.prompt = "dusk [sandbox: unknown-status]"
    stages = []
    studio.observe(lambda change: stages.append(change.new), "stage")
    await studio.generate()
    known = {"Sending the request", "Starting", "Uploading images", "Processing", "Downloading", "Done"}
    assert set(stages) - known


@pytest.mark.parametrize("missing", ["start_image", "prompt"])
def test_what_is_missing_is_said_before_anything_is_sent(studio, client, ledger, missing):
    book = ledger(client)
    setattr(studio, missing, None if missing == "start_image" else " ")
    with pytest.raises(InvalidRequestError):
        studio.generate()
    assert book.received_posts == 0


async def test_no_picture_no_clip_and_no_key_is_ever_in_the_state(studio, client):
    await studio.generate()
    settled()
    state = studio.get_state()
    assert not [name for name, value in state.items() if isinstance(value, bytes | memoryview)]
    own = {name: value for name, value in state.items() if name not in ("_esm", "_css", "layout")}
    text = json.dumps(own)
    assert client._find_endpoint().key.bearer().removeprefix("Bearer ") not in text
    assert len(text) < 4096


async def test_an_observer_that_waits_for_the_background_loop_does_not_lock_it(studio):
    from ipyveo import run

    answers = []
    studio.observe(lambda _: answers.append(run(asyncio.sleep(0.3, "waited"))), "prompt")
    shot = studio.generate()
    await asyncio.to_thread(studio.set_state, {"prompt": "typed while it runs"})
    assert answers == ["waited"]
    await shot
    async with asyncio.timeout(60):  # what could not be written meanwhile is written right after
        while studio.status != "complete":
            await asyncio.sleep(0.01)


async def test_an_observer_that_fails_does_not_freeze_the_widget(studio, caplog):
    studio.observe(lambda _: 1 / 0, "stage")
    assert len(await studio.generate()) == 1
    assert studio.status == "complete"
    assert studio._clips
    assert "An observer of 'stage' failed" in caplog.text


async def test_an_observer_that_asks_for_a_run_gets_the_one_that_starts(studio, client, ledger):
    book = ledger(client)
    runs = []
    studio.observe(
        lambda change: runs.append(studio.generate()) if change.new == "waiting" else None, "status"
    )
    shot = await asyncio.to_thread(studio.generate)
    await shot
    assert runs == [shot]
    assert book.received_posts == 1


async def test_after_stop_the_next_run_is_a_new_one(studio, client, ledger):
    book = ledger(client)
    studio.prompt = "dusk [sandbox: stall@starting]"
    first = studio.generate()
    await anext(aiter(first))
    studio.stop()
    studio.prompt = "dusk falls"
    second = studio.generate()
    assert second is not first
    assert len(await second) == 1
    assert studio.status == "complete"
    assert book.received_posts == 2


@pytest.fixture
def unhurried():
    """A client of a sandbox whose runs take seconds, so that a second widget meets the first one's run."""
    return VeoClient.sandbox(clip_seconds=0.25, stage_seconds=2.0, quota=100_000)


@pytest.fixture
def pair(unhurried, pictures, tmp_path):
    """Two widgets that ask for the same, as a cell that is run twice leaves them."""
    return [
        FramesToVideo(*pictures, prompt="dusk falls", client=unhurried, library=tmp_path) for _ in range(2)
    ]


async def test_a_cell_that_is_run_again_watches_the_run_that_goes(pair, unhurried, ledger):
    studio, again = pair
    book = ledger(unhurried)
    first = studio.generate()
    await anext(aiter(first))
    assert again.generate() is first
    assert again._run["running"]
    assert "Starting" in [words for _, words in again._run["stages"]]
    await first
    assert again.clips == studio.clips
    assert again.status == "complete"
    assert book.received_posts == 1


async def test_equal_requests_of_two_widgets_at_the_same_moment_are_one_run(pair, unhurried, ledger):
    book = ledger(unhurried)
    both = await asyncio.gather(*(asyncio.to_thread(widget.generate) for widget in pair))
    assert both[0] is both[1]
    await both[0]
    assert book.received_posts == 1


async def test_another_sentence_or_library_is_another_run(studio, client, ledger, pictures, tmp_path):
    book = ledger(client)
    others = [
        FramesToVideo(*pictures, prompt="dawn breaks", client=client, library=tmp_path),
        FramesToVideo(*pictures, prompt="dusk falls", client=client, library=tmp_path / "other"),
    ]
    shots = [studio.generate(), *(other.generate() for other in others)]
    await asyncio.gather(*shots)
    assert len(set(map(id, shots))) == 3
    assert book.received_posts == 3


async def test_extend_makes_the_last_frame_the_start_picture(studio, monkeypatch):
    page = Page(studio, monkeypatch)
    await studio.generate()
    key = studio._clips[0]["key"]
    page.say(type="extend", key=key)
    await page.until(lambda: studio._frames["end"] is None)
    assert studio.end_image is None
    assert (studio.start_image.width, studio.start_image.height) == (1280, 720)
    assert studio._frames["end"] is None


async def test_code_is_what_would_make_the_clip_again(studio, monkeypatch):
    page = Page(studio, monkeypatch)
    studio.prompt = 'it\'s "dusk"\n)'
    await studio.generate()
    page.say(type="text", kind="Code", id="c", key=studio._clips[0]["key"])
    await page.until(lambda: any(said["type"] == "text" for said in page.said))
    (said,) = [said for said in page.said if said["type"] == "text"]
    call = ast.parse(said["text"].replace("await ", "")).body[-1].value
    assert [argument.value for argument in call.args] == ["sample-day.png", "sample-night.png"]
    assert {word.arg: word.value.value for word in call.keywords} == {
        "prompt": 'it\'s "dusk"\n)',
        "aspect_ratio": "16:9",
        "number_of_videos": 1,
    }


async def test_a_run_is_not_started_while_a_picture_is_on_its_way(studio, client, ledger, monkeypatch):
    page = Page(studio, monkeypatch)
    studio._uploads._send = studio._tell
    book = ledger(client)
    page.say(type="upload", id="u", slot="start", name="day.png", size=10, question=1)
    await page.until(lambda: studio._uploading == ["start"])
    page.say(type="generate", prompt="dusk", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: "still on its way" in studio.error)
    page.say(type="remove", slot="start")
    await page.until(lambda: studio._uploading == [] and studio.start_image is None)
    assert book.received_posts == 0


@pytest.fixture
def held_picture():
    """A picture that takes until the test lets it go, in place of one that is fetched."""
    go_on = threading.Event()

    def make() -> Frame:
        go_on.wait(60)
        return Frame(np.zeros((90, 160, 3), np.uint8))

    yield make, go_on.set
    go_on.set()


async def test_an_upload_that_asks_again_takes_no_other_pictures_place(studio, monkeypatch, held_picture):
    page, (make, let_go) = Page(studio, monkeypatch), held_picture
    upload = {"type": "upload", "id": "u", "slot": "start", "name": "day.png", "size": 10}
    page.say(**upload, question=1)
    await page.until(lambda: studio._uploading == ["start"])
    background_loop().call_soon_threadsafe(studio._uploads.replace, "start")
    background_loop().call_soon_threadsafe(studio._begin, "start", make, {})
    page.say(**upload, question=2)  # it was on its way already
    let_go()
    await page.until(lambda: studio.start_image is not None and studio.start_image.height == 90)


@pytest.mark.parametrize("message", ["loop", "extend"])
async def test_what_is_on_its_way_to_the_end_does_not_undo_what_was_asked_for_since(
    studio, monkeypatch, held_picture, message
):
    clips = await studio.generate()
    page, (make, let_go) = Page(studio, monkeypatch), held_picture
    background_loop().call_soon_threadsafe(studio._begin, "end", make, {})
    await page.until(lambda: studio._uploading == ["end"])
    page.say(type=message, key=studio._key_for(clips[0]))
    wanted = studio.start_image if message == "loop" else None
    await page.until(lambda: studio._uploading == [] and studio.end_image is wanted)
    let_go()
    settled()
    assert studio.end_image is wanted


async def test_nothing_is_swapped_while_it_is_unclear_what(studio, monkeypatch, held_picture):
    page, (make, let_go) = Page(studio, monkeypatch), held_picture
    before = studio.end_image
    background_loop().call_soon_threadsafe(studio._begin, "start", make, {})
    await page.until(lambda: studio._uploading == ["start"])
    page.say(type="swap")
    let_go()
    await page.until(lambda: studio._uploading == [])
    assert studio.end_image is before
    assert studio.start_image.height == 90


async def test_a_view_that_is_not_heard_of_any_more_is_forgotten_and_the_beat_ends(studio, monkeypatch):
    monkeypatch.setattr("ipyveo.widgets.page_widget._BEAT_SECONDS", 0.02)
    monkeypatch.setattr("ipyveo.widgets.page_widget._VIEW_SECONDS", 0.2)
    page = Page(studio, monkeypatch)
    page.say(type="hello", view="closed without a word")
    await page.until(lambda: any(said["type"] == "beat" for said in page.said))
    await page.until(lambda: studio._beating is None and not studio._views)


async def test_a_view_is_not_forgotten_while_a_cell_keeps_the_kernel_from_hearing_it(studio, monkeypatch):
    monkeypatch.setattr("ipyveo.widgets.page_widget._BEAT_SECONDS", 0.02)
    monkeypatch.setattr("ipyveo.widgets.page_widget._VIEW_SECONDS", 0.2)
    page = Page(studio, monkeypatch)
    done = threading.Event()

    async def kernel():
        page.say(type="hello", view="open")
        done.wait()  # a cell that blocks the kernel's loop
        await page.until(lambda: not studio._views)

    thread = threading.Thread(target=lambda: asyncio.run(kernel()))
    thread.start()
    await page.until(lambda: len([said for said in page.said if said["type"] == "beat"]) > 30)
    assert "open" in studio._views
    done.set()
    await asyncio.to_thread(thread.join)
    assert not studio._views


def test_a_widget_that_is_refused_does_not_stay_behind():
    before = len(_instances)
    with pytest.raises(FrameError):
        FramesToVideo("missing.png")
    assert len(_instances) == before


WRONG_FORM = {"type": "generate", "prompt": "x", "aspect_ratio": "4:3", "number_of_videos": 9}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "none"},
        {"type": "remove", "slot": "middle"},
        {"type": "fetch"},
        {"type": "chunk", "id": 1},
        WRONG_FORM,
    ],
)
async def test_a_message_that_is_not_of_our_page_is_passed_over(studio, monkeypatch, message):
    page = Page(studio, monkeypatch)
    page.say(**message)
    page.say(type="hello", view="v")
    await page.until(lambda: "v" in studio._views)
    page.say(type="bye", view="v")
    await page.until(lambda: not studio._views)
    assert studio.status == "idle"


async def test_of_two_quick_picks_the_last_is_the_pick(client, pictures, tmp_path, monkeypatch):
    studio = FramesToVideo(*pictures, prompt="dusk", number_of_videos=2, client=client, library=tmp_path)
    clips = await studio.generate()
    page = Page(studio, monkeypatch)
    await page.until(lambda: len(studio._clips) == 2)
    for _ in range(5):
        for clip in clips:
            page.say(type="pick", key=studio._key_for(clip), picked=True)
    settled()
    await page.until(lambda: not any("mark" in repr(task) for task in asyncio.all_tasks(background_loop())))
    assert [record["picked"] for record in studio._clips] == [False, True]
    assert Library(tmp_path).picks() == [clips[1]]
    studio.close()


def test_a_widget_that_is_closed_for_good_does_not_come_back(studio):
    studio.retire()
    settled()
    assert studio.comm is None
    studio.close()
    assert studio._repr_mimebundle_ is None
    assert studio.comm is None
