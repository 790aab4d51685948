"""Which process watches a run: an operating-system lock, which ends with the process, however it ends."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import threading
from pathlib import Path

FILE_NAME = ".owners.lock"
_LARGEST_OWNER = 2**31 - 1  # an offset that every system's lock call can take
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class NoLocksError(OSError):
    """The drive has no file locks, so two processes cannot tell whether the other one lives."""


class Owners:
    """The living processes of one library, each holding a lock on one byte of a file.

    A lock goes with its process, also at SIGKILL, so a run whose owner's byte is free has been left behind.
    One file and one open descriptor serve any number of processes and runs. POSIX ends all of a process's
    locks on a file when it closes any descriptor of it, so the file is opened once and never closed.

    Parameters
    ----------
    folder
        The library's folder; it has to exist.

    Raises
    ------
    NoLocksError
        When locking is tried on a drive that cannot.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._guard = threading.Lock()
        self._file = -1  # a bare descriptor: no garbage collection closes it
        self._pid = 0
        self._number = 0

    def mine(self) -> int:
        """Return this process's number, locked from now on to the end of the process."""
        with self._guard:
            if self._pid != os.getpid():  # POSIX gives a forked child none of its parent's locks
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
                self._number = self._lock_one(self._file)
                self._pid = os.getpid()
            return self._number

    def lives(self, owner: int) -> bool:
        """Tell whether the process of this number is still there."""
        if owner == self.mine():
            return True
        with self._guard:
            if not _lock(self._file, owner):
                return True
            _unlock(self._file, owner)
            return False

    @staticmethod
    def _lock_one(file: int) -> int:
        while True:
            number = 1 + secrets.randbelow(_LARGEST_OWNER)
            if _lock(file, number):
                return number


if sys.platform != "win32":
    import fcntl

    def _try(file: int, number: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)

    def _unlock(file: int, number: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, number)

else:
    import msvcrt

    def _try(file: int, number: int) -> None:
        os.lseek(file, number, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int, number: int) -> None:
        os.lseek(file, number, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)


def _lock(file: int, number: int) -> bool:
    try:
        _try(file, number)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise NoLocksError(error.errno, os.strerror(error.errno or 0)) from error
    return True
