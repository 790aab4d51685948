"""Work on the background loop that is begun once, watched from any loop, and called off from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from ipyveo.loop import on_background, submit

E = TypeVar("E")


class Watched(Generic[E]):
    """A piece of work and the log of what has happened in it.

    Parameters
    ----------
    work
        Does it, on the background loop, and calls `add` as it goes.
    ended
        Called at the end, before the watchers hear of it: with None, with the exception, or with an
        `asyncio.CancelledError` if it was called off.

    Examples
    --------
    >>> from ipyveo import run
    >>> from ipyveo.watched import Watched
    >>> async def count():
    ...     for number in range(3):
    ...         counting.add(number)
    >>> counting = Watched(count, ended=lambda failure: None)
    >>> counting.begin()
    >>> async def watch():
    ...     return [number async for number in counting.read()]
    >>> run(watch())
    [0, 1, 2]
    """

    def __init__(
        self, work: Callable[[], Awaitable[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        self._work = work
        self._ended = ended
        self._lock = threading.Lock()
        self._begun = False
        self._task: asyncio.Task[None] | None = None
        self._entries: list[E] = []
        self._news = asyncio.Event()  # set, and replaced, with each entry
        self.closed = False

    def begin(self) -> None:
        """Begin, unless it has begun already. From any thread."""
        with self._lock:
            if not self._begun:
                self._begun = True
                submit(self._run())

    def cancel(self) -> None:
        """Call it off; if it has not begun, it never will. From any thread."""
        with self._lock:
            # The loop takes things in order: what was begun has got its task by the time this is done.
            submit(self._cancel() if self._begun else self._never())
            self._begun = True

    def add(self, entry: E) -> None:
        """Add to the log. Only on the background loop."""
        self._entries.append(entry)
        self._wake()

    def so_far(self) -> list[E]:
        """Return the log as it stands."""
        return list(self._entries)

    async def read(self) -> AsyncIterator[E]:
        """Give the log from the first entry on, waiting for those to come, until the end."""
        index = 0
        while await on_background(self._reach(index)):
            yield self._entries[index]
            index += 1

    async def end(self) -> None:
        """Wait for the end."""
        await on_background(self._until_closed())

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._work()
        except asyncio.CancelledError as error:
            self._close(error)
        except Exception as error:  # noqa: BLE001 - whoever watches must hear of it, whatever it is
            self._close(error)
        else:
            self._close(None)

    async def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _never(self) -> None:
        self._close(asyncio.CancelledError())

    def _close(self, failure: BaseException | None) -> None:
        self._ended(failure)
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _reach(self, index: int) -> bool:
        while len(self._entries) <= index and not self.closed:
            await self._news.wait()
        return len(self._entries) > index

    async def _until_closed(self) -> None:
        while not self.closed:
            await self._news.wait()
