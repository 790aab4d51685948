"""The three requests that make videos: checked before anything is sent, in the service's own fields."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipyveo.errors import InvalidRequestError
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.network.exchange import UploadedFile

if TYPE_CHECKING:
    from ipyveo.media.frame import Frame

MAX_VIDEOS = 4
MAX_REFERENCES = 3
_UNSENT = "Nothing was sent and nothing was charged."


@dataclass(frozen=True)
class VideoRequest:
    """One checked request for videos, ready to be sent.

    Parameters
    ----------
    path
        The call, below the base URL.
    prompt
        What should happen; not blank.
    aspect_ratio
        The shape of the videos.
    number_of_videos
        How many takes, 1 to 4.
    pictures
        Pairs of form field and file; empty for text to video.
    """

    path: str
    prompt: str
    aspect_ratio: AspectRatio
    number_of_videos: int
    pictures: tuple[tuple[str, UploadedFile], ...] = ()

    def form(self) -> dict[str, str] | None:
        """Return the text fields of the multipart form; None for a call that takes JSON."""
        if not self.pictures:
            return None
        fields = {"prompt": self.prompt, "number_of_videos": str(self.number_of_videos)}
        if self.path == "/veo/frames-to-video":
            fields["aspect_ratio"] = self.aspect_ratio.api_word
        return fields

    def json(self) -> dict[str, Any] | None:
        """Return the JSON body; None for a call that takes a form."""
        if self.pictures:
            return None
        return {
            "prompt": self.prompt,
            "aspect_ratio": self.aspect_ratio.api_word,
            "number_of_videos": self.number_of_videos,
        }


def frames_to_video(
    start_image: object, end_image: object, prompt: object, aspect_ratio: object, number_of_videos: object
) -> VideoRequest:
    """Check a frames-to-video request; see `VeoClient.frames_to_video` for the parameters.

    Raises
    ------
    FrameError, InvalidRequestError
        If a picture or another value cannot be used; nothing is sent then.
    """
    text = check_prompt(prompt)
    count = check_count(number_of_videos)
    ratio = AspectRatio.parse(aspect_ratio)
    if start_image is None:
        raise InvalidRequestError(f"A start picture is missing. {_UNSENT} Give start_image=.")
    pictures = [("start_image", _fitted("start", start_image, ratio))]
    if end_image is not None:
        pictures.append(("end_image", _fitted("end", end_image, ratio)))
    return VideoRequest("/veo/frames-to-video", text, ratio, count, tuple(pictures))


def text_to_video(prompt: object, aspect_ratio: object, number_of_videos: object) -> VideoRequest:
    """Check a text-to-video request; see `VeoClient.text_to_video`."""
    return VideoRequest(
        "/veo/text-to-video",
        check_prompt(prompt),
        AspectRatio.parse(aspect_ratio),
        check_count(number_of_videos),
    )


def ingredients_to_video(
    reference_images: Sequence[object], prompt: object, number_of_videos: object
) -> VideoRequest:
    """Check an ingredients-to-video request; see `VeoClient.ingredients_to_video`."""
    text = check_prompt(prompt)
    count = check_count(number_of_videos)
    ratio = AspectRatio.parse("16:9")  # the call makes landscape videos only
    if isinstance(reference_images, str | bytes) or not isinstance(reference_images, Sequence):
        reference_images = [reference_images]
    if not 1 <= len(reference_images) <= MAX_REFERENCES:
        raise InvalidRequestError(
            f"Give one to three reference pictures, not {len(reference_images)}. {_UNSENT}"
        )
    pictures = tuple(
        ("reference_images", _fitted(f"reference-{number}", picture, ratio))
        for number, picture in enumerate(reference_images, 1)
    )
    return VideoRequest("/veo/ingredients-to-video", text, ratio, count, pictures)


def check_prompt(prompt: object) -> str:
    """Return the prompt as given.

    Raises
    ------
    InvalidRequestError
        If it is no text, blank, or holds half characters that cannot be encoded.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequestError(f"The prompt is empty. {_UNSENT} Say in a sentence what should happen.")
    try:
        prompt.encode()
    except UnicodeEncodeError:
        broken = True
    else:
        broken = False
    if broken or "\0" in prompt:
        raise InvalidRequestError(
            f"The prompt holds a character that cannot be sent. {_UNSENT} Type it again, in plain text."
        )
    return prompt


def check_count(number_of_videos: object) -> int:
    """Return the number of videos as an int of 1 to 4 (NumPy's integers count as such).

    Raises
    ------
    InvalidRequestError
        If it is anything else.
    """
    try:
        count = 0 if isinstance(number_of_videos, bool) else operator.index(number_of_videos)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if not 1 <= count <= MAX_VIDEOS:
        raise InvalidRequestError(
            f"The number of videos must be a whole number from 1 to {MAX_VIDEOS}. {_UNSENT}"
        )
    return count


def _fitted(name: str, picture: object, ratio: AspectRatio) -> UploadedFile:
    from ipyveo.media.frame import Frame

    frame: Frame = picture if isinstance(picture, Frame) else Frame(picture)
    fitted = frame.fitted(ratio.label)
    # The reader's own file name is nobody's business, and a name of ours always matches the bytes.
    return UploadedFile(name + fitted.suffix, fitted.data, fitted.media_type)
