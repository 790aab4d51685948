"""The two shapes of a video: their labels, the service's words for them, and the crop that makes them."""

from __future__ import annotations

from enum import Enum

from ipyveo.errors import InvalidRequestError


class AspectRatio(Enum):
    """The shape of a video, with the size in pixels the service makes it in.

    Attributes
    ----------
    label : str
        What people read: ``"16:9"`` or ``"9:16"``.
    api_word : str
        What the service is sent.
    width, height : int
        The video's size in pixels.

    Examples
    --------
    >>> AspectRatio.parse("9:16").api_word
    'VIDEO_ASPECT_RATIO_PORTRAIT'
    >>> AspectRatio.LANDSCAPE.largest_crop(4032, 3024)
    (4032, 2268)
    """

    LANDSCAPE = ("16:9", "VIDEO_ASPECT_RATIO_LANDSCAPE", 1280, 720)
    PORTRAIT = ("9:16", "VIDEO_ASPECT_RATIO_PORTRAIT", 720, 1280)

    def __init__(self, label: str, api_word: str, width: int, height: int) -> None:
        self.label = label
        self.api_word = api_word
        self.width = width
        self.height = height

    @classmethod
    def parse(cls, value: object) -> AspectRatio:
        """Return the aspect ratio that `value` names.

        Parameters
        ----------
        value
            ``"16:9"``, ``"9:16"``, or one of the service's two words.

        Raises
        ------
        InvalidRequestError
            If it is anything else.
        """
        if isinstance(value, str):
            for ratio in cls:
                if value in (ratio.label, ratio.api_word):
                    return ratio
        raise InvalidRequestError(
            'The aspect ratio has to be "16:9" or "9:16". Nothing was sent and nothing was charged. '
            "Choose one of the two.",
        )

    def largest_crop(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the largest crop of this shape, to the nearest pixel.

        Parameters
        ----------
        width, height
            The picture's size in pixels, both at least 1.
        """
        if width * self.height > height * self.width:
            return max(1, round(height * self.width / self.height)), height
        return width, max(1, round(width * self.height / self.width))
