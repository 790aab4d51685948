"""One request for videos on the wire: its events as they come, its videos at the end, one POST."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any

from ipyveo.api.events import CompleteEvent, Event, FailedStatus, Video, WaitingStatus, read_event
from ipyveo.api.failures import from_answer, from_error_event, not_an_event_stream
from ipyveo.api.sending import LOOK_FIRST, Sending, dropped, error_body, silent, stopped
from ipyveo.api.sse import EventTooLargeError, ServerSentEvent, SSEDecoder
from ipyveo.errors import InterruptedGenerationError, VeoError
from ipyveo.network.exchange import Answer, LineBrokenError
from ipyveo.watched import Watched

if TYPE_CHECKING:
    from ipyveo.api.requests import VideoRequest

_LAST_WORDS_SECONDS = 5.0  # how long a job that has said "failed" may take to say why


class Generation:
    """A request for videos: iterate it for its events, await it for its videos.

    Nothing is sent until the first of either; the request is sent once, however often, in whatever order
    and from whatever event loops both are used. Made by `VeoClient`, not by hand.

    Attributes
    ----------
    request
        What is asked for.
    sending
        How its request fares on the way.
    called_off
        True if it was hung up on.
    accepted
        True once the service has answered with a stream of events.

    Examples
    --------
    >>> from ipyveo import VeoClient, run, sample_pictures
    >>> day, night = sample_pictures("/tmp")
    >>> client = VeoClient.sandbox(clip_seconds=0.5, stage_seconds=0)
    >>> async def words():
    ...     return [event async for event in client.frames_to_video(day, night, prompt="dusk falls")]
    >>> run(words())[0]
    StatusEvent(status='starting', progress=None)
    """

    def __init__(
        self,
        request: VideoRequest,
        open_stream: Callable[[Sending], contextlib.AbstractAsyncContextManager[Answer]],
        idle_seconds: float,
    ) -> None:
        self.request = request
        self.sending = Sending()
        self.sending.refused = self._refused
        self.called_off = False
        self.accepted = False
        self._open_stream = open_stream
        self._idle_seconds = idle_seconds
        self._watched: Watched[Event] = Watched(self._work, self._ended)
        self._videos: list[Video] = []
        self._failure: BaseException | None = None
        self._waiting = 0

    def __repr__(self) -> str:
        return f"<Generation {self.request.path} {'done' if self._watched.closed else 'open'}>"

    def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events from the first on, also those that another reader has already seen."""
        return self._read()

    def __await__(self) -> Generator[Any, None, list[Video]]:
        """Wait for the end and return the videos."""
        return self._wait().__await__()

    async def aclose(self) -> None:
        """Hang up. The job at the service goes on: it has no cancel."""
        self._watched.cancel()
        await self._watched.end()

    async def _read(self) -> AsyncIterator[Event]:
        self._watched.begin()
        async for event in self._watched.read():
            yield event
        if self._failure is not None:
            raise self._failure

    async def _wait(self) -> list[Video]:
        self._watched.begin()
        self._waiting += 1
        try:
            await self._watched.end()
        except asyncio.CancelledError:
            if self._waiting == 1:  # the last who waited has gone: hang up
                self._watched.cancel()
            raise
        finally:
            self._waiting -= 1
        if self._failure is not None:
            raise self._failure
        return list(self._videos)

    # All below runs on the background loop ---------------------------------------------------------

    async def _work(self) -> None:
        async with self._open_stream(self.sending) as answer:
            self.accepted = True
            await self._follow(answer)

    def _ended(self, failure: BaseException | None) -> None:
        self.called_off = isinstance(failure, asyncio.CancelledError)
        self._failure = stopped(self.sending) if self.called_off else failure

    async def _refused(self, seconds: float) -> None:
        self._watched.add(WaitingStatus("waiting", seconds=seconds))

    async def _follow(self, answer: Answer) -> None:
        """Read events until the videos are there; keep-alive comments do not move the deadline."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._idle_seconds
        decoder, failed = SSEDecoder(), ""
        while chunk := await self._next_chunk(answer, deadline, failed):
            for sent in self._decode(decoder, chunk):
                event = read_event(sent, self.sending.redact)
                failed = event.data if isinstance(event, FailedStatus) else ""
                deadline = clock() + (_LAST_WORDS_SECONDS if failed else self._idle_seconds)
                if event is not None:
                    self._watched.add(event)
                if isinstance(event, CompleteEvent):
                    self._videos = list(event.videos)
                    return
        raise from_error_event(failed) if failed else _hung_up()

    async def _next_chunk(self, answer: Answer, deadline: float, failed: str) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await answer.next_chunk()
        except TimeoutError:
            failure = silent(self._idle_seconds)
        except LineBrokenError as error:
            failure = dropped(str(error))
        raise from_error_event(failed) if failed else failure

    @staticmethod
    def _decode(decoder: SSEDecoder, chunk: bytes) -> list[ServerSentEvent]:
        try:
            return decoder.feed(chunk)
        except EventTooLargeError:
            failure = InterruptedGenerationError(
                "The service sent more than can be true, so the line was cut; the job may go on and may be "
                "charged. " + LOOK_FIRST,
                maybe_charged=True,
            )
        raise failure


async def check_stream(answer: Answer, redact: Callable[[str], str]) -> None:
    """Judge an answer by its status, then by its media type, before anything of it is decoded.

    Raises
    ------
    VeoError
        If it is not an event stream.
    """
    if answer.status == 200 and answer.media_type == "text/event-stream":  # noqa: PLR2004 - OK
        return
    body = redact(await error_body(answer))
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the successes
        raise not_an_event_stream(answer.status, answer.media_type, body)
    raise from_answer(answer.status, answer.media_type, answer.headers, body, paid=True)


def _hung_up() -> VeoError:
    return InterruptedGenerationError(
        "The service hung up before the video was done; the job may go on and may be charged. " + LOOK_FIRST,
        maybe_charged=True,
    )
