"""Every byte that crosses the network: the only file that knows httpx, and the rule for addresses."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import ipaddress
import logging
import socket
import ssl
import threading
import urllib.request
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from ipyveo.errors import FrameError

if TYPE_CHECKING:
    import httpx  # loaded with the first request, being most of what `import VeoClient` would cost

T = TypeVar("T")

MAX_REDIRECTS = 5
_UPLOAD_STALL_SECONDS = 60.0  # one block of the body that nobody takes for this long: the line is dead
_FETCH_STALL_SECONDS = 60.0  # the same for a file on its way to us
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotSentError(Exception):
    """Nothing left this machine: no connection could be made."""


class LineBrokenError(Exception):
    """The connection was lost, or went silent, after something had been sent."""


class AddressError(Exception):
    """The address is not one that may be fetched."""


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
    """One request, before it is sent; ``on_sent`` is called when its first byte leaves."""

    method: str
    url: str
    secret: Secret | None = None
    on_sent: Callable[[], None] | None = None
    params: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    files: Sequence[tuple[str, UploadedFile]] = ()
    json: Any = None
    connect_seconds: float = 10.0
    read_seconds: float | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extensions: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Answer:
    """A response whose status and headers are here and whose body is still on the line."""

    def __init__(self, response: httpx.Response, client: httpx.AsyncClient) -> None:
        self._response = response
        self._client = client
        self._chunks = response.aiter_bytes()
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

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
            verify=_tls(), timeout=timeout, trust_env=not _is_loopback(outgoing.url), follow_redirects=False
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
        if outgoing.secret is not None:
            _keep_out_of_logs(outgoing.secret)
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


def _traced(on_sent: Callable[[], None] | None) -> dict[str, Any]:
    """Return httpx's hook for the moment at which a request begins to leave."""

    async def trace(name: str, _: Mapping[str, Any]) -> None:
        if on_sent is not None and name.endswith("send_request_headers.started"):
            on_sent()

    return {} if on_sent is None else {"trace": trace}


class _Redaction(logging.Filter):
    """Keeps keys out of the transport's debug lines, where a server's echo of one would show."""

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
        record.msg, record.args = text, None
        return True


_redaction = _Redaction()


def _keep_out_of_logs(secret: Secret) -> None:
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


# The rule for addresses -----------------------------------------------------------------------------


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, also behind an IPv6 disguise.

    Examples
    --------
    >>> from ipyveo.network import is_public
    >>> is_public("8.8.8.8"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


async def _checked(url: str, home: str, schemes: Sequence[str]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return the address to connect to, with the headers and TLS name that go with it.

    A name is resolved here, every address it has is judged, and the connection goes to the one that was
    judged: asking twice would let the name change its mind in between.
    """
    try:
        parts = urlsplit(url)
        host, port = _origin(url)
    except ValueError:
        raise AddressError("it is not an address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise AddressError("it is not a plain http or https address")
    home_host, home_port = _origin(home)
    at_home = bool(home) and host == home_host
    if at_home and port == home_port:
        return url, {}, {}
    # Another port of the service's host may be plain http too, but only where it is public: a private host
    # has other services on other ports.
    if parts.scheme not in schemes and not at_home:
        raise AddressError("it is not encrypted (https)")
    if _behind_proxy(parts.scheme, host):
        # Names are resolved by the proxy then; what can be judged here is a literal address.
        if host == "localhost" or (_is_literal(host) and not is_public(host)):
            raise AddressError("it lies in a private network")
        return url, {}, {}
    addresses = await _resolve(host, port)
    if not all(is_public(address) for address in addresses):
        raise AddressError("it lies in a private network")
    literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    pinned = parts._replace(netloc=f"{literal}:{port}").geturl()
    return pinned, {"Host": parts.netloc}, {"sni_hostname": host}


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSentError("the name was not found") from None
    return [str(entry[4][0]) for entry in found]


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _behind_proxy(scheme: str, host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(host)


async def fetch(url: str, *, home: str = "", schemes: Sequence[str] = ("https",), offset: int = 0) -> Answer:
    """Open a file from the network, without any key, redirects included, each judged like the first.

    Parameters
    ----------
    url
        Where the far side says that the file lies; not trusted.
    home
        The service's base URL: its very host and port may also be plain http, loopback or private.
    schemes
        The schemes allowed for any other host, which must be a public address.
    offset
        The byte to start from (an HTTP Range request), for a download that goes on.

    Raises
    ------
    AddressError
        If an address is not one that may be fetched, or there are more than 5 redirects.
    NotSentError, LineBrokenError
        If the line fails.
    """
    for _ in range(MAX_REDIRECTS + 1):
        pinned, headers, extensions = await _checked(url, home, schemes)
        if offset:
            headers["Range"] = f"bytes={offset}-"
        headers["Accept-Encoding"] = "identity"  # so that the declared length is the file's
        answer = await send(
            Outgoing("GET", pinned, headers=headers, extensions=extensions, read_seconds=_FETCH_STALL_SECONDS)
        )
        location = answer.headers.get("location")
        if answer.status not in (301, 302, 303, 307, 308) or not location:
            return answer
        await answer.aclose()
        url = urljoin(url, location)
    raise AddressError("it redirects without end")


def fetch_picture(url: str, *, limit: int) -> bytes:
    """Fetch a picture from a public http(s) address; never from a private, loopback or link-local one.

    Parameters
    ----------
    url
        The picture's address.
    limit
        The largest size taken, in bytes.

    Raises
    ------
    FrameError
        If the address may not be fetched, does not answer with 200, or holds more than `limit` bytes.
    """
    from concurrent.futures import ThreadPoolExecutor

    async def read() -> bytes:
        answer = await fetch(url, schemes=("https", "http"))
        try:
            if answer.status != 200:  # noqa: PLR2004 - OK
                raise FrameError(
                    f"The picture's address answered with status {answer.status}. Nothing was sent and "
                    "nothing was charged. Check the address, or save the picture and give its path.",
                    status_code=answer.status,
                )
            data = await answer.body(limit + 1)
        finally:
            await answer.aclose()
        if len(data) > limit:
            raise FrameError(
                f"The picture at this address is larger than {limit // 2**20} MB. Nothing was sent and "
                "nothing was charged. Save a smaller copy and give its path."
            )
        return data

    with ThreadPoolExecutor(1) as thread:  # a loop of its own: the caller's thread may be running one
        try:
            return thread.submit(asyncio.run, read()).result()
        except AddressError as error:
            sentence = f"The picture's address may not be fetched: {error}."
        except (NotSentError, LineBrokenError):
            sentence = "The picture's address could not be reached, or the connection broke."
    raise FrameError(
        f"{sentence} Nothing was sent and nothing was charged. Save the picture and give its path."
    )
