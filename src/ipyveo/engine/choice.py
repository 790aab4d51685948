"""Which motion a pair is given: each is tried, and the one that brings the pictures over each other wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.cross_fade import CrossFade
from ipyveo.engine.cutting import cut, misfit
from ipyveo.engine.global_motion import global_motions, plausible
from ipyveo.engine.layers import Layers
from ipyveo.engine.look import Look, coincidence
from ipyveo.engine.motion import Motion, Path, Whole
from ipyveo.engine.rasters import grid, lengths, read
from ipyveo.engine.spectrum import shift, similarity
from ipyveo.engine.trial import Trial, tried

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["moved", "flowed", "layered", "unrelated"]
"""The camera moved; things also bent or moved a little; things move by themselves; nothing in common."""

# Edges of related pairs coincide to 0.34 and more, those of unrelated ones to 0.18 and less.
_RELATED = 0.27
# Of the ghosting, what layers may leave: 0.8 and less where there are any, 0.87 and more where all bends.
_BETTER = 0.83
_GHOSTS = 2  # working pixels between points
_UNKNOWN = 6.0  # levels
_ALONE = np.float32(0.1)  # of the weight of one picture, when that of the other tells nothing
_HALF = np.float32(0.5)
_AGREED = 0.4  # the share of points whose flow must agree, there and back, for it to be used
_MOST_LAYERS = 4
_OWN_MOTION = 0.001  # the share of a picture that something which moves by itself has at least
_WHOLE = 0.1  # the share of a picture that must follow a motion for it to be the camera's
_WORSE = 0.01
_PLAIN = 0.8  # the score from which on a motion is the main one, whatever else there is
_FIRST = 0.3  # how much better another one's score must be, to be the main motion instead
_APART, _SETTLED, _PROBES = 3.0, 0.1, 32  # working pixels
_ABOUT = 4.0  # working pixels by which a second motion may be off at first


def chosen(start: Look, end: Look) -> tuple[Kind, Motion]:
    """Find the way from one picture to the other."""
    first = _main(start, end)
    trials = [first, *_others(start, end, first)]
    # The points of what is left may tell better what the whole does, as where it repeats itself.
    main = max(trials, key=lambda trial: trial.score + (_FIRST if trial is first else 0.0))
    path = main.path() if main.flow.agreed > _AGREED else Path(main.glide, None)
    whole = Whole(path, start.shape)
    coincide = coincidence(start, end, main.led)
    parts = cut(start, end, _different([main, *trials], start))
    if parts is not None and coincidence(start, end, parts.led) > max(_RELATED, coincide):
        layers = Layers(parts.layers, start.shape)
        if _ghosting(start, end, layers) < _BETTER * _ghosting(start, end, whole):
            return "layered", layers
    if coincide < _RELATED:
        return "unrelated", CrossFade(start.shape)
    return "flowed" if path.bends else "moved", whole


def _ghosting(start: Look, end: Look, motion: Motion) -> float:
    """Return by how many levels the pictures differ when each is brought half of the way, on average."""
    points = grid(start.shape, _GHOSTS)
    gaps, twice = np.zeros(points.shape[:2], np.float32), np.zeros(points.shape[:2], np.bool_)
    for sheet in motion.at(0.5, 0.5, points):
        weights = sheet.start_weight, sheet.end_weight
        both = np.minimum(*weights) > _ALONE * np.maximum(*weights)
        gap = cv2.absdiff(read(start.even, sheet.start), read(end.even, sheet.end))
        here = slice(None) if sheet.cover is None else sheet.cover > _HALF
        gaps[here], twice[here] = gap[here], both[here]
    seen = float(gaps[twice].mean()) if twice.any() else 0.0
    # What only one picture shows may be anything: to hide much is no way to fit.
    return seen + float(np.mean(~twice)) * max(0.0, _UNKNOWN - seen)


def _main(start: Look, end: Look) -> Trial:
    """Find the motion that most of the picture follows, as exactly as the flow tells it."""
    likely = similarity(start.even, end.even)
    best = tried(start, end, likely if plausible(likely) else np.eye(3))
    if best.score < _PLAIN:
        others = best.glide.whole, np.eye(3), *global_motions(start.sharp, end.sharp, 1)
        another = max(others, key=lambda motion: coincidence(start, end, moved(motion, grid(start.shape))))
        if another is not best.glide.whole:
            best = max(best, tried(start, end, another), key=lambda trial: trial.score)
    for _ in range(2):
        motion = best.fitted(_WHOLE)
        if motion is None or _apart(best.glide.whole, motion, start) < _SETTLED:
            break
        again = tried(start, end, motion)
        if again.score < best.score - _WORSE:
            break
        best = again
    return best


def _others(start: Look, end: Look, main: Trial) -> Iterator[Trial]:
    """Find motions of what does not follow the main one."""
    within = misfit(start, end, main)
    if min(np.mean(part > 1) for part in within) < _OWN_MOTION:
        return  # what comes into sight at the border is no reason to look for more
    motions, known = global_motions(start.sharp, end.sharp, _MOST_LAYERS - 1, within), [main.glide.whole]
    for motion in (*motions, shift(start.even, end.even, within)):
        if any(_apart(motion, other, start) < _APART for other in known):
            continue
        near = tried(start, end, motion)
        exact = near.fitted(_OWN_MOTION, within, _ABOUT)
        if exact is not None:
            yield near if _apart(motion, exact, start) < _SETTLED else tried(start, end, exact)
            known.append(exact)


def _different(trials: list[Trial], look: Look) -> list[Trial]:
    """Keep the motions that lead to different places, the first of those that lead to the same."""
    kept: list[Trial] = []
    for trial in trials:
        if all(_apart(trial.glide.whole, other.glide.whole, look) > _APART for other in kept):
            kept.append(trial)
    return kept[:_MOST_LAYERS]


def _apart(one: Affine, other: Affine, look: Look) -> float:
    """Return how far apart two motions lead the points of a picture, on average."""
    probes = grid(look.shape, _PROBES)
    return float(lengths(moved(one, probes) - moved(other, probes)).mean())
