"""Frames become H.264 in an MP4: the same frames, the same bytes."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

import av
import cv2
import numpy as np

from ipyveo.engine.planes import Plane, Planes

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from av.video.stream import VideoStream

FRAMES_PER_SECOND: Final = 24
ENGINE_COMMENT: Final = "ipyveo sandbox"

# Two threads whatever the machine has: the number of threads changes the bytes that x264 writes.
_THREADS: Final = 2
_OPTIONS: Final = {"preset": "veryfast", "crf": "20", "g": str(2 * FRAMES_PER_SECOND)}
# With rows of any other length, what x264 writes with AVX-512 depends on what was in memory before. With AVX2
# it is the same each time, and the same as with AVX-512 where rows suit that, but it takes a fifth longer.
_ROW: Final = 128
_AVX_512: Final = 13  # among OpenCV's features of a processor
_STEADY: Final = ("asm=AVX2",)
# The ends are the pictures themselves, so these frames have more bits; the last ones by and by, since the
# encoder takes small steps. With b=3 the last frame of a move to narrow stripes had 26 dB.
_FIRST, _LAST, _LAST_FRAMES = "0,0,b=6", "{},{},b=8", 3
_WHOLE: Final = {"movflags": "+faststart"}
_FRAGMENTS: Final = {
    "movflags": "+delay_moov+default_base_moof",
    "frag_duration": "500000",  # microseconds
    "flush_packets": "1",
}

# The code points of ITU-T H.273; plain numbers, as older PyAVs have no names for all of them.
_BT709_TAG: Final = 1
_LIMITED_RANGE: Final = 1


class Canvas:
    """The memory of one frame, to be drawn on again and again.

    Parameters
    ----------
    width, height
        Pixels, even numbers.
    """

    def __init__(self, width: int, height: int) -> None:
        self.frame = av.VideoFrame(width, height, "yuv420p")
        self.frame.time_base = Fraction(1, FRAMES_PER_SECOND)
        self.planes = Planes(*(_seen(plane) for plane in self.frame.planes))


def _seen(plane: Any) -> Plane:  # noqa: ANN401 - PyAV's plane says nowhere that it is a buffer
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


class Encoder:
    """An MP4 that is being written; to be used in a `with` statement.

    Parameters
    ----------
    path
        The file.
    width, height
        Pixels, even numbers.
    frames
        How many will be written.
    fragmented
        True to write half a second at a time, each of which can be played once it is there; else the index
        goes first, and the file is whole at the end only.
    """

    def __init__(self, path: Path, width: int, height: int, *, frames: int, fragmented: bool) -> None:
        options = _FRAGMENTS if fragmented else _WHOLE
        self._container = av.open(str(path), "w", format="mp4", options=options)
        self._container.metadata["comment"] = ENGINE_COMMENT
        self._stream = _stream(self._container, width, height, frames)
        self._container.start_encoding()  # the file is there from now on

    def write(self, canvas: Canvas, number: int) -> None:
        """Encode one frame; its canvas is free then, since x264 keeps a copy."""
        canvas.frame.pts = number
        self._container.mux(self._stream.encode(canvas.frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._stream.encode())
        finally:
            self._container.close()


def _stream(container: Any, width: int, height: int, frames: int) -> VideoStream:  # noqa: ANN401 - see next
    # PyAV types the container of a write as a union that mypy cannot narrow by the mode.
    steady = _STEADY if width % _ROW and cv2.checkHardwareSupport(_AVX_512) else ()
    options = {**_OPTIONS, "x264-params": ":".join((*steady, f"zones={_zones(frames)}"))}
    stream: VideoStream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    # PyAV's own choice, threads on slices of a frame, gives other bytes from one run to the next.
    context.thread_type, context.thread_count = "FRAME", _THREADS
    context.color_range = _LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = _BT709_TAG
    return stream


def _zones(frames: int) -> str:
    last = _LAST.format(max(1, frames - _LAST_FRAMES), frames - 1)
    return f"{_FIRST}/{last}" if frames > 1 else _FIRST
