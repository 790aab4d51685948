"""A run is found again in the account's histories: by prompt, time and count, and never another run's row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ipyveo.api.events import SUCCESS, Video
from ipyveo.generations import claims
from ipyveo.library.journal import Entry, Journal, StoredTake, marks_of

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient

_SKEW = timedelta(minutes=5)  # how far the service's clock may be from ours
_LONGEST_JOB = timedelta(hours=2)  # created_at may be a job's end
_PAGE = 100
_MOST_PAGES = 10
_PAUSE_SECONDS = 2.0  # between two looks of one account, by however many runs: it has 30 calls a minute

# The latest look of each account: since when, when by the loop's clock, and its rows.
_looks: dict[str, tuple[datetime, float, asyncio.Task[list[Video]]]] = {}


@dataclass(frozen=True)
class Found:
    """What the histories show of a run.

    Parameters
    ----------
    takes
        The videos that are its own.
    marks
        What tells its rows from all others.
    settled
        True if these are as many takes as were asked for.
    traced
        True if the service has heard of it, even where no video is there yet.
    pending
        True if a row that may be its own is still in the making.
    early
        True if these are from before the request left: older videos, unless clocks differ.
    """

    takes: tuple[StoredTake, ...] = ()
    marks: frozenset[str] = frozenset()
    settled: bool = False
    traced: bool = False
    pending: bool = False
    early: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the histories: its videos, one for each address, or a single one without any."""

    videos: tuple[Video, ...]

    @property
    def created(self) -> datetime | None:
        """When the service says that it was made, in UTC."""
        try:
            moment = datetime.fromisoformat(self.videos[0].created_at)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def decided(self) -> bool:
        """True if it has videos to fetch, or has failed; anything else is still going."""
        first = self.videos[0]
        done = not first.status or first.status.lower() in SUCCESS
        return first.failed or (done and first.file_url is not None)

    @property
    def marks(self) -> frozenset[str]:
        """What tells it from all other rows."""
        return frozenset(marks_of([_take(1, video) for video in self.videos]))


async def look(client: VeoClient, journal: Journal, entry: Entry) -> Found:
    """Look for a run in the account's histories, once; looking costs nothing.

    Parameters
    ----------
    client
        Whose histories to look into.
    journal
        Knows which rows other runs own.
    entry
        The run; it has been sent.

    Raises
    ------
    VeoError
        If the histories cannot be read now.
    """
    since = (entry.sent_at or entry.began_at) + client.skew - _SKEW
    videos = await _recent(client, since)
    # A run of another library of this process has its claims, too.
    account = await asyncio.to_thread(lambda: client.identity)
    taken = claims.claimed_by_others(account, entry.id)
    rows = [row for row in rows_of(videos) if not row.marks & taken]
    rivals = [other for other in claims.listening(account) if _is_rival(other, entry)]
    return await asyncio.to_thread(choose, rows, journal, entry, client.skew, rivals)


async def named_again(client: VeoClient, journal: Journal, entry: Entry, take: int) -> str | None:
    """Return where a take lies by the histories' word of now, or None if they do not say; costs nothing.

    Raises
    ------
    VeoError
        If the histories cannot be read now.
    """
    takes = await asyncio.to_thread(journal.takes, entry.id)
    wanted = next((known.id for known in takes if known.take == take), "")
    place = [known.take for known in takes if known.id == wanted].index(take) if wanted else 0
    videos = await _recent(client, (entry.sent_at or entry.began_at) + client.skew - _SKEW)
    named = [video for video in videos if wanted and video.id == wanted]
    return named[place].file_url if place < len(named) else None


def rows_of(videos: list[Video]) -> list[Row]:
    """Return the rows that videos were read from: those of one row follow each other and share its id."""
    rows: list[list[Video]] = []
    for video in videos:
        if rows and video.id and rows[-1][0].id == video.id:
            rows[-1].append(video)
        else:
            rows.append([video])
    return [Row(tuple(row)) for row in rows]


def choose(
    rows: list[Row],
    journal: Journal,
    entry: Entry,
    skew: timedelta = timedelta(),
    rivals: Sequence[Entry] = (),
) -> Found:
    """Return which rows are a run's own.

    A run of n videos may be one row with n addresses or n rows; prompts come back with other blanks; clocks
    differ by minutes. While another run of the same prompt still listens to its stream, a row may be that
    one's, which will soon know it for certain, so it is not taken yet. The rows' times are by the service's
    clock, which is ahead of ours by `skew`.
    """
    sent = (entry.sent_at or entry.began_at) + skew
    taken = journal.claimed_by_others(entry.account, entry.id)
    ids = {take.id for take in journal.takes(entry.id) if take.id}
    free = [row for row in rows if not row.marks & taken]
    known = [row for row in free if row.videos[0].id in ids]
    mine = known or [row for row in free if _matches(row, entry.prompt, sent)]
    ready = [row for row in mine if row.decided]
    if not known:
        rivals = [*rivals, *_listening(journal, entry)]
        ready = [row for row in ready if not any(_may_be(row, rival, skew) for rival in rivals)]
    own = _own(ready, entry.number_of_videos, sent)
    videos = [video for row in own for video in row.videos][: entry.number_of_videos]
    early = not known and any(_early(row, sent) for row in own)
    return Found(
        takes=tuple(_take(take, video) for take, video in enumerate(videos, 1)),
        marks=frozenset().union(*(row.marks for row in own)),
        settled=len(videos) == entry.number_of_videos and not early,
        traced=bool(mine),
        pending=any(not row.decided for row in mine),
        early=early,
    )


def _own(rows: list[Row], count: int, sent: datetime) -> list[Row]:
    """Return the row that holds the whole run, or else as many in order of time as make it up.

    What was made before the request left is only asked where there is nothing else.
    """
    late = [row for row in rows if not _early(row, sent)]
    ordered = sorted(late or rows, key=lambda row: row.created or sent)
    for row in ordered:
        if len(row.videos) == count:
            return [row]
    own: list[Row] = []
    for row in ordered:
        if sum(len(each.videos) for each in own) < count:
            own.append(row)
    return own


def _early(row: Row, sent: datetime) -> bool:
    return (row.created or sent) < sent - timedelta(seconds=5)


def _matches(row: Row, prompt: str, sent: datetime) -> bool:
    created = row.created
    return (
        row.videos[0].prompt.split() == prompt.split()
        and created is not None
        and sent - _SKEW <= created <= sent + _LONGEST_JOB
    )


def _listening(journal: Journal, entry: Entry) -> list[Entry]:
    return [
        other
        for other in journal.unfinished()
        if _is_rival(other, entry)
        and other.account == entry.account
        and other.state == "sent"
        and other.stage not in ("checking", "stopped")
        and journal.owners.lives(other.owner)
    ]


def _is_rival(other: Entry, entry: Entry) -> bool:
    return other.id != entry.id and other.prompt.split() == entry.prompt.split()


def _may_be(row: Row, rival: Entry, skew: timedelta) -> bool:
    return row.created is None or row.created >= (rival.sent_at or rival.began_at) + skew - _SKEW


def _take(take: int, video: Video) -> StoredTake:
    return StoredTake(take, video.id, video.file_url, video.status)


async def _recent(client: VeoClient, since: datetime) -> list[Video]:
    """Return the account's videos since then; many runs that look at the same time share one call."""
    account = await asyncio.to_thread(lambda: client.identity)
    now = asyncio.get_running_loop().time()
    known = _looks.get(account)
    if known is None or known[0] > since or known[1] < now - _PAUSE_SECONDS:
        early = since - timedelta(hours=1)  # so that the next run's look can be this one
        known = _looks[account] = (early, now, asyncio.ensure_future(_read(client, early)))
    return await asyncio.shield(known[2])


async def _read(client: VeoClient, since: datetime) -> list[Video]:
    videos: list[Video] = []
    for number in range(1, _MOST_PAGES + 1):
        page = await client.histories(page=number, page_size=_PAGE)
        videos += page
        oldest = Row((videos[-1],)).created if len(page) else None
        if number >= page.total_pages or (oldest is not None and oldest < since):
            break
    return videos
