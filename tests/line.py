"""A line to a server on this machine, on real sockets, that breaks when it has carried so much."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

_BUFFER = 2**16  # bytes


class Line:
    """Carries every connection to a port, and can break them all at once; new ones are carried again.

    Parameters
    ----------
    port
        Where the server listens.

    Attributes
    ----------
    port
        Where this line listens.
    breaks
        How often it broke.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.breaks = 0
        self._to = port
        self._left = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def break_after(self, size: int) -> None:
        """Break once so many more bytes were sent to the server."""
        self._loop.call_soon_threadsafe(setattr, self, "_left", size)

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._connect, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()
            self._break()
        while self._ends:
            await asyncio.sleep(0.01)

    async def _connect(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends |= {to_near, to_far}
        with contextlib.suppress(OSError):
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(near, to_far, up=True))
                both.create_task(self._carry(far, to_near, up=False))
        for end in (to_near, to_far):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()
            self._ends.discard(end)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_BUFFER):
                if up and 0 < self._left <= len(data):
                    self.breaks += 1
                    self._break()
                if up:
                    self._left = max(0, self._left - len(data))
                target.write(data)
                await target.drain()
        target.close()

    def _break(self) -> None:
        for end in self._ends:
            end.transport.abort()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()
