"""Pictures that wait in a file until they are drawn: so hundreds of orders take hardly any memory."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


class LaidAside:
    """A picture in a file of its own.

    Parameters
    ----------
    picture
        In RGB.
    folder
        An existing one, where the file goes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     LaidAside(Image.new("RGB", (4, 2), "navy"), Path(folder)).picture().getpixel((3, 1))
    (0, 0, 128)
    """

    __slots__ = ("_path", "_size")

    def __init__(self, picture: Image.Image, folder: Path) -> None:
        self._size, self._path = picture.size, folder / f"{secrets.token_hex(16)}.rgb"
        try:
            self._path.write_bytes(picture.tobytes())
        except BaseException:
            self.forget()
            raise

    def picture(self) -> Image.Image:
        """Take the picture out of its file, which stays."""
        return Image.frombytes("RGB", self._size, self._path.read_bytes())

    def forget(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
