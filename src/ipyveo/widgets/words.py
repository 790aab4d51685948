"""What a page says in words that only the kernel knows enough for: costs, offers, how a picture fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ipyveo.api.requests import MAX_VIDEOS
from ipyveo.generations.stages import day_words, stage_words
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.readable import one_line

if TYPE_CHECKING:
    from ipyveo.api.account import Credits
    from ipyveo.generations.cost import Budget
    from ipyveo.generations.recovery import Offer
    from ipyveo.library.journal import Entry
    from ipyveo.media.frame import Frame

LOST: Final = (
    "Disconnected. The kernel ended during a run; the job may go on and may be charged. Run the cell again: "
    "the same pictures and prompt go on with it, and recover() fetches it in any case."
)
"""What a page says when its kernel goes during a run."""

PATIENCE: Final = (
    (360, "This takes longer than most jobs; some need more than 10 minutes."),
    (
        720,
        "Still going. You can stop watching or close the notebook: the job goes on and is fetched later.",
    ),
)
"""What is said of a job from so many seconds on: jobs take 1 to 6 minutes, now and then more than 10."""

_PROMPT_CHARACTERS: Final = 120
_NOTHING_LOST: Final = 0.01  # of a ratio: within it nothing visible is cut away


_ORDER: Final = ("starting", "uploading_images", "processing", "downloading", "complete")
_FIRST_SENTENCE: Final = re.compile(r"(.+?[.!?])\s+\S", re.DOTALL)


def stage_line(status: str, words: str, seen: Sequence[str]) -> list[tuple[str, str]]:
    """Return the stages of a run in their order, each with "done", "now" or "next".

    Parameters
    ----------
    status
        Where the run is; one that is not among the stages (waiting, checking) stands alone.
    words
        What the current stage is called: a word that the service made up appears as sent.
    seen
        The stages seen so far. One that was passed without being seen is left out.

    Examples
    --------
    >>> stage_line("processing", "Processing", ["starting", "processing"])[:2]
    [('done', 'Starting'), ('now', 'Processing')]
    """
    first = _FIRST_SENTENCE.match(words)
    now = ("now", (first[1] if first else words).strip().removesuffix("."))
    if status not in _ORDER:
        return [now]
    at = _ORDER.index(status)
    passed = [("done", stage_words(stage)) for stage in _ORDER[:at] if stage in seen]
    return [*passed, now, *(("next", stage_words(stage)) for stage in _ORDER[at + 1 :])]


def chip(host: str, left: Credits | None, *, sandbox: bool) -> tuple[str, str, str]:
    """Return who makes the video, with a number in the middle to stand out: no sandbox passes for Veo.

    Examples
    --------
    >>> "".join(chip("", None, sandbox=True))
    'Sandbox · local preview, not Veo · free'
    """
    if sandbox:
        return "Sandbox", "", " · local preview, not Veo · free"
    if left is None:
        return host, "", ""
    count, noun = counted(left.remaining, "credit").split()
    return f"{host} · ", count, f" {noun} left"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "credit"), counted(2, "credit")
    ('1 credit', '2 credits')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def heading(takes: int, took: float | None, note: str, *, earlier: bool) -> tuple[str, str]:
    """Return what stands over takes; the page puts in for ``{at}`` when an earlier run made them.

    Examples
    --------
    >>> heading(2, 72.4, "", earlier=False)
    ('2 takes', ' \N{MIDDLE DOT} made in 1:12')
    """
    made = "" if took is None else f"made in {int(took // 60)}:{int(took % 60):02}"
    facts = ["from {at}" if earlier else "", made, note]
    return counted(takes, "take"), "".join(f" \N{MIDDLE DOT} {fact}" for fact in facts if fact)


def costs(left: Credits | None, budget: Budget | None, *, sandbox: bool) -> list[str]:
    """Return what a run may cost, for one to four videos.

    Examples
    --------
    >>> costs(None, None, sandbox=False)[1]
    'up to 2 credits'
    """
    rest = "" if budget is None else f"{budget.left} of the budget of {budget.limit} left"
    if sandbox:
        return [" \N{MIDDLE DOT} ".join(filter(None, ("free", rest)))] * MAX_VIDEOS
    words = []
    for videos in range(1, MAX_VIDEOS + 1):
        of = counted(videos, "credit") if left is None else f"{videos} of {counted(left.remaining, 'credit')}"
        words.append("; ".join(filter(None, (f"up to {of}{_expiry(left)}", rest))))
    return words


def _expiry(left: Credits | None) -> str:
    if left is None or left.expires_at is None or left.expiring == 0:
        return ""
    verb = "expired" if left.expires_at < datetime.now(UTC) else "expires" if left.expiring == 1 else "expire"
    return f", {left.expiring} {verb} on {day_words(left.expires_at)}"


def again(videos: int) -> str:
    """Return what sending a request again may cost: the first one may have been accepted after all."""
    return f"Send again, up to {counted(videos, 'more credit')}"


def offer(offered: Offer) -> dict[str, Any]:
    """Return the line that offers a run; the page puts in for ``{at}`` when it began, in its own time."""
    entry = offered.entry
    ready = "is ready" if entry.number_of_videos == 1 else "are ready"
    state = f"{ready} to fetch" if offered.ready else "may still come"
    return {
        "run": entry.id,
        "words": f"{counted(entry.number_of_videos, 'video')} from {{at}} {state}",
        "at": entry.began_at.isoformat(),
        "prompt": one_line(entry.prompt, _PROMPT_CHARACTERS),
        "actions": [["Fetch" if offered.ready else "Look for it", "take_up"], ["Dismiss", "dismiss"]],
    }


def made_before(entry: Entry, *, sandbox: bool) -> dict[str, Any]:
    """Return the line that says that the clips of a form are there, as `offer` does."""
    cost = f" Making it again may cost up to {counted(entry.number_of_videos, 'credit')}."
    return {
        "run": entry.id,
        "words": f"The very same is in the library already, from {{at}}.{'' if sandbox else cost}",
        "at": entry.began_at.isoformat(),
        "prompt": "",
        "actions": [["Show them", "show_before"]],
    }


def fit(frame: Frame, aspect_ratio: str) -> str:
    """Return what becomes of a picture in a shape."""
    if frame.zoom > 1:
        return f"\N{RIGHTWARDS ARROW} {frame.zoom:.1f}\N{MULTIPLICATION SIGN}"
    if frame.fit != "cover":
        return f"\N{RIGHTWARDS ARROW} whole, {'blurred edges' if frame.fit == 'blur' else 'with bars'}"
    wanted = AspectRatio.parse(aspect_ratio)
    if abs(frame.width / frame.height / (wanted.width / wanted.height) - 1) <= _NOTHING_LOST:
        return "\N{MIDDLE DOT} fits"
    return f"\N{RIGHTWARDS ARROW} cropped to {wanted.label}"
