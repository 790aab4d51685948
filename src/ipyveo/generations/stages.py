"""The stages and moments of a run, in the words that people read."""

from __future__ import annotations

from datetime import UTC, datetime

WORDS = {
    "waiting": "Waiting until the service takes requests again",
    "starting": "Starting",
    "uploading_images": "Uploading images",
    "processing": "Processing",
    "checking": "Checking your account. The job goes on and may be charged; it is fetched when it shows up.",
    "downloading": "Downloading",
    "complete": "Done",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "stopped": "Stopped watching. The job goes on at the service and may be charged.",
}


def stage_words(status: str) -> str:
    """Return the words for a status; a status that is not known is its own word.

    Examples
    --------
    >>> from ipyveo.generations.stages import stage_words
    >>> stage_words("uploading_images"), stage_words("upscaling")
    ('Uploading images', 'upscaling')
    """
    return WORDS.get(status, status)


def moment_words(moment: datetime) -> str:
    """Return a moment in this machine's time zone: the clock for today, the day as well for any other.

    Examples
    --------
    >>> from datetime import datetime
    >>> from ipyveo.generations.stages import moment_words
    >>> moment_words(datetime(2020, 3, 30, 10, 42).astimezone())
    '30 March 2020, 10:42'
    """
    here, now = moment.astimezone(), datetime.now(UTC).astimezone()
    if here.date() == now.date():
        return f"{here:%H:%M}"
    return f"{day_words(here)}, {here:%H:%M}"


def day_words(moment: datetime) -> str:
    """Return a moment's day in this machine's time zone, with the year where it is another one.

    Examples
    --------
    >>> from datetime import datetime
    >>> from ipyveo.generations.stages import day_words
    >>> day_words(datetime(2020, 3, 30, 10, 42).astimezone())
    '30 March 2020'
    """
    here, now = moment.astimezone(), datetime.now(UTC).astimezone()
    return f"{here.day} {here:%B}{'' if here.year == now.year else f' {here.year}'}"
