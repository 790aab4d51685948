"""Where the camera is at each moment of a clip: it leaves from the whole picture, and goes one smooth way."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ipyveo.engine.camera import Direction, Easing, Move

Affine: TypeAlias = NDArray[np.float64]
"""2 x 3; from one picture's pixels to another's, their centres being whole numbers."""


class Pose(NamedTuple):
    """Where the camera is and what it sees.

    Parameters
    ----------
    closer
        The logarithm of the zoom: 0 sees all of the picture, more comes closer.
    right, down
        Where it looks, from the middle, in shares of the picture's width and height.
    roll
        How far it is turned clockwise, in radians.
    yaw
        How far it has circled to the right, in radians.
    """

    closer: float = 0.0
    right: float = 0.0
    down: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0

    def times(self, share: float) -> Pose:
        """Return the pose at a share of the way to this one."""
        return Pose(*(share * value for value in self))

    def plus(self, other: Pose) -> Pose:
        """Return this and another one at once."""
        return Pose(*(a + b for a, b in zip(self, other, strict=True)))

    def view(self, width: int, height: int) -> Affine:
        """Return from where in a picture of this size each pixel of a frame of this size comes."""
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        turned = self._turned()
        to = middle + np.array([self.right * width, self.down * height]) - turned @ middle
        return np.column_stack([turned, to])

    def inside(self, shape: float) -> bool:
        """Tell whether it sees nothing beyond the picture, whose width is `shape` times its height."""
        corners = np.abs(self._turned()) @ [shape / 2, 0.5]
        return bool(
            corners[0] + abs(self.right) * shape <= shape / 2 * _HAIR
            and corners[1] + abs(self.down) <= 0.5 * _HAIR
        )

    def _turned(self) -> NDArray[np.float64]:
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        # A flat picture seen from one side is narrower, and its far side a little lower.
        seen = np.array([[1 / math.cos(self.yaw), 0.0], [_LEAN * math.sin(self.yaw), 1.0]])
        return np.asarray(np.array([[cos, -sin], [sin, cos]]) @ seen * math.exp(-self.closer))


_HAIR: Final = 1 + 1e-4  # a tenth of a pixel
_LEAN: Final = 0.15
_DEGREE: Final = math.pi / 180
# What each move comes to at the end of a clip, at a pace that nothing is said about.
_ENDS: Final[dict[Move, Pose]] = {
    "push in": Pose(closer=math.log(1.3)),
    "pull out": Pose(closer=-math.log(1.17)),
    "pan left": Pose(right=-0.13),
    "pan right": Pose(right=0.13),
    "tilt up": Pose(down=-0.13),
    "tilt down": Pose(down=0.13),
    "roll left": Pose(roll=-8 * _DEGREE),
    "roll right": Pose(roll=8 * _DEGREE),
    "orbit left": Pose(right=-0.06, yaw=-16 * _DEGREE),
    "orbit right": Pose(right=0.06, yaw=16 * _DEGREE),
}
_PACES: Final = {None: 1.0, "slow": 0.5, "fast": 1.8}
_FARTHEST_BACK: Final = -math.log(1.3)
# How the takes of a request differ: how far they go, and where to from there, in shares of the room.
_TAKES: Final = ((1.0, 0.0, 0.0), (0.75, -0.6, -0.4), (1.25, 0.6, -0.4), (0.9, 0.1, 0.7))
_BETWEEN_TWO: Final = 0.5  # of two pictures the motion is the main thing
_TIMINGS: Final = (1.0, 0.7, 1.45, 1.2)
_GENTLY: Final = 0.8
_TOWARDS: Final = 1.0
_CLOSEST: Final = math.log(2.5)
_SHIFTED: Final = 0.8
_ASIDE: Final = 0.04
_STEP: Final = 0.01
_LOOKED_AT: Final = tuple((step / 48) ** 2 for step in range(49))  # a turn needs most room where it begins


@dataclass(frozen=True, slots=True)
class Path:
    """The camera's way through a clip, and the pictures' way from the first to the last.

    Parameters
    ----------
    end
        The pose that is farthest from the start.
    returns
        True if the camera comes back to where it left.
    easing
        How it starts and stops; a camera that comes back always does so softly.
    timing
        The power of the eased time that moves the pictures: below 1 early, above late.
    """

    end: Pose
    returns: bool
    easing: Easing
    timing: float = 1.0

    def gone(self, time: float) -> float:
        """Return how far the camera is from where it leaves, 0 to 1, at a share of the clip's time."""
        if self.returns:
            return math.sin(math.pi * time) ** 2 if time < 1.0 else 0.0
        return _EASINGS[self.easing](time)

    def pose(self, time: float) -> Pose:
        """Return where the camera is at a share of the clip's time."""
        return self.end.times(self.gone(time))

    def way(self, time: float) -> float:
        """Return how far the first picture has become the last at a share of the clip's time."""
        return float(_EASINGS[self.easing](time) ** self.timing)


_EASINGS: Final[dict[Easing, Callable[[float], float]]] = {
    "ease": lambda time: time * time * (3 - 2 * time),
    "ease in": lambda time: time * time,
    "ease out": lambda time: time * (2 - time),
    "linear": lambda time: time,
}


def plan(
    direction: Direction,
    prompt: str,
    focus: tuple[float, float],
    shape: float,
    *,
    take: int,
    returns: bool,
    pair: bool,
) -> Path:
    """Plan the camera's way by what the prompt says, and else by what is to be seen.

    Parameters
    ----------
    direction
        What the prompt says.
    prompt
        All of it: it decides where nothing else does.
    focus
        Where the picture has most to see, -1 to 1 across and down.
    shape
        The picture's width by its height.
    take
        Which take, from 0; each goes another way.
    returns
        True if the last frame is to show all of a picture again.
    pair
        True if that is another picture than the first.

    Examples
    --------
    >>> from ipyveo.engine.sentence import read_direction
    >>> told = read_direction("push in"), "push in"
    >>> plan(*told, (0.0, 0.0), 16 / 9, take=0, returns=False, pair=False).end.closer > 0.2
    True
    """
    sides = _sides(prompt, focus)
    further, right, down = _TAKES[take % len(_TAKES)]
    moves = [sides.get(move, move) for move in direction.moves]
    if not moves and not direction.still:
        moves, further = _gentle(sides, take, pair=pair), _GENTLY
        right, down = (_TOWARDS * side for side in focus)
    end, far = Pose(), further * _PACES[direction.pace] * (_BETWEEN_TWO if pair else 1.0)
    for move in moves:
        end = end.plus(_ENDS[move].times(far))
    if end.closer < 0:
        end = end._replace(closer=max(end.closer, _FARTHEST_BACK))
        end = end.plus(Pose(right=_ASIDE * right, down=_ASIDE * down))
    elif moves:
        end = _within(end, shape, right, down)
    return Path(end, returns, direction.easing or "ease", _TIMINGS[take % len(_TIMINGS)])


def _sides(prompt: str, focus: tuple[float, float]) -> dict[Move, Move]:
    """Return what the moves come to whose side is left open."""
    dice = zlib.crc32(prompt.encode("utf-8", "replace"))
    right = focus[0] > 0 if focus[0] else bool(dice & 1)
    down = focus[1] > 0 if focus[1] else bool(dice & 2)
    return {"pan": "pan right" if right else "pan left", "tilt": "tilt down" if down else "tilt up"}


def _gentle(sides: dict[Move, Move], take: int, *, pair: bool) -> list[Move]:
    """Return what each take does when the prompt says nothing: of two pictures the first only moves them."""
    circle: Move = "orbit right" if sides["pan"] == "pan right" else "orbit left"
    ways: list[list[Move]] = [["push in"], [sides["pan"]], [sides["tilt"]], [circle]]
    if pair:
        ways = [[], *ways[:3]]
    return ways[take % len(ways)]


def _within(end: Pose, shape: float, right: float, down: float) -> Pose:
    """Come close enough that nothing beyond the picture is seen on the way, then use the room there is."""
    while not all(end.times(share).inside(shape) for share in _LOOKED_AT):
        end = end._replace(closer=end.closer + _STEP)
    room = 0.5 - math.exp(-end.closer) / 2
    aside = end._replace(
        right=_bounded(end.right + _SHIFTED * right * room, room),
        down=_bounded(end.down + _SHIFTED * down * room, room),
    )
    while not all(aside.times(share).inside(shape) for share in _LOOKED_AT):
        aside = aside._replace(closer=aside.closer + _STEP)
    if aside.closer > _CLOSEST:
        # Much at once would need so close a look that little is seen of it.
        return _within(end._replace(closer=0.0).times(0.8), shape, right, down)
    return aside


def _bounded(value: float, most: float) -> float:
    return min(most, max(-most, value))
