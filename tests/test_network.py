"""The rule for addresses: what may be fetched, and what is never asked for."""

from __future__ import annotations

import http.server
import threading

import pytest

from ipyveo import Frame, FrameError
from ipyveo.network.fetch import AddressError, fetch, fetch_picture, is_public


@pytest.fixture
def server():
    """A web server on loopback that notes who asks, and redirects as its paths say."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("location", self.path.removeprefix("/to/"))
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("content-length", "5")
            self.end_headers()
            self.wfile.write(b"bytes")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.asked = asked
        httpd.url = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("nonsense", False),
    ],
)
def test_an_address_is_public_or_not_also_in_disguise(address, public):
    assert is_public(address) is public


async def read(url, **how):
    answer = await fetch(url, **how)
    try:
        return await answer.body(100)
    finally:
        await answer.aclose()


async def test_the_very_host_of_the_service_may_be_private_and_plain(server):
    assert await read(f"{server.url}/clip.mp4", home=f"{server.url}/api/v1") == b"bytes"


@pytest.mark.parametrize(
    "url",
    [
        "{there}/clip.mp4",
        "http://localhost:{port}/clip.mp4",
        "https://127.0.0.1:{port}/clip.mp4",
        "http://10.0.0.1/x.mp4",
        "http://8.8.8.8/x.mp4",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/x.mp4",
        "https://0x7f000001/x.mp4",
        "https://2130706433/x.mp4",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://example.com/x.mp4",
        "https://me:word@example.com/x.mp4",
        "https://",
        "http://[broken/x.mp4",
        "",
    ],
)
async def test_any_other_private_or_plain_address_is_not_asked(server, url):
    asked = url.format(there=server.url, port=server.server_port)
    with pytest.raises(AddressError):
        await read(asked, home="https://genaipro.vn/api/v1")
    assert server.asked == []


async def test_a_redirect_is_judged_like_the_first_address(server):
    with pytest.raises(AddressError):
        await read(f"{server.url}/to/http://127.0.0.1:1/secret", home=server.url)
    assert [path for path, _ in server.asked] == ["/to/http://127.0.0.1:1/secret"]


async def test_redirects_within_the_host_are_followed_but_not_for_ever(server):
    assert await read(f"{server.url}/to//clip.mp4", home=server.url) == b"bytes"
    with pytest.raises(AddressError, match="without end"):
        await read(f"{server.url}/to/" * 8 + "/clip.mp4", home=server.url)


async def test_a_download_carries_no_key(server):
    await read(f"{server.url}/clip.mp4", home=server.url)
    ((_, headers),) = server.asked
    assert "authorization" not in {name.lower() for name in headers}


def test_a_picture_is_never_fetched_from_this_machine_or_its_network(server):
    for address in (f"{server.url}/day.png", "http://10.0.0.1/day.png", "http://169.254.169.254/latest"):
        with pytest.raises(FrameError, match="private network") as caught:
            Frame(address)
        assert "Nothing was sent" in str(caught.value)
    assert server.asked == []


def test_a_picture_address_that_does_not_resolve_is_a_plain_sentence():
    with pytest.raises(FrameError, match="could not be reached"):
        fetch_picture("https://no-such-host.invalid/day.png", limit=100)
