"""Decodes a picture file of any common kind: upright, RGB, on white, and no larger than a video needs."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import threading
import warnings
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from ipyveo.errors import FrameError
from ipyveo.media.aspect_ratio import AspectRatio

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from PIL import Image

LONGEST_SIDE: Final = 1920
"""The most pixels on the long side of what is sent."""

MAX_FILE_BYTES: Final = 128 * 2**20
"""The largest picture file that is read."""

NOTHING_CHARGED: Final = "Nothing was sent and nothing was charged."

_MAX_PIXELS: Final = 64_000_000
# Pillow needs all coefficients of a progressive JPEG in memory, whatever size is asked for.
_MAX_PROGRESSIVE_PIXELS: Final = 32_000_000
# Naming the formats keeps Pillow's exotic decoders away from files nobody trusts.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000")
_LOSSLESS_FORMATS: Final = frozenset({None, "PNG", "GIF", "TIFF", "BMP"})
_JPEG_FORMATS: Final = frozenset({"JPEG", "MPO"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_ORIENTATION_TAG: Final = 0x0112
# What turns a picture of each EXIF orientation upright (EXIF 3.0, 4.6.5.1.6).
_TRANSPOSITIONS: Final = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_TURNED: Final = frozenset({5, 6, 7, 8})
_PROFILE_MODES: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
# Resampling overshoots 0 .. 1 a little; levels meant for 0 .. 255 are far outside.
_FARTHEST_LEVEL: Final = 2.0
# One picture at a time: so the memory stays bounded, and because Python silences warnings for all threads.
_DECODING: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture as it will be used.

    Parameters
    ----------
    image
        Upright, RGB, without metadata, no larger than `LONGEST_SIDE` asks for.
    width, height
        The size of the upright source in pixels.
    lossless
        Whether the source kept its pixels exactly.
    """

    image: Image.Image
    width: int
    height: int
    lossless: bool


def decode_file(file: IO[bytes], name: str) -> DecodedPicture:
    """Decode a picture file by its content, whatever it is called.

    Parameters
    ----------
    file
        A seekable file of at most `MAX_FILE_BYTES`.
    name
        What messages call it, already fit to be shown.

    Raises
    ------
    FrameError
        If it is not a picture of a known format, is damaged, or is too large.

    Examples
    --------
    >>> decode_file(open("day.png", "rb"), "day.png").width  # doctest: +SKIP
    1920
    """
    from PIL import Image

    with _refusals(name), Image.open(file, formats=_formats(file, name)) as image:
        width, height = image.size
        _judge_size(width, height, name)
        if image.format in _JPEG_FORMATS:
            if "progressive" in image.info and width * height > _MAX_PROGRESSIVE_PIXELS:
                raise FrameError(
                    f"{name} is a progressive JPEG of more than 32 megapixels, which takes too much memory. "
                    f"Use a smaller copy, or save it as an ordinary JPEG. {NOTHING_CHARGED}",
                )
            # The decoder leaves out what a smaller picture does not need.
            image.draft(None, _kept_size(width, height))
        else:
            # A TIFF is turned upright here, which may exchange its sides.
            image.load()
            width, height = image.size
        return _decoded(image, width, height)


def decode_image(image: Image.Image, name: str) -> DecodedPicture:
    """Do as `decode_file` for a Pillow image that somebody else made, and leave that one as it is.

    Raises
    ------
    FrameError
        If it is too large or cannot be decoded.
    """
    with _refusals(name):
        _judge_size(*image.size, name)
        image.load()
        return _decoded(image, *image.size)


def decode_array(array: np.ndarray[Any, Any], name: str) -> DecodedPicture:
    """Do as `decode_file` for an array.

    Parameters
    ----------
    array
        Height x width, or height x width x 1, 3 or 4 channels; bool, uint8, uint16, or float from 0 to 1.
    name
        What messages call it.

    Raises
    ------
    FrameError
        If its shape, type or values are none of these.
    """
    from PIL import Image

    if array.shape[2:] == (1,):
        array = array[:, :, 0]
    if 0 in array.shape or not (array.ndim == 2 or array.shape[2:] in {(3,), (4,)}):  # noqa: PLR2004 - height, width
        raise FrameError(
            "An array of this shape is not a picture: it has to be height x width, alone or with 1, 3 or 4 "
            f"channels. {NOTHING_CHARGED}",
        )
    with _refusals(name):
        _judge_size(array.shape[1], array.shape[0], name)
        image = Image.fromarray(_eight_bit_levels(array))
        return _decoded(image, *image.size)


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence about the picture, and keep its warnings quiet."""
    from PIL import Image, UnidentifiedImageError

    try:
        with _DECODING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except FrameError:
        raise
    except UnidentifiedImageError:
        sentence = f"{name} is not a picture in a known format. Use JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP."
    except Image.DecompressionBombError:
        sentence = f"{name} claims to have far more than 64 megapixels. Use a smaller copy."
    except MemoryError:
        sentence = f"There is not enough memory to open {name}. Use a smaller copy."
    except Exception:  # noqa: BLE001 - decoders raise anything from struct.error to ZeroDivisionError
        sentence = (
            f"{name} is damaged, cut short, or of a kind that cannot be read. Save it again as PNG or JPEG."
        )
    else:
        return
    raise FrameError(f"{sentence} {NOTHING_CHARGED}")


def _formats(file: IO[bytes], name: str) -> tuple[str, ...]:
    """Return the formats to try; for HEIC that is what pillow-heif reads, where it is installed."""
    start = file.read(64)
    file.seek(0)
    # A file of the general brand may be an AVIF, which then says so among its other brands.
    if start[4:8] != b"ftyp" or start[8:12] not in _HEIC_BRANDS or b"avif" in start:
        return _FORMATS
    try:
        plugin = importlib.import_module("pillow_heif")
    except ImportError:
        raise FrameError(
            f"{name} is a HEIC picture. Install pillow-heif (pip install pillow-heif), or save it as JPEG. "
            f"{NOTHING_CHARGED}",
        ) from None
    plugin.register_heif_opener()
    return ("HEIF",)


def _judge_size(width: int, height: int, name: str) -> None:
    """Refuse more pixels than can be decoded in reasonable memory."""
    if width < 1 or height < 1:
        raise FrameError(f"{name} has no pixels. {NOTHING_CHARGED}")
    if width * height > _MAX_PIXELS:
        raise FrameError(
            f"{name} has {width * height / 1e6:.0f} megapixels, and 64 are the most that can be used. "
            f"Use a smaller copy. {NOTHING_CHARGED}",
        )


def _kept_size(width: int, height: int) -> tuple[int, int]:
    """Return the size at which neither crop's long side is longer than `LONGEST_SIDE` needs; never larger."""
    scale = min(1.0, max(LONGEST_SIDE / max(ratio.largest_crop(width, height)) for ratio in AspectRatio))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _decoded(image: Image.Image, width: int, height: int) -> DecodedPicture:
    """Bring a loaded image of a source of this size down to size, upright, on white and to sRGB."""
    from PIL import Image

    orientation = 1
    # A broken EXIF block says nothing about the picture.
    with contextlib.suppress(Exception):
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
    picture = _eight_bits(image)
    size = _kept_size(width, height)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if orientation in _TRANSPOSITIONS:
        picture = picture.transpose(Image.Transpose[_TRANSPOSITIONS[orientation]])
    if orientation in _TURNED:
        width, height = height, width
    picture = _srgb(_on_white(picture), image.info.get("icc_profile"))
    # Never the caller's own image, nor his array's memory.
    picture = picture.copy() if picture is image else picture
    picture.info = {}
    return DecodedPicture(picture, width, height, image.format in _LOSSLESS_FORMATS)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert any mode to L, RGB, CMYK or RGBA, scaling deeper levels instead of clipping them."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        import numpy as np

        return Image.fromarray(_eight_bit_grey(np.asarray(image)))
    if image.mode == "La":
        return image.convert("LA").convert("RGBA")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Lay an image with transparency on white."""
    from PIL import Image

    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, by the embedded colour profile where there is a sound one for these channels."""
    from PIL import ImageCms

    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = _PROFILE_MODES[source.profile.xcolor_space.strip()]
            if mode == image.mode or {mode, image.mode} == {"L", "RGB"}:
                target = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(image.convert(mode), source, target, outputMode="RGB")
                assert converted is not None
                return converted
    return image.convert("RGB")


def _eight_bit_levels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale the levels of an array that somebody gave us to 0 .. 255."""
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype.kind == "u" and array.itemsize == 2:  # noqa: PLR2004 - bytes, in either order
        nearest = ((np.arange(65536) + 128) // 257).astype(np.uint8)
        return np.asarray(nearest[array])
    if array.dtype.kind == "f" and array.min() >= -_FARTHEST_LEVEL and array.max() <= _FARTHEST_LEVEL:
        return (array.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    raise FrameError(
        f"An array of {array.dtype.name} like this is not a picture: it has to be uint8, uint16, bool, or "
        f"float with levels from 0 to 1 (divide by 255 if they go to 255). {NOTHING_CHARGED}",
    )


def _eight_bit_grey(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale deep grey levels as Pillow gives them to 0 .. 255, from the range they seem to be meant in."""
    import numpy as np

    if array.dtype.kind == "u":
        return _eight_bit_levels(array)
    low, high = float(array.min()), float(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("levels that are not numbers")
    tops = (1.0, 255.0) if array.dtype.kind == "f" else (255.0, 65535.0)
    top = next((top for top in tops if low >= 0.0 and high <= top), None)
    if top is not None:
        low, high = 0.0, top
    return ((array - low) * (255.0 / ((high - low) or 1.0)) + 0.5).astype(np.uint8)
