"""What happens to a job, and how it is spelled on the wire: the documented way, or one of the odd ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipyveo.sandbox.faults import Chosen

Phase: TypeAlias = Literal["starting", "uploading_images", "processing", "progress", "complete", "failed"]

SUCCESSFUL = "MEDIA_GENERATION_STATUS_SUCCESSFUL"
FAILED = "MEDIA_GENERATION_STATUS_FAILED"
ACTIVE = "MEDIA_GENERATION_STATUS_ACTIVE"
FAILURES_OF_A_VIDEO = frozenset({"failed", "error", "cancelled", FAILED, "MEDIA_GENERATION_STATUS_REJECTED"})

_STATUS = "video_generation_status"
_COMPLETE = "video_generation_complete"
_HUGE = 3_000_000


@dataclass(frozen=True, slots=True)
class Video:
    """One take, made or failed.

    Parameters
    ----------
    id
        The take's own id.
    prompt, status, created_at
        As the service will repeat them.
    file
        Where the file is: relative to the base URL, or absolute where a fault wants that; None if it failed.
    """

    id: str
    prompt: str
    file: str | None
    status: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a job, whatever words will tell of it.

    Parameters
    ----------
    phase
        The service's own status word, "progress" within "processing", or how it ended.
    job
        The job's id.
    percentage
        How much of the job is done, 0 to 100.
    videos
        The takes, with the phase "complete".
    text, code
        The service's words and number, with the phase "failed".
    """

    phase: Phase
    job: str
    percentage: int = 0
    videos: tuple[Video, ...] = ()
    text: str = ""
    code: int = 500


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event before it becomes bytes; `extra` are lines to write ahead of it."""

    name: str
    data: str
    extra: str = ""


Rewrite: TypeAlias = "Callable[[list[ServerEvent], Moment], list[ServerEvent]]"


@dataclass(frozen=True, slots=True)
class Shape:
    """An odd way to spell events: a line that describes it, and the change that makes it."""

    summary: str
    rewrite: Rewrite


def spell(moment: Moment, base_url: str, chosen: Chosen) -> bytes:
    r"""Spell one moment as the bytes of server-sent events.

    Parameters
    ----------
    moment
        What happened.
    base_url
        The address that the files' links start with, ending in a slash.
    chosen
        The faults; their shapes are applied in the order of the table.

    Returns
    -------
    bytes
        No, one or several events of a ``text/event-stream``, after "9.2.6 Interpreting an event stream" of
        the WHATWG HTML standard.

    Examples
    --------
    >>> from ipyveo.sandbox.faults import choose
    >>> spell(Moment("starting", "a1"), "http://127.0.0.1/", choose("bare-words"))
    b'event: video_generation_status\ndata: starting\n\n'
    """
    events = _documented(moment, base_url)
    for name, shape in SHAPES.items():
        if name in chosen:
            events = shape.rewrite(events, moment)
    colon = ":" if "no-space" in chosen else ": "
    text = "".join(_lines(event, colon) for event in events)
    return (text.replace("\n", "\r\n") if "crlf" in chosen else text).encode()


def absolute(base_url: str, file: str) -> str:
    """Give the link to a file, as seen from the caller's own base URL."""
    return urljoin(base_url, file)


def _lines(event: ServerEvent, colon: str) -> str:
    name = f"event{colon}{event.name}\n" if event.name else ""
    data = "".join(f"data{colon}{line}\n" for line in event.data.split("\n"))
    return f"{event.extra}{name}{data}\n"


def _documented(moment: Moment, base_url: str) -> list[ServerEvent]:
    if moment.phase == "progress":
        return []
    if moment.phase == "complete":
        return [ServerEvent(_COMPLETE, _compact([_history_object(v, base_url) for v in moment.videos]))]
    if moment.phase == "failed":
        return [ServerEvent("error", _compact({"error": moment.text, "code": moment.code}))]
    return [ServerEvent(_STATUS, _compact(moment.phase))]


def _history_object(video: Video, base_url: str) -> dict[str, str]:
    link = {} if video.file is None else {"file_url": absolute(base_url, video.file)}
    return {
        "id": video.id,
        "prompt": video.prompt,
        **link,
        "status": video.status,
        "created_at": video.created_at,
    }


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with_percentage(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
    if moment.phase in {"complete", "failed"}:
        return events
    word = "processing" if moment.phase == "progress" else moment.phase
    status = {"id": moment.job, "status": word, "process_percentage": moment.percentage}
    return [ServerEvent(_STATUS, _compact(status))]


def _as_objects(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
    return [
        replace(event, data=_compact({"id": moment.job, "status": moment.phase}))
        if event.name == _STATUS and event.data.startswith('"')
        else event
        for event in events
    ]


def _bare(events: list[ServerEvent], _: Moment) -> list[ServerEvent]:
    return [
        replace(event, data=event.data.strip('"')) if event.name == _STATUS else event for event in events
    ]


def _repeated(events: list[ServerEvent], _: Moment) -> list[ServerEvent]:
    return [event for event in events for _ in range(3 if event.name == _STATUS else 1)]


def _followed_by(*more: ServerEvent) -> Rewrite:
    def rewrite(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
        return [*events, *more] if moment.phase == "processing" else events

    return rewrite


def _of_complete(change: Callable[[list[dict[str, Any]]], object]) -> Rewrite:
    def rewrite(events: list[ServerEvent], _: Moment) -> list[ServerEvent]:
        return [
            replace(event, data=_compact(change(json.loads(event.data))))
            if event.name == _COMPLETE and event.data.startswith("[")
            else event
            for event in events
        ]

    return rewrite


def _without(field: str) -> Callable[[list[dict[str, Any]]], object]:
    return lambda objects: [{k: v for k, v in one.items() if k != field} for one in objects]


def _gathered(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    links = [one["file_url"] for one in objects if "file_url" in one]
    return [{**{k: v for k, v in objects[0].items() if k != "file_url"}, "file_urls": links}]


def _first(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return objects[0] if len(objects) == 1 else _gathered(objects)[0]


def _data_of(phase: Phase, data: str) -> Rewrite:
    def rewrite(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
        return [replace(event, data=data) for event in events] if moment.phase == phase else events

    return rewrite


def _failure_as(name: str, spelled: Callable[[Moment], str]) -> Rewrite:
    def rewrite(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
        return [ServerEvent(name, spelled(moment))] if moment.phase == "failed" else events

    return rewrite


def _out_of_order(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
    if moment.phase == "starting":
        return []
    late = {"processing": "starting", "complete": "processing"}.get(moment.phase)
    return events if late is None else [*events, ServerEvent(_STATUS, _compact(late))]


def _decorated(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
    extra = f": hello\nid: {moment.phase}\nretry: 3000\nunknown-field: 1\n"
    done = [ServerEvent("", "[DONE]")] if moment.phase == "complete" else []
    return [*(replace(event, extra=extra) for event in events), *done]


def _twice(events: list[ServerEvent], moment: Moment) -> list[ServerEvent]:
    return events * 2 if moment.phase == "complete" else events


SHAPES: dict[str, Shape] = {
    "percentages": Shape(
        "status objects with id, status and process_percentage, as the work goes on", _with_percentage
    ),
    "percentages-missing": Shape("status objects with id and status alone", _as_objects),
    "bare-words": Shape("status words without quotes", _bare),
    "repeated": Shape("every status event three times", _repeated),
    "unknown-status": Shape(
        "a status word nobody knows, after processing", _followed_by(ServerEvent(_STATUS, '"polishing"'))
    ),
    "unknown-event": Shape(
        "an event of a name nobody knows, after processing",
        _followed_by(ServerEvent("video_generation_preview", '{"note":"nobody knows this event"}')),
    ),
    "huge-event": Shape(
        "an event of 3 MB of a name nobody knows, after processing",
        _followed_by(ServerEvent("video_generation_preview", '"' + "x" * _HUGE + '"')),
    ),
    "garbled-status": Shape(
        "the status event of processing is JSON that breaks off", _data_of("processing", '{"status":"proc')
    ),
    "no-status": Shape("complete objects without their status", _of_complete(_without("status"))),
    "no-url": Shape(
        "complete objects without any URL; the histories have it", _of_complete(_without("file_url"))
    ),
    "file-urls": Shape("complete: one object with file_urls in place of file_url", _of_complete(_gathered)),
    "single-object": Shape("complete: an object in place of the array", _of_complete(_first)),
    "garbled-complete": Shape("complete: JSON that breaks off", _data_of("complete", '[{"id":"abc123","pro')),
    "empty-complete": Shape("complete: an empty array", _data_of("complete", "[]")),
    "duplicate-complete": Shape("the complete event twice", _twice),
    "out-of-order": Shape(
        "starting comes after processing, and processing once more after complete", _out_of_order
    ),
    "error-event": Shape(
        "fails with an event error, an object with error and code",
        _failure_as("error", lambda moment: _compact({"error": moment.text, "code": moment.code})),
    ),
    "generation-error": Shape(
        "fails with an event generation_error, an object with message",
        _failure_as("generation_error", lambda moment: _compact({"message": moment.text})),
    ),
    "error-text": Shape(
        "fails with an event error, plain text", _failure_as("error", lambda moment: moment.text)
    ),
    "failed-status": Shape(
        "fails with the status word failed and the end of the stream",
        _failure_as(_STATUS, lambda _: '"failed"'),
    ),
    "done-marker": Shape("[DONE] at the end; comments, id, retry and unknown fields everywhere", _decorated),
}
"""The odd spellings, in the order in which they are applied."""

FAILING_SHAPES = frozenset({"error-event", "generation-error", "error-text", "failed-status"})
"""The shapes of an ending, which make a job fail."""
