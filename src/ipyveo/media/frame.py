"""One picture for a video: taken in any form, checked when made, fitted to a shape without metadata."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from ipyveo.errors import FrameError
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip
from ipyveo.media.picture import (
    LONGEST_SIDE,
    MAX_FILE_BYTES,
    NOTHING_CHARGED,
    DecodedPicture,
    decode_array,
    decode_file,
    decode_image,
)

if TYPE_CHECKING:
    from PIL.Image import Image

_JPEG_QUALITY: Final = 95
_THUMBNAIL_QUALITY: Final = 85
_MAX_NAME: Final = 60
_URL: Final = re.compile("https?://", re.IGNORECASE)


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
    """A picture that a video starts or ends with; checked when made, and never changed.

    Parameters
    ----------
    picture
        A path, ``bytes``, a binary file object, a Pillow image, a NumPy array (height x width, alone or x 1,
        3 or 4; uint8, uint16, bool, or float from 0 to 1), a matplotlib figure, an http(s) address, a `Clip`
        (its exact last frame), or another `Frame`. At most 64 megapixels and 128 MB.

    Raises
    ------
    FrameError
        If it cannot be found or used; nothing has been sent then.

    Examples
    --------
    >>> import numpy as np
    >>> Frame(np.zeros((1080, 1920, 3)))
    Frame('picture', 1920x1080)
    """

    __slots__ = ("_decoded", "_fitted", "_name")

    def __init__(self, picture: object) -> None:
        self._name: str
        self._decoded: DecodedPicture
        self._fitted: dict[AspectRatio, FittedFrame] = {}
        if isinstance(picture, Frame):
            self._name, self._decoded = picture._name, picture._decoded  # noqa: SLF001 - of its own class
        else:
            self._name, self._decoded = _decode(picture)

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

    def fitted(self, aspect_ratio: str) -> FittedFrame:
        """Crop about the centre to a video's shape and encode.

        Parameters
        ----------
        aspect_ratio
            ``"16:9"``, ``"9:16"``, or the service's word for one of them.

        Returns
        -------
        FittedFrame
            The long side has at most 1920 pixels, and never more than the source. PNG where the source was
            lossless (6.3 MB at the very most), else JPEG of quality 95 with full colour resolution.

        Raises
        ------
        InvalidRequestError
            If there is no such aspect ratio.

        Examples
        --------
        >>> import numpy as np
        >>> Frame(np.zeros((3000, 4000))).fitted("9:16").height
        1920
        """
        ratio = AspectRatio.parse(aspect_ratio)
        if ratio not in self._fitted:
            self._fitted[ratio] = _encoded(
                _cropped(self._decoded.image, ratio), lossless=self._decoded.lossless
            )
        return self._fitted[ratio]

    def thumbnail(self, long_side: int = 960) -> bytes:
        """Return the whole picture as a small JPEG.

        Parameters
        ----------
        long_side
            The most pixels on its long side, at least 1.
        """
        small = self._decoded.image.copy()
        small.thumbnail((long_side, long_side))
        return _jpeg(small, _THUMBNAIL_QUALITY)

    def _repr_jpeg_(self) -> bytes:
        return self.thumbnail()

    def __repr__(self) -> str:
        return f"Frame({self.name!r}, {self.width}x{self.height})"


def _decode(picture: object) -> tuple[str, DecodedPicture]:
    """Return the name and the pixels of whatever `picture` is."""
    from PIL.Image import Image

    # Nobody has an array without NumPy; one that another thread is importing has no such name yet.
    numpy: Any = sys.modules.get("numpy")
    array = getattr(numpy, "ndarray", None)
    if isinstance(picture, Image):
        name = _shown(getattr(picture, "filename", ""))
        return name, decode_image(picture, name)
    if isinstance(picture, Clip):
        name = _shown(picture.path.name)
        return name, decode_image(_last_frame(picture, name), name)
    if array is not None and isinstance(picture, array):
        return _shown(), decode_array(numpy.asarray(picture), _shown())
    name, file = _opened(picture)
    with file:
        return name, decode_file(file, name)


def _opened(picture: object) -> tuple[str, IO[bytes]]:
    """Return a name and an open file, not too large, for what is a file in one way or another."""
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    if isinstance(picture, str) and _URL.match(picture):
        from ipyveo.network.fetch import fetch_picture

        name = _shown(unquote(urlsplit(picture).path))
        return name, io.BytesIO(fetch_picture(picture, limit=MAX_FILE_BYTES))
    if isinstance(picture, str | os.PathLike):
        name = _shown(os.fsdecode(picture))
        return name, _open_path(Path(os.fsdecode(picture)), name)
    if isinstance(picture, bytes | bytearray | memoryview):
        return _shown(), _not_too_large(io.BytesIO(picture), len(picture), _shown())
    if figure is not None and isinstance(picture, figure):
        return _shown(), _drawn(picture)
    if hasattr(picture, "read"):
        name = _shown(getattr(picture, "name", ""))
        data = _read(picture, name)
        return name, _not_too_large(io.BytesIO(data), len(data), name)
    raise FrameError(
        f"A {_shown(type(picture).__name__)} is not a picture. Give a path, an address, bytes, a binary "
        f"file, a Pillow image, a NumPy array, a matplotlib figure or a clip. {NOTHING_CHARGED}",
    )


def _open_path(path: Path, name: str) -> IO[bytes]:
    """Open an ordinary file."""
    try:
        about = path.stat()
        if stat.S_ISREG(about.st_mode):
            return _not_too_large(path.open("rb"), about.st_size, name)
        sentence = f"{name} is not a file. {NOTHING_CHARGED} Give the path of a picture file."
    except FileNotFoundError:
        sentence = f"{name} was not found. {NOTHING_CHARGED} Check the path and the working directory."
    except FrameError:
        raise
    except (OSError, ValueError):
        sentence = f"{name} cannot be opened. {NOTHING_CHARGED} Check the path and the file's permissions."
    raise FrameError(sentence)


def _read(file: Any, name: str) -> bytearray:  # noqa: ANN401 - anything that has a read method
    """Read a file object from its start, if it can go there, and not much further than the limit."""
    with contextlib.suppress(Exception):  # a pipe has no start to go back to
        file.seek(0)
    data = bytearray()
    try:
        while len(data) <= MAX_FILE_BYTES and (block := file.read(MAX_FILE_BYTES + 1 - len(data))):
            data += block
    except TypeError:
        sentence = f"{name} gives no bytes. {NOTHING_CHARGED} Open it in binary mode: open(path, 'rb')."
    except Exception:  # noqa: BLE001 - it is somebody else's read method
        sentence = f"{name} could not be read. {NOTHING_CHARGED} Check that the file is still open."
    else:
        return data
    raise FrameError(sentence)


def _not_too_large(file: IO[bytes], size: int, name: str) -> IO[bytes]:
    if size > MAX_FILE_BYTES:
        file.close()
        raise FrameError(f"{name} is larger than 128 MB. {NOTHING_CHARGED} Use a smaller copy.")
    return file


def _drawn(figure: Any) -> IO[bytes]:  # noqa: ANN401 - matplotlib need not be installed
    """Draw a matplotlib figure at its own resolution."""
    file = io.BytesIO()
    try:
        figure.savefig(file, format="png")
    except Exception as error:  # noqa: BLE001 - drawing runs the figure's own code
        sentence = f"The figure could not be drawn ({_shown(type(error).__name__)}). {NOTHING_CHARGED}"
    else:
        file.seek(0)
        return file
    raise FrameError(sentence)


def _last_frame(clip: Clip, name: str) -> Image:
    try:
        return clip.last_frame()
    except (OSError, ValueError):
        sentence = f"The last frame of {name} cannot be read: the clip's file is gone or damaged."
    raise FrameError(f"{sentence} {NOTHING_CHARGED}")


def _shown(name: object = "") -> str:
    """Return the last part of a file name without what a reader cannot see, or ``"picture"``."""
    text = re.split(r"[/\\]", name)[-1] if isinstance(name, str) else ""
    visible = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    tidy = " ".join(visible.split())
    if len(tidy) > _MAX_NAME:
        tidy = tidy[: _MAX_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return tidy or "picture"


def _cropped(image: Image, ratio: AspectRatio) -> Image:
    """Crop about the centre, and bring the long side down to `LONGEST_SIDE`."""
    from PIL.Image import Resampling

    width, height = ratio.largest_crop(*image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    box = (left, top, left + width, top + height)
    if max(width, height) <= LONGEST_SIDE:
        return image.crop(box)
    scale = LONGEST_SIDE / max(ratio.width, ratio.height)
    return image.resize(
        (round(ratio.width * scale), round(ratio.height * scale)), Resampling.LANCZOS, box=box
    )


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
