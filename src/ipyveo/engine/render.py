"""Draw a clip from one or two pictures: real H.264 in an MP4, made on this machine, never to pass for Veo."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2

from ipyveo.engine.encode import FRAMES_PER_SECOND, Canvas, Encoder
from ipyveo.engine.grade import dim
from ipyveo.engine.mark import Mark, mark_strength
from ipyveo.engine.scene import Scene, stage
from ipyveo.engine.sentence import read_direction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL import Image

    from ipyveo.engine.camera import Direction

_CANVASES: Final = 4
_FADE_SECONDS: Final = 1.0


def render_clip(
    path: Path,
    start: Image.Image,
    end: Image.Image | None,
    *,
    width: int,
    height: int,
    seconds: float,
    prompt: str,
    take: int,
    on_progress: Callable[[float], object],
    fragmented: bool = False,
) -> None:
    """Write one clip: what is between two pictures, or a camera's move over one.

    The same input gives the same bytes, on any number of cores. The first frame is the start picture and, of
    two pictures, the last frame is the end picture, unless the prompt asks for black there; a picture of
    another shape is cropped around its centre. Two pictures that are the same make a loop.

    Parameters
    ----------
    path
        Where the MP4 goes; it appears there only when it is whole, unless it is fragmented.
    start, end
        Pillow pictures, upright and opaque, of any size; `end` may be None.
    width, height
        Size in pixels, even numbers.
    seconds
        Length; the clip has ``round(24 * seconds)`` frames, one at least.
    prompt
        What was asked for; see `ipyveo.engine.camera` for the words that steer the camera.
    take
        Which of the takes, from 0; each of the first four moves differently.
    on_progress
        Called after each frame with the share done, 0 to 1. What it raises ends the work at once, and the
        unfinished file is removed.
    fragmented
        True to let the file grow under its own name, half a second at a time, each of which can be played as
        soon as it is there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     clip = Path(folder, "clip.mp4")
    ...     render_clip(clip, Image.new("RGB", (64, 36), "navy"), None, width=64, height=36, seconds=0.25,
    ...                 prompt="push in", take=0, on_progress=lambda share: None)
    ...     clip.stat().st_size > 0
    True
    """
    # For the whole process, which is the sandbox's own: the painter is a thread of it.
    cv2.setNumThreads(1)
    frames = max(1, round(seconds * FRAMES_PER_SECOND))
    direction = read_direction(prompt)
    scene = stage(start, end, width, height, prompt=prompt, direction=direction, take=take)
    paint = _Painter(scene, direction, Mark(width, height), frames)
    unfinished = path if fragmented else path.with_name(path.name + ".part")
    try:
        with Encoder(unfinished, width, height, frames=frames, fragmented=fragmented) as encoder:
            canvases = [Canvas(width, height) for _ in range(_CANVASES)]
            with _painted(paint, canvases, frames) as painted:
                for number, canvas in enumerate(painted):
                    encoder.write(canvas, number)
                    on_progress((number + 1) / frames)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def _painted(
    paint: Callable[[Canvas, int], None], canvases: list[Canvas], frames: int
) -> Iterator[Iterator[Canvas]]:
    """Have the frames drawn ahead by another thread, and give them in order; it does not go on afterwards."""
    # One: with a second, what two cores save in waiting they lose by getting into each other's way.
    painter = ThreadPoolExecutor(1, thread_name_prefix="ipyveo-painter")
    try:
        yield _in_order(painter, paint, canvases, frames)
    finally:
        painter.shutdown(wait=True, cancel_futures=True)


def _in_order(
    painter: ThreadPoolExecutor, paint: Callable[[Canvas, int], None], canvases: list[Canvas], frames: int
) -> Iterator[Canvas]:
    ahead: deque[tuple[Canvas, Future[None]]] = deque()
    for number in range(frames + len(canvases)):
        if number >= len(canvases):
            if not ahead:
                return
            canvas, drawn = ahead.popleft()
            drawn.result()
            yield canvas  # and it is free again when the next is asked for
        if number < frames:
            canvas = canvases[number % len(canvases)]
            ahead.append((canvas, painter.submit(paint, canvas, number)))


@dataclass(frozen=True, slots=True)
class _Painter:
    """Draws a frame of a scene, then what lies over it."""

    scene: Scene
    direction: Direction
    mark: Mark
    frames: int

    def __call__(self, canvas: Canvas, number: int) -> None:
        last = self.frames - 1
        self.scene.draw(number / last if last else 0.0, canvas.planes)
        self.mark.put(mark_strength(number, self.frames, FRAMES_PER_SECOND), canvas.planes)
        black = min(_FADE_SECONDS * FRAMES_PER_SECOND, max(1.0, last / 2))
        if "fade in" in self.direction.fades:
            dim(min(1.0, number / black), canvas.planes)
        if "fade out" in self.direction.fades:
            dim(min(1.0, (last - number) / black), canvas.planes)
