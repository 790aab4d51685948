"""Which process watches a run: an operating-system lock, which ends with the process, however it ends."""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import secrets
import socket
import sys
import threading
from pathlib import Path

from ipyveo.errors import InvalidRequestError

FILE_NAME = ".owners.lock"
ALONE_NAME = ".in-use.json"
_LARGEST_OWNER = 2**31 - 1  # an offset that every system's lock call can take
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class NoLocksError(OSError):
    """The drive has no file locks, so no process can tell whether another one lives."""


class Owners:
    """The living processes of one library, each holding a lock on one byte of a file.

    A lock goes with its process, also at SIGKILL, so a run whose owner's byte is free has been left behind.
    One file and one open descriptor serve any number of processes and runs. POSIX ends all of a process's
    locks on a file when it closes any descriptor of it, so the file is opened once and never closed.

    On a drive without file locks the first process has the library to itself, by a file that only one can
    create; any other is refused.

    Parameters
    ----------
    folder
        The library's folder; it has to exist.

    Attributes
    ----------
    alone
        True where the drive has no locks, once `mine` has been asked.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.alone = False
        self._guard = threading.Lock()
        self._file = -1  # a bare descriptor: no garbage collection closes it
        self._pid = 0
        self._number = 0

    def mine(self) -> int:
        """Return this process's number, locked from now on to the end of the process.

        Raises
        ------
        InvalidRequestError
            Where the drive has no locks and another process has the library to itself.
        """
        with self._guard:
            if self._pid != os.getpid():  # POSIX gives a forked child none of its parent's locks
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    self._number, self.alone = self._lock_one(self._file), False
                except NoLocksError:
                    _take_alone(self._path.with_name(ALONE_NAME))
                    self._number, self.alone = 1 + secrets.randbelow(_LARGEST_OWNER), True
                self._pid = os.getpid()
            return self._number

    def lives(self, owner: int) -> bool:
        """Tell whether the process of this number is still there."""
        if owner == self.mine():
            return True
        if self.alone:
            return False
        with self._guard:
            if not _lock(self._file, owner):
                return True
            _unlock(self._file, owner)
            return False

    def intact(self) -> bool:
        """Tell whether the lock file is still the one that is held; a folder may be removed and made anew."""
        if self._pid != os.getpid():
            return True
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
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


def _take_alone(path: Path) -> None:
    """Create the file that says who has the library; one of a process that has ended here gives way."""
    me = {"process": os.getpid(), "machine": socket.gethostname()}
    for _ in range(2):
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(me, file)
        except FileExistsError:
            if _cleared(path):
                continue
            break
        atexit.register(_leave, path, os.getpid())
        return
    raise InvalidRequestError(
        "The library's drive has no file locks, and another process is using the library. Nothing was sent "
        "and nothing was charged. Choose another folder with library=, or end that process and remove "
        f"{ALONE_NAME} from the folder."
    )


def _cleared(path: Path) -> bool:
    """Take the file of a process that has ended out of the way, as another may at the same moment."""
    if not _has_ended(path):
        return False
    aside = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
    try:
        path.rename(aside)
        if _has_ended(aside):
            aside.unlink()
        else:
            aside.rename(path)  # the other was faster, and this is its own
    except FileNotFoundError:
        pass
    return True


def _has_ended(path: Path) -> bool:
    """Tell whether the process that made the file was one of this machine and is gone."""
    try:
        said = json.loads(path.read_text("utf-8"))
        if said["machine"] != socket.gethostname() or sys.platform == "win32":
            return False  # Windows has no signal that only asks
        if said["process"] == os.getpid():
            return True  # of an earlier process of this number: containers give the same ones again
        os.kill(int(said["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return False


def _leave(path: Path, pid: int) -> None:
    if pid == os.getpid():  # not in a forked child
        with contextlib.suppress(OSError):
            path.unlink()


def _lock(file: int, number: int) -> bool:
    try:
        _try(file, number)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise NoLocksError(error.errno, os.strerror(error.errno or 0)) from error
    return True
