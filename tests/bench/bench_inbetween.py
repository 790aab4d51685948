"""Measures how near in-betweens are to the truth, beside those of a dissolve and of ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from table import Row
from truth import SHARES, truths

from ipyveo.engine.inbetween import InBetweens
from ipyveo.engine.planes import Planes, planes

WIDTH, HEIGHT = 1280, 720
SCENES = ("drawn", "astronaut", "coffee", "chelsea", "rocket")
SEARCHED = ("drawn", "coffee")  # ffmpeg's search takes ten seconds of processor time a pair
# The best of a prototype's, by motion: in-betweens are to be at least as near to the truth.
AIMS = {
    "pan 67 px": 41.6,
    "pan 255 px": 35.4,
    "zoom 1.35": 36.5,
    "zoom 2": 37.8,
    "rotate 25 degrees": 31.3,
    "two layers, parallax": 29.0,
    "one object moves 180 px": 28.5,
    "relit, small pan": 37.1,
}
FAR = 20.0  # decibels over ffmpeg's search that are aimed at for the large pan

Luma = NDArray[np.uint8]


class Nearness(NamedTuple):
    """How near three frames are to the truth."""

    decibels: float
    likeness: float


def rows() -> Iterator[Row]:
    cv2.setNumThreads(1)
    ours: dict[str, list[Nearness]] = {}
    dissolved: dict[str, list[Nearness]] = {}
    searched: dict[str, list[Nearness]] = {}
    beside: dict[str, list[Nearness]] = {}  # ours, of the pairs that ffmpeg was given
    setups, draws = [], []
    for truth in truths(WIDTH, HEIGHT, SCENES):
        if truth.motion == "still":
            continue
        start, *middle, end = (planes(truth.at(share), WIDTH, HEIGHT) for share in (0, *SHARES, 1))
        known = [frame.y for frame in middle]
        drawn, setup, draw = _drawn(start, end)
        setups.append(setup)
        draws.append(draw)
        nearness = _nearness(drawn, known)
        ours.setdefault(truth.motion, []).append(nearness)
        dissolved.setdefault(truth.motion, []).append(_nearness(_dissolved(start.y, end.y), known))
        if shutil.which("ffmpeg") and truth.scene in SEARCHED:
            searched.setdefault(truth.motion, []).append(_nearness(_searched(start, end), known))
            beside.setdefault(truth.motion, []).append(nearness)
    for motion, found in ours.items():
        yield from _rows(motion, found, dissolved[motion], searched.get(motion), beside.get(motion))
    yield Row("finding a pair's motion, processor time", 1e3 * fmean(setups), "{:.0f} ms")
    yield Row("drawing a frame, processor time", 1e3 * fmean(draws), "{:.1f} ms")


def _rows(
    motion: str,
    found: list[Nearness],
    dissolved: list[Nearness],
    searched: list[Nearness] | None,
    beside: list[Nearness] | None,
) -> Iterator[Row]:
    reached, aim = _decibels(found), AIMS.get(motion)
    yield Row(f"{motion}: PSNR", reached, "{:.1f} dB", "the prototype", aim, at_least=1 if aim else None)
    yield Row(f"{motion}: over a dissolve (xfade)", reached - _decibels(dissolved), "{:+.1f} dB")
    likeness = fmean(one.likeness for one in found)
    yield Row(f"{motion}: SSIM", likeness, "{:.3f}", "a dissolve", fmean(one.likeness for one in dissolved))
    if searched is None or beside is None:
        yield Row(f"{motion}: no ffmpeg here", 0.0, "{:.0f}")
        return
    more = _decibels(beside) - _decibels(searched)
    far = motion == "pan 255 px"
    yield Row(
        f"{motion}: over minterpolate",
        more,
        "{:+.1f} dB",
        "aimed at" if far else "",
        FAR if far else None,
        at_least=1 if far else None,
    )
    yield Row(
        f"{motion}: SSIM, {len(beside)} scenes",
        fmean(one.likeness for one in beside),
        "{:.3f}",
        "minterpolate",
        fmean(one.likeness for one in searched),
    )


def _decibels(found: list[Nearness]) -> float:
    return fmean(one.decibels for one in found)


def _drawn(start: Planes, end: Planes) -> tuple[list[Luma], float, float]:
    begun = time.process_time()
    way = InBetweens(start, end)
    setup = time.process_time() - begun
    frame = Planes(*(np.empty_like(plane) for plane in start))
    way.draw(0.1, None, frame)  # makes the buffers
    begun, drawn = time.process_time(), []
    for share in SHARES:
        way.draw(share, None, frame)
        drawn.append(frame.y.copy())
    return drawn, setup, (time.process_time() - begun) / len(SHARES)


def _dissolved(start: Luma, end: Luma) -> list[Luma]:
    return [cv2.addWeighted(start, 1 - share, end, share, 0) for share in SHARES]


def _searched(start: Planes, end: Planes) -> list[Luma]:
    """Let ffmpeg put three frames between the two; it wants one more on each side of a pair."""
    with TemporaryDirectory() as folder:
        before, after = Path(folder, "before.yuv"), Path(folder, "after.yuv")
        raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}")
        before.write_bytes(b"".join(plane.tobytes() for frame in (start, start, end, end) for plane in frame))
        search = "minterpolate=fps=4:mi_mode=mci:search_param=128:scd=none"  # its best of what was tried
        given = ("-r", "1", "-i", str(before), "-vf", search)
        subprocess.run(["ffmpeg", "-v", "error", *raw, *given, *raw, str(after)], check=True)
        frames = np.fromfile(after, np.uint8).reshape(-1, HEIGHT * 3 // 2, WIDTH)[:, :HEIGHT]
    first = next(i for i in range(len(frames)) if np.abs(frames[i].astype(int) - start.y).mean() > 0.01)
    return list(frames[first : first + len(SHARES)])


def _nearness(drawn: list[Luma], known: list[Luma]) -> Nearness:
    """Compare lumas, whose range of 219 levels counts as the full one."""
    gaps = [(one.astype(np.float32) - other) / 219 for one, other in zip(drawn, known, strict=True)]
    decibels = fmean(-10 * np.log10(max(1e-9, float(np.mean(gap * gap)))) for gap in gaps)
    return Nearness(decibels, float(structural_similarity(drawn[1], known[1], data_range=219)))


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)  # noqa: T201 - printing is what the program is for
