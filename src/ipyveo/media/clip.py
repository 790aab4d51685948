"""A finished video on disk: its measurements, its poster, its exact last frame, its inline display."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL import Image

_POSTER_SIDE: Final = 640
_POSTER_QUALITY: Final = 85
_ANIMATION_SIDE: Final = 480
_ANIMATION_RATE: Final = 12.5  # browsers slow down a GIF that is much faster
_ANIMATION_FRAMES: Final = 150
_MAX_PIXELS: Final = 64_000_000
_HD_HEIGHT: Final = 720
_PROMPT_SHOWN: Final = 60  # characters, where a clip is one of many
_MEDIA_BOXES: Final = frozenset({b"moov", b"moof", b"mdat"})
# The numbers of ITU-T H.273 for frames, and of FFmpeg's swscale for conversions.
_UNSPECIFIED_MATRIX: Final = 2
_SWS_BT709: Final = 1
_SWS_BT601: Final = 5
_FULL_RANGE: Final = 2


@dataclass(frozen=True, slots=True)
class VideoMeasurements:
    """What a video file really holds.

    Parameters
    ----------
    width, height
        Pixels, as it is shown: a stored rotation is applied.
    duration
        Seconds.
    fps
        Frames a second, on average.
    size
        Bytes.
    """

    width: int
    height: int
    duration: float
    fps: float
    size: int


@dataclass(frozen=True, slots=True, weakref_slot=True, repr=False)
class Clip:
    """A finished video on disk.

    Parameters
    ----------
    path
        The MP4 file.
    id
        The service's name for the video.
    prompt
        What was asked for.
    width, height
        Pixels.
    duration
        Seconds.
    fps
        Frames a second.
    size
        Bytes.
    created_at
        When it came, with a time zone.
    engine
        ``"veo"``, or ``"sandbox"`` for a local preview.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> print(Clip(Path("dusk.mp4"), "a1", "dusk", 1280, 720, 8.0, 24.0, 7_800_000, datetime.now(UTC), "veo"))
    dusk.mp4 (1280x720, 8.0 s, 7.8 MB, veo)
    """

    path: Path
    id: str
    prompt: str
    width: int
    height: int
    duration: float
    fps: float
    size: int
    created_at: datetime
    engine: Literal["veo", "sandbox"]

    def last_frame(self) -> Image.Image:
        """Return the exact last frame, upright, as an RGB picture.

        Raises
        ------
        FileNotFoundError
            If the file is gone.
        ValueError
            If it is not a playable video any more.
        """
        with _opened(self.path) as (container, stream):
            return _picture(_last(container, stream))

    def poster(self) -> bytes:
        """Return the first frame as a JPEG, its long side at most 640 pixels.

        Raises
        ------
        FileNotFoundError
            If the file is gone.
        ValueError
            If it is not a playable video any more.
        """
        with _opened(self.path) as (container, stream):
            picture = _picture(_first(container, stream))
        picture.thumbnail((_POSTER_SIDE, _POSTER_SIDE))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=_POSTER_QUALITY)
        return file.getvalue()

    def frame(self, number: int) -> Image.Image:
        """Return one frame exactly, upright, as an RGB picture.

        Parameters
        ----------
        number
            Which one, counted from 0; one past the end is the last.

        Raises
        ------
        FileNotFoundError
            If the file is gone.
        ValueError
            If it is not a playable video any more, or the number is negative.

        Examples
        --------
        >>> clip.frame(48).save("two-seconds-in.png")  # doctest: +SKIP
        """
        if number < 0:
            raise ValueError("frames are counted from 0")
        with _opened(self.path) as (container, stream):
            return _picture(_shown_at(container, stream, (number + 0.5) / self.fps))

    def animation(self, kind: Literal["gif", "webp"]) -> bytes:
        """Return the clip as an animated picture for a page or a message: small, silent, in a loop.

        Its long side has at most 480 pixels, and it has at most 12.5 frames a second and 150 in all; a
        longer clip has fewer a second.

        Parameters
        ----------
        kind
            ``"gif"``, which everything shows, or ``"webp"``, with all its colours and smaller.

        Raises
        ------
        FileNotFoundError
            If the file is gone.
        ValueError
            If it is not a playable video any more.

        Examples
        --------
        >>> Path("dusk.gif").write_bytes(clip.animation("gif"))  # doctest: +SKIP
        """
        every = max(
            math.ceil(self.fps / _ANIMATION_RATE), math.ceil(self.duration * self.fps / _ANIMATION_FRAMES)
        )
        pictures = []
        with _opened(self.path) as (container, stream):
            for index, frame in enumerate(container.decode(stream)):
                if index % every == 0:
                    pictures.append(_small(frame, colours=256 if kind == "gif" else None))
                if len(pictures) > _ANIMATION_FRAMES:  # the file is longer than it was when it was measured
                    pictures, every = pictures[::2], every * 2
        if not pictures:
            raise ValueError("it holds no frame that can be decoded")
        # Both formats count whole steps of time: each frame ends where it should, however the steps round.
        ends = [round(100 * (index + 1) * every / self.fps) for index in range(len(pictures))]
        times = [10 * (end - start) for start, end in itertools.pairwise([0, *ends])]
        file = io.BytesIO()
        options = {"quality": 75, "method": 2} if kind == "webp" else {"optimize": False}
        pictures[0].save(
            file, kind, save_all=True, append_images=pictures[1:], duration=times, loop=0, **options
        )
        return file.getvalue()

    def __str__(self) -> str:
        shape = f"{self.width}x{self.height}, {self.duration:.1f} s, {self.size / 1e6:.1f} MB"
        return f"{self.path} ({shape}, {self.engine})"

    def __repr__(self) -> str:
        """Return one line for people, also in a list; the prompt is cut, and quoted as Python does."""
        prompt = self.prompt if len(self.prompt) <= _PROMPT_SHOWN else f"{self.prompt[:_PROMPT_SHOWN]}..."
        return f"<Clip {prompt!r}: {self}>"

    def show(self, *, embed: bool = False) -> None:
        """Show the clip in the running cell, as naming it in a cell's last line does.

        Parameters
        ----------
        embed
            True puts the video itself into the output, after a line with its size: the notebook grows by a
            third more than the file, and plays the clip wherever it is opened.

        Raises
        ------
        FileNotFoundError
            If it is to be embedded and the file is gone.

        Examples
        --------
        >>> clip.show(embed=True)  # doctest: +SKIP
        """
        from ipyveo.widgets.player import show

        show(self, embed=embed)

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - Jupyter's own display protocol
        from ipyveo.widgets.player import mimebundle

        return mimebundle(self, **options)


def measure_video(path: Path) -> VideoMeasurements:
    """Check that a file is a whole, playable MP4, and measure it.

    Every packet is looked up and the first frame is decoded, so a download that stopped early is found even
    where its index came first.

    Parameters
    ----------
    path
        The file, of any name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a video that can be played; the text says why.

    Examples
    --------
    >>> measure_video(Path("dusk.mp4")).width  # doctest: +SKIP
    1280
    """
    size = path.stat().st_size
    _check_boxes(path, size)
    with _opened(path) as (container, stream):
        frame = _first(container, stream)
        width, height = frame.width, frame.height
        if frame.rotation % 180:
            width, height = height, width
    with _opened(path) as (container, stream):
        start, end, count = _timeline(container, stream, size)
    duration = float(end - start)
    return VideoMeasurements(width, height, duration, count / duration, size)


def _check_boxes(path: Path, size: int) -> None:
    """Refuse a file that ends inside a box of pictures or of their index (ISO/IEC 14496-12, 4.2)."""
    place = 0
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:], "big")
            elif length == 0:
                length = size - place
            if kind in _MEDIA_BOXES and place + length > size:
                raise ValueError("it is cut short")
            place += max(length, 8)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file as MP4 with its first video stream; whatever FFmpeg finds wrong becomes a `ValueError`."""
    import av

    reason = ""
    with path.open("rb") as file:
        try:
            # A file object and a named format: no path is taken for an address, no text for a playlist.
            with av.open(file, "r", format="mp4", metadata_errors="replace") as container:
                if not container.streams.video:
                    raise ValueError("it holds no video")
                stream = container.streams.video[0]
                if stream.codec_context is None:
                    raise ValueError("its pictures are of an unknown kind")
                if stream.codec_context.width * stream.codec_context.height > _MAX_PIXELS:
                    raise ValueError("its frames are too large")
                yield container, stream
        except (av.FFmpegError, OSError) as error:
            reason = error.strerror or type(error).__name__
    if reason:
        raise ValueError(f"it cannot be played ({reason})")


def _first(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """Decode the first frame."""
    for frame in container.decode(stream):
        return frame
    raise ValueError("it holds no frame that can be decoded")


def _last(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """Decode to the end and return the frame that is shown last."""
    if stream.duration:
        # From the last keyframe on is enough.
        container.seek((stream.start_time or 0) + stream.duration, stream=stream)
    last = None
    for frame in container.decode(stream):
        if last is None or (frame.pts or 0) >= (last.pts or 0):
            last = frame
    if last is None:
        raise ValueError("it holds no frame that can be decoded")
    return last


def _shown_at(container: InputContainer, stream: VideoStream, seconds: float) -> VideoFrame:
    """Decode the frame that is on the screen so long after the first one came."""
    start = stream.start_time or 0
    moment = start + (seconds / stream.time_base if stream.time_base else 0)
    container.seek(int(moment), stream=stream)  # to the keyframe before
    shown = None
    for frame in container.decode(stream):
        if shown is not None and (frame.pts or 0) > moment:
            break
        shown = frame
    if shown is None:
        raise ValueError("it holds no frame that can be decoded")
    return shown


def _small(frame: VideoFrame, colours: int | None) -> Image.Image:
    picture = _picture(frame)
    picture.thumbnail((_ANIMATION_SIDE, _ANIMATION_SIDE))
    return picture if colours is None else picture.quantize(colours)


def _timeline(container: InputContainer, stream: VideoStream, size: int) -> tuple[Fraction, Fraction, int]:
    """Read every packet; return when the first frame starts, when the last one ends, and their number."""
    start, end, count = None, None, 0
    for packet in container.demux():
        if packet.size == 0:
            continue
        if packet.is_corrupt or (packet.pos or 0) + packet.size > size:
            raise ValueError("it is cut short")
        if packet.stream.index == stream.index and packet.pts is not None and packet.time_base:
            shown = packet.pts * packet.time_base
            over = shown + (packet.duration or 0) * packet.time_base
            start = shown if start is None else min(start, shown)
            end = over if end is None else max(end, over)
            count += 1
    if count < stream.frames:
        raise ValueError("it is cut short")
    if start is None or end is None or end <= start:
        raise ValueError("it has no duration")
    return start, end, count


def _picture(frame: VideoFrame) -> Image.Image:
    """Convert a frame to RGB by the matrix it is tagged with, else by the one usual for its size; upright."""
    from PIL import Image

    matrix = None
    if frame.colorspace == _UNSPECIFIED_MATRIX:
        matrix = _SWS_BT709 if min(frame.width, frame.height) >= _HD_HEIGHT else _SWS_BT601
    pixels = frame.to_ndarray(
        format="rgb24",
        src_colorspace=matrix,
        # RGB has no matrix, but PyAV 15 heeds the source's only where this one is another.
        dst_colorspace=_SWS_BT601,
        src_color_range=_FULL_RANGE if frame.color_range == _FULL_RANGE else None,
        interpolation="BICUBIC",
    )
    # Both count against the clock.
    return Image.fromarray(pixels).rotate(frame.rotation, expand=True)
