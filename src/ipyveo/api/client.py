"""The client of the service: every documented call, one POST for each paid one, nothing on disk."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import os
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeGuard
from urllib.parse import urlsplit

from ipyveo.api import requests
from ipyveo.api.events import Video, read_rows
from ipyveo.api.failures import from_answer
from ipyveo.api.generation import Generation, Sending, check_stream, dropped, error_body, silent
from ipyveo.api.key import ENVIRONMENT_NAME, ApiKey, find_key
from ipyveo.errors import AuthenticationError, GatewayError, InvalidRequestError, RateLimitError, VeoError
from ipyveo.network import Answer, LineBrokenError, NotSentError, Outgoing, send

if TYPE_CHECKING:
    from types import TracebackType

BASE_URL = "https://genaipro.vn/api/v1"
BASE_URL_NAME = "GENAIPRO_BASE_URL"
SANDBOX_HEADER = "x-ipyveo-sandbox"

_CONNECT_TRIES = 3
_CONNECT_PAUSE_SECONDS = 0.5  # doubled after each try
_LONGEST_WAIT_SECONDS = 150.0  # of 429s, together; the service counts by the minute
_READ_SECONDS = 30.0  # silence on a call that costs nothing
_JSON_LIMIT = 16 * 2**20  # bytes of an answer that are read


@dataclass(frozen=True)
class Credits:
    """What the account may still make.

    Parameters
    ----------
    quota, used, remaining
        Numbers of credits over all packs; ``remaining`` is the sum of quota less used.
    expires_at
        When the first pack with something left ends, or None if none does.
    """

    quota: int
    used: int
    remaining: int
    expires_at: datetime | None


@dataclass(frozen=True)
class HistoryPage(Sequence[Video]):
    """One page of the account's videos, newest first; it can be used like a list of them.

    Parameters
    ----------
    videos
        One a URL: a history row with three URLs gives three.
    page, page_size, total_pages
        Where in the history this is; pages count from 1.
    total
        The number of history rows in all.
    """

    videos: tuple[Video, ...]
    page: int
    page_size: int
    total: int
    total_pages: int

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - Sequence's own overloads
        return self.videos[index]

    def __iter__(self) -> Iterator[Video]:
        return iter(self.videos)


@dataclass(frozen=True)
class Endpoint:
    """Where the service is, and the key for it."""

    base_url: str
    key: ApiKey


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
    def host(self) -> str:
        """The service's host name, for people."""
        return "Sandbox" if self._engine == "sandbox" else urlsplit(self.base_url).hostname or ""

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
        packs = await self._get("/veo/credits", {})
        rows = packs if isinstance(packs, list) else [packs]
        if not all(isinstance(pack, dict) and "quota" in pack for pack in rows):
            raise _unreadable(json.dumps(packs))
        quota = sum(_number(pack.get("quota")) for pack in rows)
        used = sum(_number(pack.get("used")) for pack in rows)
        ends = [
            end
            for pack in rows
            if (end := _moment(pack.get("expires_at"))) is not None
            and _number(pack.get("quota")) > _number(pack.get("used"))
        ]
        return Credits(quota, used, quota - used, min(ends, default=None))

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
        answer = await self._get("/veo/histories", {"page": str(page), "page_size": str(page_size)})
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list | None):
            raise _unreadable(json.dumps(answer))
        videos = read_rows(answer.get("data") or [])
        total = _number(answer.get("total"))
        return HistoryPage(
            videos,
            page=page,
            page_size=page_size,
            total=total,
            total_pages=_number(answer.get("total_pages")) or -(-total // page_size),
        )

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
        answer = await self._answer(outgoing, sending)
        try:
            await check_stream(answer, sending.redact)
            yield answer
        finally:
            await answer.aclose()

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON from outside
        outgoing = Outgoing("GET", path, params=params, read_seconds=_READ_SECONDS)
        sending = Sending()
        answer = await self._answer(outgoing, sending)
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
            failure = _unreadable(body)
        raise failure

    @staticmethod
    async def _body(answer: Answer) -> bytes:
        try:
            return await answer.body(_JSON_LIMIT)
        except LineBrokenError as error:
            failure = _no_answer(str(error))
        raise failure

    async def _answer(self, outgoing: Outgoing, sending: Sending) -> Answer:
        """Send a request, again only where it provably was not taken: no connection, or a 429."""
        endpoint = await asyncio.to_thread(self._find_endpoint)
        sending.redact = endpoint.key.redact
        outgoing = replace(
            outgoing,
            url=endpoint.base_url + outgoing.url,
            secret=endpoint.key,
            connect_seconds=self._connect_seconds,
        )
        tries, waited = 0, 0.0
        while True:
            try:
                answer = await self._once(outgoing, sending)
            except NotSentError as error:
                tries += 1
                if tries < _CONNECT_TRIES:
                    await asyncio.sleep(_CONNECT_PAUSE_SECONDS * 2 ** (tries - 1))
                    continue
                failure: VeoError = _no_connection(str(error))
            else:
                if answer.status != 429:  # noqa: PLR2004 - Too Many Requests
                    self._engine = "sandbox" if SANDBOX_HEADER in answer.headers else "veo"
                    return answer
                sending.sent = False  # it was refused before anything was accepted
                body = sending.redact(await error_body(answer))
                await answer.aclose()
                failure = from_answer(
                    429, answer.media_type, answer.headers, body, paid=outgoing.method == "POST"
                )
                wait = max(failure.retry_after or 0.0, 1.0) if _says_when(failure) else float("inf")
                waited += wait
                if waited <= _LONGEST_WAIT_SECONDS:
                    await asyncio.sleep(wait)
                    continue
            raise failure

    async def _once(self, outgoing: Outgoing, sending: Sending) -> Answer:
        """Send a request once; a line that breaks in a paid one leaves the job in doubt."""
        paid = outgoing.method == "POST"
        clock = asyncio.get_running_loop().time
        left = clock()
        try:
            # The clock for a silent job starts when its request leaves; connecting has its own.
            async with asyncio.timeout(None) as limit:

                def on_sent() -> None:
                    nonlocal left
                    sending.sent, left = True, clock()
                    if paid:
                        limit.reschedule(left + self._idle_seconds)

                answer = await send(replace(outgoing, on_sent=on_sent))
        except TimeoutError:
            failure: VeoError = silent(self._idle_seconds)
        except LineBrokenError as error:
            failure = dropped(str(error)) if paid else _no_answer(str(error))
        else:
            sending.began = _their_time(answer.headers.get("date", "")) - timedelta(
                seconds=clock() - left + 2
            )
            return answer
        raise failure


def _says_when(failure: VeoError) -> TypeGuard[RateLimitError]:
    return isinstance(failure, RateLimitError) and failure.retry_after is not None


def _their_time(date: str) -> datetime:
    """Return the time by the service's clock, from its Date header (RFC 9110, section 6.6.1), or by ours."""
    try:
        return email.utils.parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, TypeError, IndexError):
        return datetime.now(UTC)


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


def _no_connection(raw: str) -> GatewayError:
    return GatewayError(
        "No connection to the service could be made, so nothing was sent and nothing was charged. "
        "Check your network and the base URL, then try again.",
        raw=raw,
    )


def _no_answer(raw: str) -> GatewayError:
    return GatewayError(
        "The connection to the service broke. Nothing was charged: this call only asks. Try again.", raw=raw
    )


def _unreadable(raw: str) -> GatewayError:
    return GatewayError(
        "The service's answer cannot be read. Nothing was charged: this call only asks. "
        "Check the base URL, or try again later.",
        raw=raw[:4000],
        status_code=200,
    )


def _number(value: object) -> int:
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
