"""Pairs in which things move differently: a layer for each motion, cut out of both pictures, back to front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ipyveo.engine.affine import Affine, Glide, Points, moved
from ipyveo.engine.flow import Drift, Flow, Look, Weights, drift, grid, likeness, looked_up, warped
from ipyveo.engine.motion import Sheet, passing_through, shown

if TYPE_CHECKING:
    from ipyveo.engine.planes import Plane

Labels: TypeAlias = NDArray[np.int8]

_MISFIT = 0.55  # a difference, in spreads of the neighbourhood, from which on two places are not the same
_UNSEEN = 0.45  # what a motion that leads out of the picture is held to cost
_PER_PIXEL = 0.03  # what a pixel of flow left over costs, so that the motion that explains more wins
_LATER = 0.02  # what each further motion costs, so that the main one wins where all fit
_SMALLEST = 0.002  # the share of a picture that a piece of a layer has at least
_WORTH = 0.005  # the share of a picture that a motion must explain better than all others
_TINT = 0.3  # how much colours count


class Layer(NamedTuple):
    """What moves as one: its motion, and where it is seen in either picture."""

    glide: Glide
    drift: Drift
    in_start: Weights
    in_end: Weights
    only_start: Weights
    only_end: Weights


class Layers:
    """Motions one before another; at each point of a frame the one nearest to the camera is seen.

    Parameters
    ----------
    layers
        From the back to the front.
    shape
        Height and width of the working size.
    """

    def __init__(self, layers: list[Layer], shape: tuple[int, ...]) -> None:
        self._layers, self._shape = layers, shape
        self._halves = [(layer.glide.at(-0.5), layer.glide.at(0.5)) for layer in layers]

    def at(self, share: float, points: Points) -> list[Sheet]:
        """Return where points of the frame at a share of the way come from, layer by layer."""
        sheets = []
        for layer, halves in zip(self._layers, self._halves, strict=True):
            sheet, cover = self._one(layer, halves, share, points)
            sheets.append(sheet._replace(cover=cover) if sheets else sheet)
        return sheets

    def _one(
        self, layer: Layer, halves: tuple[Affine, Affine], share: float, points: Points
    ) -> tuple[Sheet, Weights]:
        midway, before = moved(layer.glide.at(0.5 - share), points), np.float32(share)
        passing = passing_through(layer.drift, midway, share)
        start = moved(halves[0], midway - before * passing)
        end = moved(halves[1], midway + (1 - before) * passing)
        in_start, only_start = _read(layer.in_start, start), _read(layer.only_start, start)
        in_end, only_end = _read(layer.in_end, end), _read(layer.only_end, end)
        cover = np.maximum((1 - before) * in_start + before * in_end, np.maximum(only_start, only_end))
        start_weight = (1 - before) * _within(in_start + only_start) * shown(start, self._shape)
        end_weight = before * _within(in_end + only_end) * shown(end, self._shape)
        return Sheet(start, end, start_weight, end_weight), cover


def _within(mask: Weights) -> Weights:
    # At its very edge a layer has something of the others' colours.
    return np.asarray(np.clip(2 * mask - 1, np.float32(1e-3), 1))


class Cut(NamedTuple):
    """A pair cut into layers, and how well they fit: as a flow is judged."""

    layers: list[Layer]
    agreed: float
    likeness: float


def cut(start: Look, end: Look, motions: list[tuple[Glide, Flow]]) -> Cut | None:
    """Cut a pair into layers; None where there are not two.

    Parameters
    ----------
    start, end
        Pictures of the working size.
    motions
        With the flow that is left over after each, the main motion first.
    """
    motions = _needed(start, end, motions)
    costs = [_costs(start.even, end.even, glide, flow) for glide, flow in motions]
    looks = start, end
    labels = [_labels(look, [pair[i] for pair in costs]) for i, look in enumerate(looks)]
    leads = [glide.whole for glide, _ in motions], [np.linalg.inv(glide.whole) for glide, _ in motions]
    seen = [_taken(_met(labels[1 - i], leads[i]), labels[i]) == labels[i] for i in range(2)]
    tints = _tints(looks, labels, seen, len(motions))
    labels = [
        _labels(look, [pair[i] + tint for pair, tint in zip(costs, tints[i], strict=True)])
        for i, look in enumerate(looks)
    ]
    meets = [_met(labels[1 - i], leads[i]) for i in range(2)]
    order = _back_to_front(labels, meets)
    seen = [_taken(meet, label) == label for meet, label in zip(meets, labels, strict=True)]
    for label, meet, well in zip(labels, meets, seen, strict=True):
        _give_hidden(label, meet, well, order)
    layers = [
        _layer(motions[k], k, labels, seen) for k in order if any((label == k).any() for label in labels)
    ]
    if len(layers) < 2:
        return None
    least = [np.min([pair[i] for pair in costs], axis=0) for i in range(2)]
    agreed = np.mean([(well & (cost < _MISFIT)).mean() for well, cost in zip(seen, least, strict=True)])
    known = seen[0] & (least[0] < _UNSEEN)
    where = _taken([_led(glide, flow, start.shape) for glide, flow in motions], labels[0])
    return Cut(
        layers, float(agreed), likeness(start.even, looked_up(end.even, where - grid(start.shape)), known)
    )


def _needed(start: Look, end: Look, motions: list[tuple[Glide, Flow]]) -> list[tuple[Glide, Flow]]:
    """Keep the motions without which a part of the picture would not fit."""
    costs = [_smooth_cost(start, end, glide, flow) for glide, flow in motions]
    kept, least = [0], costs[0]
    while len(kept) < len(motions):
        better = [_solid((cost < 0.5 * _MISFIT) & (cost < least - 0.2)) for cost in costs]
        best = int(np.argmax(better))
        if better[best] < _WORTH:
            break
        kept, least = [*kept, best], np.minimum(least, costs[best])
    return [motions[k] for k in kept]


def misfit(start: Look, end: Look, glide: Glide, flow: Flow) -> tuple[Plane, Plane]:
    """Return where, in either picture, a motion does not bring the two over each other: 1 there, 0 elsewhere."""
    costs = _costs(start.even, end.even, glide, flow)
    start_misfit, end_misfit = (cv2.boxFilter(cost, -1, (11, 11)) > np.float32(0.3) for cost in costs)
    return start_misfit.astype(np.uint8), end_misfit.astype(np.uint8)


def _solid(where: NDArray[np.bool_]) -> float:
    """Return the share of a picture that is so, less what is thin or scattered."""
    return float(cv2.erode(where.astype(np.uint8), np.ones((9, 9), np.uint8)).mean())


def _smooth_cost(start: Look, end: Look, glide: Glide, flow: Flow) -> Weights:
    return cv2.boxFilter(_cost(start.even, end.even, glide, flow), -1, (11, 11))


def _tints(
    looks: tuple[Look, Look], labels: list[Labels], seen: list[NDArray[np.bool_]], count: int
) -> list[list[Weights]]:
    """Return what each layer's colours say against a point's being part of it, in both pictures."""
    bins = [(look.colour // 16).astype(np.int32) @ np.array([256, 16, 1], np.int32) for look in looks]
    commons = []
    for k in range(count):
        own = [bin_[(label == k) & well] for bin_, label, well in zip(bins, labels, seen, strict=True)]
        common = np.bincount(np.concatenate(own), minlength=4096).astype(np.float32).reshape(16, 16, 16)
        commons.append(_spread(common) / max(1, common.sum()) + np.float32(1e-4))
    total = np.sum(commons, axis=0)
    against = [np.float32(-_TINT) * np.log(common / total).reshape(-1) for common in commons]
    return [[one[bin_] for one in against] for bin_ in bins]


def _spread(common: Weights) -> Weights:
    for axis in range(3):
        common = (np.roll(common, 1, axis) + 2 * common + np.roll(common, -1, axis)) / 4
    return common


def _led(glide: Glide, flow: Flow, shape: tuple[int, ...]) -> Points:
    """Return where a motion and the flow that is left over after it lead the points of the start."""
    midway = moved(glide.at(0.5), grid(shape))
    sure = flow.there * (flow.trust_there > 0)[..., None]
    return moved(glide.at(0.5), midway + looked_up(sure, midway - grid(shape)))


def _costs(start: Plane, end: Plane, glide: Glide, flow: Flow) -> tuple[Weights, Weights]:
    turned = Glide(np.linalg.inv(glide.whole))
    other = Flow(flow.back, flow.there, flow.trust_back, flow.trust_there, flow.agreed, flow.likeness)
    return _cost(start, end, glide, flow), _cost(end, start, turned, other)


def _cost(picture: Plane, other: Plane, glide: Glide, flow: Flow) -> Weights:
    place = grid(picture.shape)
    led = _led(glide, flow, picture.shape)
    gap = np.abs(picture.astype(np.float32) - looked_up(other, led - place)) / np.float32(48)
    left_over = np.hypot(*np.moveaxis(led - moved(glide.whole, place), -1, 0))
    cost = np.minimum(gap, 1.5) + np.float32(_PER_PIXEL) * left_over
    within = (led > -0.5).all(axis=-1) & (led < np.float32([other.shape[1], other.shape[0]]) - 0.5).all(
        axis=-1
    )
    return np.where(within, cost, np.float32(_UNSEEN)).astype(np.float32)


def _labels(look: Look, costs: list[Weights]) -> Labels:
    """Give each point the motion that fits best around it, as far as it looks like what is around it."""
    smooth = [_guided(look.even, cost) + np.float32(_LATER * k) for k, cost in enumerate(costs)]
    labels = np.argmin(smooth, axis=0).astype(np.int8)
    for k in range(1, len(costs)):
        count, pieces, sizes, _ = cv2.connectedComponentsWithStats((labels == k).astype(np.uint8))
        small = np.flatnonzero(sizes[:, cv2.CC_STAT_AREA] < _SMALLEST * labels.size)
        labels[np.isin(pieces, small[small > 0]) & (labels == k)] = 0
    return labels


def _guided(guide: Plane, field: Weights) -> Weights:
    """Smooth a field, but not across the edges of a picture."""
    light = guide.astype(np.float32) / np.float32(255)

    def mean(values: Weights) -> Weights:
        return cv2.boxFilter(values, -1, (15, 15), borderType=cv2.BORDER_REFLECT)

    light_mean, field_mean = mean(light), mean(field)
    slope = (mean(light * field) - light_mean * field_mean) / (mean(light * light) - light_mean**2 + 1e-3)
    return np.asarray(mean(slope) * light + mean(field_mean - slope * light_mean))


def _met(labels: Labels, leads: list[Affine]) -> list[Labels]:
    """Return for each motion the label that it leads each point to; its own where it leads out of sight."""
    met = []
    for k, lead in enumerate(leads):
        where = moved(lead, grid(labels.shape))
        flags = cv2.INTER_NEAREST
        there = cv2.remap(
            labels.view(np.uint8), where, None, flags, borderMode=cv2.BORDER_CONSTANT, borderValue=k
        )
        met.append(there.view(np.int8))
    return met


def _taken(choices: list[NDArray[Any]], labels: Labels) -> NDArray[Any]:
    """Return at each point what the label there says."""
    taken = choices[0].copy()
    for k, choice in enumerate(choices[1:], start=1):
        taken[labels == k] = choice[labels == k]
    return taken


def _back_to_front(labels: list[Labels], meets: list[list[Labels]]) -> list[int]:
    """Order the layers: what should be seen in the other picture and is not lies behind what is seen there."""
    count = len(meets[0])
    behind = np.zeros((count, count))
    for label, meet in zip(labels, meets, strict=True):
        other = _taken(meet, label)
        for k in range(count):
            for j in range(count):
                behind[k, j] += ((label == k) & (other == j)).sum() if j != k else 0
    behind[0] *= 1.5  # the main motion is most often that of the ground
    fronts = [float((behind[k] < behind[:, k]).sum()) for k in range(count)]
    return sorted(range(count), key=lambda k: (fronts[k], k))


def _give_hidden(labels: Labels, meets: list[Labels], seen: NDArray[np.bool_], order: list[int]) -> None:
    """Give what the other picture hides to the layer around it that something there can hide."""
    rank = np.argsort(order).astype(np.int8)
    best, winner = np.full(labels.shape, 1e-6, np.float32), np.full(labels.shape, order[0], np.int8)
    for k, meet in enumerate(meets):
        near = cv2.GaussianBlur(((labels == k) & seen).astype(np.float32), (0, 0), 10)
        near[rank[meet] <= rank[k]] = 0
        better = near > best
        best[better], winner[better] = near[better], k
    labels[~seen] = winner[~seen]


def _layer(motion: tuple[Glide, Flow], k: int, labels: list[Labels], seen: list[NDArray[np.bool_]]) -> Layer:
    glide, flow = motion
    masks = [
        cv2.GaussianBlur(((label == k) & part).astype(np.float32), (0, 0), 1.2)
        for label, well in zip(labels, seen, strict=True)
        for part in (well, ~well)
    ]
    halfway = [warped(masks[0], glide.at(-0.5)), warped(masks[2], glide.at(0.5))]
    return Layer(glide, drift(flow, *halfway), masks[0], masks[2], masks[1], masks[3])


def _read(field: Weights, points: Points) -> Weights:
    return cv2.remap(field, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
