"""A relay between a client and a sandbox, on real sockets: it passes all on, and fails as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Self
from urllib.parse import urlsplit

# The moments at which it can fail, beside "event 1" and so on, right after an event was passed on; "file 1",
# when a file is asked for; "half file 1", half way through it. "complete" is right before that event.
HEAD, HALF_BODY, ANSWER, STREAM, COMPLETE = "head", "half body", "answer", "event 0", "complete"

_BUFFER = 2**16  # bytes
_SANDBOX_HEADER = re.compile(rb"\r\nx-ipyveo-sandbox:[^\r]*", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"
_PIECES = 20
_PIECE_SECONDS = 0.05


class OverError(Exception):
    """The exchange ends here, whatever is still to come of it."""


class Line:
    """One exchange: the client's side, the server's, and what of it has not been passed on yet.

    Attributes
    ----------
    left
        Bytes of the request's body, or of the file, that are still to be passed on.
    event
        The event that was passed on last; at "complete" the one that is about to be.
    """

    def __init__(self, relay: Relay, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        self.relay = relay
        self.near, self.to_near = near, to_near
        self.far: asyncio.StreamReader | None = None
        self.to_far: asyncio.StreamWriter | None = None
        self.left = 0
        self.event = b""
        self._held = b""

    async def connect(self, head: bytes) -> None:
        """Open the server's side and pass on the request's head."""
        self.far, self.to_far = await asyncio.open_connection(*self.relay.upstream)
        self.to_far.write(head)

    async def pass_up(self, size: int) -> None:
        """Pass on so many bytes of the request's body."""
        data = self._held[:size] or await self.near.readexactly(size)
        self._held, self.left = self._held[size:], self.left - size
        self.to_far.write(data)
        await self.to_far.drain()

    async def hold(self) -> None:
        """Take the rest of the request's body, but do not pass it on yet."""
        self._held = await self.near.readexactly(self.left)

    async def tell(self, data: bytes) -> None:
        """Send bytes to the client as they are."""
        self.to_near.write(data)
        await self.to_near.drain()

    async def say(self, data: bytes) -> None:
        """Send bytes to the client as a part of the stream of events."""
        await self.tell(b"%x\r\n%b\r\n" % (len(data), data))

    async def gone(self) -> None:
        """Wait until the client hangs up."""
        while await self.near.read(2**16):
            pass

    async def close(self) -> None:
        """Close both sides, in good order where there is the time for it."""
        writers = [writer for writer in (self.to_near, self.to_far) if writer is not None]
        try:
            for writer in writers:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        finally:
            for writer in writers:
                writer.transport.abort()


Strike = Callable[[Line], Awaitable[None]]


class Relay:
    """Stands in front of a server.

    Parameters
    ----------
    base_url
        The server's.
    moment, strike
        When it fails, once, and how; without them everything is passed on.
    veiled
        True to keep back that the server is a sandbox, so that it is taken for the service.

    Attributes
    ----------
    posts
        The requests for videos that came to it.
    struck
        True once it has failed.
    next_look
        What meets the next look into the histories, once.
    """

    def __init__(
        self, base_url: str, moment: str = "", strike: Strike | None = None, *, veiled: bool = False
    ) -> None:
        parts = urlsplit(base_url)
        self.upstream = (parts.hostname, parts.port)
        self.posts = 0
        self.struck = False
        self.next_look: Strike | None = None
        self.let_go = asyncio.Event()
        self._path = parts.path
        self._moment, self._strike = moment, strike
        self._veiled = veiled
        self._socket: socket.socket | None = None
        self._listening = False
        self._lines: list[asyncio.Task[None]] = []
        self._files: list[str] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}{self._path}"

    async def __aenter__(self) -> Self:
        self._socket = _bound(0)
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()
        self._socket.close()
        await asyncio.sleep(0)  # so that each line has begun, and closes what it has
        for line in self._lines:
            line.cancel()
        for ended in await asyncio.gather(*self._lines, return_exceptions=True):
            if isinstance(ended, Exception):  # a defect of the relay's own
                raise ended

    async def listen(self) -> None:
        """Take connections, always at the same port; let go of what is held in silence."""
        self.let_go.set()
        self.let_go = asyncio.Event()
        if not self._listening:
            self._listening = True
            self._socket.listen()
            asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def refuse(self) -> None:
        """Refuse connections from now on; those that are open stay."""
        if self._listening:
            self._listening = False
            port = self._socket.getsockname()[1]
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = _bound(port)  # so that nobody else gets the port

    # Not asyncio's server: it loses what it has accepted in the very moment in which it is closed.
    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            near, _ = self._socket.accept()
            near.settimeout(0)
            self._lines.append(asyncio.ensure_future(self._serve(near)))

    async def _serve(self, near: socket.socket) -> None:
        line = Line(self, *await asyncio.open_connection(sock=near))
        try:
            await self._pass(line)
        except (OverError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            await line.close()

    async def _meet(self, moment: str, line: Line) -> None:
        if moment == self._moment and self._strike is not None:
            strike, self._strike, self.struck = self._strike, None, True
            await strike(line)

    async def _pass(self, line: Line) -> None:
        head = await line.near.readuntil(b"\r\n\r\n")
        method, path = head.decode().split()[:2]
        line.left = _length(head)
        if method == "POST":
            self.posts += 1
            await self._meet(HEAD, line)
        elif path.startswith(f"{self._path}/veo/histories") and self.next_look is not None:
            look, self.next_look = self.next_look, None
            await look(line)
        number = self._number_of(path)
        await self._meet(f"file {number}", line)
        await line.connect(head)
        await line.pass_up(line.left // 2)
        if method == "POST":
            await self._meet(HALF_BODY, line)
        await line.pass_up(line.left)
        answer = await line.far.readuntil(b"\r\n\r\n")
        if self._veiled:
            answer = _SANDBOX_HEADER.sub(b"", answer)
        if method == "POST":
            await self._meet(ANSWER, line)
        await line.tell(answer)
        await _until_gone(line, self._body(line, answer, number))

    async def _body(self, line: Line, head: bytes, number: int) -> None:
        if self._strike is not None and b"text/event-stream" in head:
            await self._events(line)
        elif number and self._moment == f"half file {number}":
            line.left = _length(head)
            await line.tell(await line.far.readexactly(line.left // 2))
            line.left -= line.left // 2
            await self._meet(self._moment, line)
        while data := await line.far.read(2**16):
            await line.tell(data)

    async def _events(self, line: Line) -> None:
        await self._meet(STREAM, line)
        count = 0
        async for event in _events(line.far):
            line.event = event
            if line.event.startswith(b"event: video_generation_complete"):
                await self._meet(COMPLETE, line)
                await line.say(line.event)
            else:
                count += 1
                await line.say(line.event)
                await self._meet(f"event {count}", line)
        await line.tell(_LAST_CHUNK)

    def _number_of(self, path: str) -> int:
        """Say the how manieth file a path is, from 1, or 0 for anything else."""
        if not path.startswith(f"{self._path}/files/"):
            return 0
        if path not in self._files:
            self._files.append(path)
        return self._files.index(path) + 1


def _bound(port: int) -> socket.socket:
    """Make a socket that has a port, and refuses until it is told to listen."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)  # little is taken that was not read
    bound.settimeout(0)
    bound.bind(("127.0.0.1", port))
    return bound


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


async def _events(far: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Read a chunked stream event by event."""
    data = b""
    while size := int(await far.readuntil(b"\r\n"), 16):
        data += (await far.readexactly(size + 2))[:-2]
        *events, data = data.split(b"\n\n")
        for event in events:
            yield event + b"\n\n"


async def _until_gone(line: Line, passing: Coroutine[Any, Any, None]) -> None:
    """Pass on until all is passed on or the client hangs up."""
    tasks = [asyncio.ensure_future(passing), asyncio.ensure_future(line.gone())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# What can go wrong ---------------------------------------------------------------------------------


async def reset(line: Line) -> None:
    """Break the connection with a RST, not a FIN."""
    line.to_near.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    line.to_near.transport.abort()
    raise OverError


async def close(_: Line) -> None:
    """End the connection in good order, wherever that is."""
    raise OverError


async def refuse(line: Line) -> None:
    """Break the connection and refuse every other."""
    line.relay.refuse()
    await reset(line)


async def refuse_the_next(line: Line) -> None:
    """Refuse every other connection; this one goes on."""
    line.relay.refuse()


async def silence(line: Line) -> None:
    """Pass on nothing more, nor take anything, until the test lets go or the client is seen to hang up."""
    await line.relay.let_go.wait()
    raise OverError


async def hold(line: Line) -> None:
    """Take the request, and pass it on only when the client has given up."""
    await line.hold()
    with contextlib.suppress(OSError):
        await line.gone()


async def keep_alive(line: Line) -> None:
    """Send comments, but never an event, until the client gives up."""
    while True:
        await line.say(b": keep-alive\n\n")
        await asyncio.sleep(_PIECE_SECONDS)


async def trickle(line: Line) -> None:
    """Pass on the rest in small pieces with pauses."""
    data = await line.far.readexactly(line.left)
    size = -(-len(data) // _PIECES)
    for start in range(0, len(data), size):
        await line.tell(data[start : start + size])
        await asyncio.sleep(_PIECE_SECONDS)


async def end(line: Line) -> None:
    """End the stream as if all had been said."""
    await line.tell(_LAST_CHUNK)
    raise OverError


async def half_event(line: Line) -> None:
    """Pass on half of the event, and nothing after it."""
    await line.say(line.event[: len(line.event) // 2])


def said(data: bytes) -> Strike:
    """Put events into the stream that the server has not sent."""

    async def strike(line: Line) -> None:
        await line.say(data)

    return strike


async def again(line: Line) -> None:
    """Pass on the event a second time."""
    await line.say(line.event)


async def swell(line: Line) -> None:
    """Make the complete event 3 MB long, by a field that nobody knows."""
    line.event = line.event.replace(b'{"id"', b'{"note":"%b","id"' % (b"x" * 3_000_000), 1)


def answer(status: int, body: bytes, media_type: str, *headers: str) -> Strike:
    """Answer in the server's place, without having asked it."""

    async def strike(line: Line) -> None:
        lines = [
            f"HTTP/1.1 {status} So",
            f"content-type: {media_type}",
            f"content-length: {len(body)}",
            "connection: close",
            *headers,
        ]
        await line.tell("\r\n".join([*lines, "", ""]).encode() + body)
        line.to_near.write_eof()
        await line.gone()  # what it still sends is read: a close with bytes unread would be a RST
        raise OverError

    return strike


def then(*strikes: Strike) -> Strike:
    """Do one thing after the other."""

    async def strike(line: Line) -> None:
        for each in strikes:
            await each(line)

    return strike


def met_at_the_next_look(by: Strike) -> Strike:
    """Let something meet the next look into the histories."""

    async def strike(line: Line) -> None:
        line.relay.next_look = by

    return strike
