"""Draw a clip from one or two pictures: real H.264 in an MP4, made on this machine, never to pass for Veo."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.video.stream import VideoStream
    from numpy.typing import NDArray

FRAMES_PER_SECOND = 24
ENGINE_COMMENT = "ipyveo sandbox"

# Two threads whatever the machine has: the number of threads changes the bytes that x264 writes.
_ENCODER_THREADS = 2
_ENCODER_OPTIONS = {"preset": "veryfast", "crf": "20", "g": str(2 * FRAMES_PER_SECOND)}

# R'G'B' to Y'CbCr after ITU-R BT.709-6, items 3.2 to 3.4, in the limited range of 8 bits.
_BT709 = (
    np.array(
        [
            [0.2126, 0.7152, 0.0722],
            [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.9278 / 1.8556],
            [0.7874 / 1.5748, -0.7152 / 1.5748, -0.0722 / 1.5748],
        ],
        dtype=np.float32,
    )
    * np.array([[219.0], [224.0], [224.0]], dtype=np.float32)
    / np.float32(255.0)
)
_OFFSETS = (16.0, 128.0, 128.0)

# The code points of ITU-T H.273; plain numbers, as older PyAVs have no names for all of them.
_BT709_TAG = 1
_LIMITED_RANGE = 1

_PUSH_IN = 0.15

Planes: TypeAlias = tuple[Image.Image, Image.Image, Image.Image]
"""A picture as its Y plane and, at half the size, its U and V planes, each of mode "L"."""


@dataclass(frozen=True)
class _Take:
    """How one take moves: where the camera looks, how far it comes closer, when the pictures cross."""

    focus: tuple[float, float]
    bump: float
    fade: tuple[float, float]


_TAKES = (
    _Take(focus=(0.5, 0.5), bump=0.06, fade=(0.25, 0.75)),
    _Take(focus=(0.15, 0.3), bump=0.10, fade=(0.05, 0.70)),
    _Take(focus=(0.85, 0.3), bump=0.08, fade=(0.30, 0.95)),
    _Take(focus=(0.5, 0.9), bump=0.12, fade=(0.40, 0.60)),
)


def render_clip(
    path: Path,
    start: Image.Image,
    end: Image.Image | None,
    *,
    width: int,
    height: int,
    seconds: float,
    take: int,
    on_progress: Callable[[float], object],
) -> None:
    """Write one clip: a dissolve between two pictures, or a slow camera move over one.

    The same input gives the same bytes in the service's sizes. The first frame is the start picture and, of
    two pictures, the last frame is the end picture; a picture of another shape is cropped around its centre.
    The stills are turned into BT.709 planes once, and only planes are moved and blended, so no frame is
    converted.

    Parameters
    ----------
    path
        Where the MP4 goes; it appears there only when it is whole.
    start, end
        Pillow pictures of any mode and size; `end` may be None.
    width, height
        Size in pixels, even numbers. (With a height that is no multiple of 16 the picture is as good, but
        x264's look-ahead was seen to choose other sizes for a few blocks from one run to the next.)
    seconds
        Length; the clip has ``round(24 * seconds)`` frames, one at least.
    take
        Which of the takes, from 0; each of the first four moves differently.
    on_progress
        Called after each frame with the share done, 0 to 1. What it raises ends the work, and the unfinished
        file is removed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     clip = Path(folder, "clip.mp4")
    ...     render_clip(clip, Image.new("RGB", (64, 36), "navy"), None, width=64, height=36, seconds=0.25,
    ...                 take=0, on_progress=lambda share: None)
    ...     clip.stat().st_size > 0
    True
    """
    frames = max(1, round(seconds * FRAMES_PER_SECOND))
    stills = [_planes(still, width, height) for still in (start, end) if still is not None]
    unfinished = path.with_name(path.name + ".part")
    try:
        with av.open(str(unfinished), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            container.metadata["comment"] = ENGINE_COMMENT
            stream = _stream(container, width, height)
            for number, planes in enumerate(_moving(stills, _TAKES[take % len(_TAKES)], frames), start=1):
                container.mux(stream.encode(_frame(planes, number - 1)))
                on_progress(number / frames)
            container.mux(stream.encode())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def backdrop(prompt: str, width: int, height: int) -> Image.Image:
    """Draw a quiet picture out of a prompt, for the calls that come without one.

    Parameters
    ----------
    prompt
        Any text; the same text gives the same picture.
    width, height
        Size in pixels.

    Examples
    --------
    >>> backdrop("dusk falls", 64, 36).size
    (64, 36)
    """
    seed = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    top, bottom = (Image.new("RGB", (width, height), tuple(seed[i : i + 3])) for i in (0, 3))
    picture = Image.composite(bottom, top, Image.linear_gradient("L").resize((width, height)))
    draw = ImageDraw.Draw(picture)
    for i in range(6, 30, 6):
        x, y = width * seed[i] // 255, height * seed[i + 1] // 255
        draw.circle((x, y), height * (40 + seed[i + 2]) // 900, fill=tuple(seed[i + 3 : i + 6]))
    return picture.filter(ImageFilter.GaussianBlur(height / 90))


def _planes(still: Image.Image, width: int, height: int) -> Planes:
    fitted = ImageOps.fit(still.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    rgb = np.asarray(fitted, dtype=np.float32)
    luma, blue, red = (rgb @ _BT709[i] + np.float32(_OFFSETS[i]) for i in range(3))
    return _as_image(luma), _as_image(_halved(blue)), _as_image(_halved(red))


def _halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    # H.264 places a chroma sample on the left luma column of its pair, between its two rows.
    padded = np.pad(plane, ((0, 0), (1, 0)), mode="edge")
    row = padded[:, :-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]
    return np.asarray((row[::2] + row[1::2]) / 8, dtype=np.float32)


def _as_image(plane: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


def _moving(stills: list[Planes], take: _Take, frames: int) -> Iterator[Planes]:
    """Yield the planes of each frame: the stills crossed first, then moved once."""
    for number in range(frames):
        share = number / (frames - 1) if frames > 1 else 0.0
        if len(stills) == 1:
            yield _closer(stills[0], 1 + _PUSH_IN * _eased(share), take.focus)
        else:
            fade_from, fade_to = take.fade
            crossed = _crossed(stills[0], stills[1], _eased((share - fade_from) / (fade_to - fade_from)))
            yield _closer(crossed, 1 + take.bump * math.sin(math.pi * share), take.focus)


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def _crossed(start: Planes, end: Planes, share: float) -> Planes:
    if share in (0.0, 1.0):
        return end if share else start
    y, u, v = (Image.blend(a, b, share) for a, b in zip(start, end, strict=True))
    return y, u, v


def _closer(planes: Planes, zoom: float, focus: tuple[float, float]) -> Planes:
    # A resize out of a box of fractions of pixels is as smooth as an affine warp at a third of its cost;
    # colour has half of the detail anyway, so the cheaper filter does there.
    y, u, v = planes
    return (
        _cropped(y, zoom, focus, Image.Resampling.BICUBIC),
        _cropped(u, zoom, focus, Image.Resampling.BILINEAR),
        _cropped(v, zoom, focus, Image.Resampling.BILINEAR),
    )


def _cropped(
    plane: Image.Image, zoom: float, focus: tuple[float, float], quality: Image.Resampling
) -> Image.Image:
    width, height = plane.width / zoom, plane.height / zoom
    left, top = (plane.width - width) * focus[0], (plane.height - height) * focus[1]
    return plane.resize(plane.size, quality, box=(left, top, left + width, top + height))


def _stream(container: Any, width: int, height: int) -> VideoStream:  # noqa: ANN401 - see the next line
    # PyAV types the container of a write as a union that mypy cannot narrow by the mode.
    stream: VideoStream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_ENCODER_OPTIONS)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    # PyAV's own choice, threads on slices of a frame, gives other bytes from one run to the next.
    context.thread_type, context.thread_count = "FRAME", _ENCODER_THREADS
    context.color_range = _LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = _BT709_TAG
    return stream


def _frame(planes: Planes, number: int) -> av.VideoFrame:
    y, u, v = (np.asarray(plane) for plane in planes)
    packed = np.concatenate((y.reshape(-1), u.reshape(-1), v.reshape(-1)))
    frame = av.VideoFrame.from_ndarray(packed.reshape(-1, y.shape[1]), format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
    return frame
