"""A far side that answers as a test tells it: a real HTTP server on loopback, for what no sandbox says."""

from __future__ import annotations

import contextlib
import http.server
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
