"""Never paid twice, never lost: doubts go to the histories, recovery fetches what a dead kernel left."""

from __future__ import annotations

import asyncio
import email.utils
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from far_side import answering
from ipyveo import (
    GatewayError,
    InterruptedGenerationError,
    InvalidRequestError,
    Library,
    StatusEvent,
    VeoClient,
    generate,
    recover,
)
from ipyveo.generations import lookup
from ipyveo.generations.search import Search
from ipyveo.generations.shot import at_work
from ipyveo.library.journal import Entry, Journal
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions

# Every doubt, and whether the service has taken the job.
DOUBTS = [
    "drop@starting",
    "drop@processing",
    "half-event@complete",
    "reset",
    "500-accepted",
    "502-accepted",
    "html-200",
    "json-200",
    "empty-stream",
    "no-url",
    "garbled-complete",
    "empty-complete",
]
LAYOUTS = ["", "rows", "changed-prompt", "created-at-end", "early-row"]
CASES = [
    pytest.param(doubt, layout, count, marks=[] if first else [pytest.mark.soak])
    for number, doubt in enumerate(DOUBTS)
    for index, layout in enumerate(LAYOUTS)
    for count in (1, 2)
    for first in [index == number % len(LAYOUTS) and count == 1 + number % 2]
]


@pytest.mark.parametrize(("doubt", "layout", "count"), CASES)
async def test_a_doubt_is_looked_up_and_the_paid_clips_come_home(
    client, ledger, pictures, tmp_path, doubt, layout, count
):
    book = ledger(client)
    faults = ", ".join(filter(None, (doubt, layout)))
    prompt = f"dusk falls\nslowly {doubt} {layout} {count} [sandbox: {faults}]"
    shot = generate(*pictures, prompt=prompt, number_of_videos=count, client=client, library=tmp_path)
    words = [event.status async for event in shot if isinstance(event, StatusEvent)]
    assert "checking" in words
    assert len(shot.clips) == count == len({clip.path.read_bytes() for clip in shot.clips})
    assert (book.received_posts, book.accepted_posts, book.charged) == (1, 1, count)
    assert [entry.state for entry in Library(tmp_path).generations()] == ["saved"]


@pytest.mark.parametrize("number", [6, pytest.param(200, marks=pytest.mark.soak)])
async def test_equal_requests_at_once_with_dropped_lines_each_get_their_own_clips(
    ledger, pictures, tmp_path, number, capsys
):
    client = VeoClient.sandbox(
        clip_seconds=0.25, stage_seconds=1.0, quota=100_000
    )  # its streams take seconds
    book = ledger(client)
    seed = random.Random(7)
    peak = Peak()
    clients = [VeoClient(_key(client), client.base_url) for _ in range(3)]  # of one account
    faults = ["drop@starting", "drop@uploading_images", "drop@processing", "half-event@complete", "no-url"]
    prompts = ["dusk", *(f"dusk [sandbox: {fault}]" for fault in faults)]
    shots = [
        generate(pictures[0], prompt=seed.choice(prompts), client=seed.choice(clients), library=tmp_path)
        for _ in range(number)
    ]
    with peak:
        clips = [clip for kept in await asyncio.gather(*shots) for clip in kept]
    with capsys.disabled():
        more = f"{peak.megabytes} MB more at the peak, {peak.threads} threads"
        sys.stdout.write(f"\n{number} at once: {more}\n")
    assert len({clip.path.name for clip in clips}) == number
    assert len({clip.id.partition("-")[0] for clip in clips}) == number
    assert book.received_posts == book.charged == number
    assert {entry.state for entry in Library(tmp_path).generations()} == {"saved"}


class Peak:
    """The most memory above the start, and the most threads, of this process while it is entered."""

    def __init__(self) -> None:
        self.megabytes = self.threads = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        start = _resident_megabytes()
        while not self._ended.wait(0.05):
            self.megabytes = max(self.megabytes, _resident_megabytes() - start)
            self.threads = max(self.threads, threading.active_count() - 1)


def _resident_megabytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


async def test_runs_of_two_libraries_never_take_the_same_video(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shots = [
        generate(pictures[0], prompt="dusk [sandbox: drop@starting]", client=client, library=tmp_path / name)
        for name in ("one", "other")
    ]
    kept = await asyncio.gather(*shots)
    assert len({clip.id for clips in kept for clip in clips}) == book.charged == 2


async def test_a_journal_that_cannot_be_read_for_a_moment_does_not_end_a_search(
    client, ledger, pictures, tmp_path, monkeypatch
):
    book, failed = ledger(client), []
    real = Journal.entry

    def entry(self, generation):
        if not failed:
            failed.append(generation)
            raise sqlite3.OperationalError("database is locked")
        return real(self, generation)

    monkeypatch.setattr(Journal, "entry", entry)
    prompt = "dusk [sandbox: drop@starting]"
    assert len(await generate(pictures[0], prompt=prompt, client=client, library=tmp_path)) == 1
    assert failed
    assert book.received_posts == 1


async def test_whoever_stops_waiting_for_recovery_stops_it(client, pictures, tmp_path):
    shot = generate(pictures[0], prompt="dusk [sandbox: 500]", client=client, library=tmp_path)
    async for event in shot:
        if event.status == "checking":
            break
    shot.stop()
    await shot.settled(0)
    recovery = asyncio.ensure_future(recover(client=client, library=tmp_path, wait=600))
    (entry,) = Library(tmp_path).generations()
    while at_work(entry) is None:
        await asyncio.sleep(0.01)
    recovery.cancel()
    while at_work(entry) is not None:
        await asyncio.sleep(0.01)
    with pytest.warns(UserWarning, match="not in the account's history yet"):
        assert await recover(client=client, library=tmp_path) == []


def _key(client: VeoClient) -> str:
    return client._find_endpoint().key.bearer()


async def test_a_job_that_left_no_trace_is_given_up_as_in_doubt_and_sent_no_second_time(
    client, ledger, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr("ipyveo.generations.search._PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("ipyveo.generations.search._SHORTEST_LOOK_SECONDS", 1.0)
    book = ledger(client)
    with pytest.raises(InterruptedGenerationError, match="No trace of this job") as caught:
        await generate(*pictures, prompt="dusk [sandbox: 500]", client=client, library=tmp_path)
    assert caught.value.maybe_charged is True
    assert len(str(caught.value)) < 300
    assert book.received_posts == 1
    (entry,) = Library(tmp_path).generations()
    assert entry.state == "sent"


async def test_what_is_refused_for_certain_is_not_looked_up(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk [sandbox: 403-html]", client=client, library=tmp_path)
    with pytest.raises(GatewayError):
        await shot
    assert not [event for event in shot.so_far() if getattr(event, "status", "") == "checking"]
    (entry,) = Library(tmp_path).generations()
    assert (entry.state, entry.error) == ("failed", str(shot.error))


async def test_a_failed_job_that_only_the_histories_know_is_said_to_be_refunded(client, pictures, tmp_path):
    from ipyveo import GenerationFailedError

    with pytest.raises(GenerationFailedError, match="credits are returned"):
        await generate(
            *pictures, prompt="dusk [sandbox: drop@starting, failed-job]", client=client, library=tmp_path
        )


async def test_the_line_is_durable_before_the_request_leaves(client, ledger, pictures, tmp_path, monkeypatch):
    seen = []
    from ipyveo.library.journal import Journal

    written = Journal.sending
    book = ledger(client)

    def look(journal, generation):
        (entry,) = journal.entries()
        seen.append((entry.state, book.received_posts, [picture.file for picture in entry.pictures]))
        written(journal, generation)

    monkeypatch.setattr(Journal, "sending", look)
    await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    ((state, posts, files),) = seen
    assert (state, posts) == ("waiting", 0)
    assert all((tmp_path / "pictures" / file).stat().st_size > 1000 for file in files)


async def test_a_journal_that_cannot_be_written_is_said_before_anything_is_sent(
    client, ledger, pictures, tmp_path
):
    (tmp_path / "journal.sqlite3").mkdir()
    book = ledger(client)
    with pytest.raises(InvalidRequestError, match="The library cannot be used") as caught:
        await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    assert caught.value.maybe_charged is False
    assert book.received_posts == 0


async def test_a_429_is_told_with_its_seconds_and_noted_as_not_accepted(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk 429 [sandbox: 429]", client=client, library=tmp_path)
    events = [event async for event in shot]
    assert (events[0].status, events[0].seconds) == ("waiting", 1.0)
    assert book.accepted_posts == 1
    assert Library(tmp_path).generations()[0].state == "saved"


async def test_reuse_takes_the_clips_that_are_there_and_pays_nothing(client, ledger, pictures, tmp_path):
    how = {"prompt": "dusk", "client": client, "library": tmp_path}
    first = await generate(*pictures, **how)
    book = ledger(client)
    assert await generate(*pictures, **how, reuse=True) == first
    assert book.received_posts == 0
    for other in ({"prompt": "dawn"}, {"aspect_ratio": "9:16"}, {"number_of_videos": 2}):
        await generate(*pictures, **{**how, **other}, reuse=True)
    assert book.received_posts == 3
    first[0].path.unlink()
    await generate(*pictures, **how, reuse=True)
    assert book.received_posts == 4


async def stopped_after_its_first_event(shot):
    await anext(aiter(shot))
    shot.stop()
    with pytest.raises(InterruptedGenerationError, match="goes on"):
        await shot


async def test_what_was_stopped_is_picked_up_later_in_the_same_kernel(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk [sandbox: stall@starting]", client=client, library=tmp_path)
    await stopped_after_its_first_event(shot)
    (clip,) = await recover(client=client, library=tmp_path, wait=30)
    assert clip.path.parent == tmp_path
    assert await recover(client=client, library=tmp_path) == []
    assert book.received_posts == 1


async def test_recovering_twice_at_the_same_moment_fetches_each_clip_once(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk [sandbox: stall]", client=client, library=tmp_path)
    await anext(aiter(shot))
    shot.stop()
    with pytest.raises(InterruptedGenerationError):
        await shot
    both = await asyncio.gather(*(recover(client=client, library=tmp_path, wait=30) for _ in range(4)))
    assert len([clip for clips in both for clip in clips]) == 1
    assert len(Library(tmp_path).clips()) == 1


async def test_what_is_still_watched_is_left_alone(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk [sandbox: stall]", client=client, library=tmp_path)
    await anext(aiter(shot))
    assert await recover(client=client, library=tmp_path) == []
    shot.stop()


async def test_what_is_not_there_yet_stays_in_the_journal_and_is_said(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("ipyveo.generations.recovery._GRACE_SECONDS", 0.5)
    client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=2.5, quota=100_000)
    shot = generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    await stopped_after_its_first_event(shot)
    with pytest.warns(UserWarning, match="stays in the journal"):
        assert await recover(client=client, library=tmp_path) == []
    assert len(await recover(client=client, library=tmp_path, wait=60)) == 1


async def test_the_end_of_an_embedded_sandbox_is_the_end_of_its_runs(client, pictures, tmp_path):
    code = f"""
from ipyveo import VeoClient, generate, run
client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
how = dict(prompt="dusk [sandbox: stall]", client=client, library={str(tmp_path)!r})
shot = generate({str(pictures[0])!r}, **how)
async def begin():
    async for event in shot:
        if event.status == "processing":
            import os
            os._exit(0)
run(begin())
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=True, timeout=60)
    assert Library(tmp_path).generations()[0].state == "sent"
    assert await recover(client=client, library=tmp_path) == []
    (entry,) = Library(tmp_path).generations()
    assert (entry.state, "Nothing was charged" in entry.error) == ("failed", True)


KILLED = """
import json, sys
from ipyveo import VeoClient, generate, run
key, base, library, prompt, count, *pictures = sys.argv[1:]
shot = generate(*pictures, prompt=prompt, number_of_videos=int(count), client=VeoClient(key, base),
                library=library)
print("ready", flush=True)
run(shot)
"""


@pytest.fixture(scope="module")
def service():
    """A service that lives on when a kernel dies."""
    sandbox = EmbeddedSandbox(SandboxOptions(clip_seconds=0.1, stage_seconds=0.1, quota=100_000))
    address = sandbox.start()
    yield VeoClient(address.api_key, address.base_url)
    sandbox.stop()


@pytest.mark.parametrize("runs", [10, pytest.param(290, marks=pytest.mark.soak)])
async def test_killed_at_any_instant_what_was_charged_is_recovered_and_nothing_is_charged_twice(
    service, ledger, pictures, tmp_path, runs
):
    seed = random.Random(20261125 + runs)
    book = ledger(service)
    arguments = [_key(service).removeprefix("Bearer "), service.base_url, str(tmp_path)]
    for number in range(runs):
        count, prompt = seed.choice([1, 2]), seed.choice(["dusk", f"dusk {number}"])
        process = subprocess.Popen(  # noqa: ASYNC220 - it is there at once, and waited for in a thread
            [sys.executable, "-c", KILLED, *arguments, prompt, str(count), *map(str, pictures)],
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        wait = seed.uniform(0.0, 1.6)  # from before the first byte to after the last clip
        try:
            await asyncio.to_thread(process.wait, wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of runs that were sent, and never accepted
        await recover(client=service, library=tmp_path, wait=20)
    clips = Library(tmp_path).clips()
    states = sorted(entry.state for entry in Library(tmp_path).generations())
    assert len(clips) == book.charged, states
    sheets = [json.loads(clip.path.with_suffix(".json").read_text("utf-8"))["request"] for clip in clips]
    assert len({(sheet["generation"], sheet["take"]) for sheet in sheets}) == len(clips)
    assert [sheet["prompt"] for sheet in sheets] == [clip.prompt for clip in clips]
    assert book.received_posts <= runs
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} <= {
        ".mp4",
        ".json",
        ".sqlite3",
        ".lock",
        "",
    }


@pytest.fixture
def sent_entry(tmp_path):
    """A run of the journal that was sent and is in doubt."""
    journal = Library(tmp_path).journal
    now = datetime.now(UTC)
    entry = journal.begin(
        Entry("run", "account", "digest", "dusk", "16:9", 1, pictures=(), began_at=now - timedelta(seconds=1))
    )
    journal.sending(entry.id)
    return journal, journal.entry(entry.id)


def told(*rows: tuple[str, datetime], date: datetime | None = None):
    """What the histories say: rows by their names and times."""
    data = [
        {
            "id": name,
            "prompt": "dusk",
            "file_urls": [f"https://x/{name}"],
            "status": "done",
            "created_at": created.isoformat(),
        }
        for name, created in rows
    ]
    body = {"data": data, "total": len(data), "page": 1, "page_size": 100, "total_pages": 1}
    headers = {} if date is None else {"date": email.utils.format_datetime(date, usegmt=True)}
    return 200, headers, json.dumps(body).encode()


async def test_an_older_video_of_the_same_words_is_not_taken_for_one_that_is_still_being_made(
    sent_entry, monkeypatch
):
    monkeypatch.setattr("ipyveo.generations.search._SETTLING_SECONDS", 0.0)
    monkeypatch.setattr("ipyveo.generations.search._LOOKS", (0.0,) * 9)
    monkeypatch.setattr("ipyveo.generations.lookup._PAUSE_SECONDS", 0.0)
    journal, entry = sent_entry
    older, own = ("older", entry.sent_at - timedelta(minutes=1)), ("own", entry.sent_at)
    looks = iter([told(older)] * 3)
    with answering(lambda: next(looks, told(own, older))) as base:
        (take,) = await Search(VeoClient("key", base), journal, entry).takes()
    assert take.id == "own"


@pytest.mark.parametrize("ahead", [-3600, -60, 60, 3600])
async def test_a_clock_that_is_wrong_by_whatever_does_not_keep_a_run_from_being_found(sent_entry, ahead):
    journal, entry = sent_entry
    theirs = timedelta(seconds=ahead)
    with answering(lambda: told(("own", entry.sent_at + theirs), date=datetime.now(UTC) + theirs)) as base:
        found = await lookup.look(VeoClient("key", base), journal, entry)
    assert ([take.id for take in found.takes], found.settled) == (["own"], True)


def test_the_histories_are_asked_once_by_many_that_look_at_the_same_time(client):
    calls = []

    class Counting:
        identity = "counted"

        async def histories(self, *, page, page_size):
            calls.append((page, page_size))
            return await client.histories(page=page, page_size=page_size)

    async def look_often():
        from datetime import UTC, datetime

        counting = Counting()
        return await asyncio.gather(*(lookup._recent(counting, datetime.now(UTC)) for _ in range(50)))

    asyncio.run(look_often())
    assert calls == [(page, 100) for page in range(1, len(calls) + 1)]  # each page once
    assert calls


def test_the_terminal_recovers_too(service, pictures, tmp_path):
    free = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
    there = {"GENAIPRO_BASE_URL": service.base_url, "GENAIPRO_API_KEY": _key(service)}

    def ipyveo(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ipyveo", *words]
        return subprocess.run(
            command, cwd=tmp_path, env={**free, **there}, capture_output=True, text=True, check=False
        )

    nothing = ipyveo("recover", "--out", "clips")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "Nothing was left behind.\n")
    words = ["generate", pictures[0], "--out", "clips", "--prompt", "dusk [sandbox: stall]"]
    watcher = subprocess.Popen(
        [sys.executable, "-m", "ipyveo", *words],
        cwd=tmp_path,
        env={**free, **there},
        stderr=subprocess.PIPE,
    )
    assert b"Starting" in watcher.stderr.readline()
    watcher.send_signal(signal.SIGKILL)
    watcher.communicate()
    found = ipyveo("recover", "--out", "clips", "--wait", "30")
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).parent == tmp_path / "clips"
