"""Measures what drawing a clip costs beside encoding it: processor seconds of 8 s at 1280x720."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image, ImageFilter
from table import Row

from ipyveo.sandbox import render

WIDTH, HEIGHT, SECONDS, ROUNDS = 1280, 720, 8.0, 3


def photo(seed: int) -> Image.Image:
    """Draw a picture with detail at every scale, as photographs have it."""
    rng, drawn = np.random.default_rng(seed), np.zeros((1080, 1920, 3))
    for level in range(7):
        size = (1920 >> level, 1080 >> level)
        noise = rng.normal(0, 2.0 * 1.7**level, (size[1], size[0], 3))
        layers = [Image.fromarray(noise[..., c].astype(np.float32)).resize((1920, 1080)) for c in range(3)]
        drawn += np.stack([np.asarray(layer) for layer in layers], axis=-1)
    picture = Image.fromarray(np.clip(drawn + 128, 0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(1))


def cpu_seconds(work: Callable[..., None], *arguments: object) -> float:
    begun = time.process_time()
    work(*arguments)
    return time.process_time() - begun


def draw(path: Path, start: Image.Image, end: Image.Image | None) -> None:
    render.render_clip(
        path, start, end, width=WIDTH, height=HEIGHT, seconds=SECONDS, take=0, on_progress=lambda _: None
    )


def encode(path: Path, planes: list[render.Planes]) -> None:
    """Encode frames made beforehand, with the renderer's own settings."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = render._stream(container, WIDTH, HEIGHT)
        for number, frame in enumerate(planes):
            container.mux(stream.encode(render._frame(frame, number)))
        container.mux(stream.encode())


def rows() -> Iterator[Row]:
    start, end = photo(1), photo(2)
    frames = round(SECONDS * render.FRAMES_PER_SECOND)
    with TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        for name, second in (("two pictures, dissolve", end), ("one picture, camera move", None)):
            stills = [render._planes(p, WIDTH, HEIGHT) for p in (start, second) if p is not None]
            planes = list(render._moving(stills, render._TAKES[0], frames))
            drawn: list[float] = []
            encoded: list[float] = []
            for _ in range(ROUNDS):
                drawn.append(cpu_seconds(draw, path, start, second))
                encoded.append(cpu_seconds(encode, path, planes))
            yield Row(name, median(drawn), "{:.1f} s", "encoding the same frames", median(encoded))
