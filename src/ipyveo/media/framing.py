"""Where a picture lies in what is sent: how it fills the shape, about which point, how close."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from numbers import Real
from typing import Final, Literal, cast, get_args

from ipyveo.errors import FrameError
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.original import NOTHING_CHARGED

LONGEST_SIDE: Final = 1920
"""The most pixels on the long side of what is sent."""

MOST_ZOOM: Final = 8.0
"""How close one can go."""

AUTO: Final = "auto"
"""The background that is white under transparency and black in bars."""

Fit = Literal["cover", "contain", "blur"]


@dataclass(frozen=True, slots=True)
class Crop:
    """The part of a picture that is visible in what is sent, in whole pixels of the upright source.

    Parameters
    ----------
    left, top
        Its upper left corner.
    width, height
        Its size, at least 1 each.
    """

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the visible part lies in what is sent, in shares of that one's width and height, 0.0 to 1.0.

    Parameters
    ----------
    left, top
        Its upper left corner; 0.0 where there are no bars.
    width, height
        Its size; 1.0 where there are no bars.
    """

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture's framing in one shape, worked out.

    Parameters
    ----------
    crop
        What is visible, in the source.
    size
        Width and height of what is sent.
    box
        Where the crop lies in it: left, top, right, bottom.
    """

    crop: Crop
    size: tuple[int, int]
    box: tuple[int, int, int, int]

    @property
    def fills(self) -> bool:
        """Whether there are no bars."""
        return self.box == (0, 0, *self.size)


@dataclass(frozen=True, slots=True)
class Framing:
    """How a picture is brought into a video's shape; see `Frame` for what the words mean.

    Parameters
    ----------
    fit
        ``"cover"``, ``"contain"`` or ``"blur"``.
    focus
        The point of the upright source to centre on, in shares of its width and height.
    zoom
        How close, 1.0 to 8.0.
    background
        A colour, or ``"auto"``.

    Examples
    --------
    >>> Framing(zoom=2.0).layout(4000, 3000, AspectRatio.LANDSCAPE).crop
    Crop(left=1000, top=937, width=2000, height=1125)
    """

    fit: Fit = "cover"
    focus: tuple[float, float] = (0.5, 0.5)
    zoom: float = 1.0
    background: str = AUTO

    def changed(self, fit: object, focus: object, zoom: object, background: object) -> Framing:
        """Return a framing that differs in all of these that are not None.

        Raises
        ------
        FrameError
            If one of them cannot be used.
        """
        return Framing(
            self.fit if fit is None else _checked_fit(fit),
            self.focus if focus is None else _checked_focus(focus),
            self.zoom if zoom is None else _checked_zoom(zoom),
            self.background if background is None else _checked_background(background),
        )

    def layout(self, width: int, height: int, ratio: AspectRatio) -> Layout:
        """Work out where a picture of this size lies in what is sent.

        What is sent shows a canvas of the video's shape, laid over the source: for "cover" the largest inside
        the picture, for "contain" and "blur" the smallest around it, either divided by `zoom`. As much of the
        picture as the canvas holds is the crop, about `focus` as far as the edges allow; where the canvas is
        the larger one, the picture is in its middle.
        """
        side = min if self.fit == "cover" else max
        across = side(width, height * ratio.width / ratio.height) / self.zoom
        down = side(height, width * ratio.height / ratio.width) / self.zoom
        left, visible_width = _interval(width, across, self.focus[0])
        top, visible_height = _interval(height, down, self.focus[1])
        if max(across, down) > LONGEST_SIDE:
            size = ratio.largest_crop(LONGEST_SIDE, LONGEST_SIDE)
        else:
            size = (max(1, round(across)), max(1, round(down)))
        wide, high = (
            whole if canvas <= source else min(whole, max(1, round(whole * source / canvas)))
            for whole, canvas, source in zip(size, (across, down), (width, height), strict=True)
        )
        x, y = (size[0] - wide) // 2, (size[1] - high) // 2
        return Layout(Crop(left, top, visible_width, visible_height), size, (x, y, x + wide, y + high))


def _interval(whole: int, canvas: float, focus: float) -> tuple[int, int]:
    """Return the start and the length of what a canvas shows of one side, to the nearest pixel."""
    length = min(whole, max(1, round(canvas)))
    # Halves go down, as the middle always did.
    start = math.ceil(focus * whole - canvas / 2 - 0.5)
    return min(max(start, 0), whole - length), length


def _checked_fit(fit: object) -> Fit:
    if isinstance(fit, str) and fit in get_args(Fit):
        return cast("Fit", str(fit))
    raise FrameError(
        'The fit has to be "cover" (crop), "contain" (the whole picture, with bars) or "blur" (the whole '
        f"picture over a blurred copy). {NOTHING_CHARGED}"
    )


def _checked_focus(focus: object) -> tuple[float, float]:
    try:
        x, y = focus  # type: ignore[misc]
    except (TypeError, ValueError):
        x = y = None
    if not (_within(x, 0, 1) and _within(y, 0, 1)):
        raise FrameError(
            "The focus has to be two numbers from 0 to 1: how far from the left and how far from the top, "
            f"such as (0.5, 0.3). {NOTHING_CHARGED}"
        )
    return float(x), float(y)  # type: ignore[arg-type]


def _checked_zoom(zoom: object) -> float:
    if not _within(zoom, 1, MOST_ZOOM):
        raise FrameError(f"The zoom has to be a number from 1 to {MOST_ZOOM:.0f}. {NOTHING_CHARGED}")
    return float(zoom)  # type: ignore[arg-type]


def _checked_background(background: object) -> str:
    from PIL import ImageColor

    if background == AUTO:
        return AUTO
    channels: tuple[int, ...] = ()
    if isinstance(background, str):
        with contextlib.suppress(ValueError):
            channels = ImageColor.getrgb(background)
    if not isinstance(background, str) or len(channels) != len("RGB"):
        raise FrameError(
            'The background has to be a colour such as "#203040", "#234" or "navy", or "auto" (white under '
            f"transparency, black bars). {NOTHING_CHARGED}"
        )
    return background


def _within(number: object, low: float, high: float) -> bool:
    if isinstance(number, bool) or not isinstance(number, Real):
        return False
    return low <= number <= high  # type: ignore[operator] # NaN is within nothing
