"""A disk that is full: refused before anything is paid, or paid for and fetched once there is room."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ipyveo import Library, VeoClient, recover
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions

# A limit on the size of files stands for the end of the disk: the system's writes fail, as they do there.
FULL = """
import asyncio, resource, signal, sys
from ipyveo import VeoClient, VeoError, generate
folder, picture, base, key, when = sys.argv[1:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def fill(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

async def main():
    shot = generate(picture, prompt="dusk", client=VeoClient(key, base), library=folder)
    if when == "before":
        fill(1000)
    try:
        async for event in shot:
            if when == "after":
                fill(60_000)
    except VeoError as error:
        print(type(error).__name__, error.maybe_charged, error)

asyncio.run(main())
"""


@pytest.fixture
def address():
    sandbox = EmbeddedSandbox(SandboxOptions(clip_seconds=2, stage_seconds=0.5))
    yield sandbox.start()
    sandbox.stop()


def on_a_full_disk(folder, picture, address, when: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), str(picture), address.base_url, address.api_key, when],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout


def test_without_room_for_its_line_a_run_is_refused_unsent(address, ledger, pictures, tmp_path):
    book = ledger(VeoClient(address.api_key, address.base_url))
    said = on_a_full_disk(tmp_path, pictures[0], address, "before")
    assert said.startswith("InvalidRequestError False ")
    assert "Nothing was sent and nothing was charged" in said
    assert book.received_posts == 0


async def test_a_clip_that_found_no_room_is_fetched_when_there_is_some(address, ledger, pictures, tmp_path):
    client = VeoClient(address.api_key, address.base_url)
    book = ledger(client)
    said = on_a_full_disk(tmp_path, pictures[0], address, "after")
    assert said.startswith("DownloadError True The clip could not be written to the library")
    (entry,) = Library(tmp_path).generations()
    assert entry.unfinished
    assert Library(tmp_path).clips() == []
    assert len(await recover(client=client, library=tmp_path, wait=30)) == 1
    assert book.received_posts == book.charged == 1
