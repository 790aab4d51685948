"""A file from the network: which addresses may be asked, and fetching from them, redirects and all."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import unicodedata
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from ipyveo.errors import FrameError
from ipyveo.network.exchange import Answer, LineBrokenError, NotSentError, Outgoing, send

MAX_REDIRECTS = 5
_STALL_SECONDS = 60.0  # silence of a file on its way to us
# Of IPv6: networks whose last 32 bits are an IPv4 address (RFC 6052, 2765, 4291), and such as are somebody's
# own, although Python calls them global (RFC 3879, 8215).
_HOLDERS = [ipaddress.ip_network(network) for network in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")]
_INNER = [ipaddress.ip_network(network) for network in ("fec0::/10", "64:ff9b:1::/48")]


class AddressError(Exception):
    """The address is not one that may be fetched."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, also behind an IPv6 disguise.

    Examples
    --------
    >>> from ipyveo.network.fetch import is_public
    >>> is_public("8.8.8.8"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and any(ip in network for network in _HOLDERS):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if any(ip in network for network in _INNER):
            return False
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
        literal = _literal(host)
        if _is_localhost(host) or (literal and not is_public(literal)):
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


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise AddressError("it leads to what is not an address") from None


def _literal(host: str) -> str:
    """Return the IP address that a host is, in whatever spelling a resolver takes for one, or ""."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host.partition("%")[0]))
    with contextlib.suppress(OSError, UnicodeError):
        # The old spellings, such as 127.1 and 2130706433; full-width digits are digits to a resolver, too.
        return socket.inet_ntoa(socket.inet_aton(unicodedata.normalize("NFKC", host).rstrip(".")))
    return ""


def _is_localhost(host: str) -> bool:
    """Tell whether a name means this machine by itself (RFC 6761, section 6.3)."""
    return host.rstrip(".").rpartition(".")[2] == "localhost"


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
            Outgoing("GET", pinned, headers=headers, extensions=extensions, read_seconds=_STALL_SECONDS)
        )
        if answer.status not in (301, 302, 303, 307, 308) or not answer.location:
            return answer
        await answer.aclose()
        url = _joined(url, answer.location)
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
