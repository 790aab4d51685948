"""The sandbox in a process of its own: it comes when needed and goes with whoever needs it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from ipyveo.errors import VeoError
from ipyveo.sandbox.options import SandboxOptions

_START_SECONDS = 30.0
_STOP_SECONDS = 8.0
_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """Where the sandbox listens, and the key it asks for.

    Parameters
    ----------
    base_url
        Such as ``http://127.0.0.1:41234/api/v1``.
    api_key
        Made for this process alone; it opens nothing else.
    """

    base_url: str
    api_key: str = field(repr=False)


class EmbeddedSandbox:
    """A sandbox in a process of its own, started when first asked for.

    Parameters
    ----------
    options
        How it behaves; without a key in them, one is made for each start.

    Examples
    --------
    >>> sandbox = EmbeddedSandbox(SandboxOptions(clip_seconds=0.5))
    >>> sandbox.start().base_url.startswith("http://127.0.0.1:")
    True
    >>> sandbox.stop()
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self._options = options or SandboxOptions()
        self._lock = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._files = ""
        self._address: SandboxAddress | None = None

    def start(self) -> SandboxAddress:
        """Start the process unless it runs, and say where it listens.

        Safe from any thread; blocks until the sandbox listens. A process that has died is replaced, and one
        that belongs to the process we were forked from is left to it.

        Raises
        ------
        VeoError
            If it does not come up within 30 seconds; `raw` has the end of what it said.
        """
        with self._lock:
            if self._process is not None and self._owner != os.getpid():
                self._forget()
            if self._process is not None and self._address is not None and self._process.poll() is None:
                return self._address
            self._end()
            self._owner = os.getpid()
            self._address = self._begin()
            atexit.register(self.stop)
            return self._address

    def stop(self) -> None:
        """End the process and remove its files; does nothing if it does not run."""
        with self._lock:
            if self._owner == os.getpid():
                self._end()
                atexit.unregister(self.stop)

    @property
    def pid(self) -> int | None:
        """The number of the process, or None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _begin(self) -> SandboxAddress:
        key = self._options.api_key or secrets.token_urlsafe(24)
        with tempfile.TemporaryFile() as said:
            process = self._process = _spawn(said)
            try:
                _tell(process, {**asdict(replace(self._options, api_key=key)), "parent": os.getpid()})
                ready = json.loads(_first_line(process))
            except (OSError, ValueError, queue.Empty) as error:
                self._end()
                raise VeoError(
                    "The sandbox did not start on this machine; nothing was sent and nothing was charged. "
                    "Try again, or restart the kernel; the details have what it said.",
                    raw=_tail(said),
                ) from error
        self._files = str(ready["files"])
        return SandboxAddress(str(ready["base_url"]), key)

    def _end(self) -> None:
        """Let the process end by itself, help it if it does not, and clear away what is left."""
        process, self._process, self._address = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        # A pipe to a dead process cannot be flushed, and need not be.
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Only now: closing a pipe waits for whoever reads from it.
        process.stdout.close()
        if self._files:
            shutil.rmtree(self._files, ignore_errors=True)
        self._files = ""

    def _forget(self) -> None:
        """After a fork: the process is our parent's to watch and to end."""
        process, self._process, self._address, self._files = self._process, None, None, ""
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            process.returncode = 0


_shared: dict[SandboxOptions, EmbeddedSandbox] = {}
_shared_lock = threading.Lock()


def shared(options: SandboxOptions | None = None) -> EmbeddedSandbox:
    """Give this process's one sandbox with these options.

    Parameters
    ----------
    options
        How it behaves; equal options share one sandbox.

    Examples
    --------
    >>> shared(SandboxOptions(quota=7)) is shared(SandboxOptions(quota=7))
    True
    """
    with _shared_lock:
        return _shared.setdefault(options or SandboxOptions(), EmbeddedSandbox(options))


def _after_fork() -> None:
    global _shared_lock  # noqa: PLW0603 - a fork may have copied the lock while another thread held it
    _shared_lock = threading.Lock()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _spawn(said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the process: no key in its arguments, no GENAIPRO_* in its environment, deaf to our Ctrl+C."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
    root = str(Path(__file__).resolve().parents[2])
    if Path(root).name not in {"site-packages", "dist-packages"}:
        # Run from a checkout: the other process has to find the same package.
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{known}{os.pathsep}{root}" if known else root
    # -P keeps a file of the working directory from posing as a module.
    command = [sys.executable, "-P", "-m", "ipyveo.sandbox"]
    pipe = subprocess.PIPE
    return subprocess.Popen(  # noqa: S603 - our own interpreter on our own module
        command, stdin=pipe, stdout=pipe, stderr=said, env=environment, start_new_session=True
    )


def _tell(process: subprocess.Popen[bytes], settings: dict[str, object]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    process.stdin.flush()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Read the ready line in a thread, since a pipe has no time-out on every system."""
    assert process.stdout is not None
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(
        target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True
    ).start()
    return lines.get(timeout=_START_SECONDS)


def _tail(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL_BYTES))
    return said.read().decode(errors="replace")
