"""The client: one POST however it is used, patience as the headers say, refusal before anything is sent."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time

import pytest

from far_side import answering
from ipyveo import (
    FrameError,
    GatewayError,
    InterruptedGenerationError,
    InvalidRequestError,
    VeoClient,
)
from ipyveo.api import sending
from ipyveo.api.requests import check_count
from ipyveo.network.exchange import NotSentError


async def test_awaited_iterated_and_awaited_again_it_is_sent_once(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk falls")
    assert book.received_posts == 0
    first = [event async for event in generation]
    second = [event async for event in generation]
    videos = await generation
    assert first == second
    assert await generation == videos
    assert list(first[-1].videos) == videos
    assert book.received_posts == 1


async def test_a_reader_that_stops_half_way_leaves_the_rest_for_the_next(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk falls")
    async for _ in generation:
        break
    assert [video.ok for video in await generation] == [True]
    assert book.received_posts == 1


async def test_two_readers_at_once_see_the_same_events_of_one_request(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk falls")

    async def read():
        return [event async for event in generation]

    assert len({str(events) for events in await asyncio.gather(read(), read(), read())}) == 1
    assert book.received_posts == 1


async def test_the_client_need_not_be_entered_and_leaving_it_hangs_up(client, pictures):
    async with client:
        generation = client.frames_to_video(*pictures, prompt="dusk [sandbox: stall@starting]")
        async for _ in generation:
            break
    with pytest.raises(InterruptedGenerationError, match="stopped"):
        await generation


async def test_leaving_the_client_also_ends_a_reader_that_is_waiting(client, pictures):
    begun = asyncio.Event()
    generation = client.frames_to_video(*pictures, prompt="dusk [sandbox: stall@starting]")

    async def read():
        async for _ in generation:
            begun.set()

    async with client:
        reader = asyncio.ensure_future(read())
        await begun.wait()
    async with asyncio.timeout(60):
        with pytest.raises(InterruptedGenerationError, match="goes on"):
            await reader


async def test_what_is_closed_before_it_was_sent_says_so_and_is_never_sent(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk")
    await generation.aclose()
    with pytest.raises(InterruptedGenerationError, match="Nothing was charged") as caught:
        await generation
    assert caught.value.maybe_charged is False
    assert book.received_posts == 0


def test_one_generation_can_be_read_from_several_event_loops(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk")

    async def first():
        return await anext(aiter(generation))

    async def rest():
        return await generation

    assert asyncio.run(first()).status == "starting"
    assert [video.ok for video in asyncio.run(rest())] == [True]
    assert book.received_posts == 1


async def test_one_of_two_that_wait_may_leave(client, pictures):
    generation = client.frames_to_video(*pictures, prompt="dusk")

    async def wait():
        return await generation

    leaver, stayer = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
    await anext(aiter(generation))
    leaver.cancel()
    assert [video.ok for video in await stayer] == [True]


async def test_cancelling_the_wait_ends_it_and_the_job_goes_on(client, ledger, pictures):
    book = ledger(client)
    generation = client.frames_to_video(*pictures, prompt="dusk [sandbox: stall@starting]")

    async def wait():
        return await generation

    waiting = asyncio.ensure_future(wait())
    await anext(aiter(generation))  # the job has been accepted
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(InterruptedGenerationError, match="may be charged"):
        await generation
    async with asyncio.timeout(60):
        while not any("stall@starting" in row.prompt for row in await client.histories()):
            await asyncio.sleep(0.05)
    assert book.accepted_posts == 1


def refusing() -> socket.socket:
    """Take a port, so that nobody else gets it, and refuse connections until it is told to listen."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


async def test_a_port_where_nobody_listens_is_tried_again_and_then_said_plainly():
    began = time.monotonic()
    with refusing() as taken:
        client = VeoClient("a-key-of-no-one", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(GatewayError, match="nothing was sent and nothing was charged") as caught:
            await client.text_to_video(prompt="dusk")
    assert caught.value.maybe_charged is False
    assert time.monotonic() - began >= 1.5  # the two pauses between three tries


async def test_a_service_that_comes_up_a_moment_later_is_reached(monkeypatch):
    answers, tries, late, once = [], [], refusing(), sending._once

    def serve():
        line, _ = late.accept()
        with line:
            answers.append(line.recv(65536))
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]")

    async def try_once(*how):
        try:
            return await once(*how)
        except NotSentError:
            tries.append("refused")
            if len(tries) == 2:  # later than the first pause, and before the last try
                late.listen()
                thread.start()
            raise

    monkeypatch.setattr(sending, "_once", try_once)
    thread = threading.Thread(target=serve)
    with late:
        left = await VeoClient("a-key-of-no-one", f"http://127.0.0.1:{late.getsockname()[1]}").credits()
        thread.join()
    assert tries == ["refused"] * 2
    assert left.remaining == 0
    assert len(answers) == 1


async def test_a_limit_that_says_zero_seconds_is_not_hammered():
    asked = []

    def limited_twice():
        asked.append(time.monotonic())
        return (200, {}, b"[]") if len(asked) > 2 else (429, {"retry-after": "0"}, b"{}")

    with answering(limited_twice) as address:
        await VeoClient("a-key-of-no-one", address).credits()
    assert [later - earlier >= 1 for earlier, later in itertools.pairwise(asked)] == [True, True]


async def test_connecting_for_longer_than_a_job_may_be_silent_is_still_nothing_sent():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        crowd = [socket.socket() for _ in range(4)]
        try:
            for one in crowd:
                one.settimeout(0)
                one.connect_ex(full.getsockname())
            client = VeoClient(
                "a-key-of-no-one",
                f"http://127.0.0.1:{full.getsockname()[1]}",
                connect_seconds=1.0,
                idle_seconds=0.5,
            )
            with pytest.raises(GatewayError, match="nothing was sent") as caught:
                await client.text_to_video(prompt="dusk")
            assert caught.value.maybe_charged is False
        finally:
            for one in crowd:
                one.close()


async def test_credits_are_summed_over_the_packs_and_the_first_end_is_named():
    left = await VeoClient.sandbox(fault="packs@credits").credits()
    assert (left.quota, left.used, left.remaining) == (100, 0, 100)
    assert left.expires_at is not None


async def test_histories_are_paged_newest_first(client, pictures):
    for prompt in ("first of two", "second of two"):
        await client.frames_to_video(*pictures, prompt=prompt)
    page = await client.histories(page=1, page_size=1)
    assert [video.prompt for video in page] == ["second of two"]
    assert page.total_pages == page.total >= 2
    assert [video.prompt for video in await client.histories(page=2, page_size=1)] == ["first of two"]


@pytest.mark.parametrize(
    "make",
    [lambda c, p: c.text_to_video(prompt="dusk"), lambda c, p: c.ingredients_to_video(p, prompt="dusk")],
)
async def test_the_other_two_calls_make_videos_too(client, pictures, make):
    assert [video.ok for video in await make(client, [*pictures])] == [True]


def text_named_png(folder):
    path = folder / "notes.png"
    path.write_text("not a picture")
    return path


def cut_jpeg(folder):
    from PIL import Image

    path = folder / "cut.jpg"
    Image.effect_noise((640, 360), 80).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    return path


BAD = {
    "no picture": (InvalidRequestError, {"start_image": None}),
    "an empty prompt": (InvalidRequestError, {"prompt": "  \n"}),
    "a prompt that is no text": (InvalidRequestError, {"prompt": 7}),
    "half a character": (InvalidRequestError, {"prompt": "dusk \ud800"}),
    "a text file named png": (FrameError, {"start_image": text_named_png}),
    "a cut JPEG": (FrameError, {"end_image": cut_jpeg}),
    "a count of 5": (InvalidRequestError, {"number_of_videos": 5}),
    "a count of 0": (InvalidRequestError, {"number_of_videos": 0}),
    "a count of True": (InvalidRequestError, {"number_of_videos": True}),
    "a count of 2.5": (InvalidRequestError, {"number_of_videos": 2.5}),
    "an unknown ratio": (InvalidRequestError, {"aspect_ratio": "4:3"}),
    "a missing file": (FrameError, {"start_image": "no-such-file.png"}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_at_once_and_nothing_is_sent(client, ledger, pictures, tmp_path, case):
    kind, change = BAD[case]
    good = {"start_image": pictures[0], "end_image": pictures[1], "prompt": "dusk", "number_of_videos": 1}
    change = {name: value(tmp_path) if callable(value) else value for name, value in change.items()}
    book = ledger(client)
    with pytest.raises(kind) as caught:
        client.frames_to_video(**{**good, **change})
    assert caught.value.maybe_charged is False
    assert "othing was" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert book.received_posts == 0


def test_numpys_integers_count_as_whole_numbers():
    import numpy as np

    assert check_count(np.int64(3)) == 3


@pytest.mark.parametrize(
    "url", ["genaipro.vn", "ftp://x/", "http://", "https://me:secret@x/", "http://x:99999"]
)
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(InvalidRequestError, match="base URL") as caught:
        VeoClient("a-key-of-no-one", url)
    assert "secret" not in str(caught.value)


def test_the_environment_gives_the_base_url(monkeypatch):
    monkeypatch.setenv("GENAIPRO_BASE_URL", "http://127.0.0.1:8787/api/v1/")
    assert VeoClient("a-key-of-no-one").base_url == "http://127.0.0.1:8787/api/v1"


async def test_a_server_that_names_itself_a_sandbox_is_called_one_whatever_its_address(client):
    plain = VeoClient(client._find_endpoint().key.bearer(), client.base_url)
    assert plain.engine is None
    await plain.credits()
    assert plain.engine == "sandbox"
