"""Jobs that go on whoever listens, the credits they cost, and the histories they end in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ipyveo.sandbox.events import ACTIVE, FAILED, FAILURES_OF_A_VIDEO, SUCCESSFUL, Moment, Video, absolute
from ipyveo.sandbox.faults import FAILURES, FILES, Chosen, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ipyveo.sandbox.events import Phase
    from ipyveo.sandbox.laid_aside import LaidAside
    from ipyveo.sandbox.options import SandboxOptions

_log = logging.getLogger(__name__)

_DRAFTS_KEPT = 20
_PACK_LASTS = timedelta(days=30)
_EVIL_LINKS = {"evil-url": "http://10.0.0.1/x.mp4", "javascript-url": "javascript:alert(1)"}


class InsufficientCreditsError(Exception):
    """Fewer credits are left than videos are asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request that has passed every check.

    Parameters
    ----------
    prompt
        As it was sent, markers included.
    pictures
        The start and, if there are two, the end; over a single one the camera moves.
    landscape
        True for 16:9, False for 9:16.
    count
        How many videos, 1 to 4.
    uploads
        True if pictures came with it, which have to be "uploaded" first.
    chosen
        The faults it meets.
    """

    prompt: str
    pictures: tuple[LaidAside, ...]
    landscape: bool
    count: int
    uploads: bool
    chosen: Chosen

    def forget(self) -> None:
        """Let the pictures go."""
        for picture in self.pictures:
            picture.forget()

    def size(self, short: int) -> tuple[int, int]:
        """Give width and height of the clips, in pixels, of which the shorter is given."""
        landscape = self.landscape is not ("portrait-as-landscape" in self.chosen)
        long = short * 16 // 9
        return (long, short) if landscape else (short, long)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the histories."""

    id: str
    prompt: str
    files: tuple[str, ...]
    status: str
    created_at: str

    def spelled(self, base_url: str) -> dict[str, object]:
        """Give the row as the service spells it, its links below `base_url`."""
        return {
            "id": self.id,
            "prompt": self.prompt,
            "file_urls": [absolute(base_url, file) for file in self.files],
            "status": self.status,
            "created_at": self.created_at,
        }


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A file to download, and the fault its download meets ("" for none)."""

    path: Path
    fault: str


@dataclass(slots=True)
class Ledger:
    """What came, was accepted, charged and given back so far, counted in requests and credits."""

    received_posts: int = 0
    accepted_posts: int = 0
    charged: int = 0
    refunded: int = 0


class _JobFailedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(slots=True)
class Job:
    """One accepted order and everything that has happened to it so far.

    Parameters
    ----------
    order
        What was asked for.
    id, accepted_at
        Made with it.
    rows
        Its lines of the histories.
    unheard
        True to end it at once: nobody listens any more, and it is of a kind that needs a listener.
    """

    order: Order
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    accepted_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: tuple[Row, ...] = ()
    unheard: bool = False
    _log: list[Moment] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def hung_up(self) -> None:
        """Hear that the listener has gone."""
        self.unheard = True

    def record(self, moment: Moment) -> None:
        """Add a moment to the log and tell everyone who follows it."""
        self._log.append(moment)
        self._news.set()
        self._news = asyncio.Event()

    async def moments(self) -> AsyncIterator[Moment]:
        """Follow the log from its first moment to the one that ends the job."""
        seen = 0
        while True:
            news = self._news
            for moment in self._log[seen:]:
                seen += 1
                yield moment
                if moment.phase in {"complete", "failed"}:
                    return
            if seen == len(self._log):
                await news.wait()

    def failed_row(self) -> Row:
        """Give the line of the histories for a job without a single video."""
        return Row(self.id, self.order.prompt, (), FAILED, _stamp(self.accepted_at))


class Jobs:
    """All jobs of one account.

    Parameters
    ----------
    options
        Length of the clips, credits, how long the stages are held.
    files
        The folder for the clips.
    """

    def __init__(self, options: SandboxOptions, files: Path) -> None:
        self.ledger = Ledger()
        self.closing = asyncio.Event()
        self._options = options
        self._files = files
        self._opened_at = datetime.now(UTC)
        self._jobs: list[Job] = []
        self._clips: dict[str, StoredClip] = {}
        self._drafts: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        # One clip keeps two cores busy: its painter, and beside it x264.
        self._renderers = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))

    def accept(self, order: Order) -> Job:
        """Charge for an order and start on it, in a task that needs no listener.

        Raises
        ------
        InsufficientCreditsError
            If too few credits are left; nothing is charged.
        """
        if order.count > self._options.quota - self._used():
            raise InsufficientCreditsError
        self.ledger.accepted_posts += 1
        self.ledger.charged += order.count
        job = Job(order)
        if "early-row" in order.chosen:
            job.rows = (Row(job.id, order.prompt, (), ACTIVE, _stamp(job.accepted_at)),)
        self._jobs.append(job)
        task = asyncio.create_task(self._work(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def rows(self) -> list[Row]:
        """Give the histories, newest first."""
        return [row for job in reversed(self._jobs) for row in job.rows]

    def credits(self, *, packs: bool) -> list[dict[str, object]]:
        """Give the credits as the service does: a list of packs, one unless `packs` asks for two."""
        expires_at = _stamp(self._opened_at + _PACK_LASTS)
        quota, used = self._options.quota, self._used()
        first = quota // 2 if packs else quota
        pack: dict[str, object] = {"quota": first, "used": min(used, first), "expires_at": expires_at}
        rest: dict[str, object] = {"quota": quota - first, "used": max(0, used - first), "expires_at": None}
        return [pack, rest] if packs else [pack]

    def clip(self, clip_id: str) -> StoredClip | None:
        """Find the file behind a link by the id in it."""
        return self._clips.get(clip_id)

    async def close(self) -> None:
        """End all work, the renderers' too."""
        self.closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _used(self) -> int:
        return self.ledger.charged - self.ledger.refunded

    async def _work(self, job: Job) -> None:
        try:
            await self._pass_stages(job)
            videos = tuple([await self._take(job, take) for take in range(job.order.count)])
        except _JobFailedError as failed:
            self._fail(job, failed.failure)
        except Exception:  # noqa: BLE001 - whatever a renderer does, the job has to end and be refunded
            _log.exception("A clip could not be drawn.")
            self._fail(job, FAILURES["create-video-error"])
        else:
            job.rows = _rows(job, videos)
            job.record(Moment("complete", job.id, 100, videos))
        finally:
            # The histories are kept for good; the pictures are much the larger part.
            job.order.forget()

    async def _pass_stages(self, job: Job) -> None:
        failure = job.order.chosen.failure()
        stages: tuple[Phase, ...] = ("starting", *(("uploading_images",) if job.order.uploads else ()))
        for phase in stages:
            job.record(Moment(phase, job.id))
            await asyncio.sleep(self._options.stage_seconds)
            if failure and failure.after == phase:
                raise _JobFailedError(failure)
        job.record(Moment("processing", job.id))
        if failure and failure.after != "progress":
            raise _JobFailedError(failure)

    def _fail(self, job: Job, failure: Failure) -> None:
        self.ledger.refunded += job.order.count
        job.rows = (job.failed_row(),)
        job.record(Moment("failed", job.id, text=failure.text, code=failure.code))

    async def _take(self, job: Job, take: int) -> Video:
        order, take_id = job.order, job.id if job.order.count == 1 else f"{job.id}-{take + 1}"
        last_fails = "one-failed" in order.chosen and take == order.count - 1
        status = FAILED if last_fails else order.chosen.value("status") or SUCCESSFUL
        file = None
        if status in FAILURES_OF_A_VIDEO:
            self.ledger.refunded += 1
        else:
            file = await self._render(job, take)
        created_at = datetime.now(UTC) if "created-at-end" in order.chosen else job.accepted_at
        prompt = _changed(order.prompt) if "changed-prompt" in order.chosen else order.prompt
        return Video(take_id, prompt, file, status, _stamp(created_at))

    async def _render(self, job: Job, take: int) -> str:
        """Draw one take in a thread and give its link, relative to the base URL."""
        clip_id = secrets.token_hex(16)
        path, report = self._files / f"{clip_id}.mp4", self._reporter(job, take)
        async with self._renderers:
            report(0.0)  # it may have been called off while it waited
            await asyncio.to_thread(self._draw, path, job.order, take, report)
        names = [name for name, _ in job.order.chosen.picks if name in FILES]
        self._clips[clip_id] = StoredClip(path, names[0] if names else "")
        if "ends-unheard" in job.order.chosen:
            self._forget_but_latest(clip_id)
        evil = next((_EVIL_LINKS[name] for name in names if name in _EVIL_LINKS), None)
        return evil or f"files/{clip_id}.mp4"

    def _draw(self, path: Path, order: Order, take: int, report: Callable[[float], None]) -> None:
        from ipyveo.engine.render import render_clip

        start, *end = (aside.picture() for aside in order.pictures)
        width, height = order.size(self._options.clip_height)
        render_clip(
            path,
            start,
            end[0] if end else None,
            width=width,
            height=height,
            seconds=self._options.clip_seconds,
            prompt=order.prompt,
            take=take,
            on_progress=report,
        )

    def _forget_but_latest(self, clip_id: str) -> None:
        """Let the file of a draft from long ago go: its listener has fetched it, or never will."""
        self._drafts.append(clip_id)
        if len(self._drafts) > _DRAFTS_KEPT:
            self._clips.pop(self._drafts.popleft()).path.unlink(missing_ok=True)

    def _reporter(self, job: Job, take: int) -> Callable[[float], None]:
        """Make the callback that tells the job's log of whole percents, from the renderer's thread."""
        loop, failure = asyncio.get_running_loop(), job.order.chosen.failure()
        told = 100 * take // job.order.count

        def report(share: float) -> None:
            nonlocal told
            ended = self.closing.is_set() or job.unheard
            if ended or (failure and share >= 0.5):  # noqa: PLR2004 - "half way"
                raise _JobFailedError(failure or FAILURES["create-video-error"])
            percentage = int(100 * (take + share) / job.order.count)
            if percentage > told:
                told = percentage
                # The loop may have closed since: then there is nobody left to tell.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(job.record, Moment("progress", job.id, percentage))

        return report


def _rows(job: Job, videos: tuple[Video, ...]) -> tuple[Row, ...]:
    if "rows" in job.order.chosen:
        return tuple(
            Row(one.id, one.prompt, (one.file,) if one.file else (), one.status, one.created_at)
            for one in videos
        )
    files = tuple(one.file for one in videos if one.file)
    first = videos[0]
    return (Row(job.id, first.prompt, files, first.status, first.created_at),)


def _changed(prompt: str) -> str:
    return re.sub(" ", "  ", prompt, count=1).replace("\n", "\r\n") + " "


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
