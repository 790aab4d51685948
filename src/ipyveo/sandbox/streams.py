"""Answers whose connection can break at any byte, and which notice when their reader has gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

DROP = "ipyveo.drop"
"""The ASGI extension by which an answer breaks its connection; ``serving`` provides it."""


class ConnectionDroppedError(Exception):
    """Raised among the pieces of a body where the connection is to break."""


class PiecewiseResponse(Response):
    """A body of pieces, whose connection can break; it notices when its reader has gone.

    Parameters
    ----------
    pieces
        The body; `ConnectionDroppedError` out of it breaks the connection.
    closing
        Set when the server ends: the connection then breaks too.
    status_code, headers, media_type
        As in Starlette; with status 0 the connection breaks before any answer.
    on_end
        Called when it is over, however it ended.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        closing: asyncio.Event,
        *,
        status_code: int = 200,
        headers: dict[str, str] | None = None,
        media_type: str = "text/event-stream",
        on_end: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(None, status_code, headers, media_type)
        self._pieces = pieces
        self._closing = closing
        self._on_end = on_end
        if "content-length" not in (headers or {}):
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces until they end, the reader goes or the server closes."""
        sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_disconnected(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({sending, gone, closing}, return_when=asyncio.FIRST_COMPLETED)
            whole = sending.done() and sending.result()
            if not whole and not gone.done():
                scope["extensions"][DROP]()
                await gone
        finally:
            if self._on_end is not None:
                self._on_end()
            for task in (sending, gone, closing):
                task.cancel()
            await asyncio.gather(sending, gone, closing, return_exceptions=True)

    async def _send(self, send: Send) -> bool:
        if not self.status_code:
            return False
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except ConnectionDroppedError:
            return False
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True


def dropped(closing: asyncio.Event) -> Response:
    """Break the connection before a single byte of an answer."""
    return PiecewiseResponse(_nothing(), closing, status_code=0)


async def _nothing() -> AsyncIterator[bytes]:
    for piece in list[bytes]():
        yield piece


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
