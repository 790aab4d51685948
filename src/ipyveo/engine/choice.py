"""Which motion a pair is given: each is tried, and the one that brings the pictures over each other wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from ipyveo.engine.affine import Affine, Glide, moved
from ipyveo.engine.flow import Flow, Look, drift, flow_between, grid, inside, warped
from ipyveo.engine.global_motion import fitted, global_motions, plausible, shift
from ipyveo.engine.layers import Layers, cut, misfit
from ipyveo.engine.motion import Motion, Whole

Kind: TypeAlias = Literal["moved", "flowed", "layered", "unrelated"]

_RELATED = 0.4  # the share of points that must agree, there and back, for a warp to be better than a dissolve
_OVERLAP = 0.12  # the share of a picture that both must show
_LEFT_OVER = 0.15  # working pixels: a flow below it is noise


_MOST_LAYERS = 4
_LAYER = 0.003  # the share of a picture that something which moves by itself has at least
_MOST_OF = 0.1  # the share of a picture that must follow a motion for it to be the whole picture's


class Trial(NamedTuple):
    """A global motion, and what is left over after it."""

    glide: Glide
    flow: Flow
    overlap: float

    @property
    def score(self) -> float:
        return self.flow.agreed * max(self.flow.likeness, 0) if self.overlap > _OVERLAP else 0.0


def chosen(start: Look, end: Look) -> tuple[Kind, Motion | None]:
    """Find how to come from one picture of the working size to another."""
    motions = [np.eye(3), *global_motions(start.even, end.even, 1)]
    main = _refined(start, end, max((tried(start, end, motion) for motion in motions), key=_score))
    whole = main.score if main.flow.agreed > _RELATED else 0.0
    parts = cut(
        start, end, [(trial.glide, trial.flow) for trial in _different([main, *_others(start, end, main)])]
    )
    if parts is not None and parts.agreed > _RELATED and parts.agreed * parts.likeness > whole:
        return "layered", Layers(parts.layers, start.shape)
    if not whole:
        return "unrelated", None
    return "moved", Whole(main.glide, None if _negligible(main.flow) else drift(main.flow), start.shape)


def _others(start: Look, end: Look, main: Trial) -> Iterator[Trial]:
    """Look for motions of what the main one does not explain."""
    within = misfit(start, end, main.glide, main.flow)
    if min(part.mean() for part in within) < _LAYER:
        return
    motions = global_motions(start.even, end.even, _MOST_LAYERS - 1, within)
    for motion in (*motions, shift(start.even, end.even, within)):
        trial = tried(start, end, motion)
        better = _fitted_to(trial, _LAYER)
        yield trial if better is None else tried(start, end, better)


def _different(trials: list[Trial]) -> list[Trial]:
    """Return the motions that lead to different places, the first of those that lead to the same."""
    kept: list[Trial] = []
    for trial in trials:
        places = grid(trial.flow.there.shape, 80)
        here = moved(trial.glide.whole, places)
        if all(np.hypot(*np.moveaxis(here - moved(a.glide.whole, places), -1, 0)).mean() > 3 for a in kept):
            kept.append(trial)
    return kept[:_MOST_LAYERS]


def _score(trial: Trial) -> float:
    return trial.score


def tried(start: Look, end: Look, motion: Affine) -> Trial:
    """Bring two pictures half of a motion towards each other, and find the flow between them."""
    glide = Glide(motion)
    back, on = glide.at(-0.5), glide.at(0.5)
    known = inside(start.shape, back) & inside(start.shape, on)
    return Trial(
        glide, flow_between(warped(start.even, back), warped(end.even, on), known), float(known.mean())
    )


def _refined(start: Look, end: Look, trial: Trial) -> Trial:
    for _ in range(2):
        motion = _fitted_to(trial, _MOST_OF)
        if motion is None:
            break
        again = tried(start, end, motion)
        if again.score < trial.score - 0.01:
            break
        trial = again
    return trial


def _fitted_to(trial: Trial, least: float) -> Affine | None:
    """Fit a motion to the flow, where the flow is sure and little is left over."""
    flow = trial.flow
    points = grid(flow.there.shape)
    follows = (flow.trust_there > 0.5) & (np.hypot(flow.there[..., 0], flow.there[..., 1]) < 2)
    if follows.mean() < least:
        return None
    motion = fitted(
        moved(trial.glide.at(-0.5), points[follows]),
        moved(trial.glide.at(0.5), points[follows] + flow.there[follows]),
    )
    return motion if plausible(motion) else None


def _negligible(flow: Flow) -> bool:
    sure = flow.trust_there > 0.5
    if not sure.any():
        return True
    return bool(np.percentile(np.hypot(flow.there[..., 0], flow.there[..., 1])[sure], 95) < _LEFT_OVER)
