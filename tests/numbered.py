"""Clips whose frames carry their number, to tell by the pixels which one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

WIDTH, HEIGHT, RATE = 640, 360, 24
_BITS, _CELL = 10, 64
COLOURS = [(150, 60, 40), (40, 70, 160), (40, 130, 60), (120, 60, 140)]


def write(path: Path, frames: int = 192, colour: int = 0, codec: str = "libx264") -> None:
    """Write a clip; the bits of each frame's number stand as black and white cells along its top."""
    options = {"g": "48", "preset": "veryfast"} | (
        {"x265-params": "log-level=0"} if codec == "libx265" else {}
    )
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            pixels = np.full((HEIGHT, WIDTH, 3), COLOURS[colour], np.uint8)
            for bit in range(_BITS):
                pixels[:_CELL, bit * _CELL : (bit + 1) * _CELL] = 255 * (number >> bit & 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def read(picture: Image.Image) -> int:
    """Return the number of a frame, whatever its size."""
    small = picture.convert("L").resize((WIDTH, HEIGHT))
    cells = [small.getpixel((bit * _CELL + _CELL // 2, _CELL // 2)) for bit in range(_BITS)]
    return sum((cell > 127) << bit for bit, cell in enumerate(cells))


# The same in a page, of the frame that a <video> shows.
READ = """(video) => {
    const canvas = new OffscreenCanvas(640, 360);
    const drawing = canvas.getContext('2d');
    drawing.drawImage(video, 0, 0, 640, 360);
    let number = 0;
    for (let bit = 0; bit < 10; bit += 1)
        if (drawing.getImageData(bit * 64 + 32, 32, 1, 1).data[0] > 127) number += 2 ** bit;
    return number;
}"""
