"""What runs cost: a budget that is never passed, and the account's credits before and after a run."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ipyveo.errors import BudgetError, InvalidRequestError, VeoError

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.library.journal import Journal

_CALL_SECONDS = 5.0  # a run does not wait longer for the account's word
_LOOKS = (0.0, 2.0, 3.0, 5.0, 10.0, 20.0, 20.0)  # seconds before each look: a charge or a refund can be late
_LONGEST_JOB_SECONDS = 2 * 3600.0


class Budget:
    """Credits that runs may cost together; one can be shared by widgets and calls of `generate`.

    A run counts with its "up to" until its true cost is known; where that cannot be told, it stays so. A run
    that could pass the budget is refused before anything is sent.

    Parameters
    ----------
    credit_count
        The most that may be spent, a whole number from 0 on.

    Raises
    ------
    InvalidRequestError
        If it is no such number.

    Examples
    --------
    >>> from ipyveo import Budget
    >>> budget = Budget(10)
    >>> budget.left
    10
    """

    def __init__(self, credit_count: int) -> None:
        whole = isinstance(credit_count, int) and not isinstance(credit_count, bool)
        if not whole or credit_count < 0:
            raise InvalidRequestError(
                "A budget is a whole number of credits, 0 or more. Nothing was sent and nothing was charged."
            )
        self.limit = credit_count
        self._runs: dict[str, int] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Budget({self.limit}), {self.left} left"

    @property
    def left(self) -> int:
        """The credits that may still be spent."""
        with self._lock:
            return max(0, self.limit - sum(self._runs.values()))

    def check(self, up_to: int) -> None:
        """Raise `BudgetError` if a run of so many credits could pass the budget."""
        if up_to > self.left:
            raise _beyond(self.left, self.limit, up_to)

    def reserve(self, run: str, up_to: int) -> None:
        """Count a run with the most it may cost; raises `BudgetError` if that could pass the budget."""
        with self._lock:
            left = max(0, self.limit - sum(self._runs.values()))
            if up_to <= left:
                self._runs[run] = up_to
                return
        raise _beyond(left, self.limit, up_to)

    def settle(self, run: str, cost: int) -> None:
        """Count a run with what it did cost."""
        with self._lock:
            self._runs[run] = cost


def as_budget(value: int | Budget | None) -> Budget | None:
    """Return the budget that a number stands for; a `Budget` and None are themselves."""
    return value if value is None or isinstance(value, Budget) else Budget(value)


def _beyond(left: int, limit: int, up_to: int) -> BudgetError:
    return BudgetError(
        f"This run may cost up to {counted(up_to)}, and {left} of the budget of {limit} are left. Nothing "
        "was sent and nothing was charged. Ask for fewer videos, or raise the budget."
    )


# The meters that run, by account; only touched on the background loop.
_running: dict[str, set[Meter]] = {}


class Meter:
    """The account's credits before and after one run; knows nothing as soon as another run overlaps.

    Parameters
    ----------
    client
        Whose credits.
    journal
        Knows the runs of other processes.
    run
        The run's own name in the journal.
    """

    def __init__(self, client: VeoClient, journal: Journal, run: str) -> None:
        self._client = client
        self._journal = journal
        self._run = run
        self._account = ""
        self._since = datetime.now(UTC)
        self._before: int | None = None
        self._alone = True
        self.cost: int | None = None
        self.refunded = 0

    async def start(self) -> None:
        """Note the credits before the request leaves."""
        self._account = await asyncio.to_thread(lambda: self._client.identity)
        others = _running.setdefault(self._account, set())
        for other in others:
            other._alone = self._alone = False  # noqa: SLF001 - its own class
        others.add(self)
        if self._alone and not await self._overlapped():
            self._before = await self._remaining()

    def stop(self, *, in_doubt: bool) -> None:
        """Let other runs be alone from here on; after a run in doubt not before it must have ended."""
        delay = _LONGEST_JOB_SECONDS if in_doubt else 0.0
        others = _running.get(self._account, set())
        asyncio.get_running_loop().call_later(delay, others.discard, self)

    async def read(self, *, made: int, up_to: int) -> None:
        """Set `cost` to the measured difference, and `refunded` to what came back while it was waited for.

        What cannot be so yet is looked at again for a minute: nothing for clips that were made, or more than
        nothing for a run that failed. A difference that stays impossible is not told.

        Parameters
        ----------
        made
            How many clips were made.
        up_to
            How many were asked for.
        """
        low, high = min(1, made), up_to if made == up_to else made
        before: int | None = None
        for pause in _LOOKS:
            await asyncio.sleep(pause)
            after = None if self._before is None else await self._remaining()
            if after is None or self._before is None or not self._alone or await self._overlapped():
                self.cost = None
                return
            cost = self._before - after
            if before is not None and before > cost >= 0:
                self.refunded += before - cost
            settled, before = cost == before, cost
            self.cost = cost if 0 < cost <= up_to or (cost == 0 and made == 0) else None
            # A charge may still be on its way: only what is read twice is known, and nothing is nothing.
            if low <= cost <= high and (settled or cost == 0):
                return

    async def _overlapped(self) -> bool:
        account = self._client.account
        try:
            return await asyncio.to_thread(self._journal.overlapped, account, self._run, self._since)
        except (sqlite3.Error, OSError):
            return True

    async def _remaining(self) -> int | None:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return (await self._client.credits()).remaining
        except (VeoError, TimeoutError):
            return None


def cost_words(up_to: int, cost: int | None, refunded: int, *, failed: bool = False) -> str:
    """Return what a run cost, in words for people that go on from "This run".

    Examples
    --------
    >>> from ipyveo.generations.cost import cost_words
    >>> cost_words(2, 2, 0), cost_words(2, None, 0), cost_words(2, 0, 2)
    ('cost 2 credits', 'cost up to 2 credits', 'cost nothing: 2 credits came back')
    >>> cost_words(2, 2, 0, failed=True)
    'has not had its 2 credits back yet'
    """
    if cost is None:
        return f"cost up to {counted(up_to)}"
    if failed and cost:
        return f"has not had its {counted(cost)} back yet"
    words = f"cost {counted(cost)}" if cost else "cost nothing"
    return f"{words}: {counted(refunded)} came back" if refunded else words


def counted(credit_count: int) -> str:
    """Return a number of credits in words."""
    return f"{credit_count} credit{'' if credit_count == 1 else 's'}"
