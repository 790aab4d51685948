"""Decodes a picture file of any common kind, or a part of one: upright, sRGB, no larger than needed."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import threading
import warnings
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final

from ipyveo.errors import FrameError
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.framing import LONGEST_SIDE, Crop
from ipyveo.media.original import NOTHING_CHARGED, Original

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from PIL import Image

MAX_FILE_BYTES: Final = 128 * 2**20
"""The largest picture file that is read."""

_MAX_PIXELS: Final = 64_000_000
# What these decoders need for a pixel, up to 24 bytes, is far more than the others' four. Of a progressive
# JPEG all coefficients are in memory, whatever size is asked for. A phone's HEIC halves its colours; others
# need twice as much.
_MAX_MEGAPIXELS: Final = {
    "progressive JPEG": 32,
    "AVIF": 40,
    "HEIC": 50,
    "HEIC of full colour": 32,
    "WEBP": 25,
    "JPEG2000": 18,
}
_HALVED_COLOURS: Final = 420  # 4:2:0
# Naming the formats keeps Pillow's exotic decoders away from files nobody trusts.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "JPEG2000")
_LOSSLESS_FORMATS: Final = frozenset({None, "PNG", "GIF", "TIFF", "BMP"})
# What a PNG holds as it is; other modes are kept as the nearest of these.
_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_SUFFIXES: Final = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "HEIF": ".heic"}
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
# The orientations whose stored columns, or rows, count from the upright picture's other end.
_FROM_THE_RIGHT: Final = frozenset({2, 3, 7, 8})
_FROM_BELOW: Final = frozenset({3, 4, 6, 7})
_PROFILE_MODES: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
# About how many pixels are converted at a time where it takes memory.
_BAND_PIXELS: Final = 1_000_000
_LANCZOS_RADIUS: Final = 3
_HAIR: Final = 1e-6
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
        Upright, sRGB, RGB or RGBA, without metadata, no larger than a crop at zoom 1.0 needs.
    width, height
        The size of the upright source in pixels.
    lossless
        Whether the source kept its pixels exactly.
    original
        The untouched file, for parts that have more detail than `image`.
    suffix
        The ending of a file name that goes with the original's true format.
    """

    image: Image.Image
    width: int
    height: int
    lossless: bool
    original: Original
    suffix: str


def decode_file(original: Original, name: str) -> DecodedPicture:
    """Decode a picture file by its content, whatever it is called.

    Parameters
    ----------
    original
        The file.
    name
        What messages call it, already fit to be shown.

    Raises
    ------
    FrameError
        If it is not a picture of a known format, is damaged, or is too large.

    Examples
    --------
    >>> decode_file(Original(lambda file: file.write(b"GIF89a"), "day.gif"), "day.gif")
    Traceback (most recent call last):
    ipyveo.errors.FrameError: day.gif is not a picture in a known format. Use JPEG, PNG, WebP, AVIF, ...
    """
    with _refusals(name), _opened(original, name) as image:
        width, height = _upright_size(image)
        kept = _kept_size(width, height)
        upright = _part(image, Crop(0, 0, width, height), kept)
        suffix = _SUFFIXES.get(image.format or "", f".{image.format}".lower())
        lossless = image.format in _LOSSLESS_FORMATS
        return DecodedPicture(upright, width, height, lossless, original, suffix)


def decode_crop(decoded: DecodedPicture, crop: Crop, size: tuple[int, int], name: str) -> Image.Image:
    """Decode a part of a picture again, with all the detail that its original has at this size.

    Parameters
    ----------
    decoded
        The picture.
    crop
        The part, in the upright source.
    size
        The pixels wanted, no more than the crop has.
    name
        What messages call it.

    Raises
    ------
    FrameError
        If there is no longer enough memory for it.
    """
    with _refusals(name), _opened(decoded.original, name) as image:
        return _part(image, crop, size)


def decode_image(image: Image.Image, name: str) -> DecodedPicture:
    """Do as `decode_file` for a Pillow image that somebody else made, and leave that one as it is.

    The original that is kept is a PNG of its pixels, with 8 bits a channel where PNG has no such mode.

    Raises
    ------
    FrameError
        If it is too large or cannot be decoded.
    """
    with _refusals(name):
        _judge_size(*image.size, name)
        image.load()
        lossless = image.format in _LOSSLESS_FORMATS
        original = _as_png(image, name)
    return replace(decode_file(original, name), lossless=lossless)


def decode_array(array: np.ndarray[Any, Any], name: str) -> DecodedPicture:
    """Do as `decode_image` for an array.

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
    if array.shape[2:] == (1,):
        array = array[:, :, 0]
    if 0 in array.shape or not (array.ndim == 2 or array.shape[2:] in {(3,), (4,)}):  # noqa: PLR2004 - height, width
        raise FrameError(
            "An array of this shape is not a picture: it has to be height x width, alone or with 1, 3 or 4 "
            f"channels. {NOTHING_CHARGED}",
        )
    with _refusals(name):
        _judge_size(array.shape[1], array.shape[0], name)
        original = _as_png(_image_of(array), name)
    return decode_file(original, name)


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


@contextlib.contextmanager
def _opened(original: Original, name: str) -> Iterator[Image.Image]:
    """Open a file of a known format that is not too large; its pixels are not decoded yet."""
    from PIL import Image

    with original.open() as file, Image.open(file, formats=_formats(file, name)) as image:
        width, height = image.size
        _judge_size(width, height, name)
        kind = _kind(image)
        most = _MAX_MEGAPIXELS.get(kind)
        if most is not None and width * height > most * 1_000_000:
            raise FrameError(
                f"{name} is a {kind} of more than {most} megapixels, which takes too much memory. "
                f"Use a smaller copy, or save it as an ordinary JPEG. {NOTHING_CHARGED}",
            )
        if image.format not in _JPEG_FORMATS:
            # A TIFF is turned upright here, which may exchange its sides.
            image.load()
        yield image


def _kind(image: Image.Image) -> str:
    """Return what a file is, as far as its memory goes."""
    if image.format == "HEIF":
        plain = image.mode == "RGB" and image.info.get("chroma") == _HALVED_COLOURS
        return "HEIC" if plain else "HEIC of full colour"
    return "progressive JPEG" if "progressive" in image.info else str(image.format)


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


def _orientation(image: Image.Image) -> int:
    # A broken EXIF block says nothing about the picture.
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    return 1


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) in _TURNED else (width, height)


def _part(image: Image.Image, crop: Crop, size: tuple[int, int]) -> Image.Image:
    """Bring a part of an opened file to a size, upright and to sRGB; transparency stays."""
    from PIL import Image

    orientation = _orientation(image)
    width, height = image.size
    left, top, right, bottom = _stored_box(crop, orientation, width, height)
    if orientation in _TURNED:
        size = size[::-1]
    shrunk: float = 1
    if image.format in _JPEG_FORMATS:
        # The decoder leaves out what a smaller picture does not need.
        scale = max(size[0] / (right - left), size[1] / (bottom - top))
        drafted = image.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))
        if drafted is not None:
            shrunk = drafted[1][2] / width
        image.load()
    box = (left * shrunk, top * shrunk, right * shrunk, bottom * shrunk)
    picture = cut(_eight_bits(image), box, size)
    if orientation in _TRANSPOSITIONS:
        picture = picture.transpose(Image.Transpose[_TRANSPOSITIONS[orientation]])
    picture = _srgb(picture, image.info.get("icc_profile"))
    picture.info = {}
    return picture


def _stored_box(crop: Crop, orientation: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom that a part of the upright picture has in the stored one."""
    left, top, across, down = crop.left, crop.top, crop.width, crop.height
    if orientation in _TURNED:
        left, top, across, down = top, left, down, across
    if orientation in _FROM_THE_RIGHT:
        left = width - left - across
    if orientation in _FROM_BELOW:
        top = height - top - down
    return left, top, left + across, top + down


def cut(image: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
    """Return a copy of a part of an image, brought down to a size; exact where the size is its own."""
    from PIL import Image

    # What was multiplied may be a hair off.
    box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
    left, upper, right, lower = nearest = tuple(map(round, box))
    off = max(abs(side - whole) for side, whole in zip(box, nearest, strict=True))
    if off < _HAIR and size == (right - left, lower - upper):
        return image.crop((left, upper, right, lower))
    if image.mode != "RGBA":
        return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    # Pillow copies all of an image with transparency to scale it, so it gets a band of rows at a time.
    result = Image.new("RGBA", size)
    step = (box[3] - box[1]) / size[1]
    margin = math.ceil(_LANCZOS_RADIUS * max(1.0, step)) + 1
    rows = max(1, int(_BAND_PIXELS / (image.width * step)))
    for top in range(0, size[1], rows):
        bottom = min(top + rows, size[1])
        start, end = box[1] + top * step, min(box[1] + bottom * step, image.height)
        first, last = max(0, math.floor(start) - margin), min(image.height, math.ceil(end) + margin)
        band = image.crop((0, first, image.width, last))
        within = (box[0], start - first, box[2], end - first)
        piece = band.resize((size[0], bottom - top), Image.Resampling.LANCZOS, box=within)
        result.paste(piece, (0, top))
    return result


def _as_png(image: Image.Image, name: str) -> Original:
    """Keep the pixels of a loaded image, with what says how they are meant."""
    from PIL import Image

    profile = image.info.get("icc_profile")
    plain = image if image.mode in _PNG_MODES else _eight_bits(image)
    if plain.mode == "CMYK":
        plain, profile = _srgb(plain, profile), None
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = _orientation(image)

    def write(file: IO[bytes]) -> None:
        plain.save(file, "PNG", compress_level=1, exif=exif, icc_profile=profile)

    return Original(write, name)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert any mode to L, RGB, CMYK or RGBA, scaling deeper levels instead of clipping them."""
    if image.mode.startswith(("I", "F")):
        return _eight_bit_grey(image)
    if image.mode == "La":
        return image.convert("LA").convert("RGBA")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB or RGBA, by the colour profile where there is a sound one for these channels."""
    from PIL import ImageCms

    if image.mode == "RGBA":
        colours = _srgb(image.convert("RGB"), profile)
        colours.putalpha(image.getchannel("A"))
        return colours
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


def _image_of(array: np.ndarray[Any, Any]) -> Image.Image:
    """Make an image of an array that somebody gave us; but for grey of 16 bits, levels become 8 bits."""
    import numpy as np
    from PIL import Image

    if array.dtype == np.uint8 or (array.ndim == 2 and array.dtype.kind == "u" and array.itemsize == 2):  # noqa: PLR2004 - height, width; bytes
        return Image.fromarray(array.astype(array.dtype.newbyteorder("="), copy=False))
    _check_levels(array)
    height, width = array.shape[:2]
    image = Image.new({(): "L", (3,): "RGB", (4,): "RGBA"}[array.shape[2:]], (width, height))
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        image.paste(Image.fromarray(_eight_bit_levels(array[top : top + rows])), (0, top))
    return image


def _check_levels(array: np.ndarray[Any, Any]) -> None:
    """Refuse an array whose type or levels no picture has."""
    known = array.dtype.kind == "b" or (array.dtype.kind == "u" and array.itemsize == 2)  # noqa: PLR2004 - bytes
    if known or (
        array.dtype.kind == "f" and array.min() >= -_FARTHEST_LEVEL and array.max() <= _FARTHEST_LEVEL
    ):
        return
    raise FrameError(
        f"An array of {array.dtype.name} like this is not a picture: it has to be uint8, uint16, bool, or "
        f"float with levels from 0 to 1 (divide by 255 if they go to 255). {NOTHING_CHARGED}",
    )


def _eight_bit_levels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale levels to 0 .. 255: those of truth values, of 16 bits, or of floats from 0 to 1."""
    import numpy as np

    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype.kind == "u":
        nearest = ((np.arange(65536) + 128) // 257).astype(np.uint8)
        return np.asarray(nearest[array])
    return (array.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Scale deep grey levels to 0 .. 255, from the range they seem to be meant in."""
    import numpy as np
    from PIL import Image

    rows = max(1, _BAND_PIXELS // image.width)

    def bands() -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        for top in range(0, image.height, rows):
            yield top, np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))

    grey = Image.new("L", image.size)
    if image.mode.startswith("I;"):
        for top, levels in bands():
            grey.paste(Image.fromarray(_eight_bit_levels(levels)), (0, top))
        return grey
    low = float(np.min([levels.min() for _, levels in bands()]))
    high = float(np.max([levels.max() for _, levels in bands()]))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("levels that are not numbers")
    tops = (1.0, 255.0) if image.mode == "F" else (255.0, 65535.0)
    top_level = next((top for top in tops if low >= 0.0 and high <= top), None)
    if top_level is not None:
        low, high = 0.0, top_level
    for top, levels in bands():
        scaled = (levels - low) * (255.0 / ((high - low) or 1.0)) + 0.5
        grey.paste(Image.fromarray(scaled.astype(np.uint8)), (0, top))
    return grey
