"""Recovery: what an earlier kernel left behind is found, fetched and saved; no request is ever sent."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ipyveo.errors import VeoError
from ipyveo.generations.generate import default_client
from ipyveo.generations.lookup import look
from ipyveo.generations.shot import Shot, adopt, at_work
from ipyveo.generations.stages import moment_words
from ipyveo.library.journal import Entry
from ipyveo.library.library import Library, usable
from ipyveo.loop import on_background

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.media.clip import Clip

_RECENT = timedelta(hours=3)
_logger = logging.getLogger(__name__)
_GRACE_SECONDS = 4.0  # a job that ends just now shows up a moment later


async def recover(
    *,
    client: VeoClient | None = None,
    library: Library | str | os.PathLike[str] | None = None,
    wait: float = 0.0,
) -> list[Clip]:
    """Finish what an earlier kernel, a dropped line or Stop watching left behind; never sends a request.

    A run whose process has ended is taken over at once; one that a living process still watches is left
    alone. What is not found stays in the journal, and a warning says so.

    Parameters
    ----------
    client
        None uses the key from the environment or Colab's secrets, and without one the embedded sandbox.
    library
        A `Library` or its folder; None is ``IPYVEO_LIBRARY``, then ``ipyveo-library``.
    wait
        Seconds to keep looking for jobs that are not done; 0 looks once, with a few seconds of grace.

    Returns
    -------
    list of Clip
        The clips of the runs that were finished now.

    Examples
    --------
    >>> from ipyveo import VeoClient, recover, run
    >>> run(recover(client=VeoClient.sandbox(), library="/tmp/an-empty-library"))
    []
    """
    library = library if isinstance(library, Library) else Library(library)
    if client is None:
        client = default_client()
    clips, sentences = await on_background(_recover(client, library, max(wait, _GRACE_SECONDS)))
    for sentence in sentences:
        warnings.warn(sentence, stacklevel=2)
    return clips


async def _recover(client: VeoClient, library: Library, patience: float) -> tuple[list[Clip], list[str]]:
    with usable():
        shots = await asyncio.to_thread(_left_behind, client, library, patience)
    try:
        outcomes = await asyncio.gather(*(_finished(shot) for shot in shots))
    except asyncio.CancelledError:
        for shot in shots:  # whoever stops waiting does not want them to go on in secret
            shot.stop()
        raise
    clips = [clip for shot in shots for clip in shot.clips]
    return clips, [sentence for said in outcomes for sentence in said]


async def _finished(shot: Shot) -> list[str]:
    """Wait for one run; returns what is to be said of it."""
    when = moment_words(shot.entry.began_at)
    try:
        async for _ in shot:
            pass
    except VeoError as error:
        return [f"The run of {when}: {error}"]
    except Exception as error:  # the other runs have their clips all the same
        _logger.exception("A run could not be finished.")
        return [f"The run of {when} could not be finished ({type(error).__name__}); it stays in the journal."]
    return [f"The run of {when}: {notice}" for notice in shot.notices]


@dataclass(frozen=True)
class Offer:
    """A run that an earlier kernel, a dropped line or Stop watching left behind.

    Parameters
    ----------
    entry
        The run.
    ready
        True if its videos can be fetched now.
    """

    entry: Entry
    ready: bool

    @property
    def may_become_ready(self) -> bool:
        """True for a run of the last hours that is not ready yet."""
        age = datetime.now(UTC) - (self.entry.sent_at or self.entry.began_at)
        return not self.ready and age <= _RECENT


async def offers(client: VeoClient, library: Library) -> list[Offer]:
    """Return what `recover` would go for and nobody has dismissed, oldest first; takes nothing over."""
    entries = await asyncio.to_thread(_unwatched, client, library)
    return [Offer(entry, await _ready(client, library, entry)) for entry in entries if not entry.dismissed]


async def _ready(client: VeoClient, library: Library, entry: Entry) -> bool:
    """Look for a run of the last hours; an older one is looked for when somebody asks for it."""
    if entry.state == "complete":
        return True
    if datetime.now(UTC) - (entry.sent_at or entry.began_at) > _RECENT:
        return False
    try:
        found = await look(client, library.journal, entry)
    except (VeoError, sqlite3.Error, OSError):
        return False
    return found.settled


def _unwatched(client: VeoClient, library: Library) -> list[Entry]:
    """Return the unfinished runs of this account that no living process is at work on."""
    journal, account = library.journal, client.account
    return [
        entry
        for entry in library.unfinished()
        if entry.unfinished
        and entry.account == account
        and at_work(entry) is None
        and (entry.owner == journal.owners.mine() or not journal.owners.lives(entry.owner))
    ]


def _left_behind(client: VeoClient, library: Library, patience: float) -> list[Shot]:
    """Take over the runs of this account that nobody watches; close those of which nothing can come."""
    account = client.account
    left: list[Shot] = []
    for entry in library.unfinished():
        lost = entry.account.startswith("sandbox:") and entry.account != account
        if entry.account != account and not lost and entry.state != "waiting":
            continue  # another account's: it is found with that one's key
        shot = adopt(entry, client, library, patience)
        if shot is None:
            continue
        if shot.entry.state == "waiting":  # as it was when its process had ended for certain
            library.journal.ended(entry.id, "failed", "It was never sent. Nothing was charged.")
        elif lost:
            sentence = "The local preview ended with its kernel. Nothing was charged."
            library.journal.ended(entry.id, "failed", sentence)
        else:
            left.append(shot)
    return left
