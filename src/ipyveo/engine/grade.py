"""What happens to the light of a frame: day and night, black, a breath of change while nothing moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from ipyveo.engine.camera import Light
    from ipyveo.engine.planes import Plane, Planes


class Grade(NamedTuple):
    """Another light.

    Parameters
    ----------
    power, gain
        What the luma, 0 to 1, is raised to and multiplied by.
    colour
        What the distance of the colours from grey is multiplied by.
    blue, red
        What is added to the two chroma planes.
    """

    power: float = 1.0
    gain: float = 1.0
    colour: float = 1.0
    blue: float = 0.0
    red: float = 0.0

    def stirred(self, take: int) -> Grade:
        """Return the light of a take in which nothing moves: else all takes would be the same."""
        stir = _STIRS[take % len(_STIRS)]
        return Grade(
            power=self.power * stir.power,
            gain=self.gain * stir.gain,
            colour=self.colour,
            blue=self.blue + stir.blue,
            red=self.red + stir.red,
        )

    def put(self, share: float, frame: Planes) -> None:
        """Change a frame's light, as far as `share` says, in place."""
        if share > 0.0 and self != _AS_IT_IS:
            levels = np.arange(256, dtype=np.float64)
            lit = np.clip((levels - _BLACK) / _RANGE, 0.0, 1.0)
            luma = _BLACK + _RANGE * np.minimum(1.0, self.gain * lit**self.power)
            colours = (128 + self.colour * (levels - 128) + shift for shift in (self.blue, self.red))
            for plane, changed in zip(frame, (luma, *colours), strict=True):
                _mapped(plane, levels + share * (changed - levels))


_AS_IT_IS: Final = Grade()
_BLACK: Final = 16.0
_RANGE: Final = 219.0
GRADES: Final[dict[Light, Grade]] = {
    "day to night": Grade(power=1.35, gain=0.42, colour=0.55, blue=11.0, red=-7.0),
    "night to day": Grade(power=0.62, gain=1.12, colour=1.15, blue=-4.0, red=2.0),
}
_STIRS: Final = (
    Grade(),
    Grade(blue=-9.0, red=6.0, gain=1.06),
    Grade(power=1.1, gain=0.86),
    Grade(blue=9.0, red=-6.0, gain=0.92),
)


def dim(share: float, frame: Planes) -> None:
    """Show a share of a frame's light, 0 for black, in place."""
    if share < 1.0:
        levels = np.arange(256, dtype=np.float64)
        _mapped(frame.y, _BLACK + share * (levels - _BLACK))
        for plane in (frame.u, frame.v):
            _mapped(plane, 128 + share * (levels - 128))


def _mapped(plane: Plane, levels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    cv2.LUT(plane, np.clip(np.rint(levels), 0, 255).astype(np.uint8), dst=plane)
