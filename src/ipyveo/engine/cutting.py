"""Cut a pair in which things move differently into layers: what moves how, and what lies before what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ipyveo.engine.affine import Affine, moved
from ipyveo.engine.flow import drift, likeness
from ipyveo.engine.layers import Layer
from ipyveo.engine.motion import Path
from ipyveo.engine.rasters import Mask, Weights, averaged, blurred, grid, inside, lengths, read, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipyveo.engine.look import Look
    from ipyveo.engine.planes import Plane
    from ipyveo.engine.trial import Trial

Labels: TypeAlias = NDArray[np.uint8]
"""The number of the motion that each point follows."""
Of: TypeAlias = tuple[Any, Any]
"""One of the start, one of the end."""

# Costs are differences of evened pictures in spreads of the neighbourhood.
_SPREAD = 48.0
_WORST = 1.5
_MISFIT = 0.55  # from here on two places are not the same
_UNSEEN = 0.45  # what a motion is held to cost that leads out of the picture
_HIDDEN = 0.4  # what a motion is held to cost that leads to where something else is seen
_PER_PIXEL = 0.03  # of flow left over: the motion that leaves less wins
_LATER = 0.02  # for each further motion: the main one wins where all fit
_CLEARLY = 0.2
_UNEXPLAINED = 0.3
_TINT = 0.3  # how much colours count
_SURE = 0.3
_ROUNDS = 3

_AROUND = 11
_SMOOTH = 15
_EDGE = 1e-3
_THIN = np.ones((9, 9), np.uint8)
_WORTH = 0.005  # the share of a picture that a motion must explain clearly better than all others
_SMALLEST = 0.002  # the share of a picture that a piece of a layer has at least
_NEAR = 10.0
_SOFT = 1.2


class Cut(NamedTuple):
    """The layers of a pair, from the back to the front, and how well they bring it over each other."""

    layers: list[Layer]
    score: float
    agreed: float


def misfit(start: Look, end: Look, trial: Trial) -> tuple[Plane, Plane]:
    """Return where in either picture a motion does not bring the two over each other: 1 there, 0 elsewhere."""
    here, there = (averaged(cost, _AROUND) > np.float32(_UNEXPLAINED) for cost in _costs(start, end, trial))
    return here.astype(np.uint8), there.astype(np.uint8)


def cut(start: Look, end: Look, trials: list[Trial]) -> Cut | None:
    """Cut a pair into layers; None where there are not two.

    Parameters
    ----------
    start, end
        The pair.
    trials
        Motions that lead to different places, the main motion first.
    """
    trials = _needed(start, end, trials)
    if len(trials) == 1:
        return None
    looks, costs = (start, end), list(zip(*(_costs(start, end, trial) for trial in trials), strict=True))
    leads = [trial.glide.whole for trial in trials], [trial.reversed().glide.whole for trial in trials]
    tints = [[np.zeros_like(cost[0])] * len(trials) for cost in costs]
    hidden = [[np.full_like(cost[0], _WORST)] * len(trials) for cost in costs]
    for _ in range(_ROUNDS):
        guesses = zip(looks, costs, hidden, tints, strict=True)
        labels = [_labels(look, _likely(cost, hide, tint)) for look, cost, hide, tint in guesses]
        meets = [_met(labels[1 - i], leads[i]) for i in range(2)]
        seen = [_taken(meet, label) == label for meet, label in zip(meets, labels, strict=True)]
        sure = [well & (_taken(cost, label) < _SURE) for well, cost, label in zip(seen, costs, labels, strict=True)]
        tints = _tints(looks, labels, sure, len(trials))
        hidden = [[np.where(met != k, _HIDDEN, _WORST).astype(np.float32) for k, met in enumerate(meet)] for meet in meets]
    order = _back_to_front(labels, meets, tints, seen)
    for label, meet, tint, well in zip(labels, meets, tints, seen, strict=True):
        _give_hidden(label, meet, tint, well, order)
    numbers = [k for k in order if any((label == k).any() for label in labels)]
    layers = [_layer(trials[k], k, labels, seen) for k in numbers]
    fits = [well & (np.min(cost, axis=0) < _MISFIT) for well, cost in zip(seen, costs, strict=True)]
    agreed = float(np.mean(fits))
    where = _taken([trial.led(start.shape) for trial in trials], labels[0])
    return Cut(layers, agreed * likeness(start.even, read(end.even, where), fits[0]), agreed)


def _needed(start: Look, end: Look, trials: list[Trial]) -> list[Trial]:
    """Keep the motions without which a part of the picture would not fit."""
    costs = [averaged(_cost(start, end, trial), _AROUND) for trial in trials]
    kept, least = [0], costs[0]
    while True:
        better = [(cost < _MISFIT / 2) & (cost < least - np.float32(_CLEARLY)) for cost in costs]
        # What is thin or scattered fits by chance.
        solid = [float(cv2.erode(part.astype(np.uint8), _THIN).mean()) for part in better]
        best = int(np.argmax(solid))
        if solid[best] < _WORTH:
            return [trials[k] for k in kept]
        kept, least = [*kept, best], np.minimum(least, costs[best])


def _costs(start: Look, end: Look, trial: Trial) -> tuple[Weights, Weights]:
    return _cost(start, end, trial), _cost(end, start, trial.reversed())


def _cost(picture: Look, other: Look, trial: Trial) -> Weights:
    """Return for each point of a picture how unlike it is to where a motion leads it."""
    led = trial.led(picture.shape)
    gap = cv2.absdiff(picture.even, read(other.even, led)).astype(np.float32) / np.float32(_SPREAD)
    left_over = lengths(led - moved(trial.glide.whole, grid(picture.shape)))
    cost = np.minimum(gap, np.float32(_WORST)) + np.float32(_PER_PIXEL) * left_over
    return np.where(inside(led, other.shape), cost, np.float32(_UNSEEN))


def _likely(costs: Sequence[Weights], hidden: list[Weights], tints: list[Weights]) -> list[Weights]:
    """Return the costs of a point's following each motion: its place shows it, or something before it."""
    return [np.minimum(*both) + tint for *both, tint in zip(costs, hidden, tints, strict=True)]


def _labels(look: Look, costs: list[Weights]) -> Labels:
    """Give each point the motion that fits best around it, as far as it looks like what is around it."""
    smooth = [_guided(look.even, cost) + np.float32(_LATER * k) for k, cost in enumerate(costs)]
    labels = np.argmin(smooth, axis=0).astype(np.uint8)
    for k in range(1, len(costs)):
        _, pieces, about, _ = cv2.connectedComponentsWithStats((labels == k).astype(np.uint8))
        small = about[:, cv2.CC_STAT_AREA] < _SMALLEST * labels.size
        small[0] = False  # what is not this motion's
        labels[small[pieces]] = 0
    return labels


def _guided(guide: Plane, field: Weights) -> Weights:
    """Smooth a field, but not across the edges of a picture."""
    light = guide.astype(np.float32) / np.float32(255)
    light_mean, field_mean = averaged(light, _SMOOTH), averaged(field, _SMOOTH)
    spread = averaged(light * light, _SMOOTH) - light_mean * light_mean
    slope = (averaged(light * field, _SMOOTH) - light_mean * field_mean) / (spread + np.float32(_EDGE))
    return averaged(slope, _SMOOTH) * light + averaged(field_mean - slope * light_mean, _SMOOTH)


def _tints(
    looks: tuple[Look, Look], labels: list[Labels], seen: list[Mask], count: int
) -> list[list[Weights]]:
    """Return for both pictures what each layer's colours say against a point's being part of it."""
    bins = [(look.colour // 16).astype(np.int32) @ np.array([256, 16, 1], np.int32) for look in looks]
    common = []
    for k in range(count):
        own = [place[(label == k) & well] for place, label, well in zip(bins, labels, seen, strict=True)]
        counts = _spread(np.bincount(np.concatenate(own), minlength=4096).reshape(16, 16, 16))
        common.append(counts / max(1.0, float(counts.sum())) + 1e-4)
    against = [(-_TINT * np.log(one / sum(common))).astype(np.float32).reshape(-1) for one in common]
    return [[one[place] for one in against] for place in bins]


def _spread(counts: NDArray[Any]) -> NDArray[np.float64]:
    for axis in range(3):
        counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / 4
    return counts


def _met(labels: Labels, leads: list[Affine]) -> list[Labels]:
    """Return for each motion the label that it leads each point to; its own where it leads out of sight."""
    flags, size = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, labels.shape[::-1]
    return [
        cv2.warpAffine(labels, lead[:2], size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=k)
        for k, lead in enumerate(leads)
    ]


def _taken(choices: list[NDArray[Any]], labels: Labels) -> NDArray[Any]:
    """Return at each point what its label chooses."""
    taken = choices[0].copy()
    for k, choice in enumerate(choices[1:], start=1):
        taken[labels == k] = choice[labels == k]
    return taken


def _back_to_front(labels: list[Labels], meets: list[list[Labels]], tints: list[list[Weights]], seen: list[Mask]) -> list[int]:
    """Order the layers: what the other picture does not show lies behind what it shows there instead.

    What it is, its colours tell: its place fits both what hides it and what is hidden.
    """
    count = len(tints[0])
    behind = np.zeros((count, count))
    for meet, tint, well in zip(meets, tints, seen, strict=True):
        hidden = [np.where(met != k, against, np.inf) for k, (met, against) in enumerate(zip(meet, tint, strict=True))]
        likely = np.argmin(hidden, axis=0).astype(np.uint8)
        pairs = likely.astype(np.int64) * count + _taken(meet, likely)
        behind += np.bincount(pairs[~well], minlength=count * count).reshape(count, count)
    sizes = sum(np.bincount(label.reshape(-1), minlength=count) for label in labels) + 1.0
    behind *= sizes[:, None] / sizes  # what is large is most often the ground
    fronts = [int((behind[k] < behind[:, k]).sum()) for k in range(count)]
    return sorted(range(count), key=lambda k: (fronts[k], k))


def _give_hidden(
    labels: Labels, meets: list[Labels], tints: list[Weights], seen: Mask, order: list[int]
) -> None:
    """Give what the other picture hides to the layer around it that something there can hide."""
    rank = np.argsort(order)
    best, winner = np.full(labels.shape, 1e-6, np.float32), np.full(labels.shape, order[0], np.uint8)
    for k, (meet, tint) in enumerate(zip(meets, tints, strict=True)):
        near = blurred(((labels == k) & seen).astype(np.float32), _NEAR) * np.exp(-tint / np.float32(_TINT))
        near[rank[meet] <= rank[k]] = 0
        better = near > best
        best[better], winner[better] = near[better], k
    labels[~seen] = winner[~seen]


def _layer(trial: Trial, k: int, labels: list[Labels], seen: list[Mask]) -> Layer:
    in_start, in_end = (
        blurred(np.stack([(label == k) & well, (label == k) & ~well], axis=-1).astype(np.float32), _SOFT)
        for label, well in zip(labels, seen, strict=True)
    )
    if trial.exact:
        return Layer(Path(trial.glide, None), in_start, in_end)
    own = turned(in_start[..., 0], trial.glide.at(-0.5)), turned(in_end[..., 0], trial.glide.at(0.5))
    return Layer(Path(trial.glide, drift(trial.flow, *own)), in_start, in_end)
