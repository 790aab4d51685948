"""Takes a picture in any form, from a path to a figure, and has it decoded."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
import unicodedata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from ipyveo.errors import FrameError
from ipyveo.media.clip import Clip
from ipyveo.media.original import NOTHING_CHARGED, Original
from ipyveo.media.picture import MAX_FILE_BYTES, DecodedPicture, decode_array, decode_file, decode_image

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_NAME: Final = 60
_BLOCK_BYTES: Final = 2**20
_URL: Final = re.compile("https?://", re.IGNORECASE)


def take(picture: object) -> tuple[str, DecodedPicture]:
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
    with contextlib.nullcontext(file) if file is picture else file:
        return name, decode_file(Original(lambda copy: _copy(file, copy, name), name), name)


def _opened(picture: object) -> tuple[str, IO[bytes]]:
    """Return a name and an open file for what is a file in one way or another."""
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    if isinstance(picture, str) and _URL.match(picture):
        from ipyveo.network.fetch import fetch_picture

        try:
            name = _shown(unquote(urlsplit(picture).path))
        except ValueError:
            raise FrameError(f"That is no address of a picture. {NOTHING_CHARGED} Check it.") from None
        return name, io.BytesIO(fetch_picture(picture, limit=MAX_FILE_BYTES))
    if isinstance(picture, str | os.PathLike):
        name = _shown(os.fsdecode(picture))
        return name, _open_path(Path(os.fsdecode(picture)), name)
    if isinstance(picture, bytes | bytearray | memoryview):
        return _shown(), io.BytesIO(picture)
    if figure is not None and isinstance(picture, figure):
        return _shown(), _drawn(picture)
    if hasattr(picture, "read"):
        with contextlib.suppress(Exception):  # a pipe has no start to go back to
            picture.seek(0)  # type: ignore[attr-defined]
        return _shown(getattr(picture, "name", "")), picture  # type: ignore[return-value]
    raise FrameError(
        f"A {_shown(type(picture).__name__)} is not a picture. Give a path, an address, bytes, a binary "
        f"file, a Pillow image, a NumPy array, a matplotlib figure or a clip. {NOTHING_CHARGED}",
    )


def _open_path(path: Path, name: str) -> IO[bytes]:
    """Open an ordinary file."""
    try:
        about = path.stat()
        if stat.S_ISREG(about.st_mode):
            return path.open("rb")
        sentence = f"{name} is not a file. {NOTHING_CHARGED} Give the path of a picture file."
    except FileNotFoundError:
        sentence = f"{name} was not found. {NOTHING_CHARGED} Check the path and the working directory."
    except (OSError, ValueError):
        sentence = f"{name} cannot be opened. {NOTHING_CHARGED} Check the path and the file's permissions."
    raise FrameError(sentence)


def _copy(file: IO[bytes], copy: IO[bytes], name: str) -> None:
    """Copy a file, and read not much further than the limit."""
    left = MAX_FILE_BYTES + 1
    while left and (block := _block(file, min(left, _BLOCK_BYTES), name)):
        copy.write(block)
        left -= len(block)
    if not left:
        raise FrameError(f"{name} is larger than 128 MB. {NOTHING_CHARGED} Use a smaller copy.")


def _block(file: IO[bytes], size: int, name: str) -> bytes:
    """Read at most so many bytes of a file that may be somebody else's."""
    try:
        block = file.read(size) or b""
        if isinstance(block, bytes | bytearray | memoryview) and len(block) <= size:
            return bytes(block)
        sentence = f"{name} gives no bytes. {NOTHING_CHARGED} Open it in binary mode: open(path, 'rb')."
    except Exception:  # noqa: BLE001 - it is somebody else's read method
        sentence = f"{name} could not be read. {NOTHING_CHARGED} Check that the file is still open."
    raise FrameError(sentence)


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
