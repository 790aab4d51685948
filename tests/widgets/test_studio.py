"""The widget without a page: what a notebook's code sees of it."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from ipyveo import (
    ContentRejectedError,
    Frame,
    FrameError,
    FramesToVideo,
    InterruptedGenerationError,
    InvalidRequestError,
)
from ipyveo.loop import background_loop


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
    threads = [threading.Thread(target=lambda: runs.append(studio.generate())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(run) for run in runs}) == 1
    await runs[0]
    assert book.received_posts == 1
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
    async with asyncio.timeout(10):  # what could not be written meanwhile is written right after
        while studio.status != "complete":
            await asyncio.sleep(0.01)
