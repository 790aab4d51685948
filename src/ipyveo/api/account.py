"""What the service says about an account: the credits that are left, the videos that were made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ipyveo.api.events import Video, read_rows
from ipyveo.errors import GatewayError


@dataclass(frozen=True)
class Credits:
    """What the account may still make.

    Parameters
    ----------
    quota, used, remaining
        Numbers of credits over all packs; ``remaining`` is the sum of quota less used.
    expires_at
        When the first pack with something left ends, or None if none does.
    expiring
        How many credits end then.
    """

    quota: int
    used: int
    remaining: int
    expires_at: datetime | None
    expiring: int = 0


@dataclass(frozen=True)
class HistoryPage(Sequence[Video]):
    """One page of the account's videos, newest first; it can be used like a list of them.

    Parameters
    ----------
    videos
        One a URL: a history row with three URLs gives three.
    page, page_size, total_pages
        Where in the history this is; pages count from 1.
    total
        The number of history rows in all.
    """

    videos: tuple[Video, ...]
    page: int
    page_size: int
    total: int
    total_pages: int

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - Sequence's own overloads
        return self.videos[index]

    def __iter__(self) -> Iterator[Video]:
        return iter(self.videos)


def read_credits(answer: object) -> Credits:
    """Return what an answer of the credits call means: the packs, summed.

    Raises
    ------
    GatewayError
        If it is not the documented list of packs.
    """
    rows = answer if isinstance(answer, list) else [answer]
    packs = [pack for pack in rows if isinstance(pack, dict) and "quota" in pack]
    if len(packs) != len(rows):
        raise unreadable(json.dumps(answer))
    quota = sum(_number(pack.get("quota")) for pack in packs)
    used = sum(_number(pack.get("used")) for pack in packs)
    ends = [
        (end, left)
        for pack in packs
        if (left := _number(pack.get("quota")) - _number(pack.get("used"))) > 0
        and (end := _moment(pack.get("expires_at"))) is not None
    ]
    first = min((end for end, _ in ends), default=None)
    expiring = sum(left for end, left in ends if end == first)
    return Credits(quota, used, quota - used, first, expiring)


def read_history(answer: object, page: int, page_size: int) -> HistoryPage:
    """Return what an answer of the histories call means.

    Raises
    ------
    GatewayError
        If it is not the documented page.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list | None):
        raise unreadable(json.dumps(answer))
    total = _number(answer.get("total"))
    return HistoryPage(
        read_rows(answer.get("data") or []),
        page=page,
        page_size=page_size,
        total=total,
        total_pages=_number(answer.get("total_pages")) or -(-total // page_size),
    )


def unreadable(raw: str) -> GatewayError:
    """Return the error for an answer that is not what was asked for."""
    return GatewayError(
        "The service's answer cannot be read. Nothing was charged: this call only asks. "
        "Check the base URL, or try again later.",
        raw=raw[:4000],
        status_code=200,
    )


def _number(value: object) -> int:
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone()  # which cannot be for the first and the last day of all
    except (ValueError, OverflowError, OSError):
        return None
    return moment
