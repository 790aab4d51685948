"""What a widget offers to fetch: the runs of its library that nobody watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipyveo.errors import VeoError
from ipyveo.generations.recovery import Offer, offers
from ipyveo.widgets.words import offer

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.library.library import Library

_LOOK_AGAIN_SECONDS = 60.0  # for what is not ready yet
_MOST = 3  # more would only fill the page, and the notebook it is saved in

_logger = logging.getLogger(__name__)


class Offers:
    """Keeps the offers of one widget up to date while a page is there. Only on the background loop.

    Parameters
    ----------
    client, library
        Whose runs.
    show
        Called with what the page shows.
    wanted
        Tells whether there is a page.
    """

    def __init__(
        self,
        client: VeoClient,
        library: Library,
        show: Callable[[dict[str, Any]], None],
        wanted: Callable[[], bool],
    ) -> None:
        self._client = client
        self._library = library
        self._show = show
        self._wanted = wanted
        self._latest: list[Offer] = []
        self._keeping: asyncio.Task[None] | None = None
        self._dismissing: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Look now, and again from time to time as long as something may become ready."""
        self.close()
        self._keeping = asyncio.ensure_future(self._keep())

    def dismiss(self, run: str) -> None:
        """Offer a run no more, by any widget; `recover` still fetches it."""
        self._latest = [each for each in self._latest if each.entry.id != run]
        self._tell()
        self._dismissing = asyncio.ensure_future(self._note(run))

    def close(self) -> None:
        """Look no more."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _note(self, run: str) -> None:
        with contextlib.suppress(sqlite3.Error, OSError):
            await asyncio.to_thread(self._library.journal.dismiss, run)

    async def _keep(self) -> None:
        while self._wanted():
            try:
                self._latest = await offers(self._client, self._library)
            except VeoError as error:
                _logger.debug("What was left behind could not be looked up: %s", error)
                return
            self._tell()
            if not any(each.may_become_ready for each in self._latest):
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _tell(self) -> None:
        latest = self._latest[::-1]
        more = len(latest[_MOST:])
        rest = f"{more} more; recover() fetches them all." if more else ""
        self._show({"lines": [offer(each) for each in latest[:_MOST]], "more": rest})
