"""Draws two matching pictures, a harbour by day and by night, to try everything with."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from PIL import Image

    Colour = tuple[int, int, int]
    Stops = Sequence[tuple[float, Colour]]

_WIDTH: Final = 1920
_HEIGHT: Final = 1080
_SHORE: Final = 840
_BELOW_SUN: Final = 365
# Drawn this many times as large and then reduced, so that edges are smooth.
_FINE: Final = 2

_FAR_PEAKS: Final = ((0, 690), (370, 470), (720, 670), (1130, 380), (1580, 650), (1920, 500))
_NEAR_PEAKS: Final = ((0, 790), (300, 660), (640, 770), (1080, 610), (1450, 755), (1920, 640))
_LANTERNS: Final = tuple((120 + 240 * number, _SHORE - 4 - 22 * (number % 2)) for number in range(8))


def sample_pictures(folder: str | os.PathLike[str] = ".") -> tuple[Path, Path]:
    """Write two matching sample pictures of 1920x1080 pixels: the same harbour by day and by night.

    A file that is already there is kept, whatever it holds.

    Parameters
    ----------
    folder
        Where ``sample-day.png`` and ``sample-night.png`` go; made if it is missing.

    Returns
    -------
    tuple of Path
        The picture by day, the picture by night.

    Raises
    ------
    OSError
        If they cannot be written there.

    Examples
    --------
    >>> day, night = sample_pictures("/tmp")
    >>> day.name, night.name
    ('sample-day.png', 'sample-night.png')
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    day, night = place / "sample-day.png", place / "sample-night.png"
    for path, draw in ((day, _day), (night, _night)):
        if not path.exists():
            png = io.BytesIO()
            draw().save(png, "PNG")
            # Somebody may have put a file there meanwhile.
            with contextlib.suppress(FileExistsError), path.open("xb") as file:
                file.write(png.getvalue())
    return day, night


def _day() -> Image.Image:
    """Draw the harbour under a high sun."""
    sky = _gradient([(0, (96, 170, 240)), (520, (176, 212, 240)), (800, (232, 226, 214))])
    _glow(sky, (1440, 250), 700, (255, 246, 214), 0.55)
    _disc(sky, (1440, 250), 92, (255, 243, 196))
    _mountains(sky, _FAR_PEAKS, [(380, (94, 146, 128)), (_SHORE, (158, 188, 176))])
    _mountains(sky, _NEAR_PEAKS, [(610, (50, 96, 78)), (_SHORE, (78, 126, 104))])
    _water(sky, [(_SHORE, (96, 158, 196)), (_HEIGHT, (54, 116, 168))], (222, 238, 246))
    return _reduced(sky)


def _night() -> Image.Image:
    """Draw the same harbour under the moon, its lanterns lit."""
    sky = _gradient([(0, (10, 14, 44)), (520, (30, 26, 74)), (800, (74, 46, 98))])
    _stars(sky)
    _glow(sky, (470, 240), 600, (176, 190, 255), 0.4)
    _disc(sky, (470, 240), 92, (232, 236, 255))
    _mountains(sky, _FAR_PEAKS, [(380, (26, 36, 62)), (_SHORE, (50, 46, 82))])
    _mountains(sky, _NEAR_PEAKS, [(610, (12, 18, 34)), (_SHORE, (22, 26, 46))])
    _water(sky, [(_SHORE, (24, 34, 70)), (_HEIGHT, (10, 18, 46))], (120, 132, 190))
    for x, y in _LANTERNS:
        _glow(sky, (x, y), 125, (255, 186, 92), 0.75)
        _disc(sky, (x, y), 13, (255, 222, 150))
        _streak(sky, x)
    return _reduced(sky)


def _gradient(stops: Stops) -> Image.Image:
    """Make a picture whose rows run through the colours of `stops`, each with its height from the top."""
    from PIL import Image

    column = Image.new("RGB", (1, _HEIGHT * _FINE))
    for row in range(column.height):
        column.putpixel((0, row), _between(stops, row / _FINE))
    return column.resize((_WIDTH * _FINE, _HEIGHT * _FINE), Image.Resampling.NEAREST)


def _between(stops: Stops, y: float) -> Colour:
    """Return the colour that `stops` have at height `y`."""
    upper = max((stop for stop in stops if stop[0] <= y), default=stops[0])
    lower = min((stop for stop in stops if stop[0] > y), default=stops[-1])
    share = (y - upper[0]) / (lower[0] - upper[0]) if lower[0] > upper[0] and y > upper[0] else 0.0
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(upper[1], lower[1], strict=True))
    return red, green, blue


def _mountains(picture: Image.Image, peaks: Sequence[tuple[int, int]], stops: Stops) -> None:
    """Draw a range through `peaks`, hazier towards the shore."""
    from PIL import Image, ImageDraw

    ridge = []
    for (x0, y0), (x1, y1) in itertools.pairwise(peaks):
        for x in range(x0, x1):
            # A little roughness, none of it at the peaks themselves.
            near = math.sin(math.pi * (x - x0) / (x1 - x0))
            rough = near * (7 * math.sin(x / 19) + 5 * math.sin(x / 7.3 + 1) + 9 * math.sin(x / 53 + 2))
            ridge.append((x * _FINE, (y0 + (y1 - y0) * (x - x0) / (x1 - x0) + rough) * _FINE))
    corners = [(_WIDTH * _FINE, peaks[-1][1] * _FINE), (_WIDTH * _FINE, _SHORE * _FINE), (0, _SHORE * _FINE)]
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).polygon([*ridge, *corners], fill=255)
    picture.paste(_gradient(stops), mask=mask)


def _water(picture: Image.Image, stops: Stops, glint: Colour) -> None:
    """Fill the harbour, mirroring what stands above it, with glints of light."""
    from PIL import Image, ImageDraw

    depth = (_HEIGHT - _SHORE) * _FINE
    above = picture.crop((0, _BELOW_SUN * _FINE, picture.width, _SHORE * _FINE))
    mirrored = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((picture.width, depth))
    water = _gradient(stops).crop((0, _SHORE * _FINE, picture.width, picture.height))
    water = Image.blend(water, mirrored, 0.32)
    glints = Image.new("L", water.size)
    draw = ImageDraw.Draw(glints)
    dice = random.Random(3)  # noqa: S311 - the same ripples each time
    for _ in range(170):
        y = depth * dice.random() ** 1.4
        half = (10 + 70 * y / depth) * _FINE * (0.4 + dice.random())
        x = picture.width * dice.random()
        thick = (0.8 + 1.6 * y / depth) * _FINE
        draw.ellipse((x - half, y - thick, x + half, y + thick), fill=int(30 + 60 * dice.random()))
    water.paste(glint, mask=glints)
    picture.paste(water, (0, _SHORE * _FINE))


def _stars(picture: Image.Image) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    dice = random.Random(11)  # noqa: S311 - the same stars each time
    for _ in range(150):
        x, y = picture.width * dice.random(), 640 * _FINE * dice.random() ** 1.3
        radius = (0.7 + 1.1 * dice.random() ** 3) * _FINE
        light = int(110 + 130 * dice.random())
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=(light, light, min(255, light + 24))
        )


def _disc(picture: Image.Image, centre: tuple[int, int], radius: int, colour: Colour) -> None:
    from PIL import ImageDraw

    x, y = (place * _FINE for place in centre)
    size = radius * _FINE
    ImageDraw.Draw(picture).ellipse((x - size, y - size, x + size, y + size), fill=colour)


def _glow(
    picture: Image.Image, centre: tuple[int, int], radius: int, colour: Colour, strength: float
) -> None:
    """Lay light around a place, fading out at `radius`."""
    from PIL import Image

    size = 2 * radius * _FINE
    # The built-in gradient is 0 in its middle and 255 in its corners; light ends where the sides are nearest.
    shares = [max(0.0, 1.0 - level / 255 * math.sqrt(2)) for level in range(256)]
    fading = Image.radial_gradient("L").point([int(strength * share**2 * 255) for share in shares])
    mask = fading.resize((size, size), Image.Resampling.BICUBIC)
    picture.paste(colour, ((centre[0] - radius) * _FINE, (centre[1] - radius) * _FINE), mask)


def _streak(picture: Image.Image, x: int) -> None:
    """Draw a lantern's reflection in the water, broken by ripples."""
    from PIL import Image

    depth = (_HEIGHT - _SHORE - 40) * _FINE
    mask = Image.new("L", (22 * _FINE, depth))
    for row in range(depth):
        share = row / depth
        light = 150 * (1 - share) ** 1.6 * (0.62 + 0.38 * math.sin(row / (3.2 * _FINE)))
        half = (3 + 6 * share) * _FINE
        for column in range(mask.width):
            off = abs(column - mask.width / 2) / half
            if off < 1:
                mask.putpixel((column, row), int(light * (1 - off * off)))
    box = (x * _FINE - mask.width // 2, (_SHORE + 8) * _FINE)
    picture.paste((255, 196, 110), box, mask)


def _reduced(picture: Image.Image) -> Image.Image:
    from PIL import Image

    return picture.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
