"""What the service says while it works: server-sent events become typed ones, in every known shape."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ipyveo.api.failures import from_error_event
from ipyveo.api.sse import ServerSentEvent
from ipyveo.errors import InterruptedGenerationError

SUCCESS = frozenset(
    {
        "completed",
        "finished",
        "success",
        "done",
        "media_generation_status_successful",
        "media_generation_status_complete",
        "media_generation_status_success",
    }
)
FAILURE = frozenset(
    {
        "failed",
        "error",
        "cancelled",
        "media_generation_status_failed",
        "media_generation_status_rejected",
    }
)


@dataclass(frozen=True)
class Video:
    """One video as the service describes it, in a complete event or in the histories.

    Parameters
    ----------
    id, prompt, status, created_at
        As the service sent them; empty where it sent none.
    file_url
        Where the service says that the file lies, or None where it has not said yet. Not trusted.
    """

    id: str
    prompt: str
    file_url: str | None
    status: str
    created_at: str

    @property
    def failed(self) -> bool:
        """True if the service says that it could not be made."""
        return self.status.lower() in FAILURE

    @property
    def ok(self) -> bool:
        """True if it was made and can be fetched."""
        return self.file_url is not None and (not self.status or self.status.lower() in SUCCESS)


@dataclass(frozen=True)
class StatusEvent:
    """The run has reached a stage.

    Parameters
    ----------
    status
        The service's word, such as ``"processing"``; unknown words are passed on as sent.
    progress
        The share done, 0.0 to 1.0, or None where the service does not say.
    """

    status: str
    progress: float | None = None


@dataclass(frozen=True)
class FailedStatus(StatusEvent):
    """The run has reached its end without a video; an error event may still say why.

    Parameters
    ----------
    data
        The status event's data, which may say why by itself.
    """

    data: str = ""


@dataclass(frozen=True)
class WaitingStatus(StatusEvent):
    """The request was refused before it was accepted (429), and is sent again when the service says.

    Parameters
    ----------
    seconds
        How long that is from now.
    """

    seconds: float = 0.0


@dataclass(frozen=True)
class CompleteEvent:
    """The run is done.

    Parameters
    ----------
    videos
        One a video asked for, in the service's order; a failed one is among them.
    """

    videos: tuple[Video, ...]


@dataclass(frozen=True)
class UnknownEvent:
    """An event of a name that is not known, passed on as sent.

    Parameters
    ----------
    name, data
        The event's name and data.
    """

    name: str
    data: str


Event = StatusEvent | CompleteEvent | UnknownEvent


def read_event(sent: ServerSentEvent, redact: Callable[[str], str] = str) -> Event | None:
    """Return the typed event that a server-sent event means, or None for one without a meaning.

    Parameters
    ----------
    sent
        The event as it came over the line.
    redact
        Takes the key out of the service's words.

    Raises
    ------
    VeoError
        If it is an error event, of the class that its words name.
    InterruptedGenerationError
        If it is a complete event that cannot be read: the video was made, and only its address is lost.

    Examples
    --------
    >>> from ipyveo.api.events import read_event
    >>> from ipyveo.api.sse import ServerSentEvent
    >>> read_event(ServerSentEvent("video_generation_status", '"processing"', ""))
    StatusEvent(status='processing', progress=None)
    """
    name, data = sent.event, redact(sent.data)
    if name == "video_generation_status":
        return _status(data)
    if name == "video_generation_complete":
        videos = _videos(data)
        if not videos:
            raise InterruptedGenerationError(
                "The service says the video is done, but its answer cannot be read; it was made and may be "
                "charged. Look at the account's history before you send it again.",
                maybe_charged=True,
                raw=data[:4000],
            )
        return CompleteEvent(videos)
    if name in ("error", "generation_error"):
        raise from_error_event(data)
    if data.strip() == "[DONE]":
        return None
    return UnknownEvent(redact(name), data)


def read_rows(rows: object) -> tuple[Video, ...]:
    """Return the videos of history rows: one a URL, so a row of three URLs gives three."""
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list):
        return ()
    return tuple(video for row in rows if isinstance(row, dict) for video in _row(row))


def _row(row: dict[str, Any]) -> list[Video]:
    urls = row.get("file_urls")
    listed = urls if isinstance(urls, list) else [urls]
    found = [url.strip() for url in [row.get("file_url"), *listed] if isinstance(url, str) and url.strip()]
    unique: list[str | None] = [*dict.fromkeys(found)]
    return [
        Video(
            id=_text(row.get("id")),
            prompt=_text(row.get("prompt")),
            file_url=url and _text(url),
            status=_text(row.get("status")),
            created_at=_text(row.get("created_at")),
        )
        for url in unique or [None]
    ]


def _videos(data: str) -> tuple[Video, ...]:
    try:
        return read_rows(json.loads(data))
    except (ValueError, RecursionError):
        return ()


def _status(data: str) -> StatusEvent | None:
    value: object = data
    with contextlib.suppress(ValueError, RecursionError):  # a bare word has been seen in the wild
        value = json.loads(data)
    share = None
    if isinstance(value, dict):
        share = _share(value.get("process_percentage"))
        # A percentage without a word has been seen of jobs that are being processed.
        value = value.get("status") or ("processing" if share is not None else "")
    word = _text(value).strip()
    if not word:
        return None
    return FailedStatus(word, share, data) if word.lower() in FAILURE else StatusEvent(word, share)


def _share(percentage: object) -> float | None:
    if isinstance(percentage, bool) or not isinstance(percentage, int | float | str):
        return None
    try:
        share = float(str(percentage).strip().removesuffix("%")) / 100
    except ValueError:
        return None
    return min(1.0, max(0.0, share)) if math.isfinite(share) else None


def _text(value: object) -> str:
    """Return text from outside, without the half characters that no file and no page can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return "" if value is None or isinstance(value, dict | list) else str(value)
