"""Keeps the untouched file of a picture as long as it is needed: in memory, or on disk where large."""

from __future__ import annotations

import io
import mmap
import tempfile
from collections.abc import Callable
from typing import IO, Final

from ipyveo.errors import FrameError

NOTHING_CHARGED: Final = "Nothing was sent and nothing was charged."

_MOST_IN_MEMORY: Final = 2**20


class Original:
    """A file's bytes, which nobody can change any more.

    A large file lies in the system's temporary folder under no name, and is gone with the last that refers to
    it. It is mapped into memory, not read through a file: threads and forked processes share no position.

    Parameters
    ----------
    write
        Called once, with the file to write to.
    name
        What messages call the picture, already fit to be shown.

    Raises
    ------
    FrameError
        If the temporary folder has no room for it.

    Examples
    --------
    >>> Original(lambda file: file.write(b"GIF89a"), "day.gif").data()
    b'GIF89a'
    """

    __slots__ = ("_kept",)

    def __init__(self, write: Callable[[IO[bytes]], object], name: str) -> None:
        self._kept: bytes | mmap.mmap
        try:
            with tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY) as file:
                write(file)
                size = file.seek(0, io.SEEK_END)
                if size > _MOST_IN_MEMORY:
                    file.flush()
                    self._kept = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
                else:
                    file.seek(0)
                    self._kept = file.read()
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise FrameError(
            f"There is no room for a copy of {name} in the temporary folder ({reason}). {NOTHING_CHARGED} "
            "Make room, or name another folder in TMPDIR."
        )

    def data(self) -> bytes:
        """Return all bytes."""
        return bytes(self._kept)

    def open(self) -> IO[bytes]:
        """Return a file of its own to read them from."""
        if isinstance(self._kept, bytes):
            return io.BytesIO(self._kept)
        return io.BufferedReader(_Mapped(self._kept))

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self.data(),)


def _restored(data: bytes) -> Original:
    """Make an original again that was pickled."""
    return Original(lambda file: file.write(data), "a picture")


class _Mapped(io.RawIOBase):
    """A file over mapped memory; unlike mmap's own position it may go past the end, as files allow."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self._memory)}[whence]
        if start + offset < 0:
            raise ValueError("a place before the start")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        part = self._memory[self._place : self._place + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)
