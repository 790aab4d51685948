"""A quiet picture drawn out of a prompt, for the calls that come without one."""

from __future__ import annotations

import hashlib

from PIL import Image, ImageDraw, ImageFilter


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
