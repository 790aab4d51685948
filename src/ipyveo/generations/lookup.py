"""The address that a complete event came without: it appears in the account's histories shortly after."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ipyveo.errors import VeoError

if TYPE_CHECKING:
    from ipyveo.api.account import HistoryPage
    from ipyveo.api.client import VeoClient
    from ipyveo.api.events import Video

_TRIES = 15
_PAUSE_SECONDS = 2.0

# The addresses that runs of this process have taken: two runs of one prompt must not share a video.
_taken: set[str] = set()


async def addressed(client: VeoClient, videos: list[Video], prompt: str, began: datetime) -> list[Video]:
    """Return the videos with the addresses that were missing, as far as the histories know them.

    A row is matched by its id, and where ids differ between an event and a row, as they may, by its prompt
    and time. The videos were made and may be charged already, so a call that fails here decides nothing.

    Parameters
    ----------
    client
        Whose histories to look into; looking costs nothing.
    videos
        What the complete event carried.
    prompt
        What was asked.
    began
        When the request was sent, by the service's clock: an older row of the same prompt is not ours.
    """
    missing = [video for video in videos if video.file_url is None and not video.failed]
    kept = [video for video in videos if video not in missing]
    found: list[Video] = []
    for attempt in range(_TRIES if missing else 0):
        if attempt:
            await asyncio.sleep(_PAUSE_SECONDS)
        try:
            page = await client.histories(page_size=100)
        except VeoError:
            continue
        found = _rows_of(page, {video.id for video in missing}, prompt, began)[: len(missing)]
        if len(found) == len(missing):
            break
    whole = [*kept, *found, *missing[len(found) :]]
    _taken.update(video.file_url for video in whole if video.file_url is not None)
    return whole


def _rows_of(page: HistoryPage, ids: set[str], prompt: str, began: datetime) -> list[Video]:
    free = [row for row in page if row.file_url is not None and row.file_url not in _taken]
    by_id = [row for row in free if row.id and row.id in ids]
    words = prompt.split()
    by_words = [row for row in free if row.prompt.split() == words and _recent(row, began)]
    return by_id or by_words


def _recent(row: Video, began: datetime) -> bool:
    try:
        created = datetime.fromisoformat(row.created_at)
    except ValueError:
        return False
    # The service tells whole seconds.
    return (created if created.tzinfo else created.replace(tzinfo=UTC)) >= began.replace(microsecond=0)
