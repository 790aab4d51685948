"""The stages of a run, in the words that people read."""

from __future__ import annotations

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
