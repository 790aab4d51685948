"""`run`: one way to wait, in a script, in a thread. (In a kernel: see `kernels`.)"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from ipyveo import generate, run
from ipyveo.loop import background_loop

THREE_TIMES = """
from ipyveo import VeoClient, generate, run, sample_pictures
import json, urllib.request
day, night = sample_pictures({folder!r})
def client():
    return VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
one = client()
for number, each in enumerate(({clients})):
    clips = run(generate(day, night, prompt=f"dusk {{number}}", client=each, library={folder!r}))
    assert len(clips) == 1 and clips[0].path.exists()
address = one.base_url.removesuffix("/api/v1") + "/sandbox/ledger"
print("POSTS", json.load(urllib.request.urlopen(address))["received_posts"])
"""


@pytest.mark.parametrize("clients", ["one, one, one", "client(), client(), client()"])
def test_three_runs_in_a_row_in_a_script_are_three_requests(tmp_path, clients):
    script = THREE_TIMES.format(folder=str(tmp_path), clients=clients)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "POSTS 3", done.stderr
    assert done.stderr == ""


def test_a_coroutine_its_result_and_its_exception_come_through():
    async def answer():
        return 42

    async def trouble():
        raise LookupError("gone")

    assert run(answer()) == 42
    with pytest.raises(LookupError, match="gone"):
        run(trouble())


def test_it_can_be_called_inside_a_running_loop():
    async def cell():
        return run(asyncio.sleep(0, "inner"))

    assert asyncio.run(cell()) == "inner"


def test_a_future_of_a_loop_that_is_not_running_is_run_there():
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        loop.call_soon(future.set_result, "done")
        assert run(future) == "done"
    finally:
        loop.close()


def test_inside_the_background_loop_it_would_wait_for_itself_and_is_refused():
    async def inside():
        coroutine = asyncio.sleep(0)
        try:
            run(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(RuntimeError, match="await instead"):
        run(inside())


def test_many_threads_share_one_background_loop():
    threads = [threading.Thread(target=background_loop) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [thread.name for thread in threading.enumerate()].count("ipyveo") == 1


INTERRUPTED = """
import os, signal, threading
from ipyveo import InterruptedGenerationError, VeoClient, generate, run, sample_pictures
day, night = sample_pictures({folder!r})
client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
shot = generate(day, night, prompt="dusk [sandbox: stall@starting]", client=client, library={folder!r})
begun = threading.Event()
shot.listen(lambda event: begun.set())
threading.Thread(target=lambda: (begun.wait(), os.kill(os.getpid(), signal.SIGINT))).start()
try:
    run(shot)
except KeyboardInterrupt:
    print("interrupted")
try:
    run(shot)
except InterruptedGenerationError:
    print(shot.outcome)
"""


def test_interrupting_is_stop_watching(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(folder=str(tmp_path))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["interrupted", "stopped"], done.stderr


def test_a_shot_awaited_on_another_loop_than_it_was_started_on(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk", client=client, library=tmp_path)

    async def first_event():
        return await anext(aiter(shot))

    async def clips():
        return await shot

    asyncio.run(first_event())
    assert len(asyncio.run(clips())) == 1
