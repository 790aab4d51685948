"""One picture for a video: taken in any form, checked when made, framed to a shape without metadata."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.framing import AUTO, Crop, Fit, Framing, Layout, Placement
from ipyveo.media.intake import take
from ipyveo.media.picture import DecodedPicture, cut, decode_crop

if TYPE_CHECKING:
    from PIL.Image import Image

_JPEG_QUALITY: Final = 95
_THUMBNAIL_QUALITY: Final = 85
# The blur behind a picture that does not fill the shape, as a share of the long side.
_BLUR_SHARE: Final = 1 / 48


@dataclass(frozen=True, slots=True)
class FittedFrame:
    """A frame as it is sent.

    Parameters
    ----------
    data
        A whole PNG or JPEG file, without metadata.
    media_type
        What `data` really is.
    width, height
        Its size in pixels.
    """

    data: bytes
    media_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int

    @property
    def suffix(self) -> str:
        """The file name's ending that goes with the media type."""
        return ".png" if self.media_type == "image/png" else ".jpg"


class Frame:
    """A picture that a video starts or ends with, and how it is framed; checked when made, never changed.

    Parameters
    ----------
    picture
        A path, ``bytes``, a binary file object, a Pillow image, a NumPy array (height x width, alone or x 1,
        3 or 4; uint8, uint16, bool, or float from 0 to 1), a matplotlib figure, an http(s) address, a `Clip`
        (its exact last frame), or another `Frame`, whose framing then holds where none is given here. At
        most 64 megapixels and 128 MB; a progressive JPEG 32 megapixels, AVIF 40, WebP 25, JPEG 2000 18, for
        the memory that these take.
    fit
        How the picture is brought into the video's shape: ``"cover"`` crops it, ``"contain"`` shows all of it
        between bars of `background`, ``"blur"`` shows all of it over a blurred copy that fills the shape.
        If None, ``"cover"``.
    focus
        The point ``(x, y)`` of the upright picture that the crop is centred on, as far as the edges allow:
        shares of its width and height, 0 to 1. If None, the middle.
    zoom
        How close, 1.0 to 8.0: as a multiple of the largest crop for ``"cover"``, of the whole picture
        between its bars else, where the bars shrink until the picture fills the shape. If None, 1.0.
    background
        The colour of the bars, and what lies under transparent places: ``"#rgb"``, ``"#rrggbb"`` or a name
        such as ``"navy"``. If None, ``"auto"``: black bars, but white under transparent places.

    Raises
    ------
    FrameError
        If it cannot be found or used; nothing has been sent then.

    Notes
    -----
    The untouched original is kept as long as a frame of it is there, where large as a nameless temporary
    file, so that a close crop has all of its detail.

    Examples
    --------
    >>> import numpy as np
    >>> Frame(np.zeros((1080, 1920, 3)))
    Frame('picture', 1920x1080)
    >>> near = Frame(np.zeros((1080, 1920, 3)), focus=(0.25, 0.5), zoom=2.0)
    >>> near.crop("16:9")
    Crop(left=0, top=270, width=960, height=540)
    >>> near.framed(fit="blur").zoom
    2.0
    """

    __slots__ = ("_decoded", "_fitted", "_framing", "_name")

    def __init__(
        self,
        picture: object,
        *,
        fit: Fit | None = None,
        focus: Sequence[float] | None = None,
        zoom: float | None = None,
        background: str | None = None,
    ) -> None:
        self._name: str
        self._decoded: DecodedPicture
        self._framing: Framing
        self._fitted: dict[AspectRatio, FittedFrame] = {}
        if isinstance(picture, Frame):
            before, fitted = picture._framing, picture._fitted  # noqa: SLF001 - of its own class
            self._framing = before.changed(fit, focus, zoom, background)
            self._name, self._decoded = picture._name, picture._decoded  # noqa: SLF001
            if self._framing == before:
                self._fitted = fitted
        else:
            self._framing = Framing().changed(fit, focus, zoom, background)
            self._name, self._decoded = take(picture)

    @property
    def width(self) -> int:
        """The upright source's width in pixels."""
        return self._decoded.width

    @property
    def height(self) -> int:
        """The upright source's height in pixels."""
        return self._decoded.height

    @property
    def name(self) -> str:
        """A short name fit to be shown: the file's own, or ``"picture"``."""
        return self._name

    @property
    def fit(self) -> Fit:
        """How the picture is brought into the shape: ``"cover"``, ``"contain"`` or ``"blur"``."""
        return self._framing.fit

    @property
    def focus(self) -> tuple[float, float]:
        """The point that the crop is centred on, in shares of the upright picture's width and height."""
        return self._framing.focus

    @property
    def zoom(self) -> float:
        """How close, 1.0 to 8.0."""
        return self._framing.zoom

    @property
    def background(self) -> str:
        """The colour of bars and under transparent places, or ``"auto"``: black and white."""
        return self._framing.background

    @property
    def framing(self) -> dict[str, Any]:
        """The arguments that frame a picture in this way, as far as they are not the usual ones.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((90, 160)), fit="blur", zoom=2).framing
        {'fit': 'blur', 'zoom': 2.0}
        """
        usual = asdict(Framing())
        return {name: value for name, value in asdict(self._framing).items() if value != usual[name]}

    def framed(
        self,
        *,
        fit: Fit | None = None,
        focus: Sequence[float] | None = None,
        zoom: float | None = None,
        background: str | None = None,
    ) -> Frame:
        """Return the same picture framed in another way; nothing is decoded again.

        Parameters
        ----------
        fit, focus, zoom, background
            As for `Frame`. If None, as it is here.

        Raises
        ------
        FrameError
            If one of them cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((90, 160))).framed(zoom=2)
        Frame('picture', 160x90, zoom=2.0)
        """
        return Frame(self, fit=fit, focus=focus, zoom=zoom, background=background)

    def same_picture(self, other: Frame) -> bool:
        """Tell whether another frame shows the same decoded picture, however it is framed."""
        return self._decoded is other._decoded

    def crop(self, aspect_ratio: str) -> Crop:
        """Return the part of the upright source that is visible in what is sent.

        Parameters
        ----------
        aspect_ratio
            ``"16:9"``, ``"9:16"``, or the service's word for one of them.

        Returns
        -------
        Crop
            In whole pixels of the source.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.

        Notes
        -----
        With ``r`` the shape's width by its height, what is sent shows a canvas over the source::

            cover:          canvas = (min(width, height * r) / zoom, min(height, width / r) / zoom)
            contain, blur:  canvas = (max(width, height * r) / zoom, max(height, width / r) / zoom)
            crop.width = round(canvas[0]), within 1 .. width                   # height alike
            crop.left = ceil(focus[0] * width - canvas[0] / 2 - 0.5), within 0 .. width - crop.width

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((3000, 4000)), focus=(0.5, 0.0)).crop("16:9")
        Crop(left=0, top=0, width=4000, height=2250)
        """
        return self._layout(aspect_ratio).crop

    def placement(self, aspect_ratio: str) -> Placement:
        """Return where the crop lies in what is sent: all of it, unless there are bars.

        Parameters
        ----------
        aspect_ratio
            As for `crop`.

        Returns
        -------
        Placement
            In shares of what is sent: its width is ``min(1, width / canvas[0])`` to the nearest pixel, the
            canvas being that of `crop`, and it lies in the middle.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((900, 800)), fit="contain").placement("16:9")
        Placement(left=0.25, top=0.0, width=0.5, height=1.0)
        """
        layout = self._layout(aspect_ratio)
        left, top, right, bottom = layout.box
        width, height = layout.size
        return Placement(left / width, top / height, (right - left) / width, (bottom - top) / height)

    def sent_size(self, aspect_ratio: str) -> tuple[int, int]:
        """Return the width and height of what is sent, without making it.

        Parameters
        ----------
        aspect_ratio
            As for `crop`.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((3000, 4000))).sent_size("16:9")
        (1920, 1080)
        """
        return self._layout(aspect_ratio).size

    def fitted(self, aspect_ratio: str) -> FittedFrame:
        """Frame the picture in a video's shape and encode: the very bytes that are sent.

        Parameters
        ----------
        aspect_ratio
            ``"16:9"``, ``"9:16"``, or the service's word for one of them.

        Returns
        -------
        FittedFrame
            The long side has at most 1920 pixels, and the picture is never enlarged. PNG where the source
            was lossless (6.3 MB at the very most), else JPEG of quality 95 with full colour resolution.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.
        FrameError
            If there is no memory to get a close crop out of a large original.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((3000, 4000))).fitted("9:16").height
        1920
        """
        ratio = AspectRatio.parse(aspect_ratio)
        if ratio not in self._fitted:
            self._fitted[ratio] = _encoded(self._rendered(ratio), lossless=self._decoded.lossless)
        return self._fitted[ratio]

    def notes(self, aspect_ratio: str) -> tuple[str, ...]:
        """Return what is worth knowing before this is paid for, in plain sentences; mostly none.

        Parameters
        ----------
        aspect_ratio
            As for `crop`.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((360, 640))).notes("16:9")
        ('The crop has 640x360 pixels, so the service will enlarge it.',)
        """
        ratio = AspectRatio.parse(aspect_ratio)
        layout = self._layout(aspect_ratio)
        width, height = layout.size
        if width >= ratio.width and height >= ratio.height:
            return ()
        subject = "The crop" if layout.fills else "With its bars the picture"
        return (f"{subject} has {width}x{height} pixels, so the service will enlarge it.",)

    def original(self) -> tuple[bytes, str]:
        """Return the untouched file and the ending of a file name that goes with its true format.

        It has all of its metadata, a camera's place included; what is sent has none. An array, a figure, a
        Pillow image or a clip's last frame has no file: for these it is a PNG that loses nothing, except that
        colours of more than 8 bits a channel have 8.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((90, 160))).original()[1]
        '.png'
        """
        return self._decoded.original.data(), self._decoded.suffix

    def thumbnail(self, long_side: int = 960) -> bytes:
        """Return the whole picture, not only its crop, as a small JPEG.

        Parameters
        ----------
        long_side
            The most pixels on its long side, at least 1.
        """
        small = self._decoded.image.copy()
        small.thumbnail((long_side, long_side))
        return _jpeg(_flat(small, self.background), _THUMBNAIL_QUALITY)

    def preview(self, aspect_ratio: str, long_side: int = 960, *, quality: int = _THUMBNAIL_QUALITY) -> bytes:
        """Return what is sent as a small JPEG.

        Parameters
        ----------
        aspect_ratio
            ``"16:9"``, ``"9:16"``, or the service's word for one of them.
        long_side
            The most pixels on its long side, at least 1.
        quality
            Of the JPEG, 1 to 95.
        """
        small = self._rendered(AspectRatio.parse(aspect_ratio)).copy()
        small.thumbnail((long_side, long_side))
        return _jpeg(small, quality)

    def _repr_jpeg_(self) -> bytes:
        return self.thumbnail()

    def __repr__(self) -> str:
        framing = "".join(f", {name}={value!r}" for name, value in self.framing.items())
        return f"Frame({self.name!r}, {self.width}x{self.height}{framing})"

    def _layout(self, aspect_ratio: str) -> Layout:
        return self._framing.layout(self.width, self.height, AspectRatio.parse(aspect_ratio))

    def _rendered(self, ratio: AspectRatio) -> Image:
        """Return the pixels that are sent."""
        from PIL import Image, ImageFilter

        layout = self._layout(ratio.label)
        left, top, right, bottom = layout.box
        picture = _flat(self._part(layout.crop, (right - left, bottom - top)), self.background)
        if layout.fills:
            return picture
        if self.fit == "blur":
            behind = Framing(focus=self.focus).layout(self.width, self.height, ratio)
            canvas = _flat(self._kept_part(behind.crop, layout.size), self.background)
            canvas = canvas.filter(ImageFilter.GaussianBlur(max(layout.size) * _BLUR_SHARE))
        else:
            canvas = Image.new("RGB", layout.size, "black" if self.background == AUTO else self.background)
        canvas.paste(picture, (left, top))
        return canvas

    def _part(self, crop: Crop, size: tuple[int, int]) -> Image:
        """Return a part in a size, from the original where that has more detail than what is kept."""
        kept = self._decoded.image
        # A pixel less than asked for comes of rounding.
        if crop.width * kept.width >= (size[0] - 1) * self.width:
            return self._kept_part(crop, size)
        return decode_crop(self._decoded, crop, size, self.name)

    def _kept_part(self, crop: Crop, size: tuple[int, int]) -> Image:
        kept = self._decoded.image
        across, down = kept.width / self.width, kept.height / self.height
        right, bottom = crop.left + crop.width, crop.top + crop.height
        return cut(kept, (crop.left * across, crop.top * down, right * across, bottom * down), size)


def _flat(image: Image, background: str) -> Image:
    """Lay an image with transparency on a colour."""
    from PIL import Image

    if image.mode != "RGBA":
        return image
    flat = Image.new("RGB", image.size, "white" if background == AUTO else background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _encoded(image: Image, *, lossless: bool) -> FittedFrame:
    """Encode as PNG where the source was lossless, else as JPEG; neither of them with metadata."""
    if lossless:
        file = io.BytesIO()
        image.save(file, "PNG")
        return FittedFrame(file.getvalue(), "image/png", image.width, image.height)
    return FittedFrame(_jpeg(image, _JPEG_QUALITY), "image/jpeg", image.width, image.height)


def _jpeg(image: Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
