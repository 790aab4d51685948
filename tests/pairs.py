"""Pairs with a known way between them, small enough for every test."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.truth import truths
from ipyveo.engine.inbetween import InBetweens
from ipyveo.engine.planes import Planes, planes

WIDTH, HEIGHT = 384, 216


@cache
def frames(motion, scene="drawn"):
    """Return what is seen at 0, .25, .5, .75 and 1 of the way."""
    found = next(truth for truth in truths(WIDTH, HEIGHT, (scene,)) if truth.motion == motion)
    return [planes(found.at(share), WIDTH, HEIGHT) for share in (0, 0.25, 0.5, 0.75, 1)]


@cache
def between(motion, scene="drawn"):
    start, *_, end = frames(motion, scene)
    return InBetweens(start, end)


def drawn(way: InBetweens, share, like: Planes, camera=None) -> Planes:
    frame = blank(like)
    way.draw(share, camera, frame)
    return frame


def blank(like: Planes) -> Planes:
    return Planes(*(np.full_like(plane, 77) for plane in like))


def decibels(one, other):
    gap = (one.astype(np.float64) - other) * 255 / 219
    return 10 * np.log10(255**2 / max(1e-9, float(np.mean(gap * gap))))
