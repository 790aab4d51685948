"""`generate`: from what somebody asks for to a shot, everything checked before anything is sent."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ipyveo.api.client import VeoClient
from ipyveo.api.key import find_key
from ipyveo.api.requests import VideoRequest, check_count, check_prompt
from ipyveo.errors import InvalidRequestError
from ipyveo.generations.cost import Budget, as_budget, counted
from ipyveo.generations.shot import Shot
from ipyveo.generations.stages import moment_words
from ipyveo.library.journal import Entry, StoredPicture
from ipyveo.library.library import Library
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.frame import Frame
from ipyveo.network.exchange import UploadedFile


def generate(
    start_image: object,
    end_image: object = None,
    *,
    prompt: str,
    aspect_ratio: str = "16:9",
    number_of_videos: int = 1,
    client: VeoClient | None = None,
    library: Library | str | os.PathLike[str] | None = None,
    reuse: bool = False,
    budget: int | Budget | None = None,
) -> Shot:
    """Make clips of one or two pictures and a sentence, and save them in the library.

    Everything is checked here; the request is sent, once, when the result is first awaited or iterated.

    Parameters
    ----------
    start_image, end_image
        Any picture `Frame` takes; cropped about the centre to the aspect ratio, unless a `Frame` says
        otherwise.
    prompt
        What should happen.
    aspect_ratio
        ``"16:9"``, ``"9:16"`` or the API's own words for them.
    number_of_videos
        How many takes, 1 to 4.
    client
        None uses the key from the environment or Colab's secrets, and without one the embedded sandbox.
    library
        A `Library` or its folder; None is ``IPYVEO_LIBRARY``, then ``ipyveo-library``.
    reuse
        True to take the clips of an identical earlier run that are in the library, or to go on with one that
        is not finished, instead of paying again. Without it a warning says that there is one.
    budget
        The most credits that may be spent: a number, or a `Budget` that several calls share.

    Returns
    -------
    Shot
        Await it for a list of the good clips; iterate it for its events.

    Raises
    ------
    FrameError, InvalidRequestError
        At once, if something cannot be used; nothing is sent then.
    BudgetError
        At once or when it is awaited, if it could pass the budget; nothing is sent then.
    VeoError
        While waiting, if every take failed; see each class of `ipyveo.errors`.

    Examples
    --------
    >>> from ipyveo import VeoClient, generate, run, sample_pictures
    >>> day, night = sample_pictures("/tmp")
    >>> shot = generate(day, night, prompt="dusk falls", client=VeoClient.sandbox(), library="/tmp/clips")
    >>> clips = run(shot)  # doctest: +SKIP
    """
    shot = prepare(
        start_image,
        end_image,
        prompt=prompt,
        aspect_ratio=aspect_ratio,
        number_of_videos=number_of_videos,
        client=client,
        library=library,
        reuse=reuse,
        budget=as_budget(budget),
    )
    made = shot.made_before()
    earlier = shot.earlier() if reuse and made is None else None
    if earlier is not None:
        return earlier  # it is paid for already, and goes on or is fetched
    if made is None or not reuse:
        shot.check_budget()
    if made is not None and not reuse:
        warnings.warn(said_before(made[0], number_of_videos) + " reuse=True takes them.", stacklevel=2)
    elif not reuse and (left := shot.unfinished_equal()) is not None:
        when = moment_words(left.began_at)
        sentence = f"An equal run from {when} is not finished and may be charged: reuse=True goes on with it."
        warnings.warn(sentence, stacklevel=2)
    return shot


def prepare(
    start_image: object,
    end_image: object = None,
    *,
    prompt: str,
    aspect_ratio: str,
    number_of_videos: int,
    client: VeoClient | None,
    library: Library | str | os.PathLike[str] | None,
    reuse: bool = False,
    budget: Budget | None = None,
    seat: str = "",
) -> Shot:
    """Return the shot for a request, checked; as `generate`, without a word about clips that are there.

    Parameters
    ----------
    seat
        The place in a notebook that asks.
    """
    if start_image is None:
        raise InvalidRequestError(
            "A start picture is missing. Nothing was sent and nothing was charged. Give start_image=."
        )
    if client is None:
        client = default_client()
    check_prompt(prompt)  # the quick checks first: a picture can take a second
    check_count(number_of_videos)
    ratio = AspectRatio.parse(aspect_ratio)
    frames = [Frame(picture) for picture in (start_image, end_image) if picture is not None]
    generation = client.frames_to_video(
        *frames, prompt=prompt, aspect_ratio=ratio.label, number_of_videos=number_of_videos
    )
    library = library if isinstance(library, Library) else Library(library)
    entry = _new_entry(generation.request, frames, seat)
    return Shot(entry, client, library, generation, frames, reuse=reuse, budget=budget)


def again(shot: Shot, budget: Budget | None = None) -> Shot:
    """Return a shot that asks for the very same once more; when it is started, it is paid for.

    Raises
    ------
    FrameError
        If a picture of it is no longer in the library.
    """
    entry = shot.entry
    pictures = [
        (field, _as_sent(field, shot.library.picture(picture)))
        for field, picture in zip(("start_image", "end_image"), entry.pictures, strict=False)
    ]
    request = VideoRequest(
        "/veo/frames-to-video",
        entry.prompt,
        AspectRatio.parse(entry.aspect_ratio),
        entry.number_of_videos,
        tuple(pictures),
    )
    new = replace(entry, **_fresh(), pictures=tuple(replace(each, file="") for each in entry.pictures))
    return Shot(new, shot.client, shot.library, shot.client.send(request), budget=budget)


def _as_sent(field: str, kept: io.BytesIO) -> UploadedFile:
    data = kept.getvalue()
    png = data.startswith(b"\x89PNG")
    name = field.removesuffix("_image") + (".png" if png else ".jpg")
    return UploadedFile(name, data, "image/png" if png else "image/jpeg")


def said_before(made: Entry, number_of_videos: int) -> str:
    """Return the sentence for a request whose clips are there already."""
    return (
        f"The very same is in the library already, from {moment_words(made.began_at)}. "
        f"Making it again may cost up to {counted(number_of_videos)}."
    )


def _new_entry(request: VideoRequest, frames: list[Frame], seat: str) -> Entry:
    """Return the journal's line for a request that has not been made yet."""
    asked = [request.path, request.prompt, request.aspect_ratio.label, str(request.number_of_videos)]
    parts = [*(text.encode() for text in asked), *(file.data for _, file in request.pictures)]
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
    return Entry(
        **_fresh(),
        digest=digest.hexdigest(),
        prompt=request.prompt,
        aspect_ratio=request.aspect_ratio.label,
        number_of_videos=request.number_of_videos,
        pictures=tuple(StoredPicture(frame.name, "", framing=frame.framing) for frame in frames),
        seat=seat,
    )


def _fresh() -> dict[str, Any]:
    """Return what is new of a run that has not begun."""
    return {
        "id": secrets.token_hex(8),
        "account": "",
        "began_at": datetime.now(UTC),
        "state": "waiting",
        "stage": "",
        "owner": 0,
        "sent_at": None,
        "error": "",
        "ended_at": None,
        "cost": None,
    }


def default_client() -> VeoClient:
    """Return the client for the key that is found, or the embedded sandbox where there is none."""
    return VeoClient() if find_key() is not None else VeoClient.sandbox()
