"""Which run a widget shows: the one that is asked for, one that was left behind, or clips that are there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ipyveo.generations.generate import again
from ipyveo.generations.shot import Shot, adopt, at_work
from ipyveo.loop import background_loop
from ipyveo.widgets.watch import Watch

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.api.events import Event
    from ipyveo.generations.cost import Budget
    from ipyveo.library.journal import Entry
    from ipyveo.library.library import Library


_SOONEST_AGAIN_SECONDS = 5.0  # after the request that is in doubt


class Form(Protocol):
    """Makes the shot that a form asks for."""

    def __call__(self) -> Shot:
        """Return it; raises a `VeoError` if something is missing."""
        ...


class Runs:
    """The runs of one widget, one at a time. Its methods wait for the disk: on a loop, call them in a thread.

    Parameters
    ----------
    client, library, budget
        Whose runs, where they are kept, and what they may cost.
    seat
        The cell that made the widget, or "".
    form
        Makes the shot that the widget's form asks for.
    follow
        Called on the background loop with each event of the run that is shown, and None at its end.
    refill
        Called with a run of this cell whose form was lost with its kernel.

    Attributes
    ----------
    watch
        The run that is shown, or None.
    """

    def __init__(
        self,
        client: VeoClient,
        library: Library,
        budget: Budget | None,
        seat: str,
        *,
        form: Form,
        follow: Callable[[Watch, Event | None], None],
        refill: Callable[[Entry], object],
    ) -> None:
        self.watch: Watch | None = None
        self._client = client
        self._library = library
        self._budget = budget
        self.seat = seat
        self._form = form
        self._follow = follow
        self._refill = refill
        self._asking = threading.Lock()
        self._sending_again = False

    @property
    def going(self) -> bool:
        """True while a run goes."""
        return self.watch is not None and self.watch.shot.going

    def ask(self) -> tuple[Watch, bool]:
        """Return the run that the form asks for, and whether it is another one than before."""
        with self._asking:
            if self.watch is not None and self.watch.shot.going:
                return self.watch, False
            mine = self._form()
            # What a kernel that died had already sent is not paid for again.
            return self._show(mine.earlier(of_this_process=False) or mine.twin()), True

    def pick_up(self, *, empty: bool) -> Watch | None:
        """Take up what this form, or for an empty form this cell, has asked for before, in any kernel."""
        with self._asking:
            if self.watch is not None:
                return None
            earlier = self._of_this_seat() if empty else self._form().earlier()
            return None if earlier is None else self._show(earlier)

    def take_up(self, run: str) -> Watch | None:
        """Take up a run that was offered."""
        with self._asking:
            if self.going:
                return None
            entry = self._library.journal.entry(run)
            mine = entry.account == self._client.account
            shot = adopt(entry, self._client, self._library) if mine else None
            return None if shot is None else self._show(shot)

    async def ask_again(self, run: str) -> Watch | None:
        """Send the request of a run in doubt once more, at the person's own word about this very run.

        Where the run is found in that very moment, it is gone on with, and nothing is sent. On the background
        loop: no thread and no lock may wait for it.
        """
        if self._sending_again:
            return None  # one press is one request, however often and fast it is pressed
        self._sending_again = True
        try:
            pair = await asyncio.to_thread(self._prepare_again, run)
            if pair is None:
                return None
            old, new = pair
            given_up = await old.give_up()
            return await asyncio.to_thread(self._show_next, old, new if given_up else None)
        finally:
            self._sending_again = False

    def _prepare_again(self, run: str) -> tuple[Shot, Shot] | None:
        with self._asking:
            old = None if self.watch is None else self.watch.shot
            soon = old is None or time.monotonic() - old.began < _SOONEST_AGAIN_SECONDS
            if old is None or old.entry.id != run or soon or not old.in_doubt:
                return None
            new = again(old, self._budget)
            new.check_budget()
            return old, new

    def _show_next(self, old: Shot, new: Shot | None) -> Watch | None:
        with self._asking:
            if self.watch is None or self.watch.shot is not old:
                return None
            found = new or adopt(self._library.journal.entry(old.entry.id), self._client, self._library)
            return None if found is None else self._show(found)

    def take_made_before(self) -> Watch | None:
        """Show the clips that an equal run has made already; nothing is ever sent for them."""
        with self._asking:
            if self.going:
                return None
            shot = self._form()
            made = shot.made_before()
            return None if made is None else self._show(shot.take(made))

    def made_before(self) -> tuple[Entry, bool] | None:
        """Return the run whose clips the form would make again, and whether it is the one that is shown."""
        made = self._form().made_before()
        if made is None:
            return None
        shot = None if self.watch is None else self.watch.shot
        shown = None if shot is None else (shot.reused or shot.entry).id
        return made[0], made[0].id == shown

    def _of_this_seat(self) -> Shot | None:
        """Return what was asked for on the page of this cell; the form that was lost with it comes back."""
        account = self._client.account
        for entry in reversed(self._library.unfinished()):
            if self.seat and entry.seat == self.seat and entry.account == account and entry.unfinished:
                shot = at_work(entry) or adopt(entry, self._client, self._library)
                if shot is not None:
                    self._refill(entry)
                    return shot
        return None

    def _show(self, shot: Shot) -> Watch:
        """Make a run the one that is shown. Only with `_asking` held."""
        self.watch = watch = Watch(shot)
        shot.listen(lambda event: self._follow(watch, event))
        if shot.over:  # it may have ended before it was listened to
            background_loop().call_soon_threadsafe(self._follow, watch, None)
        return watch
