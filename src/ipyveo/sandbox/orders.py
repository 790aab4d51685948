"""Read a request as the service does: its fields and pictures, refused with a 400 where they are wrong."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ipyveo.engine.backdrop import backdrop
from ipyveo.errors import FrameError
from ipyveo.media.original import NOTHING_CHARGED, Original
from ipyveo.media.picture import decode_file
from ipyveo.sandbox.faults import marked
from ipyveo.sandbox.jobs import Order
from ipyveo.sandbox.laid_aside import LaidAside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from starlette.types import Message, Receive

    from ipyveo.sandbox.faults import Chosen

LARGEST_UPLOAD = 25_000_000
_LARGEST_BODY = 4 * LARGEST_UPLOAD
_LARGEST_JSON = 1_000_000
_MOST_REFERENCES = 3
_MOST_DETAIL = (1920, 1080)  # what the engine makes of the largest clips' pictures

_RATIOS = {"VIDEO_ASPECT_RATIO_LANDSCAPE": True, "VIDEO_ASPECT_RATIO_PORTRAIT": False}
_COUNTS = {"1": 1, "2": 2, "3": 3, "4": 4}
_TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class _Upload:
    file: Original
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A request whose fields are read but not judged yet.

    Parameters
    ----------
    fields
        The values of each field: text, numbers (of a JSON body) and uploaded files.
    chosen
        The faults named in its prompt.
    """

    fields: Mapping[str, list[Any]]
    chosen: Chosen

    @property
    def prompt(self) -> str:
        """The prompt, "" where there is none."""
        value = self._first("prompt")
        return value if isinstance(value, str) else ""

    def _first(self, name: str) -> Any:  # noqa: ANN401 - a field is whatever was sent
        values = self.fields.get(name) or [None]
        return values[0]

    def checked_prompt(self) -> str:
        """Give the prompt, refused if it is blank."""
        if not self.prompt.strip():
            raise HTTPException(400, "prompt is required")
        return self.prompt

    def landscape(self) -> bool:
        """Give the aspect ratio, refused unless it is one of the service's two words."""
        value = self._first("aspect_ratio")
        if not isinstance(value, str) or value not in _RATIOS:
            raise HTTPException(400, f"aspect_ratio must be one of {', '.join(_RATIOS)}")
        return _RATIOS[value]

    def count(self, *, as_number: bool = False) -> int:
        """Give the number of videos, a string in forms and a number in JSON; nothing else will do."""
        value = self._first("number_of_videos")
        if as_number and type(value) is int:
            value = str(value)
        elif as_number:
            value = None
        if not isinstance(value, str) or value not in _COUNTS:
            raise HTTPException(400, "number_of_videos must be 1 to 4")
        return _COUNTS[value]

    def pictures(self, name: str) -> list[Image.Image]:
        """Decode the files of one field."""
        uploads = [value for value in self.fields.get(name, []) if isinstance(value, _Upload)]
        return [_decoded(upload, name) for upload in uploads]


async def read_form(request: Request) -> Draft:
    """Read a multipart request.

    Raises
    ------
    HTTPException
        413 for a file over 25 MB, 400 for a body that is no form or a marker that names no fault.
    """
    fields: dict[str, list[Any]] = {}
    async with Request(request.scope, _bounded(request.receive, _LARGEST_BODY)).form(max_files=8) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if (value.size or 0) > LARGEST_UPLOAD:
                    raise HTTPException(413, f"{name} is larger than 25 MB")
                file = await asyncio.to_thread(_kept, value, name)
                fields.setdefault(name, []).append(
                    _Upload(file, value.content_type or "", value.filename or "")
                )
            else:
                fields.setdefault(name, []).append(value)
    return _draft(fields)


async def read_json(request: Request) -> Draft:
    """Read a JSON request.

    Raises
    ------
    HTTPException
        413 for a body over 1 MB, 400 for one that is no JSON object or a marker that names no fault.
    """
    body = await Request(request.scope, _bounded(request.receive, _LARGEST_JSON)).body()
    try:
        fields = json.loads(body)
        if isinstance(fields, dict):
            # A lone surrogate is JSON, but no text that could be sent back.
            str(fields.get("prompt")).encode()
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return _draft({str(name): [value] for name, value in fields.items()})


def _draft(fields: dict[str, list[Any]]) -> Draft:
    draft = Draft(fields, marked(""))
    try:
        return Draft(fields, marked(draft.prompt))
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _kept(upload: UploadFile, name: str) -> Original:
    """Keep an upload as it came: on disk where it is large, for many may wait to be judged."""
    return Original(lambda file: shutil.copyfileobj(upload.file, file), name)


def frames_to_video(draft: Draft, chosen: Chosen, folder: Path) -> Order:
    """Judge the fields of ``POST /veo/frames-to-video``."""
    prompt, landscape, count = draft.checked_prompt(), draft.landscape(), draft.count()
    starts = draft.pictures("start_image")
    if not starts:
        raise HTTPException(400, "start_image is required")
    ends = (*starts[:1], *draft.pictures("end_image")[:1])
    pictures = [_cropped(picture, landscape=landscape) for picture in ends]
    return Order(prompt, _laid_aside(pictures, folder), landscape, count, uploads=True, chosen=chosen)


def text_to_video(draft: Draft, chosen: Chosen, folder: Path) -> Order:
    """Judge the fields of ``POST /veo/text-to-video``."""
    prompt, landscape, count = draft.checked_prompt(), draft.landscape(), draft.count(as_number=True)
    pictures = [backdrop(prompt, *((1280, 720) if landscape else (720, 1280)))]
    return Order(prompt, _laid_aside(pictures, folder), landscape, count, uploads=False, chosen=chosen)


def ingredients_to_video(draft: Draft, chosen: Chosen, folder: Path) -> Order:
    """Judge the fields of ``POST /veo/ingredients-to-video``, which makes landscape videos only."""
    prompt, count = draft.checked_prompt(), draft.count()
    if "aspect_ratio" in draft.fields and not draft.landscape():
        raise HTTPException(400, "ingredients-to-video makes landscape videos only")
    pictures = draft.pictures("reference_images")
    if not 1 <= len(pictures) <= _MOST_REFERENCES:
        raise HTTPException(400, "reference_images must be 1 to 3 files")
    ends = [_cropped(picture, landscape=True) for picture in (pictures[0], *pictures[1:][-1:])]
    return Order(prompt, _laid_aside(ends, folder), landscape=True, count=count, uploads=True, chosen=chosen)


def _laid_aside(pictures: list[Image.Image], folder: Path) -> tuple[LaidAside, ...]:
    return tuple(LaidAside(picture, folder) for picture in pictures)


def _decoded(upload: _Upload, name: str) -> Image.Image:
    """Decode a picture of the declared type: upright, opaque, and no larger than a clip has use for."""
    suffix = PurePath(upload.name).suffix.lower()
    declared = {_TYPES.get(upload.media_type), _SUFFIXES.get(suffix)} - {None}
    try:
        with upload.file.open() as file, Image.open(file, formats=list(_TYPES.values())) as picture:
            kind = picture.format
        if declared and declared != {kind}:
            raise HTTPException(400, f"{name} is not what its type says: it is {kind}")
        return _opaque(decode_file(upload.file, name).image)
    except FrameError as error:
        raise HTTPException(400, str(error).removesuffix(NOTHING_CHARGED).strip()) from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise HTTPException(400, f"{name} is not a picture that can be read") from error


def _cropped(picture: Image.Image, *, landscape: bool) -> Image.Image:
    """Keep what a clip shows of a large picture, for it is kept as long as the job goes on."""
    size = _MOST_DETAIL if landscape else _MOST_DETAIL[::-1]
    if picture.width <= size[0] or picture.height <= size[1]:
        return picture
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _bounded(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    """Receive a body up to a limit; the rest of a larger one is read and forgotten, so the 413 arrives."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            while message.get("more_body", False):
                message = await receive()
            raise HTTPException(413, "the request is too large")
        return message

    return bounded
