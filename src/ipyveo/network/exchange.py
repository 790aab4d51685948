"""One request and its answer: the only file that knows httpx."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import logging
import ssl
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from ipyveo.readable import readable

if TYPE_CHECKING:
    import httpx  # loaded with the first request, being most of what `import VeoClient` would cost

T = TypeVar("T")

_LOCATION = "ipyveo.location"
_UPLOAD_STALL_SECONDS = 60.0  # one block of the body that nobody takes for this long: the line is dead


class NotSentError(Exception):
    """Nothing left this machine: no connection could be made."""


class LineBrokenError(Exception):
    """The connection was lost, or went silent, after something had been sent."""


class UploadedFile(NamedTuple):
    """One file of a multipart form: the name and media type that are declared, and the bytes."""

    name: str
    data: bytes
    media_type: str


class Secret(Protocol):
    """A key: what goes into the Authorization header, and how to keep it out of everything else."""

    def bearer(self) -> str:
        """Return the header's value."""

    def redact(self, text: str) -> str:
        """Return the text without the key."""


@dataclass(frozen=True)
class Outgoing:
    """One request, before it is sent; ``on_sent`` is awaited right before its first byte leaves."""

    method: str
    url: str
    secret: Secret | None = None
    on_sent: Callable[[], Awaitable[None]] | None = None
    params: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    files: Sequence[tuple[str, UploadedFile]] = ()
    json: Any = None
    connect_seconds: float = 10.0
    read_seconds: float | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extensions: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Answer:
    """A response whose status and headers are here and whose body is still on the line.

    Attributes
    ----------
    status, headers
        As they came.
    location
        Where a redirect leads, or "". Not trusted.
    """

    def __init__(self, response: httpx.Response, client: httpx.AsyncClient) -> None:
        self._response = response
        self._client = client
        self._chunks = response.aiter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.location: str = response.extensions[_LOCATION]

    @property
    def media_type(self) -> str:
        """The declared media type in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def next_chunk(self) -> bytes:
        """Return the next bytes of the body; ``b""`` at its end.

        Raises
        ------
        LineBrokenError
            If the connection is lost before the body's end.
        """
        return await _guarded(anext(self._chunks, b""))

    async def body(self, limit: int) -> bytes:
        """Return the body, at most `limit` bytes of it."""
        parts: list[bytes] = []
        size = 0
        while size < limit and (chunk := await self.next_chunk()):
            parts.append(chunk)
            size += len(chunk)
        return b"".join(parts)[:limit]

    async def aclose(self) -> None:
        """Hang up."""
        await self._response.aclose()
        await self._client.aclose()


async def send(outgoing: Outgoing) -> Answer:
    """Send one request, once, and return its answer as soon as the headers are here.

    Redirects are never followed. A client of its own for each exchange keeps no state between event
    loops; against jobs of minutes the handshake does not count.

    Raises
    ------
    NotSentError
        If no connection could be made: nothing was sent.
    LineBrokenError
        If the line broke once something may have been sent.
    """
    import httpx

    timeout = httpx.Timeout(
        connect=outgoing.connect_seconds,
        read=outgoing.read_seconds,
        write=_UPLOAD_STALL_SECONDS,
        pool=None,
    )
    try:
        # A proxy cannot reach this machine's own loopback, so its settings are not asked there.
        client = httpx.AsyncClient(
            verify=_tls(),
            timeout=timeout,
            trust_env=not _is_loopback(outgoing.url),
            follow_redirects=False,
            event_hooks={"response": [_set_location_aside]},
        )
        request = client.build_request(
            outgoing.method,
            outgoing.url,
            params=outgoing.params,
            data=outgoing.form,
            files=[(name, (file.name, file.data, file.media_type)) for name, file in outgoing.files] or None,
            json=outgoing.json,
            headers={"User-Agent": user_agent(), **outgoing.headers},
            extensions={**outgoing.extensions, **_traced(outgoing.on_sent)},
        )
    except (httpx.InvalidURL, ValueError, OSError) as error:
        failure = NotSentError(type(error).__name__)
    else:
        _watch_logs(outgoing.secret)
        if outgoing.secret is not None:
            request.headers["Authorization"] = outgoing.secret.bearer()
        return await _open(client, request)
    raise failure


async def _open(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    opened = False
    try:
        answer = Answer(await _guarded(client.send(request, stream=True)), client)
        opened = True
        return answer
    finally:
        if not opened:
            await client.aclose()


async def _set_location_aside(response: httpx.Response) -> None:
    """Keep the address of a redirect from httpx, which reads it unasked, and fails where it is none."""
    response.extensions[_LOCATION] = response.headers.pop("location", "")


async def _guarded(step: Awaitable[T]) -> T:
    """Await one step of httpx's, and keep its exceptions, whose frames hold the key, to ourselves."""
    import httpx

    try:
        return await step
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol) as error:
        failure: Exception = NotSentError(_words(error))
    except (httpx.HTTPError, httpx.StreamError, ssl.SSLError, OSError) as error:
        failure = LineBrokenError(_words(error))
    raise failure


def _traced(on_sent: Callable[[], Awaitable[None]] | None) -> dict[str, Any]:
    """Return httpx's hook for the moment at which a request begins to leave."""

    async def trace(name: str, _: Mapping[str, Any]) -> None:
        if on_sent is not None and name.endswith("send_request_headers.started"):
            await on_sent()

    return {} if on_sent is None else {"trace": trace}


class _Redaction(logging.Filter):
    """Keeps keys out of the transport's lines, which hold a server's words, and orders to a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._secrets: weakref.WeakSet[Secret] = weakref.WeakSet()

    def add(self, secret: Secret) -> None:
        with self._lock:
            self._secrets.add(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        with self._lock:
            secrets = list(self._secrets)
        text = record.getMessage()
        for secret in secrets:
            text = secret.redact(text)
        record.msg, record.args = readable(text), None
        return True


_redaction = _Redaction()


def _watch_logs(secret: Secret | None) -> None:
    if secret is not None:
        _redaction.add(secret)
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_redaction)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def user_agent() -> str:
    """Return the explicit User-Agent: the service's edge bans clients without a known one."""
    from importlib.metadata import version

    return f"ipyveo/{version('ipyveo')}"


@functools.cache
def _tls() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
