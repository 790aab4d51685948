"""A shot: one request on its way from keyframes to saved clips, watched from any loop or thread."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ipyveo.api.client import VeoClient
from ipyveo.api.events import CompleteEvent, Event, StatusEvent, Video
from ipyveo.api.key import find_key
from ipyveo.api.requests import check_count, check_prompt
from ipyveo.api.sending import stopped
from ipyveo.errors import (
    DownloadError,
    GenerationFailedError,
    InterruptedGenerationError,
    InvalidRequestError,
    VeoError,
)
from ipyveo.generations.download import download_clip
from ipyveo.generations.lookup import addressed
from ipyveo.library.library import Library
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip, VideoMeasurements
from ipyveo.media.frame import Frame
from ipyveo.watched import Watched

if TYPE_CHECKING:
    from ipyveo.api.generation import Generation

# The runs of this process, for as long as somebody holds them.
_runs: weakref.WeakSet[Shot] = weakref.WeakSet()
_registering = threading.Lock()

_logger = logging.getLogger(__name__)

Outcome = Literal["idle", "running", "complete", "failed", "interrupted", "stopped"]


class Shot:
    """One request for clips: await it for the clips, iterate it for its events.

    It starts when it is first awaited, iterated or started, runs on the background loop, and goes on
    there while cells come and go. Made by `generate`.

    Attributes
    ----------
    request, client, library
        What is asked for, of whom, and where the clips go.
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
        self, generation: Generation, client: VeoClient, library: Library, frames: list[Frame]
    ) -> None:
        self._generation = generation
        self.request = generation.request
        self.client = client
        self.library = library
        self._frames = frames
        self._watched: Watched[Event] = Watched(self._generate, self._ended)
        self._listeners: list[Callable[[Event | None], None]] = []
        self._called_off = False
        self.began = time.monotonic()
        self.outcome: Outcome = "idle"
        self.error: BaseException | None = None
        self.clips: list[Clip] = []
        self.notices: list[str] = []

    def __repr__(self) -> str:
        return f"<Shot {self.outcome}, {len(self.clips)} of {self.request.number_of_videos} clips>"

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

    def twin(self) -> Shot:
        """Return the run of this process that is making the very same clips already, or this one.

        A cell that is run again asks for the same pictures, sentence, account and library a second time;
        it is to watch the run that goes, not to pay for another.
        """
        with _registering:  # of two that ask at the same moment, one is the other's twin
            for other in list(_runs):
                if (
                    other.going
                    and other.request == self.request
                    and other.library.path == self.library.path
                    and other.client.same_account(self.client)
                ):
                    return other
            _runs.add(self)
        return self

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
            self.outcome, failure = "stopped", stopped(self._generation.sending)
        else:
            interrupted = isinstance(failure, InterruptedGenerationError)
            self.outcome = "interrupted" if interrupted else "failed"
        self.error = failure
        self._notify(None)

    async def _generate(self) -> None:
        await self._check_library()
        asked = self.request
        videos: list[Video] = []
        try:
            async for event in self._generation:
                if isinstance(event, CompleteEvent):
                    began = self._generation.sending.began or datetime.now(UTC)
                    videos = await addressed(self.client, list(event.videos), asked.prompt, began)
                    self._tell(CompleteEvent(tuple(videos)))
                else:
                    self._tell(event)
        finally:
            await self._generation.aclose()
        made = [(take, video) for take, video in enumerate(videos, 1) if not video.failed]
        if not made:
            raise GenerationFailedError(
                "The service could not make any of the videos. The credits are returned. "
                "Change the prompt or the pictures, or generate again."
            )
        self.notices = [
            f"Take {take} failed at the service; its credit is returned."
            for take, video in enumerate(videos, 1)
            if video.failed
        ]
        if len(made) > asked.number_of_videos:
            self.notices.append(
                f"The service named {len(made)} files for {asked.number_of_videos} videos; "
                "the others are left where they are."
            )
        await self._download(made[: asked.number_of_videos])

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

    async def _download(self, made: list[tuple[int, Video]]) -> None:
        self._tell(StatusEvent("downloading", 0.0))
        failure: VeoError | None = None
        for done, (take, video) in enumerate(made):
            try:
                self.clips.append(await self._fetch(take, video, done, len(made)))
            except VeoError as error:
                failure = error
                self.notices.append(f"Take {take}: {error}")
        if failure is not None and not self.clips:
            self.notices = []  # one error says it
            raise failure

    async def _fetch(self, take: int, video: Video, done: int, total: int) -> Clip:
        """Fetch one take and save it; the library never holds half a clip under a clip's name."""
        if video.file_url is None:
            raise InterruptedGenerationError(
                "The service made the video but has not said where it lies; it may be charged. "
                "Look at the account's history before you send it again.",
                maybe_charged=True,
            )
        told = done / total

        def on_share(share: float | None) -> None:
            nonlocal told
            overall = (done + (share or 0.0)) / total
            if overall - told >= 0.01:  # noqa: PLR2004 - a percent is what people can see
                told = overall
                self._tell(StatusEvent("downloading", overall))

        part: Path | None = None
        try:
            part = self.library.incoming()
            home = self.client.base_url
            measured = await download_clip(video.file_url, part, home=home, on_share=on_share)
            return await asyncio.to_thread(self._save, take, video, part, measured)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        finally:
            if part is not None:
                part.unlink(missing_ok=True)
        raise DownloadError(
            f"The clip could not be written to the library ({reason}); it was made and may be charged. "
            "Make room, then fetch it from the account's history.",
            maybe_charged=True,
        )

    def _save(self, take: int, video: Video, part: Path, measured: VideoMeasurements) -> Clip:
        request = self.request
        clip = Clip(
            path=part,
            id=video.id,
            prompt=request.prompt,
            created_at=datetime.now(UTC),
            engine=self.client.engine or "veo",
            **asdict(measured),
        )
        asked = request.aspect_ratio
        if (clip.width > clip.height) != (asked.width > asked.height):
            self.notices.append(
                f"Take {take} came back as {clip.width}x{clip.height} although {asked.label} was asked for."
            )
        parameters = {
            "prompt": request.prompt,
            "aspect_ratio": asked.label,
            "number_of_videos": request.number_of_videos,
            "take": take,
            "pictures": [frame.name for frame in self._frames],
        }
        return self.library.save(part, clip, parameters)


def generate(
    start_image: object,
    end_image: object = None,
    *,
    prompt: str,
    aspect_ratio: str = "16:9",
    number_of_videos: int = 1,
    client: VeoClient | None = None,
    library: Library | str | os.PathLike[str] | None = None,
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
    return Shot(generation, client, library if isinstance(library, Library) else Library(library), frames)


def default_client() -> VeoClient:
    """Return the client for the key that is found, or the embedded sandbox where there is none."""
    return VeoClient() if find_key() is not None else VeoClient.sandbox()
