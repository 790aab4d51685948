"""Serve the sandbox from uvicorn: in the foreground for a person, or as somebody's embedded process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ipyveo.sandbox.server import API, create_app
from ipyveo.sandbox.streams import DROP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from ipyveo.sandbox.options import SandboxOptions

_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 75


class _DroppingProtocol(H11Protocol):
    """HTTP whose application may break its own connection, with or without an answer sent."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # A server's transports can be written to; the base class narrows the type in the same way.
        super().connection_made(transport)
        app = self.app

        async def with_drop(scope: Scope, receive: Receive, send: Send) -> None:
            # close, not abort: what was sent before the break still arrives.
            scope.setdefault("extensions", {})[DROP] = transport.close
            await app(scope, receive, send)

        self.app = with_drop


class Server(uvicorn.Server):
    """A uvicorn that says when it listens, ends its streams when it ends, and may leave the signals alone.

    Parameters
    ----------
    options
        How the sandbox behaves.
    files
        An existing folder for the clips.
    announce
        Called once with the base URL as soon as it listens.
    heeds_interrupt
        False to be deaf to Ctrl+C: the process then ends when its owner says so.
    """

    def __init__(
        self,
        options: SandboxOptions,
        files: Path,
        announce: Callable[[str], object],
        *,
        heeds_interrupt: bool,
    ) -> None:
        self._app = create_app(options, files)
        self._announce = announce
        self._heeds_interrupt = heeds_interrupt
        super().__init__(
            uvicorn.Config(
                self._app,
                http=_DroppingProtocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce the base URL."""
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = listening.getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}{API}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Break the streams first, so that nothing has to be waited for."""
        self._app.state.jobs.closing.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order at a signal, clips removed; unlike uvicorn, do not raise it again afterwards."""
        on_interrupt = self.handle_exit if self._heeds_interrupt else signal.SIG_IGN
        previous = {
            signal.SIGINT: signal.signal(signal.SIGINT, on_interrupt),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self.handle_exit),
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def serve(options: SandboxOptions, host: str, port: int, announce: Callable[[str], object]) -> None:
    """Serve in the foreground until Ctrl+C.

    Parameters
    ----------
    options
        How the sandbox behaves.
    host, port
        Where to listen; port 0 takes a free one.
    announce
        Called once with the base URL, such as ``http://127.0.0.1:8787/api/v1``, as soon as it listens.

    Raises
    ------
    OSError
        If the address is taken or not this machine's.

    Examples
    --------
    >>> from ipyveo.sandbox import SandboxOptions
    >>> serve(SandboxOptions(), "127.0.0.1", 8787, print)  # doctest: +SKIP
    http://127.0.0.1:8787/api/v1
    """
    with listening(host, port) as listener, TemporaryDirectory(prefix="ipyveo-sandbox-") as files:
        server = Server(options, Path(files), announce, heeds_interrupt=True)
        asyncio.run(server.serve(sockets=[listener]))


def listening(host: str, port: int) -> socket.socket:
    """Open the listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
