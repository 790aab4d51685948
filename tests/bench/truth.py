"""Pairs whose in-betweens are known: what a camera sees that moves over drawn scenes and stills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SHARES = (0.25, 0.5, 0.75)
FINE = 2  # pixels of a scene to one of a frame, so that a frame is sampled from more than it shows
SCENE = (2200, 1300)  # in frame pixels
STILLS = ("astronaut", "coffee", "chelsea", "rocket")

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Truth:
    """What a camera saw: `at(share)` is the frame, `at(0)` and `at(1)` are the pair."""

    motion: str
    scene: str
    at: Callable[[float], Image.Image]


def truths(width: int = 1280, height: int = 720, scenes: tuple[str, ...] | None = None) -> Iterator[Truth]:
    """Yield each motion over each scene; distances are those of frames 1280 wide, and scale with them."""
    unit = width / 1280
    for scene in scenes or ("drawn", *STILLS):
        for motion, frame in _motions(scene, width, height, unit):
            yield Truth(motion, scene, lambda share, frame=frame: Image.fromarray(frame(share)))


def _motions(
    scene: str, width: int, height: int, unit: float
) -> Iterator[tuple[str, Callable[[float], Picture]]]:
    size, ground = (width, height), canvas(scene)

    def seen(dx: float = 0, dy: float = 0, zoom: float = 1, turn: float = 0) -> Picture:
        return _framed(ground, size, _window(size, unit, dx, dy, zoom, turn))

    yield "still", lambda t: seen()
    yield "pan 67 px", lambda t: seen(dx=67 * (t - 0.5), dy=9 * t)
    yield "pan 255 px", lambda t: seen(dx=255 * (t - 0.5), dy=31 * t)
    yield "zoom 1.35", lambda t: seen(zoom=1.35**t)
    yield "zoom 2", lambda t: seen(zoom=2**t)
    yield "rotate 8 degrees", lambda t: seen(turn=8 * (t - 0.5))
    yield "rotate 25 degrees", lambda t: seen(turn=25 * (t - 0.5))
    yield "two layers, parallax", lambda t: _two_layers(ground, size, unit, t)
    yield "one object moves 180 px", lambda t: _object(ground, size, unit, t)
    yield "relit, small pan", lambda t: _relit(seen(dx=24 * t, dy=-7 * t), t)


def _window(
    size: tuple[int, int], unit: float, dx: float, dy: float, zoom: float, turn: float
) -> NDArray[np.float64]:
    """Return the matrix from a frame's pixels to the scene's."""
    scale, angle = FINE / (zoom * unit), np.deg2rad(turn)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([SCENE[0], SCENE[1]]) * FINE / 2 + FINE * np.array([dx, dy])
    return np.column_stack([linear, middle - linear @ (np.array(size) / 2)])


def _framed(scene: Picture, size: tuple[int, int], window: NDArray[np.float64]) -> Picture:
    step = float(np.sqrt(abs(np.linalg.det(window[:, :2]))))
    halvings = max(0, int(np.floor(np.log2(step / 1.4))))
    scene, step = _halved(id(scene), halvings, scene), step / 2**halvings
    window = window / 2**halvings - [[0, 0, 0.5 - 0.5 / 2**halvings]]
    soft = cv2.GaussianBlur(scene, (0, 0), 0.45 * step) if step > 1 else scene
    return cv2.warpAffine(
        soft, window, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101
    )


_HALVES: dict[tuple[int, int], Picture] = {}


def _halved(name: int, times: int, scene: Picture) -> Picture:
    """Return a scene at a half, a quarter and so on; scenes are never let go of, so their ids name them."""
    if not times:
        return scene
    if (name, times) not in _HALVES:
        larger = _halved(name, times - 1, scene)
        size = larger.shape[1] // 2, larger.shape[0] // 2
        _HALVES[name, times] = cv2.resize(larger, size, interpolation=cv2.INTER_AREA)
    return _HALVES[name, times]


def _two_layers(ground: Picture, size: tuple[int, int], unit: float, t: float) -> Picture:
    back = _framed(ground, size, _window(size, unit, 30 * (t - 0.5), 0, 1, 0))
    colour, cover = _fence()
    window = _window(size, unit, 130 * (t - 0.5), 0, 1, 0)
    front, alpha = _framed(colour, size, window), _framed(cover, size, window)[..., None] / 255.0
    return np.rint(front * alpha + back * (1 - alpha)).astype(np.uint8)


def _object(ground: Picture, size: tuple[int, int], unit: float, t: float) -> Picture:
    back = _framed(ground, size, _window(size, unit, 0, 0, 1, 0))
    colour, cover = _balloon()
    window = _window(size, unit, -180 * (t - 0.5), 20 * (t - 0.5), 1, 0)
    front, alpha = _framed(colour, size, window), _framed(cover, size, window)[..., None] / 255.0
    return np.rint(front * alpha + back * (1 - alpha)).astype(np.uint8)


def _relit(picture: Picture, t: float) -> Picture:
    """Blend from the light as it is to a warm evening that falls off to the right."""
    across = np.linspace(0.85, 0.4, picture.shape[1])[None, :, None]
    evening = picture * across * np.array([1.1, 0.9, 0.7]) + np.array([14, 6, 0])
    return np.clip(np.rint(picture * (1 - t) + evening * t), 0, 255).astype(np.uint8)


@cache
def canvas(scene: str) -> Picture:
    """Draw a scene, or bring one of scikit-image's bundled stills to its size."""
    if scene == "drawn":
        return _town(7)
    return fitted(getattr(skimage.data, scene)())


def fitted(still: Picture) -> Picture:
    picture = Image.fromarray(still).convert("RGB")
    width, height = (side * FINE for side in SCENE)
    scale = max(width / picture.width, height / picture.height)
    left, top = (picture.width - width / scale) / 2, (picture.height - height / scale) / 2
    box = (left, top, left + width / scale, top + height / scale)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box=box))


def _cloudy(rng: np.random.Generator, size: tuple[int, int], finest: int = 2) -> NDArray[np.float32]:
    """Draw detail at every scale from `finest` pixels on, falling off as it does in photographs."""
    drawn = np.zeros((size[1], size[0]), np.float32)
    cell = float(finest)
    while cell < max(size) / 2:
        grid = rng.normal(0, cell**0.3, (max(2, int(size[1] / cell)), max(2, int(size[0] / cell))))
        drawn += cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        cell *= 2
    return (drawn - drawn.mean()) / drawn.std()


def _town(seed: int) -> Picture:
    """Draw a sky, hills with texture, houses with windows, and signs."""
    rng, (width, height) = np.random.default_rng(seed), (SCENE[0] * FINE, SCENE[1] * FINE)
    clouds, ground = _cloudy(rng, (width, height), 16), _cloudy(rng, (width, height))
    down = np.linspace(0, 1, height)[:, None, None]
    sky = np.array([120, 165, 220]) + down * 90 + np.maximum(clouds, 0)[..., None] * 22
    land = np.array([96, 120, 70]) - down * 30 + ground[..., None] * np.array([20, 21, 15])
    ridge = height * 0.42 + 160 * np.sin(np.arange(width) / 410) + 70 * np.sin(np.arange(width) / 133 + 1)
    below = np.clip(np.arange(height)[:, None] - ridge[None, :], 0, 1)[..., None]
    picture = Image.fromarray(np.clip(sky * (1 - below) + land * below, 0, 255).astype(np.uint8))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(56)
    for number in range(46):
        x, y = int(rng.integers(0, width - 300)), int(rng.integers(height * 0.35, height - 260))
        _house(draw, font, rng, (x, y, int(rng.integers(140, 330)), int(rng.integers(140, 380))), number)
    grain = _cloudy(rng, (width, height))[..., None] * 5
    return np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)


def _house(draw, font, rng, box: tuple[int, int, int, int], number: int) -> None:
    x, y, wide, tall = box
    wall = tuple(int(c) for c in rng.integers(70, 235, 3))
    draw.rectangle((x, y, x + wide, y + tall), fill=wall)
    draw.polygon(
        ((x - 20, y), (x + wide // 2, y - 110), (x + wide + 20, y)), fill=tuple(c // 2 for c in wall)
    )
    for i in range(x + 24, x + wide - 40, 64):
        for j in range(y + 24, y + tall - 60, 84):
            lit = (250, 228, 150) if rng.random() < 0.4 else (40, 48, 66)
            draw.rectangle((i, j, i + 34, j + 48), fill=lit, outline=(235, 235, 235), width=5)
    draw.text((x + 20, y + tall - 66), f"No {number}", fill=(20, 20, 20), font=font)


@cache
def _fence() -> tuple[Picture, Picture]:
    """Draw what stands before the scene: trunks and a hedge, with what they cover."""
    rng, (width, height) = np.random.default_rng(3), (SCENE[0] * FINE, SCENE[1] * FINE)
    bark = _cloudy(rng, (width, height))[..., None] * np.array([24, 20, 16]) + np.array([104, 78, 56])
    cover = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(cover)
    for x in range(140, width, 760):
        draw.polygon(((x, 0), (x + 150, 0), (x + 230, height), (x - 60, height)), fill=255)
    points = [
        (x, int(height * 0.72 + 60 * np.sin(x / 170) + 25 * np.sin(x / 37))) for x in range(0, width + 9, 9)
    ]
    draw.polygon([(0, height), *points, (width, height)], fill=255)
    return np.clip(bark, 0, 255).astype(np.uint8), np.asarray(cover)


@cache
def _balloon() -> tuple[Picture, Picture]:
    """Draw the thing that moves: a striped balloon with a basket."""
    rng, (width, height) = np.random.default_rng(5), (SCENE[0] * FINE, SCENE[1] * FINE)
    cloth = _cloudy(rng, (width, height))[..., None] * np.array([16, 16, 16]) + np.array([205, 70, 52])
    stripes = (np.arange(width)[None, :, None] // 46 % 2) * np.array([20, 120, 130])
    cover = Image.new("L", (width, height), 0)
    draw, x, y = ImageDraw.Draw(cover), width // 2, height // 2
    draw.ellipse((x - 250, y - 330, x + 250, y + 210), fill=255)
    draw.rectangle((x - 66, y + 190, x + 66, y + 320), fill=255)
    return np.clip(cloth + stripes, 0, 255).astype(np.uint8), np.asarray(cover)
