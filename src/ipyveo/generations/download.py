"""A finished clip comes home: fetched at once, resumed where the line broke, checked to be a video."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ipyveo.errors import DownloadError
from ipyveo.media.clip import VideoMeasurements, measure_video
from ipyveo.network.exchange import Answer, LineBrokenError, NotSentError
from ipyveo.network.fetch import AddressError, fetch

_TRIES = 4
_PAUSE_SECONDS = 0.5  # doubled after each try
_LARGEST_CLIP = 2 * 2**30  # bytes; clips are 7 to 19 MB, so this only stops what has no end
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that another try may better
_AGAIN = "The clip was made and may have been charged. It stays in the journal: recover() tries again."


async def download_clip(
    url: str, part: Path, *, home: str, on_share: Callable[[float | None], None]
) -> VideoMeasurements:
    """Fetch a clip into `part` and measure it.

    Parameters
    ----------
    url
        Where the service says it lies; not trusted.
    part
        The file to write; what is already there is taken for the beginning.
    home
        The service's base URL, the one place that may be private.
    on_share
        Called with the share that is here, 0.0 to 1.0, or None where the size is unknown.

    Raises
    ------
    DownloadError
        If it cannot be fetched or is not a video.
    """
    resumed = part.exists()
    try:
        return await _fetch_and_measure(url, part, home, on_share)
    except DownloadError:
        part.unlink(missing_ok=True)
        if not resumed:
            raise
    # What an earlier kernel left of it may be of another file.
    return await _fetch_and_measure(url, part, home, on_share)


async def _fetch_and_measure(
    url: str, part: Path, home: str, on_share: Callable[[float | None], None]
) -> VideoMeasurements:
    for attempt in range(_TRIES):
        try:
            await _fetch_rest(url, part, home, on_share)
            break
        except AddressError as error:
            raise _lost(f"The clip's address may not be fetched: {error}.") from None
        except (LineBrokenError, NotSentError) as error:
            if attempt == _TRIES - 1:
                raise _lost("The connection broke again and again while the clip came.", str(error)) from None
            await asyncio.sleep(_PAUSE_SECONDS * 2**attempt)
    try:
        return await asyncio.to_thread(measure_video, part)
    except ValueError as error:
        reason = str(error)
    raise _lost("What came in place of the clip is not a playable video.", reason)


async def _fetch_rest(url: str, part: Path, home: str, on_share: Callable[[float | None], None]) -> None:
    offset = part.stat().st_size if part.exists() else 0
    answer = await fetch(url, home=home, offset=offset)
    try:
        resumed = answer.status == 206 and _starts_at(offset, answer)  # noqa: PLR2004 - Partial Content
        if answer.status in _PASSING or (answer.status == 206 and not resumed):  # noqa: PLR2004
            raise LineBrokenError(f"status {answer.status}")
        if answer.status == 416 and offset:  # noqa: PLR2004 - Range Not Satisfiable: all of it is here
            return
        if not resumed and answer.status != 200:  # noqa: PLR2004 - OK
            raise _lost(f"The clip's address answered with status {answer.status}.", status=answer.status)
        await _write(answer, part, offset if resumed else 0, on_share)
    finally:
        await answer.aclose()


def _starts_at(offset: int, answer: Answer) -> bool:
    return answer.headers.get("content-range", "").startswith(f"bytes {offset}-")


async def _write(answer: Answer, part: Path, offset: int, on_share: Callable[[float | None], None]) -> None:
    length = answer.headers.get("content-length", "")
    total = offset + int(length) if length.isascii() and length.isdigit() else None
    size = offset
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        while chunk := await answer.next_chunk():
            size += len(chunk)
            if size > _LARGEST_CLIP:
                raise _lost("The clip is larger than a clip can be.")
            file.write(chunk)
            on_share(min(1.0, size / total) if total else None)


def _lost(what: str, raw: str = "", status: int | None = None) -> DownloadError:
    return DownloadError(f"{what} {_AGAIN}", maybe_charged=True, raw=raw, status_code=status)
