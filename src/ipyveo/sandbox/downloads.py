"""How a clip is handed over: whole, in ranges, or with one of the faults of a download."""

from __future__ import annotations

import asyncio
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from ipyveo.sandbox.streams import ConnectionDroppedError, PiecewiseResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_TYPE = "application/octet-stream"
_SLOW_PIECES = 20
_SLOW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Download:
    """One request for a clip.

    Parameters
    ----------
    path
        The whole file.
    fault
        The name of the fault to meet, "" for none.
    elsewhere
        An address at which the same file comes without a fault.
    closing
        Set when the server ends.
    """

    path: Path
    fault: str
    elsewhere: str
    closing: asyncio.Event


def answer_download(download: Download) -> Response:
    """Answer with the file, in ranges if asked to, or with what the fault makes of it."""
    return _FAULTY.get(download.fault, _whole)(download)


def _whole(download: Download) -> Response:
    return FileResponse(download.path, media_type=_TYPE)


def _dead_link(_: Download) -> Response:
    return JSONResponse({"error": "not found"}, 404)


def _html_file(_: Download) -> Response:
    return Response("<!DOCTYPE html><title>Sign in</title><p>Please sign in.</p>", media_type="text/html")


def _short_file(download: Download) -> Response:
    data = download.path.read_bytes()
    return Response(data[: len(data) // 2], media_type=_TYPE)


def _wrong_file(_: Download) -> Response:
    jpeg = io.BytesIO()
    Image.new("RGB", (1280, 720), "navy").save(jpeg, "JPEG")
    return Response(jpeg.getvalue(), media_type=_TYPE)


def _redirect_file(download: Download) -> Response:
    return RedirectResponse(download.elsewhere, 302)


def _evil_redirect(_: Download) -> Response:
    return RedirectResponse("http://169.254.169.254/", 302)


def _truncated_file(download: Download) -> Response:
    return _in_pieces(download, _half_and_drop(download.path))


def _slow_file(download: Download) -> Response:
    return _in_pieces(download, _slowly(download.path))


_FAULTY: dict[str, Callable[[Download], Response]] = {
    "dead-link": _dead_link,
    "html-file": _html_file,
    "truncated-file": _truncated_file,
    "short-file": _short_file,
    "wrong-file": _wrong_file,
    "slow-file": _slow_file,
    "redirect-file": _redirect_file,
    "evil-redirect": _evil_redirect,
}


def _in_pieces(download: Download, pieces: AsyncIterator[bytes]) -> Response:
    headers = {"content-length": str(download.path.stat().st_size)}
    return PiecewiseResponse(pieces, download.closing, headers=headers, media_type=_TYPE)


async def _half_and_drop(path: Path) -> AsyncIterator[bytes]:
    data = await asyncio.to_thread(path.read_bytes)
    yield data[: len(data) // 2]
    raise ConnectionDroppedError


async def _slowly(path: Path) -> AsyncIterator[bytes]:
    data = await asyncio.to_thread(path.read_bytes)
    size = math.ceil(len(data) / _SLOW_PIECES)
    for start in range(0, len(data), size):
        await asyncio.sleep(_SLOW_SECONDS / _SLOW_PIECES)
        yield data[start : start + size]
