"""Every fault at every phase of a run: paid at most once, and what was paid for comes home."""

from __future__ import annotations

import asyncio
import io
import random
from dataclasses import dataclass, field

import pytest
from PIL import Image

import relay as wire
from ipyveo import Frame, Library, VeoClient, VeoError, generate, recover
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions
from relay import Relay, Strike, met_at_the_next_look, said, then

# The phases, each with the relay's name for its moment.
PHASES = {
    "before the body": wire.HEAD,
    "mid-body": wire.HALF_BODY,
    "before the first event": wire.STREAM,
    "after starting": "event 1",
    "after uploading_images": "event 2",
    "after processing": "event 3",
    "in the complete event": wire.COMPLETE,
    "in the first download": "file 1",
    "in the second download": "file 2",
}
BODY, MID_BODY, FIRST, STARTING, UPLOADING, PROCESSING, COMPLETE, *DOWNLOADS = PHASES
REQUEST = (BODY, MID_BODY)
STAGES = (STARTING, UPLOADING, PROCESSING)
EVENTS = (FIRST, *STAGES, COMPLETE)
SHORT = PROCESSING  # the column of `make test`

FAULTS = (
    "refused",
    "reset",
    "time-out",
    "stall",
    "half-event",
    "garbled JSON",
    "HTML",
    "401 of the edge",
    "429",
    "500",
    "502",
    "empty stream",
    "missing URL",
    "truncated file",
    "wrong file",
    "slow file",
    "duplicate events",
    "out-of-order events",
    "3 MB event",
)

# What cannot be: a fault that is named here exists in these phases only, and why.
ONLY_IN = {
    "half-event": (EVENTS, "events travel in the answer"),
    "garbled JSON": ((*EVENTS, *DOWNLOADS), "no JSON travels with the request"),
    "missing URL": ((COMPLETE, *DOWNLOADS), "a URL is told with the complete event and asked in a download"),
    "truncated file": (DOWNLOADS, "a clip travels in its download"),
    "wrong file": (DOWNLOADS, "a clip travels in its download"),
    "slow file": (DOWNLOADS, "a clip travels in its download"),
    "duplicate events": ((*STAGES, COMPLETE), "before the first event there is none to be repeated"),
    "out-of-order events": (EVENTS, "events travel in the answer"),
    "3 MB event": (EVENTS, "events travel in the answer"),
}


def possible(fault: str, phase: str) -> bool:
    phases, _ = ONLY_IN.get(fault, (PHASES, ""))
    return phase in phases


# How each cell is made ------------------------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"
STATUS = b"event: video_generation_status\ndata: %b\n\n"
GARBLED = STATUS % b'{"status":"proc'
HUGE = b'event: video_generation_preview\ndata: "%b"\n\n' % (b"x" * 3_000_000)
JSON = "application/json"
ANSWERS = {
    "HTML": wire.answer(200, PAGE, "text/html"),
    "401 of the edge": wire.answer(401, PAGE, "text/html"),
    "429": wire.answer(429, b'{"error":"rate limit exceeded"}', JSON, "retry-after: 1"),
    "500": wire.answer(500, b'{"error":"internal server error"}', JSON),
    "502": wire.answer(502, PAGE, "text/html"),
    "empty stream": wire.answer(200, b"", "text/event-stream"),
}
STATUSES = ("401 of the edge", "429", "500", "502")


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1280, 720), "navy").save(file, "JPEG")
    return file.getvalue()


@dataclass(frozen=True)
class Cell:
    """How a fault is made: by the sandbox, told in the prompt, or by the relay, at a moment of its own."""

    sandbox: str = ""
    moment: str = ""
    strike: Strike | None = None


def _in_the_request(fault: str, phase: str) -> Cell:
    strikes = {"refused": wire.refuse, "reset": wire.reset, "time-out": wire.silence, "stall": wire.hold}
    return Cell(moment=PHASES[phase], strike=strikes.get(fault) or ANSWERS[fault])


def _before_the_first_event(fault: str) -> Cell:
    by_sandbox = {
        "half-event": "half-event@starting",
        "HTML": "html-200",
        "401 of the edge": "401-html",
        "429": "429",
        "500": "500-accepted",
        "502": "502-accepted",
        "empty stream": "empty-stream",
    }
    by_relay = {
        "refused": (wire.STREAM, wire.refuse),
        "reset": (wire.ANSWER, wire.reset),
        "time-out": (wire.ANSWER, wire.silence),
        "stall": (wire.STREAM, wire.keep_alive),
        "garbled JSON": (wire.STREAM, said(GARBLED)),
        "out-of-order events": (wire.STREAM, said(STATUS % b'"processing"')),
        "3 MB event": (wire.STREAM, said(HUGE)),
    }
    return Cell(by_sandbox[fault]) if fault in by_sandbox else Cell("", *by_relay[fault])


def _after_a_stage(fault: str, phase: str) -> Cell:
    stage = phase.removeprefix("after ")
    earlier = {STARTING: b'"processing"', UPLOADING: b'"starting"', PROCESSING: b'"uploading_images"'}[phase]
    by_sandbox = {
        ("time-out", phase): f"silence@{stage}",
        ("stall", phase): f"stall@{stage}",
        ("half-event", STARTING): "half-event@uploading_images",
        ("half-event", UPLOADING): "half-event@processing",
        ("garbled JSON", UPLOADING): "garbled-status",
        ("3 MB event", PROCESSING): "huge-event",
    }
    by_relay = {
        "refused": wire.refuse,
        "reset": wire.reset,
        "half-event": then(said(GARBLED[:-6]), wire.close),
        "garbled JSON": said(GARBLED),
        "HTML": then(said(PAGE), wire.end),
        "empty stream": wire.end,
        "duplicate events": wire.again,
        "out-of-order events": said(STATUS % earlier),
        "3 MB event": said(HUGE),
        **_trouble(),
    }
    marker = by_sandbox.get((fault, phase))
    return Cell(marker) if marker else Cell(moment=PHASES[phase], strike=by_relay[fault])


def _in_the_complete_event(fault: str) -> Cell:
    by_sandbox = {
        "half-event": "half-event@complete",
        "garbled JSON": "garbled-complete",
        "empty stream": "empty-complete",
        "missing URL": "no-url",
        "duplicate events": "duplicate-complete",
        "out-of-order events": "out-of-order",
    }
    by_relay = {
        "refused": then(wire.half_event, wire.refuse),
        "reset": then(wire.half_event, wire.reset),
        "time-out": then(wire.half_event, wire.silence),
        "stall": wire.keep_alive,
        "HTML": then(wire.half_event, said(PAGE), wire.end),
        "3 MB event": wire.swell,
        **{status: then(wire.half_event, strike) for status, strike in _trouble().items()},
    }
    marker = by_sandbox.get(fault)
    return Cell(marker) if marker else Cell(moment=wire.COMPLETE, strike=by_relay[fault])


def _trouble() -> dict[str, Strike]:
    """A status is said once, before the stream: after that it breaks, and the next call is told so."""
    return {status: then(met_at_the_next_look(ANSWERS[status]), wire.reset) for status in STATUSES}


def _in_a_download(fault: str, phase: str) -> Cell:
    asked = PHASES[phase]
    half = f"half {asked}"
    cells = {
        # The connections that are open stay, so the one to refuse is the next.
        "refused": ({"file 1": wire.COMPLETE, "file 2": "file 1"}[asked], wire.refuse_the_next),
        "reset": (half, wire.reset),
        "time-out": (asked, wire.silence),
        "stall": (half, wire.silence),
        "garbled JSON": (asked, wire.answer(200, b'{"error":"proc', JSON)),
        "empty stream": (asked, wire.answer(200, b"", "application/octet-stream")),
        "missing URL": (asked, wire.answer(404, b'{"error":"not found"}', JSON)),
        "truncated file": (half, wire.close),
        "wrong file": (asked, wire.answer(200, jpeg(), "application/octet-stream")),
        "slow file": (half, wire.trickle),
        **{fault: (asked, ANSWERS[fault]) for fault in ("HTML", *STATUSES)},
    }
    return Cell("", *cells[fault])


def cell_of(fault: str, phase: str) -> Cell:
    if phase in REQUEST:
        return _in_the_request(fault, phase)
    if phase == FIRST:
        return _before_the_first_event(fault)
    if phase in STAGES:
        return _after_a_stage(fault, phase)
    return _in_the_complete_event(fault) if phase == COMPLETE else _in_a_download(fault, phase)


# What has to come of it -----------------------------------------------------------------------------


def accepted(fault: str, phase: str) -> int:
    """Say how many jobs the server takes: none where the request never reaches it whole, else one."""
    if fault == "401 of the edge":
        return int(phase not in (*REQUEST, FIRST))
    # A 429 is waited out, and what is held back arrives once the client has given up.
    return int(phase not in REQUEST or fault in ("429", "stall"))


def posts(fault: str, phase: str) -> int:
    """Say how many requests leave: only a 429 may be sent again, and where nobody listens none can."""
    if fault == "429" and phase in (*REQUEST, FIRST):
        return 2
    return int((fault, phase) != ("refused", BODY))


def known_to_be_free(fault: str, phase: str) -> bool:
    """Tell whether the client can know that nothing was accepted: it heard so, or nothing ever left."""
    return not accepted(fault, phase) and (fault == "401 of the edge" or posts(fault, phase) == 0)


def doubted(fault: str, phase: str) -> bool:
    """Tell whether the account has to be looked into: the client heard neither a refusal nor its clips."""
    if phase in DOWNLOADS or known_to_be_free(fault, phase) or posts(fault, phase) == 2:
        return False
    if fault == "garbled JSON":
        return phase == COMPLETE
    return fault not in ("duplicate events", "out-of-order events", "3 MB event")


@dataclass
class Outcome:
    """What came of a cell: a word for the table, and what is wrong with it."""

    word: str
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Service:
    """A sandbox of a worker's own, so that its ledger counts one cell at a time."""

    key: str
    base_url: str


async def played(fault, phase, service, ledger, pictures, folder) -> Outcome:
    """Play one cell, and judge it by the server's ledger and the library's folder."""
    cell = cell_of(fault, phase)
    book = ledger(VeoClient(service.key, service.base_url))
    quiet = fault in ("time-out", "stall") and phase not in DOWNLOADS
    async with Relay(service.base_url, cell.moment, cell.strike) as relay:
        client = VeoClient(service.key, relay.base_url, idle_seconds=4.0 if quiet else 300.0)
        if posts(fault, phase) == 0:
            relay.refuse()
        marker = f" [sandbox: {cell.sandbox}]" if cell.sandbox else ""
        # In a thread, since the relay shares this loop.
        shot = await asyncio.to_thread(
            generate,
            *pictures,
            prompt=f"dusk {fault} {phase}{marker}",
            number_of_videos=2,
            client=client,
            library=folder,
        )
        error = None
        try:
            await shot
        except VeoError as caught:
            error = caught
        at_once = len(Library(folder).clips())
        await relay.listen()
        charged = await asyncio.to_thread(lambda: book.charged)
        recovered = []
        if at_once < charged or error is not None:
            recovered = await recover(client=client, library=folder, wait=60 if charged else 0)
    (entry,) = Library(folder).generations()
    clips = Library(folder).clips()
    taken = await asyncio.to_thread(lambda: book.accepted_posts)
    looked = any(getattr(event, "status", "") == "checking" for event in shot.so_far())
    free = error is not None and not error.maybe_charged
    state = "saved" if taken else "failed" if free else "sent"
    facts = {
        f"{taken} accepted": taken == accepted(fault, phase),
        f"{charged} charged": charged == 2 * taken,
        f"{len(clips)} clips": len(clips) == len({clip.path.read_bytes() for clip in clips}) == charged,
        f"{at_once} home, {len(recovered)} recovered": at_once == len(clips) or recovered,
        f"{relay.posts} sent": relay.posts == posts(fault, phase),
        f"free: {free}": taken or (error is not None and free == known_to_be_free(fault, phase)),
        f"looked for: {looked}": looked == doubted(fault, phase),
        f"struck: {relay.struck}": relay.struck or cell.strike is None or posts(fault, phase) == 0,
        f"in the journal: {entry.state}": entry.state == state,
        f"a long sentence: {error}": len(str(error)) < 300,
    }
    word = ("recovered" if recovered else "home") if taken else ("free" if free else "in doubt")
    return Outcome(f"{taken} {word}", [fact for fact, right in facts.items() if not right])


async def guarded(fault, phase, *how) -> Outcome:
    try:
        async with asyncio.timeout(150):  # far above what any cell takes
            return await played(fault, phase, *how)
    except TimeoutError:
        return Outcome("HANGS", ["no end"])
    except Exception as error:  # noqa: BLE001 - one cell must not take the table with it
        return Outcome("BREAKS", [repr(error)])


# The table ------------------------------------------------------------------------------------------


def drawn(table: dict[tuple[str, str], Outcome]) -> str:
    phases = [phase for phase in PHASES if any(column == phase for _, column in table)]
    rows = [["", *phases]]
    rows += [[fault, *(_word(table, fault, phase) for phase in phases)] for fault in FAULTS]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    rules = {why: [fault for fault, rule in ONLY_IN.items() if rule[1] == why] for _, why in ONLY_IN.values()}
    return "\n".join(
        [
            "",
            "Accepted POSTs, counted at the server, and where the clips that were paid for are at the end:",
            "",
            *lines,
            "",
            "home       in the library when the run had ended",
            "recovered  in the library once recover() had been called",
            "free       not accepted, nothing charged, and the error says so",
            "in doubt   not accepted, nothing charged; the error says that only the account knows",
            "-          cannot be:",
            *(f"           {', '.join(faults)}: {why}" for why, faults in rules.items()),
        ]
    )


def _word(table, fault: str, phase: str) -> str:
    outcome = table.get((fault, phase))
    if outcome is None:
        return "-" if not possible(fault, phase) else "?"
    return outcome.word + (" WRONG" if outcome.wrong else "")


@pytest.fixture(scope="module")
def table(request):
    """The cells that were played; printed at the end, whatever pytest captures."""
    cells: dict[tuple[str, str], Outcome] = {}
    yield cells
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(drawn(cells))  # noqa: T201 - the table is what the test is for


@pytest.fixture(scope="module")
def services():
    sandboxes = [
        EmbeddedSandbox(SandboxOptions(clip_seconds=0.25, stage_seconds=0.0, quota=100_000)) for _ in range(4)
    ]
    yield [Service(address.api_key, address.base_url) for address in (each.start() for each in sandboxes)]
    for sandbox in sandboxes:
        sandbox.stop()


@pytest.fixture(scope="module")
def large_frames():
    """Noise, so large that no buffer on the way holds the request: who stops reading stops the sender."""
    size, seed = (1920, 1080), random.Random(7)
    frames = [
        Frame(Image.frombytes("RGB", size, seed.randbytes(3 * size[0] * size[1]))) for _ in ("start", "end")
    ]
    for frame in frames:
        frame.fitted("16:9")  # which takes seconds, and is kept
    return frames


@pytest.fixture(autouse=True)
def short_patience(monkeypatch):
    for name, seconds in {
        "generations.search._PATIENCE_SECONDS": 8.0,
        "generations.download._PAUSE_SECONDS": 0.05,
        "network.fetch._STALL_SECONDS": 1.5,
        "network.exchange._UPLOAD_STALL_SECONDS": 2.5,
        "api.sending._CONNECT_PAUSE_SECONDS": 0.05,
    }.items():
        monkeypatch.setattr(f"ipyveo.{name}", seconds)


@pytest.mark.filterwarnings("ignore:Take ", "ignore:The run of ")  # what failed on the way is said
@pytest.mark.parametrize(
    "phase", [pytest.param(phase, marks=[] if phase == SHORT else [pytest.mark.soak]) for phase in PHASES]
)
async def test_whatever_fails_no_job_is_paid_twice_and_each_paid_clip_comes_home(
    phase, table, services, ledger, pictures, large_frames, tmp_path
):
    waiting = [fault for fault in FAULTS if possible(fault, phase)]
    frames = large_frames if phase == MID_BODY else pictures

    async def work(service: Service) -> None:
        while waiting:
            fault = waiting.pop(0)
            folder = tmp_path / fault
            table[fault, phase] = await guarded(fault, phase, service, ledger, frames, folder)

    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(work(service))
    wrong = [
        f"{fault}: {', '.join(outcome.wrong)}"
        for (fault, column), outcome in table.items()
        if column == phase and outcome.wrong
    ]
    assert not wrong, "\n".join(wrong)
