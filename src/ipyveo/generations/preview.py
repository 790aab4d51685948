"""`preview`: a free draft of a shot, drawn on this machine before a credit is spent."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from ipyveo.api.client import VeoClient
from ipyveo.api.events import StatusEvent, Video
from ipyveo.api.requests import VideoRequest, check_prompt
from ipyveo.errors import DownloadError, InvalidRequestError
from ipyveo.generations.download import download_clip
from ipyveo.library.library import slug
from ipyveo.loop import on_background
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip, VideoMeasurements
from ipyveo.media.frame import Frame
from ipyveo.network.exchange import UploadedFile

# The long side of what is sent for each height: more pixels than a frame has, for a camera that comes closer,
# and of a small frame twice as many, since letters do not outlive being made a little smaller twice.
_SENT = {360: 1280, 720: 1920}
_QUALITY = 95  # of the JPEGs on their way to the sandbox: less shows in the clip where there are letters
_WITHOUT_WORDS = "a quiet shot"  # the service's calls need a prompt


async def preview(
    start: object,
    end: object = None,
    *,
    prompt: str = "",
    aspect_ratio: str = "16:9",
    height: int = 360,
    on_progress: Callable[[float], object] | None = None,
) -> Clip:
    """Draw a draft of a shot on this machine: free, without a key, in about a second.

    It is an animatic of the pictures and the prompt's camera words, never Veo. Whoever stops waiting for it
    stops the drawing.

    Parameters
    ----------
    start, end
        Any picture `Frame` takes; `end` may be None.
    prompt
        What should happen; its camera words steer the draft's camera.
    aspect_ratio
        ``"16:9"``, ``"9:16"`` or the API's own words for them.
    height
        Pixels on the short side: 360, or 720, which takes four times as long.
    on_progress
        Called with the share of frames that are drawn, 0.0 to 1.0, on ipyveo's own thread.

    Returns
    -------
    Clip
        Not in the library: its file goes when nothing holds the clip any more.

    Raises
    ------
    FrameError, InvalidRequestError
        If something cannot be used.
    VeoError
        If this machine cannot draw it.

    Examples
    --------
    >>> from ipyveo import preview, run, sample_pictures
    >>> day, night = sample_pictures("/tmp")
    >>> run(preview(day, night, prompt="slow push in")).height
    360
    """
    if height not in tuple(_SENT):
        raise InvalidRequestError(f"A preview has a height of 360 or 720. {height!r:.40} is neither.")
    if start is None:
        raise InvalidRequestError("A start picture is missing, so there is nothing to draw. Give start=.")
    ratio = AspectRatio.parse(aspect_ratio)
    pictures = partial(_pictures, start, end, ratio, height)
    return await on_background(_draft(_client(height), pictures, prompt, ratio, on_progress))


def _client(height: int) -> VeoClient:
    """Return a client of this machine's sandbox for drafts, whose jobs end when nobody listens."""
    return VeoClient.sandbox(
        clip_height=height, stage_seconds=0, quota=1_000_000, fault="percentages, ends-unheard"
    )


async def _draft(
    client: VeoClient,
    pictures: Callable[[], tuple[tuple[str, UploadedFile], ...]],
    prompt: str,
    ratio: AspectRatio,
    on_progress: Callable[[float], object] | None,
) -> Clip:
    words = check_prompt(prompt) if prompt.strip() else _WITHOUT_WORDS
    sent = await asyncio.to_thread(pictures)
    generation = client.send(VideoRequest("/veo/frames-to-video", words, ratio, 1, sent))
    try:
        async for event in generation:
            if on_progress is not None and isinstance(event, StatusEvent) and event.progress is not None:
                on_progress(event.progress)
        (video,) = await generation
    finally:
        await generation.aclose()
    return await _fetched(client, video, prompt)


def _pictures(
    start: object, end: object, ratio: AspectRatio, height: int
) -> tuple[tuple[str, UploadedFile], ...]:
    """Make pictures no larger than a draft has use for."""
    named = (("start_image", start), ("end_image", end))
    return tuple(
        (field, _upload(field, _frame(picture).preview(ratio.label, _SENT[height], quality=_QUALITY)))
        for field, picture in named
        if picture is not None
    )


def _upload(field: str, jpeg: bytes) -> UploadedFile:
    return UploadedFile(f"{field}.jpg", jpeg, "image/jpeg")


def _frame(picture: object) -> Frame:
    return picture if isinstance(picture, Frame) else Frame(picture)


async def _fetched(client: VeoClient, video: Video, prompt: str) -> Clip:
    """Bring a draft's file into a folder that goes with this process, and let it go with its clip."""
    try:
        path = _folder() / f"preview-{slug(prompt)}-{secrets.token_hex(3)}.mp4"
        measured = await _downloaded(client, video, path)
    except (DownloadError, OSError) as error:
        raise DownloadError(
            "The preview's file did not arrive. Nothing was charged. Try again.",
            maybe_charged=False,
            raw=str(error),
        ) from None
    clip = Clip(
        path,
        video.id,
        prompt,
        measured.width,
        measured.height,
        measured.duration,
        measured.fps,
        measured.size,
        datetime.now(UTC),
        "sandbox",
    )
    weakref.finalize(clip, _unless_forked(os.getpid(), path.unlink), missing_ok=True)
    return clip


async def _downloaded(client: VeoClient, video: Video, path: Path) -> VideoMeasurements:
    """Fetch a draft's file; half of one does not stay, also where nobody waits for it any more."""
    try:
        return await download_clip(video.file_url or "", path, home=client.base_url, on_share=lambda _: None)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _folder() -> Path:
    if not _made_folder().is_dir():  # machines clear their temporary files away
        _made_folder.cache_clear()
    return _made_folder()


@cache
def _made_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ipyveo-preview-"))
    atexit.register(_unless_forked(os.getpid(), shutil.rmtree), folder, ignore_errors=True)
    return folder


def _unless_forked(owner: int, remove: Callable[..., object]) -> Callable[..., None]:
    """Keep a forked child that ends from removing what its parent still shows."""

    def removed(*args: object, **options: object) -> None:
        if os.getpid() == owner:
            remove(*args, **options)

    return removed
