"""Which videos of an account belong to which run of this process, whatever library each run is of."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipyveo.library.journal import Entry


@dataclass
class Claims:
    """The claims of one account.

    Parameters
    ----------
    owners
        What tells a video from all others, and the run that it belongs to.
    listening
        The runs that still hear of their videos from the service itself.
    """

    owners: dict[str, str] = field(default_factory=dict)
    listening: dict[str, Entry] = field(default_factory=dict)


_lock = threading.Lock()
_accounts: dict[str, Claims] = {}


def claim(account: str, run: str, marks: set[str]) -> bool:
    """Take videos for a run; False if another run of this process has one of them.

    Parameters
    ----------
    account
        The client's `identity`.
    run
        The run's own name.
    marks
        What tells the videos from all others.
    """
    with _lock:
        owners = _accounts.setdefault(account, Claims()).owners
        if any(owners.get(mark, run) != run for mark in marks):
            return False
        owners.update(dict.fromkeys(marks, run))
        return True


def claimed_by_others(account: str, run: str) -> set[str]:
    """Return the marks of the videos that other runs of this process own."""
    with _lock:
        owners = _accounts.setdefault(account, Claims()).owners
        return {mark for mark, owner in owners.items() if owner != run}


def listening(account: str) -> list[Entry]:
    """Return the runs of an account that listen in this process."""
    with _lock:
        return list(_accounts.setdefault(account, Claims()).listening.values())


@contextlib.contextmanager
def listens(account: str, entry: Entry) -> Iterator[None]:
    """Let it be known that a run hears of its videos from the service itself."""
    with _lock:
        _accounts.setdefault(account, Claims()).listening[entry.id] = entry
    try:
        yield
    finally:
        with _lock:
            _accounts[account].listening.pop(entry.id, None)
