"""What a page shows of a run: the shot's events become the values of the widget's traits."""

from __future__ import annotations

import time
from typing import Any

from ipyveo.api.events import Event, StatusEvent, WaitingStatus
from ipyveo.errors import VeoError
from ipyveo.generations.cost import cost_words
from ipyveo.generations.shot import Shot
from ipyveo.generations.stages import WORDS, stage_words
from ipyveo.readable import one_line, readable
from ipyveo.widgets.words import LOST, PATIENCE, again, heading, stage_line

_LONGEST_STAGE = 200  # characters of a word of the service's own that are shown
_LONGEST_DETAILS = 2_000


class Watch:
    """One run as the page sees it.

    Parameters
    ----------
    shot
        The run.

    Attributes
    ----------
    over
        True once its end was shown.
    """

    def __init__(self, shot: Shot) -> None:
        self.shot = shot
        self.over = False
        self._took: float | None = None
        self._free_at: float | None = None
        self._stages: list[str] = []
        self._status = "waiting"
        self._stage = stage_words("checking") if shot.sent_before else "Sending the request"

    def first(self) -> dict[str, Any]:
        """Return the values at the start: what was shown before is gone, what the run has done is there."""
        values: dict[str, Any] = {
            "status": self._status,
            "stage": self._stage,
            "progress": None,
            "_notice": "",
            "_clips": [],
            "_run": self.clock(),
            **no_problem(),
        }
        for event in self.shot.so_far():
            values |= self.next(event)
        return values | self.next(None) if self.shot.over else values

    def next(self, event: Event | None) -> dict[str, Any]:
        """Return the values that an event changes; None is the end of the run."""
        if event is None:
            return self._last()
        if not isinstance(event, StatusEvent):
            return {}
        seconds = event.seconds if isinstance(event, WaitingStatus) else None
        self._free_at = None if seconds is None else time.monotonic() + seconds
        self._stage = one_line(stage_words(event.status), _LONGEST_STAGE)
        if event.status in WORDS:
            self._status = event.status
            if event.status not in self._stages:
                self._stages.append(event.status)
        return {
            "status": self._status,
            "stage": self._stage,
            "progress": event.progress,
            "_run": self.clock(),
        }

    def clock(self) -> dict[str, Any]:
        """Return how long the run has been going, at this moment, and the stages it has seen."""
        now, reused = time.monotonic(), self.shot.reused
        note = self._note() if self.over else ""
        return {
            "running": not self.over,
            "elapsed": now - self.shot.began,
            "wait": None if self._free_at is None else max(0.0, self._free_at - now),
            "stages": stage_line(self._status, self._stage, self._stages),
            "run": self.shot.entry.id,
            "again": again(self.shot.entry.number_of_videos) if self.shot.in_doubt else "",
            "patience": PATIENCE,
            "lost": LOST,
            "note": note,
            "heading": heading(len(self.shot.clips), self._took, note, earlier=reused is not None),
            "at": "" if reused is None else reused.began_at.isoformat(),
        }

    def _note(self) -> str:
        """Return what is to be said of the run's cost once it is over; the sandbox costs nothing."""
        shot = self.shot
        done = shot.outcome == "complete"
        if shot.reused is not None or shot.client.engine == "sandbox" or not (done or shot.cost is not None):
            return ""
        return cost_words(shot.entry.number_of_videos, shot.cost, shot.refunded, failed=not done)

    def _last(self) -> dict[str, Any]:
        if not self.over:
            self.over, self._free_at = True, None
            here = self.shot.reused is None and not self.shot.sent_before
            self._took = time.monotonic() - self.shot.began if here else None
        outcome, error = self.shot.outcome, self.shot.error
        unsent = outcome == "stopped" and isinstance(error, VeoError) and not error.maybe_charged
        return {
            "status": outcome,
            "stage": str(error) if unsent else stage_words(outcome),
            "progress": 1.0 if outcome == "complete" else None,
            "_notice": "\n".join(self.shot.notices),
            "_run": self.clock(),
            **(no_problem() if error is None or outcome == "stopped" else problem(error)),
        }


def problem(error: BaseException) -> dict[str, str]:
    """Return the values that show an error."""
    if isinstance(error, VeoError):
        return {"error": str(error), "_error_details": _details(error.raw)}
    return {
        "error": "Something went wrong inside ipyveo itself, which is our mistake. Run the cell again; if a "
        "job was already sent, it goes on and may be charged.",
        "_error_details": _details(f"{type(error).__name__}: {error}"),
    }


def _details(raw: str) -> str:
    """Return the raw words line by line, and not all of them: the notebook may keep what a page shows."""
    return "\n".join(readable(line) for line in raw[:_LONGEST_DETAILS].splitlines())


def no_problem() -> dict[str, str]:
    """Return the values that show none."""
    return {"error": "", "_error_details": ""}
