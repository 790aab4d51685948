"""Cut a pair in which things move differently into layers: what moves how, and what lies before what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ipyveo.engine.affine import Affine, Points, moved
from ipyveo.engine.layers import Layer, extent
from ipyveo.engine.rasters import (
    Mask,
    Weights,
    averaged,
    blurred,
    enlarged,
    grid,
    halved,
    inside,
    lengths,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipyveo.engine.look import Look
    from ipyveo.engine.planes import Plane
    from ipyveo.engine.trial import Trial

Labels: TypeAlias = NDArray[np.uint8]
"""The number of the motion that each point follows."""

# Costs are differences of evened pictures in spreads of the neighbourhood.
_SPREAD = 48.0
_WORST = 1.5
_MISFIT = 0.55  # from here on two places are not the same
# What a motion is held to cost that leads out of the picture, or to where something else is seen: more than
# colours alone can tell, so that what fits stays where it is.
_UNSEEN, _HIDDEN = 0.65, 0.65
_PER_PIXEL = 0.03  # of flow left over: the motion that leaves less wins
_LATER = 0.02  # for each further motion: the main one wins where all fit
_CLEARLY = 0.2
_EXACT = 0.07  # what is truly there costs less, what only looks alike costs more
_UNEXPLAINED = 0.3
_OTHER_COLOUR, _PLAINLY = 64.0, 0.5  # levels that make another colour, and what that costs
_DARK, _LIGHT = 24, 225  # luma between which a factor of light is told: half black or half clipped it is not
_BLACK = np.float32(16)  # luma
_SOME = 8  # a point of so many down and across tells what is usual
_TONES = 16  # of Y, of U and of V
_TINT = 0.3  # how much colours count
_TINT_MOST = 0.6
_SURE = 0.3
_ROUNDS = 3

_AROUND = 11
_SMOOTH = 7  # of half the size
_EDGE = 1e-3
_THIN = np.ones((9, 9), np.uint8)
_NEXT = np.ones((_AROUND, _AROUND), np.uint8)
_WORTH = 0.001  # the share of a picture that a motion must explain clearly better than all others
_SMALLEST = 0.0005  # the share of a picture that a piece of a layer has at least
_BIT = 0.05  # of its largest piece: what is smaller fits by chance, and would fly with it
_FOUND = 0.03  # of a piece, what the other picture shows at least: of what is gone, some fits by chance
_NEAR = 10.0
_SOFT = 2.0


class Cut(NamedTuple):
    """The layers of a pair, from the back to the front."""

    layers: list[Layer]
    led: Points
    """Where the points of the start are in the end."""


class _Side:
    """One picture of a pair: which motion each of its points follows, as far as is known.

    Parameters
    ----------
    look
        The picture.
    other
        The other one.
    trials
        The motions from this one to the other.
    costs
        Of each motion, as far as evened pictures tell.
    """

    def __init__(self, look: Look, other: Look, trials: list[Trial], costs: list[Weights]) -> None:
        self.leads, self._guide = [trial.glide.whole for trial in trials], _Guide(look.even)
        y, u, v = (plane // _TONES for plane in cv2.split(look.colour))
        self.tones = np.ravel_multi_index((y, u, v), (_TONES, _TONES, _TONES))
        gaps = _colour_gaps(look, other, trials)
        self.costs = [cost + gap for cost, gap in zip(costs, gaps, strict=True)]
        self._hidden = [np.full_like(cost, _WORST) for cost in self.costs]
        self.tints = [np.zeros_like(cost) for cost in self.costs]
        self.label()

    def label(self) -> None:
        """Give each point the motion that leads to what it shows, or to what may hide it."""
        likely = [
            np.minimum(cost, hidden) + tint
            for cost, hidden, tint in zip(self.costs, self._hidden, self.tints, strict=True)
        ]
        self.labels = _smooth_labels(self._guide, likely, self.costs)

    def meet(self, other: _Side) -> None:
        """Compare the labels with those of the other picture."""
        self.met = [_met(other.labels, lead, k) for k, lead in enumerate(self.leads)]
        self.seen: Mask = _taken(self.met, self.labels) == self.labels
        self._hidden = [np.where(met != k, np.float32(_HIDDEN), _WORST) for k, met in enumerate(self.met)]

    @property
    def sure(self) -> Mask:
        """Where both pictures show the same."""
        sure: Mask = self.seen & (_taken(self.costs, self.labels) < _SURE)
        return sure


def misfit(start: Look, end: Look, trial: Trial) -> tuple[Plane, Plane]:
    """Return where in either picture a motion does not fit: 0 where it does.

    2 where it leads to something else, 1 where it may, since it leads out of sight.
    """
    return _misfit(start, end, trial), _misfit(end, start, trial.reversed())


def _misfit(picture: Look, other: Look, trial: Trial) -> Plane:
    cost = _cost(picture, other, trial)
    seen = np.where(cost == np.float32(_UNSEEN), np.float32(0), cost)
    bad = [averaged(each, _AROUND) > np.float32(_UNEXPLAINED) for each in (cost, seen)]
    return np.add(*bad, dtype=np.uint8)


def cut(start: Look, end: Look, trials: list[Trial]) -> Cut | None:
    """Cut a pair into layers; None where there are not two.

    Parameters
    ----------
    start, end
        The pair.
    trials
        Motions that lead to different places, the main motion first.
    """
    back = [trial.reversed() for trial in trials]
    costs = [_cost(start, end, trial) for trial in trials], [_cost(end, start, trial) for trial in back]
    leads = [trial.led for trial in trials]
    needed = _needed(costs, leads, back[0].led)
    if len(needed) == 1:
        return None
    trials, back = ([each[k] for k in needed] for each in (trials, back))
    there, here = ([each[k] for k in needed] for each in costs)
    sides = _Side(start, end, trials, there), _Side(end, start, back, here)
    _compare(*sides)
    for _ in range(_ROUNDS - 1):
        _learn_colours(sides)
        for side in sides:
            side.label()
        _compare(*sides)
    _learn_colours(sides)
    order = _back_to_front(sides)
    for side in sides:
        _give_hidden(side, order)
    layers = [_layer(trials[k], k, *sides) for k in order if any((side.labels == k).any() for side in sides)]
    return Cut(layers, _taken([trial.led for trial in trials], sides[0].labels))


def _compare(one: _Side, other: _Side) -> None:
    one.meet(other)
    other.meet(one)


def _needed(costs: tuple[list[Weights], list[Weights]], leads: list[Points], back: Points) -> list[int]:
    """Choose the motions without which a part of the pictures would not fit.

    Parameters
    ----------
    costs
        Of each motion, in either picture.
    leads, back
        Where each leads the points of the start, and the main one those of the end.
    """
    in_start, in_end = ([averaged(cost, _AROUND) for cost in side] for side in costs)
    kept, least, least_back = [0], in_start[0], in_end[0]
    hidden, bared = np.zeros(least.shape, np.bool_), np.zeros(least.shape, np.uint8)
    while True:
        solid = []
        for cost, led in zip(in_start, leads, strict=True):
            better = (cost < _MISFIT / 2) & (cost < least - np.float32(_CLEARLY))
            # Of a ground, what a thing comes to hide may look much like what it bares elsewhere.
            better &= (cost < _EXACT) | ~(hidden & (read(bared, led) > 0))
            # What is thin or scattered fits so too.
            solid.append(float(cv2.erode(better.view(np.uint8), _THIN).mean()))
        best = int(np.argmax(solid))
        if solid[best] < _WORTH:
            return kept
        kept.append(best)
        hidden |= read(_clearly(in_end[best], least_back), leads[0]) > 0
        bared |= read(_clearly(in_start[best], least), back)
        least, least_back = np.minimum(least, in_start[best]), np.minimum(least_back, in_end[best])


def _clearly(cost: Weights, least: Weights) -> Plane:
    """Return where a motion is clearly better than those before it, and next to there."""
    clear: Plane = cv2.dilate((cost < least - np.float32(_CLEARLY)).view(np.uint8), _NEXT)
    return clear


def _cost(picture: Look, other: Look, trial: Trial) -> Weights:
    """Return for each point of a picture how unlike it is to where a motion leads it."""
    led = trial.led
    gap = cv2.absdiff(picture.even, read(other.even, led)).astype(np.float32) / np.float32(_SPREAD)
    left_over = lengths(led - moved(trial.glide.whole, grid(picture.shape)))
    cost = np.minimum(gap, np.float32(_WORST)) + np.float32(_PER_PIXEL) * left_over
    return np.asarray(np.where(inside(led, other.shape), cost, np.float32(_UNSEEN)), np.float32)


def _colour_gaps(picture: Look, other: Look, trials: list[Trial]) -> Iterator[Weights]:
    """Give how far off in colour what each motion leads to is: evened out, all plain surfaces are alike.

    The light may differ: the colours are brought to those that the main motion, the first, leads to. But a
    lamp or a screen stays as it is when it gets dark, so the lesser of the two gaps counts.
    """
    brought: Plane | None = None
    for trial in trials:
        led = trial.led
        there, known = read(other.colour, led), inside(led, other.shape)
        if brought is None:
            brought = _in_the_light_of(there, picture.colour, known)
        off = np.minimum(_levels_off(there, brought), _levels_off(there, picture.colour)).astype(np.float32)
        far = np.float32(_PLAINLY) * np.minimum(off / np.float32(_OTHER_COLOUR), np.float32(1))
        yield np.asarray(np.where(known, far, np.float32(0)), np.float32)


def _levels_off(one: Plane, other: Plane) -> Plane:
    """Return how far off colours are in what they differ most in."""
    return np.maximum.reduce(cv2.split(cv2.absdiff(one, other)))  # type: ignore[no-any-return]


def _in_the_light_of(there: Plane, colour: Plane, known: Mask) -> Plane:
    """Bring colours to the light of those that they are led to, whatever single things do."""
    here = np.ascontiguousarray(known[::_SOME, ::_SOME])
    lit, unlit = (each[::_SOME, ::_SOME][here].astype(np.float32) for each in (there, colour))
    if not lit.size:
        return colour
    light = min(_lights(lit, unlit), key=lambda light: _off(lit, cv2.transform(unlit[None], light)[0]))
    brought: Plane = cv2.transform(colour, light)
    return brought


def _lights(lit: Weights, unlit: Weights) -> Iterator[Weights]:
    """Yield what may bring the one colours to the others, each as what is multiplied and what is added.

    The same for all; or one factor for all, which what is black or white in either cannot tell.
    """
    yield _light(1.0, lit, unlit)
    tells = np.logical_and(*[(each[:, 0] > _DARK) & (each[:, 0] < _LIGHT) for each in (lit, unlit)])
    if tells.any():
        lit, unlit = lit[tells], unlit[tells]
        factors = (lit[:, 0] - _BLACK) / (unlit[:, 0] - _BLACK)
        yield _light(float(np.median(factors)), lit, unlit)


def _light(factor: float, lit: Weights, unlit: Weights) -> Weights:
    more = np.median(lit - np.float32(factor) * unlit, axis=0)
    return np.column_stack([factor * np.eye(3), more]).astype(np.float32)


def _off(lit: Weights, brought: Weights) -> float:
    """Return how far off colours are in the mean; of what is another colour it does not matter how far."""
    off = np.abs(lit - brought).max(axis=1)
    return float(np.minimum(off, np.float32(_OTHER_COLOUR)).mean())


def _smooth_labels(guide: _Guide, costs: list[Weights], fits: list[Weights]) -> Labels:
    """Give each point the motion that fits best around it, as far as it looks like what is around it.

    A piece of which next to nothing is found in the other picture, by `fits`, may be anything; but the
    largest of a motion is the thing itself, though it may have another colour there.
    """
    labels = _least([guide.smoothed(cost) + np.float32(_LATER * k) for k, cost in enumerate(costs)])
    for k in range(1, len(costs)):
        _, pieces, about, _ = cv2.connectedComponentsWithStats((labels == k).astype(np.uint8))
        areas = about[:, cv2.CC_STAT_AREA]
        largest = int(areas[1:].max(initial=0))
        found = np.bincount(pieces[fits[k] < np.float32(_SURE)], minlength=len(areas))
        stray = (found < _FOUND * areas) & (areas < largest)
        stray |= areas < max(_SMALLEST * labels.size, _BIT * largest)
        stray[0] = False  # what is not this motion's
        labels[stray[pieces]] = 0
    return labels


class _Guide:
    """Smooths fields, but not across the edges of a picture.

    After He and Sun, "Fast guided filter", arXiv:1505.00996, 2015: what is smooth is found at half the size.
    """

    def __init__(self, picture: Plane) -> None:
        self._light = picture.astype(np.float32) / np.float32(255)
        self._half = halved(self._light)
        self._mean = averaged(self._half, _SMOOTH)
        self._spread = averaged(self._half * self._half, _SMOOTH) - self._mean * self._mean

    def smoothed(self, field: Weights) -> Weights:
        """Return a field so."""
        half, size = halved(field), self._light.shape[::-1]
        mean = averaged(half, _SMOOTH)
        both = averaged(self._half * half, _SMOOTH) - self._mean * mean
        slope = np.asarray(both / (self._spread + np.float32(_EDGE)), np.float32)
        rest = np.asarray(mean - slope * self._mean, np.float32)
        slope, rest = (enlarged(averaged(each, _SMOOTH), size) for each in (slope, rest))
        return np.asarray(slope * self._light + rest, np.float32)


def _learn_colours(sides: tuple[_Side, _Side]) -> None:
    """Note what each point's colours say against its following each motion."""
    common, sure = [], [side.sure for side in sides]
    for k in range(len(sides[0].tints)):
        own = [(side.labels == k) & known for side, known in zip(sides, sure, strict=True)]
        both = zip(sides, own, strict=True)
        counted = [np.bincount(side.tones.reshape(-1), part.reshape(-1), _TONES**3) for side, part in both]
        counts = _spread(np.add(*counted).reshape(_TONES, _TONES, _TONES))
        common.append(counts.reshape(-1) / max(1.0, float(counts.sum())) + 1e-4)
    total = np.sum(common, axis=0)
    against = [np.minimum(-_TINT * np.log(one / total), _TINT_MOST).astype(np.float32) for one in common]
    for side in sides:
        side.tints = [one[side.tones] for one in against]


def _spread(counts: NDArray[Any]) -> NDArray[np.float64]:
    for axis in range(3):
        counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    return np.asarray(counts)


def _met(labels: Labels, lead: Affine, own: int) -> Labels:
    """Return the label that a motion leads each point to; its own where it leads out of sight."""
    flags, size = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, labels.shape[::-1]
    met: Labels = cv2.warpAffine(
        labels, lead[:2], size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=own
    )
    return met


def _taken(choices: list[NDArray[Any]], labels: Labels) -> NDArray[Any]:
    """Return at each point what its label chooses."""
    taken = choices[0].copy()
    for k, choice in enumerate(choices[1:], start=1):
        cv2.copyTo(choice, (labels == k).view(np.uint8), taken)
    return taken


def _least(fields: list[Weights]) -> Labels:
    """Return at each point the number of the field that is least there."""
    labels, least = np.zeros(fields[0].shape, np.uint8), fields[0]
    for k, field in enumerate(fields[1:], start=1):
        np.copyto(labels, np.uint8(k), where=field < least)
        least = np.minimum(least, field)
    return labels


def _back_to_front(sides: tuple[_Side, _Side]) -> list[int]:
    """Order the layers: what the other picture does not show lies behind what it shows there instead.

    Which of the two a point is, its colours tell: its place fits both what hides and what is hidden.
    """
    count = len(sides[0].tints)
    behind, sizes = np.zeros((count, count)), np.ones(count)
    for side in sides:
        against = [np.where(met != k, side.tints[k], np.float32(np.inf)) for k, met in enumerate(side.met)]
        likely = _least(against)
        pairs = likely.astype(np.int64) * count + _taken(side.met, likely)
        behind += np.bincount(pairs[~side.seen], minlength=count * count).reshape(count, count)
        sizes += np.bincount(side.labels.reshape(-1), minlength=count)
    behind *= sizes[:, None] / sizes  # what is large is most often the ground
    fronts = [int((behind[k] < behind[:, k]).sum()) for k in range(count)]
    return sorted(range(count), key=lambda k: (fronts[k], k))


def _give_hidden(side: _Side, order: list[int]) -> None:
    """Give what the other picture hides to the layer around it that something there can hide."""
    rank, shape = np.argsort(order), side.labels.shape
    best, winner = np.full(shape, 1e-6, np.float32), np.full(shape, order[0], np.uint8)
    for k, (met, tint) in enumerate(zip(side.met, side.tints, strict=True)):
        near = blurred(((side.labels == k) & side.seen).astype(np.float32), _NEAR)
        near *= np.exp(-tint / np.float32(_TINT))
        near[rank[met] <= rank[k]] = 0
        better = near > best
        best[better], winner[better] = near[better], k
    side.labels[~side.seen] = winner[~side.seen]


def _layer(trial: Trial, k: int, start: _Side, end: _Side) -> Layer:
    seen = [_softened((side.labels == k) & side.seen) for side in (start, end)]
    hidden = [_softened((side.labels == k) & ~side.seen) for side in (start, end)]
    in_start, in_end = (extent(*both) for both in zip(seen, hidden, strict=True))
    return Layer(trial.path(*seen), in_start, in_end)


def _softened(part: Mask) -> Weights:
    return blurred(part.astype(np.float32), _SOFT)
