"""What is worth knowing of two pictures that one video shall lead between."""

from __future__ import annotations

from typing import Final

from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.frame import Frame

_FAR_IN_SHAPE: Final = 1.5
_FAR_IN_SIZE: Final = 2.0
_FAR_IN_BARS: Final = 0.1


def pair_notes(start: Frame, end: Frame, aspect_ratio: str) -> tuple[str, ...]:
    """Return in plain sentences what may make a video jump between two pictures; mostly none.

    Parameters
    ----------
    start, end
        The pictures, framed.
    aspect_ratio
        ``"16:9"``, ``"9:16"``, or the service's word for one of them.

    Raises
    ------
    InvalidRequestError
        If there is no such aspect ratio.

    Examples
    --------
    >>> import numpy as np
    >>> pair_notes(Frame(np.zeros((1080, 1920))), Frame(np.zeros((270, 480))), "16:9")  # doctest: +ELLIPSIS
    ('The start picture is sent with 1920x1080 pixels and the end picture with 480x270, so ...',)
    """
    ratio = AspectRatio.parse(aspect_ratio)
    notes = []
    pair = (start, end)
    shapes = [frame.width / frame.height for frame in pair]
    if max(shapes) > _FAR_IN_SHAPE * min(shapes):
        notes.append(
            f"The start picture is {start.width}x{start.height} and the end picture "
            f"{end.width}x{end.height}: shapes so different that the video may jump."
        )
    sizes = [frame.sent_size(aspect_ratio) for frame in pair]
    # More than the video has makes no difference to it.
    seen = [min(width, ratio.width) for width, _ in sizes]
    if max(seen) >= _FAR_IN_SIZE * min(seen):
        notes.append(
            f"The start picture is sent with {sizes[0][0]}x{sizes[0][1]} pixels and the end picture with "
            f"{sizes[1][0]}x{sizes[1][1]}, so the video may jump between sharp and soft."
        )
    first, last = (frame.placement(aspect_ratio) for frame in pair)
    if max(abs(first.width - last.width), abs(first.height - last.height)) > _FAR_IN_BARS:
        notes.append("The two pictures do not have the same bars, so the video may jump.")
    return tuple(notes)
