"""A far side that answers as a test tells it: a real HTTP server on loopback, for what no sandbox says."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Told = tuple[int, dict[str, str], bytes]


@contextlib.contextmanager
def answering(tell: Callable[[], Told]) -> Iterator[str]:
    """Answer each GET with the status, headers and body that `tell` gives; yields the base URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = tell()
            # A date of the test's own takes the place of the true one.
            (self.send_response_only if "date" in headers else self.send_response)(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Service(http.server.ThreadingHTTPServer):
    """The service's API on loopback, in the mouth of which a test puts its words.

    Attributes
    ----------
    stream
        The events that answer a POST, each a name with its data.
    refusal
        What answers a POST in place of a stream of events, if anything does.
    rows
        The account's histories.
    film
        The bytes of the clip.
    redirect
        Where the path ``/onward`` leads on.
    reason, date
        The words beside the status of every answer, and its moment; "" is the true one.
    go
        The last event of a stream waits until this is set, as it is at first.
    pace
        Called before each event of a stream.
    asked
        The paths that were asked for, in order.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Speaker)
        self.stream: list[tuple[str, object]] = []
        self.refusal: Told | None = None
        self.rows: list[dict[str, object]] = []
        self.film = b""
        self.redirect = ""
        self.reason = "OK"
        self.date = ""
        self.go = threading.Event()
        self.go.set()
        self.pace: Callable[[], object] = lambda: None
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def posts(self) -> int:
        """How many requests for videos came."""
        return sum(path.endswith("-to-video") for path in self.asked)

    def handle_error(self, *_: object) -> None:
        """Say nothing where the client hung up."""


class _Speaker(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self):
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        if self.server.refusal is not None:
            self._tell(*self.server.refusal)
            return
        self.send_response(200, self.server.reason)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for index, (name, data) in enumerate(self.server.stream, 1):
            self.server.pace()
            if index == len(self.server.stream):
                self.server.go.wait(120)
            self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/film"):
            self._tell(200, {"content-type": "video/mp4"}, self.server.film)
        elif self.path.startswith("/onward"):
            self._tell(302, {"location": self.server.redirect}, b"")
        elif self.path.startswith("/veo/histories"):
            page = {"data": self.server.rows, "total": len(self.server.rows), "total_pages": 1}
            self._tell(200, {"content-type": "application/json"}, json.dumps(page).encode())
        else:
            pack = {"quota": 100, "used": 0, "expires_at": "0001-01-01T00:00:00+14:00"}
            self._tell(200, {"content-type": "application/json"}, json.dumps([pack]).encode())

    def _tell(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status, self.server.reason)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def speaking() -> Iterator[Service]:
    """Serve for as long as a test needs it."""
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
