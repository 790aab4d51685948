"""A shot: one request on its way from keyframes to saved clips, watched from any loop or thread."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ipyveo.api.client import VeoClient
from ipyveo.api.events import CompleteEvent, Event, StatusEvent, Video
from ipyveo.api.key import find_key
from ipyveo.api.requests import VideoRequest, check_count, check_prompt
from ipyveo.api.sending import stopped
from ipyveo.errors import (
    DownloadError,
    GenerationFailedError,
    InterruptedGenerationError,
    InvalidRequestError,
    VeoError,
)
from ipyveo.generations.download import download_clip
from ipyveo.generations.lookup import Found, look
from ipyveo.library.journal import Entry, StoredPicture, StoredTake
from ipyveo.library.library import Library
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip, VideoMeasurements
from ipyveo.media.frame import Frame
from ipyveo.watched import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from ipyveo.api.generation import Generation

_PATIENCE_SECONDS = 20 * 60.0  # without a trace of the job in the account's histories
_SETTLING_SECONDS = 60.0  # how long fewer videos than asked for have to stay as they are
_LOOKS = (0.0, 2.0, 2.0, 4.0, 8.0)  # seconds before each look; then the last pause
_LAST_PAUSE_SECONDS = 15.0
_SHORTEST_LOOK_SECONDS = 5.0

# The runs of this process, for as long as somebody holds them.
_runs: weakref.WeakSet[Shot] = weakref.WeakSet()
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
        When it was started, by this machine's monotonic clock, in seconds.
    notices
        A sentence for each take that failed while others succeeded, or came back in another shape.
    """

    def __init__(
        self,
        entry: Entry,
        client: VeoClient,
        library: Library,
        generation: Generation | None = None,
        *,
        reuse: bool = False,
        patience: float | None = None,
    ) -> None:
        self.entry = entry
        self.client = client
        self.library = library
        self._generation = generation
        self._reuse = reuse
        self._patience = patience
        self._watched: Watched[Event] = Watched(self._generate, self._ended)
        self._listeners: list[Callable[[Event | None], None]] = []
        self._called_off = False
        self.began = time.monotonic()
        self.outcome: Outcome = "idle"
        self.error: BaseException | None = None
        self.clips: list[Clip] = []
        self.notices: list[str] = []

    def __repr__(self) -> str:
        return f"<Shot {self.outcome}, {len(self.clips)} of {self.entry.number_of_videos} clips>"

    def start(self) -> Shot:
        """Start, unless it has started already. Returns itself."""
        if self.outcome == "idle":
            self.outcome, self.began = "running", time.monotonic()
            with _registering:
                _runs.add(self)
        self._watched.begin()
        return self

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

    def twin(self) -> Shot:
        """Return the run of this process that is making the very same clips already, or this one.

        A cell that is run again asks for the same pictures, sentence, account and library a second time;
        it is to watch the run that goes, not to pay for another.
        """
        with _registering:  # of two that ask at the same moment, one is the other's twin
            for other in list(_runs):
                if other.going and other.entry.digest == self.entry.digest and self._of_one_place(other):
                    return other
            _runs.add(self)
        return self

    def earlier(self, *, of_this_process: bool = True) -> Shot | None:
        """Return a run that asked for the very same clips and is not finished, or None; never sends anything.

        It may go on in this process, or have been left behind: then it is taken over.

        Parameters
        ----------
        of_this_process
            False to pass over what was stopped in this process: whoever stops and asks again wants a new run.
        """
        with _registering:
            for other in list(_runs):
                if other.going and other.entry.digest == self.entry.digest and self._of_one_place(other):
                    return other
        if not self.library.generations():
            return None
        journal, account = self.library.journal, self.client.account
        for entry in reversed(journal.equal(self.entry.digest)):
            theirs = of_this_process or entry.owner != journal.owners.mine()
            if entry.unfinished and entry.account == account and theirs:
                shot = adopt(entry, self.client, self.library)
                if shot is not None:
                    return shot
        return None

    def _of_one_place(self, other: Shot) -> bool:
        return other.library.path == self.library.path and other.client.same_account(self.client)

    def stop(self) -> None:
        """Stop watching. The service has no cancel: the job goes on there, and may be charged."""
        self._called_off = True
        self._watched.cancel()

    def so_far(self) -> list[Event]:
        """Return the events up to now."""
        return self._watched.so_far()

    def listen(self, listener: Callable[[Event | None], None]) -> None:
        """Call `listener` on the background loop with each event as it comes, and with None at the end."""
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
        self._notify(None)

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
            takes = await asyncio.to_thread(self.library.journal.takes, self.entry.id)
            if self.entry.state != "complete" or any(_lacks_address(take) for take in takes):
                takes = await self._check(None)
        elif self._reuse and await asyncio.to_thread(self._find_earlier):
            return
        else:
            await self._write_first_line()
            takes = await self._follow(self._generation)
        await self._bring_home(takes)

    def _find_earlier(self) -> bool:
        """Take the clips of an equal run that are still in the library, if there is one."""
        journal = self.library.journal
        for entry in reversed(journal.equal(self.entry.digest)):
            saved = [take for take in journal.takes(entry.id) if take.saved]
            clips = [self.library.landed(take.file, entry.id) for take in saved]
            here = [clip for clip in clips if clip is not None]
            same_place = _place(entry.account) == _place(self.client.account)
            if same_place and entry.state == "saved" and here and len(here) == len(clips):
                self.clips = here
                return True
        return False

    async def _write_first_line(self) -> None:
        """Write the run's line, durable before its request leaves."""
        assert self._generation is not None
        await self._check_library()
        request, sending = self._generation.request, self._generation.sending
        told = sending.refused

        async def leaving() -> None:
            await self._journaled(lambda: self.library.journal.sending(self.entry.id))

        async def refused(seconds: float) -> None:
            await self._note("refused")
            await told(seconds)

        def write() -> None:
            names = [picture.name for picture in self.entry.pictures]
            files = [
                self.library.keep_picture(file.data, os.path.splitext(file.name)[1])  # noqa: PTH122 - no path
                for _, file in request.pictures
            ]
            pictures = tuple(StoredPicture(*pair) for pair in zip(names, files, strict=True))
            entry = replace(self.entry, pictures=pictures, account=self.client.account)
            self.entry = self.library.journal.begin(entry)

        await self._journaled(write)
        sending.leaving, sending.refused = leaving, refused

    async def _journaled(self, write: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(write)
        except (sqlite3.Error, OSError) as error:
            reason = str(error) or type(error).__name__
        else:
            return
        raise InvalidRequestError(
            f"The library's journal cannot be written ({reason[:80]}). Nothing was sent and nothing was "
            "charged. Make room, or choose another folder with library=."
        )

    async def _note(self, step: str, *values: object) -> None:
        """Write a step into the journal; a run that is paid for goes on also where that fails."""
        if not self.entry.owner:
            return  # its first line was never written
        try:
            await asyncio.to_thread(getattr(self.library.journal, step), self.entry.id, *values)
        except (sqlite3.Error, OSError) as error:
            _logger.warning("The journal could not note %r: %s", step, error)

    async def _follow(self, generation: Generation) -> list[StoredTake]:
        """Listen to the stream; where it leaves the run in doubt, look into the account."""
        doubt: VeoError | None = None
        takes: list[StoredTake] = []
        try:
            async for event in generation:
                if isinstance(event, CompleteEvent):
                    takes = [
                        StoredTake(take, video.id, video.file_url, video.status)
                        for take, video in enumerate(event.videos, 1)
                    ]
                    await self._note("completed", self.entry.account, takes)
                elif isinstance(event, StatusEvent):
                    await self._note("reached", event.status[:200])
                self._tell(event)
        except VeoError as error:
            if generation.called_off or not error.maybe_charged:
                raise
            doubt = error
        finally:
            await generation.aclose()
        if doubt is not None or any(_lacks_address(take) for take in takes):
            return await self._check(doubt)
        return takes

    async def _check(self, doubt: VeoError | None) -> list[StoredTake]:
        """Look into the account's histories until the run is found. Nothing is ever sent again from here."""
        await self._note("reached", "checking")
        self._tell(StatusEvent("checking"))
        journal = self.library.journal
        with contextlib.suppress(sqlite3.Error, OSError, IndexError):
            self.entry = await asyncio.to_thread(journal.entry, self.entry.id)
        clock = asyncio.get_running_loop().time
        age = datetime.now(UTC) - (self.entry.sent_at or self.entry.began_at)
        patience = _PATIENCE_SECONDS if self._patience is None else self._patience
        old = self._patience is not None and age.total_seconds() > _PATIENCE_SECONDS
        # The patience counts from when the request left: a run that is picked up late has used some of it.
        left = (
            max(patience - age.total_seconds(), _SHORTEST_LOOK_SECONDS)
            if self._patience is None
            else patience
        )
        ends, seen, since, read = clock() + left, Found(), clock(), False
        looks = iter(_LOOKS)
        while True:
            # The first look is at once, and the last one when the patience ends.
            pause = next(looks, _LAST_PAUSE_SECONDS)
            await asyncio.sleep(max(0.0, min(pause, ends - clock())))
            try:
                found, read = await look(self.client, journal, self.entry), True
                still = (old or clock() - since >= _SETTLING_SECONDS) and found == seen
                enough = still and bool(found.takes) and not found.pending
                if (found.settled or enough) and await asyncio.to_thread(
                    journal.claim, self.entry.id, self.entry.account, found.takes, found.marks
                ):
                    return list(found.takes)
            except VeoError as error:
                doubt, found = doubt or error, seen
            except (sqlite3.Error, OSError) as error:
                _logger.warning("The journal could not be asked: %s", error)
                found = seen
            if found != seen:
                seen, since = found, clock()
            if found.traced and self._patience is None:
                ends = clock() + patience
            if clock() >= ends:
                raise _not_found(self._patience, doubt, read=read)

    async def _bring_home(self, takes: list[StoredTake]) -> None:
        asked = self.entry.number_of_videos
        videos = [(take.take, _video(take)) for take in takes]
        made = [(take, video) for take, video in videos if not video.failed]
        if not made:
            raise GenerationFailedError(
                "The service could not make any of the videos. The credits are returned. "
                "Change the prompt or the pictures, or generate again."
            )
        self.notices = [
            f"Take {take} failed at the service; its credit is returned."
            for take, video in videos
            if video.failed
        ]
        if len(videos) < asked:
            self.notices.append(f"The service made {len(videos)} of the {asked} videos that were asked for.")
        if len(made) > asked:
            self.notices.append(
                f"The service named {len(made)} files for {asked} videos; the others are left where they are."
            )
        if await self._download(made[:asked]):
            await self._note("ended", "saved")

    async def _check_library(self) -> None:
        try:
            await asyncio.to_thread(self.library.check_writable)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise InvalidRequestError(
            f"The library's folder cannot be written ({reason}). Nothing was sent and nothing was charged. "
            "Choose another folder with library=."
        )

    async def _download(self, made: list[tuple[int, Video]]) -> bool:
        """Fetch the takes that are not here yet; True if all of them are here then."""
        self._tell(StatusEvent("downloading", 0.0))
        failure: VeoError | None = None
        for done, (take, video) in enumerate(made):
            try:
                clip = await asyncio.to_thread(self._landed, take)
                self.clips.append(clip or await self._fetch(take, video, done, len(made)))
            except VeoError as error:
                failure = error
                self.notices.append(f"Take {take}: {error}")
            else:
                await self._note("landed", take)
        if failure is not None and not self.clips:
            self.notices = []  # one error says it
            raise failure
        return failure is None

    def _landed(self, take: int) -> Clip | None:
        """Return the take's clip if it is in the library already, though the journal may not know it yet."""
        try:
            takes = self.library.journal.takes(self.entry.id)
        except (sqlite3.Error, OSError) as error:  # the clip is paid for, and fetched all the same
            _logger.warning("The journal could not be asked: %s", error)
            return None
        for known in takes:
            if known.take == take and known.file:
                return self.library.landed(known.file, self.entry.id)
        return None

    async def _fetch(self, take: int, video: Video, done: int, total: int) -> Clip:
        """Fetch one take and save it; the library never holds half a clip under a clip's name."""
        if video.file_url is None:
            raise InterruptedGenerationError(
                "The service made the video but has not said where it lies; it may be charged. "
                "It stays in the journal: recover() looks for it again.",
                maybe_charged=True,
            )
        told = done / total

        def on_share(share: float | None) -> None:
            nonlocal told
            overall = (done + (share or 0.0)) / total
            if overall - told >= 0.01:  # noqa: PLR2004 - a percent is what people can see
                told = overall
                self._tell(StatusEvent("downloading", overall))

        # The name is the run's own, so that a later kernel goes on where this one was ended.
        part = self.library.incoming(f"{self.entry.id}-{take}")
        try:
            home = self.client.base_url
            measured = await download_clip(video.file_url, part, home=home, on_share=on_share)
            return await _to_its_end(asyncio.to_thread(self._save, take, video, part, measured))
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = error.strerror or type(error).__name__
        raise DownloadError(
            f"The clip could not be written to the library ({reason}); it was made and may be charged. "
            "Make room, then recover() fetches it.",
            maybe_charged=True,
        )

    def _save(self, take: int, video: Video, part: Path, measured: VideoMeasurements) -> Clip:
        entry = self.entry
        clip = Clip(
            path=part,
            id=video.id,
            prompt=entry.prompt,
            created_at=datetime.now(UTC),
            engine=self.client.engine or "veo",
            **asdict(measured),
        )
        asked = AspectRatio.parse(entry.aspect_ratio)
        if (clip.width > clip.height) != (asked.width > asked.height):
            self.notices.append(
                f"Take {take} came back as {clip.width}x{clip.height} although {asked.label} was asked for."
            )
        parameters = {
            "prompt": entry.prompt,
            "aspect_ratio": asked.label,
            "number_of_videos": entry.number_of_videos,
            "generation": entry.id,
            "take": take,
            "pictures": [picture.name for picture in entry.pictures],
        }

        def on_name(name: str) -> None:
            try:
                self.library.journal.landing(entry.id, take, name)
            except (sqlite3.Error, OSError) as error:  # the clip is paid for, and lands all the same
                _logger.warning("The journal could not note a clip's name: %s", error)

        return self.library.save(part, clip, parameters, on_name)


def _place(account: str) -> str:
    """Return what makes the clips: every embedded sandbox makes the same ones."""
    return account.partition(":")[0] if account.startswith("sandbox:") else account


async def _to_its_end(saving: Coroutine[Any, Any, Clip]) -> Clip:
    """Wait for a clip to be saved, also when watching is stopped meanwhile: a thread cannot be called off."""
    task = asyncio.ensure_future(saving)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _lacks_address(take: StoredTake) -> bool:
    return take.file_url is None and not _video(take).failed


def _video(take: StoredTake) -> Video:
    return Video(take.id, "", take.file_url, take.status, "")


def _not_found(patience: float | None, doubt: VeoError | None, *, read: bool) -> InterruptedGenerationError:
    raw = "" if doubt is None else doubt.raw
    if not read:
        sentence = (
            "Your account could not be read, so it is not known whether this job was accepted; it may be "
            "charged. It stays in the journal: call recover() when the service answers again."
        )
    elif patience is not None:
        sentence = (
            "This run is not in the account's history yet; it may be charged. "
            "It stays in the journal: call recover() again later."
        )
    else:
        sentence = (
            "No trace of this job was found in your account for 20 minutes, so it was probably never "
            "accepted. recover() looks again; generating again may cost its credits a second time."
        )
    return InterruptedGenerationError(sentence, maybe_charged=True, raw=raw)


def _new_entry(request: VideoRequest, frames: list[Frame]) -> Entry:
    """Return the journal's line for a request that has not been made yet."""
    asked = [request.path, request.prompt, request.aspect_ratio.label, str(request.number_of_videos)]
    parts = [*(text.encode() for text in asked), *(file.data for _, file in request.pictures)]
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
    return Entry(
        id=secrets.token_hex(8),
        account="",
        digest=digest.hexdigest(),
        prompt=request.prompt,
        aspect_ratio=request.aspect_ratio.label,
        number_of_videos=request.number_of_videos,
        pictures=tuple(StoredPicture(frame.name, "") for frame in frames),
        began_at=datetime.now(UTC),
    )


def generate(
    start_image: object,
    end_image: object = None,
    *,
    prompt: str,
    aspect_ratio: str = "16:9",
    number_of_videos: int = 1,
    client: VeoClient | None = None,
    library: Library | str | os.PathLike[str] | None = None,
    reuse: bool = False,
) -> Shot:
    """Make clips of one or two pictures and a sentence, and save them in the library.

    Everything is checked here; the request is sent, once, when the result is first awaited or iterated.

    Parameters
    ----------
    start_image, end_image
        Any picture `Frame` takes; cropped about the centre to the aspect ratio.
    prompt
        What should happen.
    aspect_ratio
        ``"16:9"``, ``"9:16"`` or the API's own words for them.
    number_of_videos
        How many takes, 1 to 4.
    client
        None uses the key from the environment or Colab's secrets, and without one the embedded sandbox.
    library
        A `Library` or its folder; None is ``IPYVEO_LIBRARY``, then ``ipyveo-library``.
    reuse
        True to take the clips of an identical earlier run, if they are still in the library, instead of
        paying again.

    Returns
    -------
    Shot
        Await it for a list of the good clips; iterate it for its events.

    Raises
    ------
    FrameError, InvalidRequestError
        At once, if something cannot be used; nothing is sent then.
    VeoError
        While waiting, if every take failed; see each class of `ipyveo.errors`.

    Examples
    --------
    >>> from ipyveo import VeoClient, generate, run, sample_pictures
    >>> day, night = sample_pictures("/tmp")
    >>> shot = generate(day, night, prompt="dusk falls", client=VeoClient.sandbox(), library="/tmp/clips")
    >>> clips = run(shot)  # doctest: +SKIP
    """
    if start_image is None:
        raise InvalidRequestError(
            "A start picture is missing. Nothing was sent and nothing was charged. Give start_image=."
        )
    if client is None:
        client = default_client()
    check_prompt(prompt)  # the quick checks first: a picture can take a second
    check_count(number_of_videos)
    ratio = AspectRatio.parse(aspect_ratio)
    frames = [Frame(picture) for picture in (start_image, end_image) if picture is not None]
    generation = client.frames_to_video(
        *frames, prompt=prompt, aspect_ratio=ratio.label, number_of_videos=number_of_videos
    )
    library = library if isinstance(library, Library) else Library(library)
    return Shot(_new_entry(generation.request, frames), client, library, generation, reuse=reuse)


def adopt(entry: Entry, client: VeoClient, library: Library, patience: float | None = None) -> Shot | None:
    """Make a run of the journal this process's own, or return None if it is being watched already."""
    with _adopting:
        with _registering:
            at_work = any(shot.entry.id == entry.id and not shot.over for shot in list(_runs))
        if at_work or not library.journal.take_over(entry):
            return None
        entry = library.journal.entry(entry.id)  # its process may have gone on since it was read
        if not entry.unfinished and entry.state != "waiting":
            return None
        shot = Shot(entry, client, library, patience=patience)
        with _registering:
            _runs.add(shot)
        return shot


def default_client() -> VeoClient:
    """Return the client for the key that is found, or the embedded sandbox where there is none."""
    return VeoClient() if find_key() is not None else VeoClient.sandbox()
