"""The other side of ``process``: an embedded sandbox that ends when its parent does."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ipyveo.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    import uvicorn

_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 5.0


def main() -> None:
    """Read the settings from the first line of stdin, serve, and say where on stdout."""
    from ipyveo.sandbox.serving import Server, listening

    settings = json.loads(_first_line())
    parent = int(settings.pop("parent"))
    options = SandboxOptions(**settings)
    with listening("127.0.0.1", 0) as listener, TemporaryDirectory(prefix="ipyveo-sandbox-") as files:

        def ready(base_url: str) -> None:
            sys.stdout.write(json.dumps({"base_url": base_url, "files": files}) + "\n")
            sys.stdout.flush()

        server = Server(options, Path(files), ready, heeds_interrupt=False)
        threading.Thread(target=_end_with, args=(parent, server, files), daemon=True).start()
        asyncio.run(server.serve(sockets=[listener]))


def _first_line() -> bytes:
    # Straight from the descriptor: a thread that waits inside of sys.stdin blocks the interpreter's end.
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 1)):
        line += piece
    return line


def _end_with(parent: int, server: uvicorn.Server, files: str) -> None:
    """Ask the server to end once the parent is gone; see to it that it does, and leaves nothing behind."""
    _wait_for_end_of(parent)
    server.should_exit = True
    time.sleep(_GRACE_SECONDS)
    shutil.rmtree(files, ignore_errors=True)
    os._exit(1)


def _wait_for_end_of(parent: int) -> None:
    """Return when stdin ends, or another process has become our parent."""
    if os.name != "posix":
        while os.read(0, 1):
            pass
        return
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _LOOK_SECONDS)
        if readable and not os.read(0, 1):
            return


if __name__ == "__main__":
    main()
