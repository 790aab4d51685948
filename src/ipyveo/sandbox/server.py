"""The GenAIPro API on this machine: its calls, its answers word for word, and its odd ones on demand."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ipyveo.sandbox import orders
from ipyveo.sandbox.downloads import Download, answer_download
from ipyveo.sandbox.events import spell
from ipyveo.sandbox.jobs import InsufficientCreditsError, Jobs
from ipyveo.sandbox.streams import ConnectionDroppedError, PiecewiseResponse, dropped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ipyveo.sandbox.faults import Answer, Chosen
    from ipyveo.sandbox.jobs import Job, Order
    from ipyveo.sandbox.options import SandboxOptions

API = "/api/v1"

_FOLLOWED = {"sandbox": "followed"}
_KEEP_ALIVE_SECONDS = 0.5
_LARGEST_PAGE = 100
_JUDGED_AT_ONCE = 2
_LARGEST_NUMBER = 10**9

_Reader: TypeAlias = "Callable[[Request], Awaitable[orders.Draft]]"
_Judge: TypeAlias = "Callable[[orders.Draft, Chosen, Path], Order]"


class _Service:
    """The calls of the API, on one account."""

    def __init__(self, options: SandboxOptions, files: Path) -> None:
        self.jobs = Jobs(options, files)
        self._files = files
        # Decoding takes a while, and of the largest pictures half a gigabyte each.
        self._judges = asyncio.Semaphore(_JUDGED_AT_ONCE)
        self._key = None if options.api_key is None else options.api_key.strip()
        self._chosen = options.chosen()
        self._limited: set[tuple[str, str]] = set()

    def generate(self, read: _Reader, judge: _Judge) -> Callable[[Request], Awaitable[Response]]:
        """Make the endpoint of one paid call."""

        async def endpoint(request: Request) -> Response:
            self.jobs.ledger.received_posts += 1
            self._authenticate(request)
            draft = await read(request)
            chosen = self._chosen.of_call("") + draft.chosen
            answer = self._answer(request, chosen, draft.prompt)
            if answer and not answer.accepted:
                return self._answered(answer, request)
            async with self._judges:
                order = await asyncio.to_thread(judge, draft, chosen, self._files)
            try:
                job = self.jobs.accept(order)
            except InsufficientCreditsError as error:
                order.forget()
                raise HTTPException(402, "insufficient credits") from error
            if answer:
                return self._answered(answer, request)
            pieces = _event_stream(job, _base_url(request), chosen)
            return PiecewiseResponse(
                pieces,
                self.jobs.closing,
                headers={"cache-control": "no-cache"},
                on_end=job.hung_up if "ends-unheard" in chosen else None,
            )

        return endpoint

    async def histories(self, request: Request) -> Response:
        """Answer ``GET /veo/histories``."""
        self._authenticate(request)
        answer = self._answer(request, self._chosen.of_call("histories"), "histories")
        if answer:
            return self._answered(answer, request)
        page = _number(request, "page", 1, _LARGEST_NUMBER)
        size = _number(request, "page_size", 20, _LARGEST_PAGE)
        rows = self.jobs.rows()
        shown = [row.spelled(_base_url(request)) for row in rows[(page - 1) * size : page * size]]
        numbers = {"page": page, "page_size": size, "total_pages": math.ceil(len(rows) / size)}
        return JSONResponse({"data": shown, "total": len(rows), **numbers})

    async def credits(self, request: Request) -> Response:
        """Answer ``GET /veo/credits``."""
        self._authenticate(request)
        chosen = self._chosen.of_call("credits")
        answer = self._answer(request, chosen, "credits")
        if answer:
            return self._answered(answer, request)
        return JSONResponse(self.jobs.credits(packs="packs" in chosen))

    async def file(self, request: Request) -> Response:
        """Answer a download; links are public, as the service's are."""
        stored = self.jobs.clip(request.path_params["clip_id"])
        if stored is None:
            raise HTTPException(404, "not found")
        followed = str(request.url.include_query_params(**_FOLLOWED))
        fault = "" if _is_followed(request) else stored.fault
        return answer_download(Download(stored.path, fault, followed, self.jobs.closing))

    async def ledger(self, _: Request) -> Response:
        """Answer ``GET /sandbox/ledger``, for tests."""
        ledger = self.jobs.ledger
        return JSONResponse(
            {
                "received_posts": ledger.received_posts,
                "accepted_posts": ledger.accepted_posts,
                "charged": ledger.charged,
                "refunded": ledger.refunded,
                "rows": len(self.jobs.rows()),
            }
        )

    def _authenticate(self, request: Request) -> None:
        header = request.headers.get("authorization", "").strip()
        if not header or header == "Bearer":
            raise HTTPException(401, "token_is_empty")
        scheme, _, key = header.partition(" ")
        if scheme != "Bearer" or not key.strip().isascii() or " " in key.strip():
            raise HTTPException(401, "invalid_token")
        if self._key is not None and not secrets.compare_digest(key.strip().encode(), self._key.encode()):
            raise HTTPException(401, "invalid_api_key")

    def _answer(self, request: Request, chosen: Chosen, kind: str) -> Answer | None:
        """Find the answer that takes the place of the real one, if one does this time."""
        found = None if _is_followed(request) else chosen.answer()
        if found is None:
            return None
        name, answer = found
        if answer.once and (name, kind) in self._limited:
            return None
        self._limited.add((name, kind))
        return answer

    def _answered(self, answer: Answer, request: Request) -> Response:
        if not answer.status:
            return dropped(self.jobs.closing)
        now = int(time.time())
        here = str(request.url.include_query_params(**_FOLLOWED))
        headers = {name: value.format(here=here, soon=now + 2) for name, value in answer.headers}
        return Response(answer.body, answer.status, headers, answer.media_type)


def create_app(options: SandboxOptions, files: Path) -> Starlette:
    """Make the ASGI application.

    Parameters
    ----------
    options
        How it behaves.
    files
        An existing folder for the clips.

    Returns
    -------
    Starlette
        To be served by ``ipyveo.sandbox.serving``, whose connections can be broken on demand.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ipyveo.sandbox.options import SandboxOptions
    >>> len(create_app(SandboxOptions(), Path("/tmp")).routes) > 0
    True
    """
    service = _Service(options, files)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await service.jobs.close()

    paid = {
        "frames-to-video": service.generate(orders.read_form, orders.frames_to_video),
        "text-to-video": service.generate(orders.read_json, orders.text_to_video),
        "ingredients-to-video": service.generate(orders.read_form, orders.ingredients_to_video),
    }
    routes = [
        *(Route(f"{API}/veo/{name}", endpoint, methods=["POST"]) for name, endpoint in paid.items()),
        Route(f"{API}/veo/histories", service.histories),
        Route(f"{API}/veo/credits", service.credits),
        Route(f"{API}/files/{{clip_id}}.mp4", service.file),
        Route("/sandbox/ledger", service.ledger),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_SaysSandbox)],
        exception_handlers={HTTPException: _refusal, ClientDisconnect: _refusal, Exception: _refusal},
        lifespan=lifespan,
    )
    app.state.jobs = service.jobs
    return app


class _SaysSandbox:
    """Middleware that marks every answer as the sandbox's, so that nobody takes it for the service's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Ipyveo-Sandbox"] = "1"
            await send(message)

        await self._app(scope, receive, marking)


async def _refusal(_: Request, error: Exception) -> Response:
    # Errors of our own making pass outside of the middleware, hence the header here too.
    headers = {"X-Ipyveo-Sandbox": "1"}
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, headers=headers)
    return JSONResponse({"error": "internal server error"}, 500, headers=headers)


async def _event_stream(job: Job, base_url: str, chosen: Chosen) -> AsyncIterator[bytes]:
    """Follow a job's log as bytes, with the faults of the line."""
    if "empty-stream" in chosen:
        return
    if "bom" in chosen:
        yield b"\xef\xbb\xbf"
    async for moment in job.moments():
        data = spell(moment, base_url, chosen)
        if chosen.value("half-event") == moment.phase:
            yield data[: len(data) // 2]
            raise ConnectionDroppedError
        for piece in [data[i : i + 1] for i in range(len(data))] if "byte-by-byte" in chosen else [data]:
            yield piece
        if chosen.value("drop") == moment.phase:
            raise ConnectionDroppedError
        if chosen.value("silence") == moment.phase:
            await asyncio.Event().wait()
        while chosen.value("stall") == moment.phase:
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            yield b": keep-alive\n\n"


def _base_url(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{API}/"


def _is_followed(request: Request) -> bool:
    return request.query_params.get("sandbox") == _FOLLOWED["sandbox"]


def _number(request: Request, name: str, default: int, largest: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(largest))):
        raise HTTPException(400, f"{name} must be 1 to {largest}")
    if not 1 <= int(text) <= largest:
        raise HTTPException(400, f"{name} must be 1 to {largest}")
    return int(text)
