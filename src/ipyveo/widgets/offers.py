"""What a widget offers to fetch: the runs of its library that nobody watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipyveo.generations.recovery import Offer, offers
from ipyveo.generations.stages import moment_words

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.library.library import Library

_LOOK_AGAIN_SECONDS = 60.0  # for what is not ready yet
_MOST = 20  # a page names few of them, and the trait is saved with the notebook
_PROMPT_CHARACTERS = 120

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
        show: Callable[[list[dict[str, Any]]], None],
        wanted: Callable[[], bool],
    ) -> None:
        self._client = client
        self._library = library
        self._show = show
        self._wanted = wanted
        self._dismissed: set[str] = set()
        self._keeping: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Look now, and again from time to time as long as something may become ready."""
        self.close()
        self._keeping = asyncio.ensure_future(self._keep())

    def dismiss(self, run: str) -> None:
        """Offer a run no more; `recover` still fetches it."""
        self._dismissed.add(run)
        self.refresh()

    def close(self) -> None:
        """Look no more."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep(self) -> None:
        while self._wanted():
            try:
                found = await offers(self._client, self._library)
            except Exception:  # the form can be used all the same
                _logger.exception("What was left behind could not be looked up.")
                return
            kept = [offer for offer in found if offer.entry.id not in self._dismissed]
            self._show([_record(offer) for offer in reversed(kept[-_MOST:])])
            if all(offer.ready for offer in kept):
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _record(offer: Offer) -> dict[str, Any]:
    count = offer.entry.number_of_videos
    many = count > 1
    what = f"{count} video{'s' if many else ''} from {moment_words(offer.entry.began_at)}"
    state = f"{'are' if many else 'is'} ready to fetch" if offer.ready else "may still come"
    prompt = offer.entry.prompt[:_PROMPT_CHARACTERS]
    return {"run": offer.entry.id, "words": f"{what} {state}", "prompt": prompt, "ready": offer.ready}
