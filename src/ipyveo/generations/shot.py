"""A shot: one request on its way from keyframes to saved clips, watched from any loop or thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ipyveo.api.client import VeoClient
from ipyveo.api.events import CompleteEvent, Event, StatusEvent
from ipyveo.api.sending import stopped
from ipyveo.errors import InterruptedGenerationError, VeoError
from ipyveo.generations import claims
from ipyveo.generations.cost import Budget, Meter
from ipyveo.generations.landing import Landing
from ipyveo.generations.search import Search
from ipyveo.library.journal import Entry, StoredTake, marks_of
from ipyveo.library.library import Library, usable
from ipyveo.loop import on_background
from ipyveo.media.clip import Clip
from ipyveo.media.frame import Frame
from ipyveo.watched import Watched

if TYPE_CHECKING:
    from ipyveo.api.generation import Generation

_numbers = itertools.count(1)

# The runs of this process, for as long as somebody holds them.
_runs: weakref.WeakSet[Shot] = weakref.WeakSet()
# The runs that somebody has stopped here, or has been told of that they were not found.
_left: set[str] = set()
_registering = threading.Lock()
_adopting = threading.Lock()  # the journal is asked under it, so it is not the one the loop waits for

_logger = logging.getLogger(__name__)

Outcome = Literal["idle", "running", "complete", "failed", "interrupted", "stopped"]


class Shot:
    """One run: await it for its clips, iterate it for its events.

    It starts when it is first awaited, iterated or started, runs on the background loop, and goes on
    there while cells come and go. Made by `generate`, or by `recover` from a line of the journal.

    Attributes
    ----------
    entry
        What is asked for, as the journal has it.
    client, library
        Of whom it is asked, and where the clips go.
    outcome
        ``"idle"``, ``"running"``, ``"complete"``, ``"failed"``, ``"interrupted"`` or ``"stopped"``.
    error
        The `VeoError` it ended with, or None. (Any other exception is a defect of ours.)
    clips
        The clips that are saved so far.
    began
        When its request left, by this machine's monotonic clock, in seconds.
    notices
        A sentence for each take that failed while others succeeded, or came back in another shape.
    cost
        The credits that the account has fewer since, or None while, or if, that cannot be told.
    refunded
        The credits that were seen to come back.
    reused
        The earlier run whose clips were taken, or None.
    in_doubt
        True while it is looked for in the account, and if it was not found there.
    """

    def __init__(
        self,
        entry: Entry,
        client: VeoClient,
        library: Library,
        generation: Generation | None = None,
        frames: Sequence[Frame] = (),
        *,
        reuse: bool = False,
        budget: Budget | None = None,
        patience: float | None = None,
    ) -> None:
        self.entry = entry
        self.client = client
        self.library = library
        self._generation = generation
        self._frames = frames  # until their originals are in the library
        self._reuse = reuse
        self._budget = budget
        self._patience = patience
        self._meter: Meter | None = None
        self._settling: asyncio.Task[None] | None = None
        self._watched: Watched[Event] = Watched(self._generate, self._ended)
        self._listeners: list[Callable[[Event | None], None]] = []
        self._called_off = False
        self.number = math.inf  # in the order of their starts
        self.began = time.monotonic()
        self.outcome: Outcome = "idle"
        self.error: BaseException | None = None
        self.clips: list[Clip] = []
        self.notices: list[str] = []
        self.cost: int | None = None
        self.refunded = 0
        self.reused: Entry | None = None
        self.in_doubt = False

    def __repr__(self) -> str:
        return f"<Shot {self.outcome}, {len(self.clips)} of {self.entry.number_of_videos} clips>"

    def start(self) -> Shot:
        """Start, unless it has started already. Returns itself."""
        if self.outcome == "idle":
            with _registering:
                self.number = next(_numbers)
                _runs.add(self)
            self.outcome, self.began = "running", time.monotonic() - self._age()
        self._watched.begin()
        return self

    def _age(self) -> float:
        """Return how long ago the request of a run that is taken up left, in seconds."""
        if self._generation is not None or self.entry.sent_at is None:
            return 0.0
        return max(0.0, (datetime.now(UTC) - self.entry.sent_at).total_seconds())

    @property
    def going(self) -> bool:
        """True until it has ended or has been stopped; also before it has started."""
        return self.outcome in ("idle", "running") and not self._called_off

    @property
    def sent_before(self) -> bool:
        """True for a run of the journal, whose request left before this was made."""
        return self._generation is None

    @property
    def over(self) -> bool:
        """True once its work has ended, which is a moment after it was stopped."""
        return self.outcome not in ("idle", "running")

    def check_budget(self) -> None:
        """Raise `BudgetError` if this run could pass its budget."""
        if self._budget is not None:
            self._budget.check(self.entry.number_of_videos)

    def twin(self) -> Shot:
        """Return the run of this process that is making the very same clips already, or this one.

        A cell that is run again asks for the same pictures, sentence, account and library a second time;
        it is to watch the run that goes, not to pay for another.

        Raises
        ------
        BudgetError
            If this run is the one to be started, and could pass its budget.
        """
        with _registering:  # of two that ask at the same moment, one is the other's twin
            for other in list(_runs):
                if other.going and self._asks_the_same_as(other):
                    return other
            self.check_budget()
            _runs.add(self)
        return self

    def earlier(self, *, of_this_process: bool = True) -> Shot | None:
        """Return a run that asked for the very same clips and is not finished, or None; never sends anything.

        It may go on in this process, or have been left behind: then it is taken over.

        Parameters
        ----------
        of_this_process
            False to pass over what was stopped or given up in this process: whoever asks again after that
            wants a new run.
        """
        going = self._going_twin()
        if going is not None:
            return going
        with usable():
            account = self.client.account
            for entry in reversed(self.library.equal(self.entry.digest)):
                if entry.unfinished and entry.account == account:
                    shot = at_work(entry)
                    if shot is None and (of_this_process or entry.id not in _left):
                        shot = adopt(entry, self.client, self.library)
                    if shot is not None and shot.going:
                        return shot
        return None

    def unfinished_equal(self) -> Entry | None:
        """Return a run that asked for the very same clips and may still be charged, or None."""
        with usable():
            for entry in reversed(self.library.equal(self.entry.digest)):
                if entry.unfinished and entry.account == self.client.account:
                    return entry
        return None

    def made_before(self) -> tuple[Entry, list[Clip]] | None:
        """Return the latest run that asked for the very same clips, with these, if all are in the library."""
        with usable():
            for entry in reversed(self.library.equal(self.entry.digest)):
                saved = [take for take in self.library.journal.takes(entry.id) if take.saved]
                clips = [self.library.landed(take.file, entry.id) for take in saved]
                here = [clip for clip in clips if clip is not None]
                same_place = _place(entry.account) == _place(self.client.account)
                if same_place and entry.state == "saved" and here and len(here) == len(clips):
                    return entry, here
        return None

    def _going_twin(self) -> Shot | None:
        """Return a run that has begun before this one, and makes the very same clips."""
        with _registering:
            for other in list(_runs):
                if other.going and other.number < self.number and self._asks_the_same_as(other):
                    return other
        return None

    def _asks_the_same_as(self, other: Shot) -> bool:
        same_place = other.library.path == self.library.path and other.client.same_account(self.client)
        return same_place and other.entry.digest == self.entry.digest

    def take(self, made: tuple[Entry, list[Clip]]) -> Shot:
        """Be the clips that an equal run has made: nothing is sent for them. Returns itself."""
        self.reused, self.clips = made
        asked = self.entry.number_of_videos
        if len(self.clips) < asked:
            self.notices = [f"The earlier run has {len(self.clips)} of the {asked} videos."]
        return self

    def stop(self) -> None:
        """Stop watching. The service has no cancel: the job goes on there, and may be charged."""
        self._called_off = True
        self._watched.cancel()

    async def give_up(self) -> bool:
        """Stop a run in doubt; False if it was found meanwhile, or is in no doubt. On the background loop."""
        if not self.in_doubt:
            return False
        if not self.over:
            self.stop()
            await self._watched.end()
        # Its search may have ended in the moment of the stop.
        entry = await asyncio.to_thread(self.library.journal.entry, self.entry.id)
        return entry.state == "sent"

    def so_far(self) -> list[Event]:
        """Return the events up to now."""
        return self._watched.so_far()

    def listen(self, listener: Callable[[Event | None], None]) -> None:
        """Call `listener` on the background loop with each event as it comes, and with None at the end.

        None comes once more when it is known what the run did cost.
        """
        self._listeners.append(listener)

    def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events from the first on; the run's own stages, such as downloading, among them."""
        return self._read()

    def __await__(self) -> Generator[Any, None, list[Clip]]:
        """Wait for the clips. A take that failed while others succeeded is named in a warning."""
        return self._wait().__await__()

    async def _read(self) -> AsyncIterator[Event]:
        self.start()
        async for event in self._watched.read():
            yield event
        if self.error is not None:
            raise self.error

    async def _wait(self) -> list[Clip]:
        self.start()
        try:
            await self._watched.end()
        except asyncio.CancelledError:
            self.stop()  # to interrupt the wait is to stop watching
            raise
        for sentence in self.notices:
            warnings.warn(sentence, stacklevel=2)
        if self.error is not None:
            raise self.error
        return list(self.clips)

    async def settled(self, patience: float) -> None:
        """Wait for the end, and then for at most so many seconds until it is known what the run did cost."""
        await self._watched.end()
        await on_background(self._until_settled(patience))

    # All below runs on the background loop ---------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._watched.add(event)
        self._notify(event)

    def _notify(self, event: Event | None) -> None:
        """Call the listeners; one that fails is dropped, since a run that is paid for must go on."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                _logger.exception("A listener failed and is not called again.")
                self._listeners.remove(listener)

    def _ended(self, failure: BaseException | None) -> None:
        if failure is None:
            self.outcome = "complete"
        elif isinstance(failure, asyncio.CancelledError):
            self.outcome, failure = "stopped", self._stopped()
        else:
            interrupted = isinstance(failure, InterruptedGenerationError)
            self.outcome = "interrupted" if interrupted else "failed"
        self.error = failure
        if self.outcome in ("stopped", "interrupted") and self._patience is None:
            _left.add(self.entry.id)
        self._notify(None)
        if self._generation is not None and self.reused is None:
            self._settling = asyncio.ensure_future(self._settle(self._generation))

    async def _settle(self, generation: Generation) -> None:
        """Find out what the run did cost; nobody waits for it, and the process may be ending meanwhile."""
        try:
            await self._measure(generation)
        except Exception as error:  # noqa: BLE001 - what it cost stays "up to", whatever went wrong
            _logger.debug("What a run cost could not be found out: %s", error)

    async def _measure(self, generation: Generation) -> None:
        error = self.error
        in_doubt = error is not None and not (isinstance(error, VeoError) and not error.maybe_charged)
        refused = error is not None and not in_doubt and not generation.accepted
        if not generation.sending.sent or refused:
            self._account_for(0)
        if self._meter is None:
            return
        try:
            if generation.sending.sent and not in_doubt:
                made = 0 if error is not None else len(self.clips)
                await self._meter.read(made=made, up_to=self.entry.number_of_videos)
        finally:
            self._meter.stop(in_doubt=in_doubt)
        if self._meter.cost is None:
            return
        self.cost, self.refunded = self._meter.cost, self._meter.refunded
        self._account_for(self.cost)
        await self._note("cost", self.cost)
        self._notify(None)

    def _account_for(self, cost: int) -> None:
        if self._budget is not None:
            self._budget.settle(self.entry.id, cost)

    async def _until_settled(self, patience: float) -> None:
        if self._settling is not None:
            await asyncio.wait({self._settling}, timeout=patience)

    def _stopped(self) -> InterruptedGenerationError:
        if self._generation is not None and not self._generation.sending.sent:
            return stopped(self._generation.sending)
        return InterruptedGenerationError(
            "Watching was stopped; the job goes on at the service and may be charged. "
            "It stays in the journal: recover() fetches it later.",
            maybe_charged=True,
        )

    async def _generate(self) -> None:
        try:
            await self._pass()
        except asyncio.CancelledError:
            await self._note("reached", "stopped")
            raise
        except VeoError as error:
            if not error.maybe_charged:
                await self._note("ended", "failed", str(error))
            else:
                await self._note("reached", "stopped")
            raise
        except Exception:
            await self._note("reached", "stopped")  # nobody listens any more: others need not wait for it
            raise

    async def _pass(self) -> None:
        """Go all the way: from the request, or from what the journal knows of it, to the saved clips."""
        if self._generation is None:
            takes = await self._known_takes()
            if self.entry.state != "complete" or any(_lacks_address(take) for take in takes):
                takes = await self._check(None)
        elif self.reused is not None or (self._reuse and await self._join_or_take()):
            return
        else:
            if self._budget is not None:
                self._budget.reserve(self.entry.id, self.entry.number_of_videos)
            await self._write_first_line()
            self._meter = Meter(self.client, self.library.journal, self.entry.id)
            await self._meter.start()
            takes = await self._follow(self._generation)
        await self._bring_home(takes)

    async def _known_takes(self) -> list[StoredTake]:
        try:
            return await asyncio.to_thread(lambda: self.library.journal.takes(self.entry.id))
        except (sqlite3.Error, OSError) as error:
            failure = _unreadable(error)
        raise failure

    async def _join_or_take(self) -> bool:
        """Take the clips that an equal run has made, or is making."""
        going = self._going_twin()
        if going is not None:
            await going._watched.end()  # noqa: SLF001 - its own class
            if going.error is not None:
                raise going.error
            self.take((going.entry, list(going.clips)))
            return True
        made = await asyncio.to_thread(self.made_before)
        if made is None:
            return False
        self.take(made)
        return True

    async def _write_first_line(self) -> None:
        """Write the run's line, durable before its request leaves."""
        assert self._generation is not None
        with usable():
            await asyncio.to_thread(self.library.check_writable)
        request, sending = self._generation.request, self._generation.sending
        told = sending.refused

        async def leaving() -> None:
            await self._journaled(lambda: self.library.journal.sending(self.entry.id))

        async def refused(seconds: float) -> None:
            await self._note("refused")
            await told(seconds)

        def write() -> None:
            keep = self.library.keep_picture
            originals = [keep(*frame.original(), "original-") for frame in self._frames] or [
                picture.original for picture in self.entry.pictures
            ]
            self._frames = ()
            files = [keep(file.data, os.path.splitext(file.name)[1]) for _, file in request.pictures]  # noqa: PTH122 - no path
            pictures = tuple(
                replace(picture, file=file, original=original)
                for picture, file, original in zip(self.entry.pictures, files, originals, strict=True)
            )
            entry = replace(self.entry, pictures=pictures, account=self.client.account)
            self.entry = self.library.journal.begin(entry)

        await self._journaled(write)
        sending.leaving, sending.refused = leaving, refused

    async def _journaled(self, write: Callable[[], None]) -> None:
        with usable():
            await asyncio.to_thread(write)

    async def _note(self, step: str, *values: object) -> None:
        """Write a step into the journal; a run that is paid for goes on also where that fails."""
        if not self.entry.owner:
            return  # its first line was never written
        try:
            await asyncio.to_thread(lambda: getattr(self.library.journal, step)(self.entry.id, *values))
        except (sqlite3.Error, OSError) as error:
            _logger.warning("The journal could not note %r: %s", step, error)

    async def _follow(self, generation: Generation) -> list[StoredTake]:
        """Listen to the stream; where it leaves the run in doubt, look into the account."""
        doubt: VeoError | None = None
        takes: list[StoredTake] = []
        account = await asyncio.to_thread(lambda: self.client.identity)
        try:
            with claims.listens(account, self.entry):
                takes = await self._hear(generation, account)
        except VeoError as error:
            if generation.called_off or not error.maybe_charged:
                raise
            doubt = error
        finally:
            await generation.aclose()
        if doubt is not None or any(_lacks_address(take) for take in takes):
            return await self._check(doubt)
        return takes

    async def _hear(self, generation: Generation, account: str) -> list[StoredTake]:
        """Pass the events on, and return the videos that the service names for this very run."""
        takes: list[StoredTake] = []
        async for event in generation:
            if isinstance(event, CompleteEvent):
                takes = [
                    StoredTake(take, video.id, video.file_url, video.status)
                    for take, video in enumerate(event.videos, 1)
                ]
                claims.claim(account, self.entry.id, marks_of(takes))
                await self._note("completed", self.entry.account, takes)
            elif isinstance(event, StatusEvent):
                await self._note("reached", event.status[:200])
            self._tell(event)
        return takes

    async def _check(self, doubt: VeoError | None) -> list[StoredTake]:
        """Look into the account's histories until the run is found. Nothing is ever sent again from here."""
        # Videos that are named and only lack an address are in no doubt.
        self.in_doubt = doubt is not None or self.entry.state == "sent"
        await self._note("reached", "checking")
        self._tell(StatusEvent("checking"))
        try:
            journal = await asyncio.to_thread(lambda: self.library.journal)
        except OSError as error:
            failure = _unreadable(error)
        else:
            # A journal that is locked for a while does not end the search.
            with contextlib.suppress(sqlite3.Error, OSError, IndexError):
                self.entry = await asyncio.to_thread(journal.entry, self.entry.id)
            takes = await Search(self.client, journal, self.entry, self._patience, doubt).takes()
            self.in_doubt = False
            return takes
        raise failure

    async def _bring_home(self, takes: list[StoredTake]) -> None:
        def on_share(share: float) -> None:
            self._tell(StatusEvent("downloading", share))

        landing = Landing(
            self.entry,
            self.client,
            self.library,
            on_share=on_share,
            clips=self.clips,
            notices=self.notices,
        )
        if await landing.bring(takes):
            await self._note("ended", "saved")


def _place(account: str) -> str:
    """Return what makes the clips: every embedded sandbox makes the same ones."""
    return account.partition(":")[0] if account.startswith("sandbox:") else account


def _unreadable(error: Exception) -> InterruptedGenerationError:
    return InterruptedGenerationError(
        f"The library cannot be read now ({str(error)[:80]}); this run may be charged. Nothing is lost: call "
        "recover() when its drive answers again.",
        maybe_charged=True,
    )


def _lacks_address(take: StoredTake) -> bool:
    return take.file_url is None and not take.failed


def at_work(entry: Entry) -> Shot | None:
    """Return what this process has at work on a run, which may have been stopped a moment ago, or None."""
    with _registering:
        return next((shot for shot in list(_runs) if shot.entry.id == entry.id and not shot.over), None)


def adopt(entry: Entry, client: VeoClient, library: Library, patience: float | None = None) -> Shot | None:
    """Make a run of the journal this process's own, or return None if it is being watched already."""
    with _adopting:
        if at_work(entry) is not None or not library.journal.take_over(entry):
            return None
        entry = library.journal.entry(entry.id)  # its process may have gone on since it was read
        if not entry.unfinished and entry.state != "waiting":
            return None
        shot = Shot(entry, client, library, patience=patience)
        with _registering:
            _runs.add(shot)
        return shot
