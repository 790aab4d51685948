"""The patient search for a run in doubt: look after look into the account, and no request ever sent."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ipyveo.errors import InterruptedGenerationError, VeoError
from ipyveo.generations import claims
from ipyveo.generations.lookup import Found, look
from ipyveo.library.journal import marks_of

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.library.journal import Entry, Journal, StoredTake

_PATIENCE_SECONDS = 20 * 60.0  # without a trace of the job in the account's histories
_SETTLING_SECONDS = 60.0  # how long fewer videos than asked for have to stay as they are
_LOOKS = (0.0, 2.0, 2.0, 4.0, 8.0)  # seconds before each look; then the last pause
_LAST_PAUSE_SECONDS = 15.0
_SHORTEST_LOOK_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class Search:
    """Looks into an account's histories until a run is found, or patience ends.

    Parameters
    ----------
    client
        Whose histories to look into.
    journal
        Knows which rows other runs own, and is told which are this one's.
    entry
        The run; it has been sent.
    patience
        Seconds without a trace of the run until it is given up. None is 20 minutes, counted from when the
        request left, and again from each moment that the run is seen.
    doubt
        What made it doubtful, if anything did.
    """

    def __init__(
        self,
        client: VeoClient,
        journal: Journal,
        entry: Entry,
        patience: float | None = None,
        doubt: VeoError | None = None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._entry = entry
        self._given = patience
        self._doubt = doubt
        age = (datetime.now(UTC) - (entry.sent_at or entry.began_at)).total_seconds()
        self._patience = _PATIENCE_SECONDS if patience is None else patience
        # A run that is picked up late has used some of its patience already.
        left = self._patience if patience is not None else self._patience - age
        clock = asyncio.get_running_loop().time()
        self._ends = clock + (left if patience is not None else max(left, _SHORTEST_LOOK_SECONDS))
        self._old = patience is not None and age > _PATIENCE_SECONDS
        self._seen, self._since, self._read = Found(), clock, False

    async def takes(self) -> list[StoredTake]:
        """Return the run's videos, which are nobody else's from here on.

        Raises
        ------
        InterruptedGenerationError
            If there is no trace of the run.
        """
        clock = asyncio.get_running_loop().time
        pauses = iter(_LOOKS)
        while True:
            # The first look is at once, and the last one when the patience ends.
            pause = next(pauses, _LAST_PAUSE_SECONDS)
            await asyncio.sleep(max(0.0, min(pause, self._ends - clock())))
            if await self._look(clock()):
                return list(self._seen.takes)
            if self._seen.traced and self._given is None:
                self._ends = clock() + self._patience
            if clock() >= self._ends:
                raise self._not_found()

    async def _look(self, now: float) -> bool:
        """Look once; True if the run was found and is this one's own now."""
        try:
            found = await look(self._client, self._journal, self._entry)
            self._read = True
            # An older video of the same words has to wait until the run's own can no longer come.
            settling = _PATIENCE_SECONDS if found.early else _SETTLING_SECONDS
            still = found == self._seen and (self._old or now - self._since >= settling)
            if found != self._seen:
                self._seen, self._since = found, now
            enough = still and bool(found.takes) and not found.pending
            if not (found.settled or enough):
                return False
            # To its end, also when it is called off: a thread cannot be, and a claim that is made is made.
            claiming = asyncio.ensure_future(asyncio.to_thread(self._claim, found))
            try:
                return await asyncio.shield(claiming)
            except asyncio.CancelledError:
                await asyncio.wait({claiming})
                raise
        except VeoError as error:
            self._doubt = self._doubt or error
        except (sqlite3.Error, OSError) as error:
            _logger.warning("The journal could not be asked: %s", error)
        return False

    def _claim(self, found: Found) -> bool:
        marks = marks_of(found.takes) | found.marks
        if not claims.claim(self._client.identity, self._entry.id, marks):
            return False
        return self._journal.claim(self._entry.id, self._entry.account, found.takes, found.marks)

    def _not_found(self) -> InterruptedGenerationError:
        if not self._read:
            sentence = (
                "Your account could not be read, so it is not known whether this job was accepted; it may be "
                "charged. It stays in the journal: call recover() when the service answers again."
            )
        elif self._given is not None:
            sentence = (
                "This run is not in the account's history yet; it may be charged. "
                "It stays in the journal: call recover() again later."
            )
        else:
            sentence = (
                "No trace of this job was found in your account for 20 minutes, so it was probably never "
                "accepted. recover() looks again; generating again may cost its credits a second time."
            )
        raw = "" if self._doubt is None else self._doubt.raw
        return InterruptedGenerationError(sentence, maybe_charged=True, raw=raw)
