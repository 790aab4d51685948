"""One request for videos on the wire: its events as they come, its videos at the end, one POST."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from ipyveo.api.events import FAILURE, CompleteEvent, Event, StatusEvent, Video, read_event
from ipyveo.api.failures import from_answer, not_an_event_stream
from ipyveo.api.sse import EventTooLargeError, ServerSentEvent, SSEDecoder
from ipyveo.errors import GenerationFailedError, InterruptedGenerationError, VeoError
from ipyveo.network import Answer, LineBrokenError

if TYPE_CHECKING:
    from ipyveo.api.requests import VideoRequest

_LOOK_FIRST = "Look at the account's history before you send it again."
ERROR_BODY_LIMIT = 65_536  # bytes of an error page that are read


class OpenStream(NamedTuple):
    """An accepted request: the stream of its events, and how to keep the key out of their words."""

    answer: Answer
    redact: Callable[[str], str]


class Generation:
    """A request for videos: iterate it for its events, await it for its videos.

    Nothing is sent until the first of either; the request is sent once, however often and in whatever
    order both are used. Made by `VeoClient`, not by hand.

    Examples
    --------
    >>> import asyncio
    >>> from ipyveo import VeoClient, sample_pictures
    >>> async def main():
    ...     day, night = sample_pictures("/tmp")
    ...     generation = VeoClient.sandbox(clip_seconds=0.5, stage_seconds=0).frames_to_video(
    ...         start_image=day, end_image=night, prompt="dusk falls"
    ...     )
    ...     async for event in generation:
    ...         print(type(event).__name__)
    ...     return await generation
    >>> videos = asyncio.run(main())  # doctest: +SKIP
    """

    def __init__(
        self,
        request: VideoRequest,
        open_stream: Callable[[], contextlib.AbstractAsyncContextManager[OpenStream]],
        idle_seconds: float,
    ) -> None:
        self.request = request
        self._open_stream = open_stream
        self._idle_seconds = idle_seconds
        self._source: AsyncIterator[Event] | None = None
        self._turn = asyncio.Lock()
        self._events: list[Event] = []
        self._failure: BaseException | None = None
        self._done = False

    def __repr__(self) -> str:
        return f"<Generation {self.request.path} {'done' if self._done else 'open'}>"

    def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events from the first on, also those that another reader has already seen."""
        return self._read()

    def __await__(self) -> Generator[Any, None, list[Video]]:
        """Wait for the end and return the videos."""
        return self._wait().__await__()

    async def aclose(self) -> None:
        """Hang up. The job at the service goes on: it has no cancel."""
        self._finish(None)
        if self._source is not None:
            with contextlib.suppress(RuntimeError):  # it is being read at this moment, and ends with that
                await self._source.aclose()  # type: ignore[attr-defined]

    async def _read(self) -> AsyncIterator[Event]:
        index = 0
        while await self._reach(index):
            yield self._events[index]
            index += 1

    async def _wait(self) -> list[Video]:
        async for event in self._read():
            if isinstance(event, CompleteEvent):
                return list(event.videos)
        raise _stopped()

    async def _reach(self, index: int) -> bool:
        """Make the event at `index` present; False if there is none, the run having ended."""
        while len(self._events) <= index:
            async with self._turn:
                if len(self._events) > index:
                    break
                if self._done:
                    if self._failure is not None:
                        raise self._failure
                    return False
                await self._pull()
        return True

    async def _pull(self) -> None:
        if self._source is None:
            self._source = self._stream()
        try:
            event = await anext(self._source)
        except StopAsyncIteration:
            self._finish(None)
        except VeoError as error:
            self._finish(error)
        except BaseException:
            self._finish(_stopped())
            raise
        else:
            self._events.append(event)
            if isinstance(event, CompleteEvent):
                self._finish(None)
                await self._source.aclose()  # type: ignore[attr-defined]

    def _finish(self, failure: VeoError | None) -> None:
        if not self._done:
            self._done, self._failure = True, failure

    async def _stream(self) -> AsyncIterator[Event]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._idle_seconds
        failed_word = ""
        async with self._open_stream() as (answer, redact):
            decoder = SSEDecoder()
            while chunk := await self._next_chunk(answer, deadline):
                for sent in self._decode(decoder, chunk):
                    deadline = clock() + self._idle_seconds
                    event = read_event(ServerSentEvent(sent.event, redact(sent.data), ""))
                    if isinstance(event, StatusEvent) and event.status.lower() in FAILURE:
                        failed_word = event.status
                    if event is not None:
                        yield event
                    if isinstance(event, CompleteEvent):
                        return
        if failed_word:
            raise GenerationFailedError(
                "The service could not make this video and did not say why. The credits are returned. "
                "Change the prompt or the pictures, or generate again.",
                raw=failed_word,
            )
        raise InterruptedGenerationError(
            "The service hung up before the video was done; the job may go on and may be charged. "
            + _LOOK_FIRST,
            maybe_charged=True,
        )

    async def _next_chunk(self, answer: Answer, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await answer.next_chunk()
        except TimeoutError:
            failure = silent(self._idle_seconds)
        except LineBrokenError as error:
            failure = dropped(str(error))
        raise failure

    @staticmethod
    def _decode(decoder: SSEDecoder, chunk: bytes) -> list[ServerSentEvent]:
        try:
            return decoder.feed(chunk)
        except EventTooLargeError:
            failure = InterruptedGenerationError(
                "The service sent more than can be true, so the line was cut; the job may go on and may be "
                "charged. " + _LOOK_FIRST,
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
        raise not_an_event_stream(answer.media_type, body)
    raise from_answer(answer.status, answer.media_type, answer.headers, body, paid=True)


async def error_body(answer: Answer) -> str:
    """Return what an error answer says, as far as the line lets it be read."""
    with contextlib.suppress(LineBrokenError, TimeoutError):
        async with asyncio.timeout(10):
            return (await answer.body(ERROR_BODY_LIMIT)).decode("utf-8", "replace")
    return ""


def dropped(raw: str) -> InterruptedGenerationError:
    """Return the error for a line that broke once the request was sent."""
    return InterruptedGenerationError(
        "The connection broke after the request was sent; the job may go on and may be charged. "
        + _LOOK_FIRST,
        maybe_charged=True,
        raw=raw,
    )


def silent(seconds: float) -> InterruptedGenerationError:
    """Return the error for a job that said nothing for `seconds`."""
    span = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} seconds"  # noqa: PLR2004
    return InterruptedGenerationError(
        f"Nothing was heard of the job for {span}; it may go on and may be charged. " + _LOOK_FIRST,
        maybe_charged=True,
    )


def _stopped() -> InterruptedGenerationError:
    return InterruptedGenerationError(
        "Watching was stopped; the job may go on and may be charged. " + _LOOK_FIRST, maybe_charged=True
    )
