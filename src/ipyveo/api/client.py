"""The client of the service: every documented call, one POST for each paid one, nothing on disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from ipyveo.api import requests
from ipyveo.api.account import Credits, HistoryPage, read_credits, read_history, unreadable
from ipyveo.api.failures import from_answer
from ipyveo.api.generation import Generation, check_stream
from ipyveo.api.key import ENVIRONMENT_NAME, ApiKey, find_key
from ipyveo.api.sending import Sending, answered, error_body, no_answer
from ipyveo.errors import AuthenticationError, InvalidRequestError
from ipyveo.network.exchange import Answer, LineBrokenError, Outgoing

if TYPE_CHECKING:
    from types import TracebackType

BASE_URL = "https://genaipro.vn/api/v1"
BASE_URL_NAME = "GENAIPRO_BASE_URL"
SANDBOX_HEADER = "x-ipyveo-sandbox"

_READ_SECONDS = 30.0  # silence on a call that costs nothing
_JSON_LIMIT = 16 * 2**20  # bytes of an answer that are read


class VeoClient:
    """The service's API, as it is documented; no disk, no notebook.

    It need not be entered, and can be used from several event loops: it holds no connection between
    calls. Leaving ``async with`` hangs up what is still open; the jobs go on.

    Parameters
    ----------
    api_key
        The key. None takes ``GENAIPRO_API_KEY``, then Colab's secret of that name.
    base_url
        The service's address. None takes ``GENAIPRO_BASE_URL``, then ``https://genaipro.vn/api/v1``.
    connect_seconds
        How long one attempt to connect may take; up to three are made.
    idle_seconds
        How long a running job may send no event; comments that keep the line open do not count as
        one. Jobs of more than 10 minutes exist, so the default is 30 minutes. There is no limit in all.

    Raises
    ------
    AuthenticationError
        If there is no key.
    InvalidRequestError
        If the base URL is not an http or https address.

    Examples
    --------
    >>> import asyncio
    >>> from ipyveo import VeoClient
    >>> asyncio.run(VeoClient.sandbox().credits()).remaining
    100
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        connect_seconds: float = 10.0,
        idle_seconds: float = 1800.0,
    ) -> None:
        try:
            key = find_key(api_key)
        finally:
            del api_key  # a traceback may show the values of this frame
        base_url = _checked_base(base_url or os.environ.get(BASE_URL_NAME) or BASE_URL)
        if key is None:
            raise AuthenticationError(
                f"There is no API key, so nothing was sent. Give api_key=, set {ENVIRONMENT_NAME}, or use "
                "VeoClient.sandbox() to try without one."
            )
        endpoint = Endpoint(base_url, key)
        self._setup(lambda: endpoint, connect_seconds, idle_seconds)

    def _setup(
        self,
        find: Callable[[], Endpoint],
        connect_seconds: float,
        idle_seconds: float,
        sandbox_options: dict[str, Any] | None = None,
    ) -> None:
        self._find_endpoint = find
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._open: weakref.WeakSet[Generation] = weakref.WeakSet()
        self._sandbox_options = sandbox_options
        self._skew = timedelta()
        self._engine: Literal["veo", "sandbox"] | None = None if sandbox_options is None else "sandbox"

    @classmethod
    def sandbox(cls, *, idle_seconds: float = 1800.0, **options: Any) -> Self:  # noqa: ANN401 - SandboxOptions'
        """Return a client of the embedded sandbox, which is started on this machine when first used.

        Parameters
        ----------
        idle_seconds
            As for the class.
        options
            The fields of `ipyveo.sandbox.SandboxOptions`, such as ``clip_seconds=2`` or
            ``fault="402"``.
        """
        from ipyveo.sandbox import SandboxOptions, shared

        embedded = shared(SandboxOptions(**options))

        def find() -> Endpoint:
            address = embedded.start()
            return Endpoint(address.base_url, ApiKey(address.api_key))

        client = cls.__new__(cls)
        client._setup(find, 10.0, idle_seconds, options)  # noqa: SLF001 - its own class
        return client

    @property
    def base_url(self) -> str:
        """Where the service is; starts the embedded sandbox if that is what it is."""
        return self._find_endpoint().base_url

    @property
    def engine(self) -> Literal["veo", "sandbox"] | None:
        """What made the last answer: a sandbox says so in a header. None before the first answer."""
        return self._engine

    @property
    def skew(self) -> timedelta:
        """How far the service's clock is ahead of this machine's, by its last answer."""
        return self._skew

    @property
    def host(self) -> str:
        """The service's host name, for people."""
        return "Sandbox" if self._engine == "sandbox" else urlsplit(self.base_url).hostname or ""

    def same_account(self, other: VeoClient) -> bool:
        """Tell whether another client speaks to the same place with the same key."""
        mine, theirs = self._find_endpoint(), other._find_endpoint()
        return mine.base_url == theirs.base_url and mine.key.bearer() == theirs.key.bearer()

    @property
    def account(self) -> str:
        """Where its runs are to be found again, without the key: a key may be renewed while a job goes on.

        An embedded sandbox's account ends with its process, so each has a name of its own.
        """
        if self._sandbox_options is None:
            return self._find_endpoint().base_url
        return f"sandbox:{self.identity}"

    @property
    def identity(self) -> str:
        """The same for clients of one place and key, another for any other; no key can be read from it."""
        endpoint = self._find_endpoint()
        return hashlib.sha256(f"{endpoint.base_url} {endpoint.key.bearer()}".encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        if not hasattr(self, "_find_endpoint"):  # shown in a traceback of its own constructor
            return "<VeoClient, half made>"
        if self._sandbox_options is not None:
            return "VeoClient.sandbox()"
        return f"VeoClient({self.base_url!r})"

    def __reduce__(self) -> tuple[Callable[..., VeoClient], tuple[Any, ...]]:
        if self._sandbox_options is not None:
            return (
                partial(VeoClient.sandbox, idle_seconds=self._idle_seconds, **self._sandbox_options),
                (),
            )
        endpoint = self._find_endpoint()
        return (_revive, (endpoint.base_url, endpoint.key, self._connect_seconds, self._idle_seconds))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up on everything still open. The jobs at the service go on: it has no cancel."""
        for generation in list(self._open):
            await generation.aclose()

    def frames_to_video(
        self,
        start_image: object,
        end_image: object = None,
        *,
        prompt: str,
        aspect_ratio: str = "16:9",
        number_of_videos: int = 1,
    ) -> Generation:
        """Ask for videos that begin with one picture and, if given, end with another.

        Everything is checked here; the request is sent when the result is first awaited or iterated.

        Parameters
        ----------
        start_image, end_image
            Any picture `Frame` takes; cropped about the centre to the aspect ratio.
        prompt
            What should happen.
        aspect_ratio
            ``"16:9"``, ``"9:16"`` or the API's own words for them.
        number_of_videos
            1 to 4.

        Returns
        -------
        Generation
            Iterate it for events, await it for a list of `Video`.

        Raises
        ------
        FrameError, InvalidRequestError
            At once, if something cannot be used; nothing is sent then.
        VeoError
            While waiting; see each class of `ipyveo.errors`.

        Examples
        --------
        >>> from ipyveo import VeoClient, sample_pictures
        >>> day, night = sample_pictures("/tmp")
        >>> client = VeoClient.sandbox()
        >>> client.frames_to_video(day, night, prompt="dusk falls")
        <Generation /veo/frames-to-video open>
        """
        return self._generation(
            requests.frames_to_video(start_image, end_image, prompt, aspect_ratio, number_of_videos)
        )

    def text_to_video(
        self, *, prompt: str, aspect_ratio: str = "16:9", number_of_videos: int = 1
    ) -> Generation:
        """Ask for videos from words alone; parameters and result as `frames_to_video`."""
        return self._generation(requests.text_to_video(prompt, aspect_ratio, number_of_videos))

    def ingredients_to_video(
        self, reference_images: Sequence[object], *, prompt: str, number_of_videos: int = 1
    ) -> Generation:
        """Ask for landscape videos of what one to three reference pictures show.

        Parameters
        ----------
        reference_images
            One to three pictures of any kind `Frame` takes.
        prompt, number_of_videos
            As for `frames_to_video`.
        """
        return self._generation(requests.ingredients_to_video(reference_images, prompt, number_of_videos))

    async def credits(self) -> Credits:
        """Return what the account may still make.

        Raises
        ------
        VeoError
            If the service does not answer as documented; asking costs nothing.
        """
        return read_credits(await self._get("/veo/credits", {}))

    async def histories(self, *, page: int = 1, page_size: int = 20) -> HistoryPage:
        """Return one page of the account's videos, newest first.

        Parameters
        ----------
        page
            From 1.
        page_size
            Rows a page, 1 to 100.

        Raises
        ------
        InvalidRequestError
            If a number is out of range.
        VeoError
            If the service does not answer as documented; asking costs nothing.
        """
        if page < 1 or not 1 <= page_size <= 100:  # noqa: PLR2004 - documented
            raise InvalidRequestError("Pages count from 1 and hold 1 to 100 rows. Nothing was sent.")
        params = {"page": str(page), "page_size": str(page_size)}
        return read_history(await self._get("/veo/histories", params), page, page_size)

    def send(self, request: requests.VideoRequest) -> Generation:
        """Return the generation of a request that was checked before; it is sent when it is first used."""
        return self._generation(request)

    # How a request goes out -----------------------------------------------------------------------

    def _generation(self, request: requests.VideoRequest) -> Generation:
        generation = Generation(request, lambda sending: self._stream(request, sending), self._idle_seconds)
        self._open.add(generation)
        return generation

    @contextlib.asynccontextmanager
    async def _stream(self, request: requests.VideoRequest, sending: Sending) -> AsyncIterator[Answer]:
        outgoing = Outgoing(
            "POST",
            request.path,
            form=request.form(),
            files=request.pictures,
            json=request.json(),
            headers={"Accept": "text/event-stream"},
        )
        answer = await self._answered(outgoing, sending)
        try:
            await check_stream(answer, sending.redact)
            yield answer
        finally:
            await answer.aclose()

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON from outside
        outgoing = Outgoing("GET", path, params=params, read_seconds=_READ_SECONDS)
        sending = Sending()
        answer = await self._answered(outgoing, sending)
        try:
            if answer.status != 200:  # noqa: PLR2004 - OK
                body = sending.redact(await error_body(answer))
                raise from_answer(answer.status, answer.media_type, answer.headers, body, paid=False)
            body = sending.redact((await self._body(answer)).decode("utf-8", "replace"))
        finally:
            await answer.aclose()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            failure = unreadable(body)
        raise failure

    @staticmethod
    async def _body(answer: Answer) -> bytes:
        try:
            return await answer.body(_JSON_LIMIT)
        except LineBrokenError as error:
            failure = no_answer(str(error))
        raise failure

    async def _answered(self, outgoing: Outgoing, sending: Sending) -> Answer:
        endpoint = await asyncio.to_thread(self._find_endpoint)
        sending.redact = endpoint.key.redact
        outgoing = replace(
            outgoing,
            url=endpoint.base_url + outgoing.url,
            secret=endpoint.key,
            connect_seconds=self._connect_seconds,
        )
        answer = await answered(outgoing, sending, self._idle_seconds)
        self._engine = "sandbox" if SANDBOX_HEADER in answer.headers else "veo"
        self._skew = self._skew if sending.skew is None else sending.skew
        return answer


@dataclass(frozen=True)
class Endpoint:
    """Where the service is, and the key for it."""

    base_url: str
    key: ApiKey


def _revive(base_url: str, key: ApiKey, connect_seconds: float, idle_seconds: float) -> VeoClient:
    client = VeoClient.__new__(VeoClient)
    client._setup(lambda: Endpoint(base_url, key), connect_seconds, idle_seconds)  # noqa: SLF001 - its own
    return client


def _checked_base(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidRequestError(
            "The base URL must be a plain http or https address, such as "
            f"{BASE_URL}. Nothing was sent and nothing was charged."
        )
    return url.strip().rstrip("/")
