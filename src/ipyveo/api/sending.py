"""How a request goes out: once, and again only where it provably was not taken."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from ipyveo.api.failures import from_answer
from ipyveo.errors import GatewayError, InterruptedGenerationError, RateLimitError, VeoError
from ipyveo.network.exchange import Answer, LineBrokenError, NotSentError, Outgoing, send

LOOK_FIRST = "Look at the account's history before you send it again."

_CONNECT_TRIES = 3
_CONNECT_PAUSE_SECONDS = 0.5  # doubled after each try
_LONGEST_WAIT_SECONDS = 150.0  # of 429s, together; the service counts by the minute
_MOST_SKEW = timedelta(days=36_525)  # a century: beyond it dates come to their ends
_ERROR_BODY_LIMIT = 65_536  # bytes of an error page that are read


class Sending:
    """How far a request has come: what may be said about it when it has to be given up.

    Attributes
    ----------
    sent
        True once its first byte has left, and it has not been refused since.
    skew
        How far the service's clock is ahead of ours, or None where its last answer did not tell.
    redact
        Keeps the key that went out from coming back in somebody's words.
    leaving
        Awaited right before the first byte leaves; if it fails, nothing leaves.
    refused
        Awaited when the request was refused before acceptance, with the seconds until it is sent again.
    """

    def __init__(self) -> None:
        self.sent = False
        self.skew: timedelta | None = None
        self.redact: Callable[[str], str] = str
        self.leaving: Callable[[], Awaitable[None]] = _nothing
        self.refused: Callable[[float], Awaitable[None]] = _nothing


async def _nothing(*_: float) -> None:
    pass


async def answered(outgoing: Outgoing, sending: Sending, idle_seconds: float) -> Answer:
    """Send a request, again only where it provably was not taken: no connection, or a 429.

    Parameters
    ----------
    outgoing
        The request.
    sending
        Kept up to date as it goes.
    idle_seconds
        How long a paid request may go unanswered once it has left.

    Raises
    ------
    GatewayError
        If no connection could be made, in three tries; nothing was sent then.
    RateLimitError, OutOfCreditsError
        If a 429 does not say when to come back, or asks for more patience than 150 seconds in all.
    InterruptedGenerationError
        If a paid request was sent, and no answer came.
    """
    tries, waited = 0, 0.0
    while True:
        try:
            answer = await _once(outgoing, sending, idle_seconds)
        except NotSentError as error:
            tries += 1
            if tries < _CONNECT_TRIES:
                await asyncio.sleep(_CONNECT_PAUSE_SECONDS * 2 ** (tries - 1))
                continue
            failure: VeoError = _no_connection(str(error))
        else:
            if answer.status != 429:  # noqa: PLR2004 - Too Many Requests
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
                await sending.refused(wait)
                await asyncio.sleep(wait)
                continue
        raise failure


async def _once(outgoing: Outgoing, sending: Sending, idle_seconds: float) -> Answer:
    """Send a request once; a line that breaks in a paid one leaves the job in doubt."""
    paid = outgoing.method == "POST"
    clock = asyncio.get_running_loop().time
    left = clock()
    try:
        # The clock for a silent job starts when its request leaves; connecting has its own.
        async with asyncio.timeout(None) as limit:

            async def on_sent() -> None:
                nonlocal left
                await sending.leaving()
                sending.sent, left = True, clock()
                if paid:
                    limit.reschedule(left + idle_seconds)

            answer = await send(replace(outgoing, on_sent=on_sent))
    except TimeoutError:
        failure: VeoError = silent(idle_seconds)
    except LineBrokenError as error:
        failure = dropped(str(error)) if paid else no_answer(str(error))
    else:
        sending.skew = _skew(answer.headers.get("date", ""))
        return answer
    raise failure


def _says_when(failure: VeoError) -> TypeGuard[RateLimitError]:
    return isinstance(failure, RateLimitError) and failure.retry_after is not None


def _skew(date: str) -> timedelta | None:
    """Return what the service's clock is ahead of ours, by its Date header (RFC 9110, section 6.6.1)."""
    try:
        skew = email.utils.parsedate_to_datetime(date).astimezone(UTC) - datetime.now(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return skew if abs(skew) < _MOST_SKEW else None


async def error_body(answer: Answer) -> str:
    """Return what an error answer says, as far as the line lets it be read."""
    with contextlib.suppress(LineBrokenError, TimeoutError):
        async with asyncio.timeout(10):
            return (await answer.body(_ERROR_BODY_LIMIT)).decode("utf-8", "replace")
    return ""


def dropped(raw: str) -> InterruptedGenerationError:
    """Return the error for a line that broke once the request was sent."""
    return InterruptedGenerationError(
        "The connection broke after the request was sent; the job may go on and may be charged. "
        + LOOK_FIRST,
        maybe_charged=True,
        raw=raw,
    )


def silent(seconds: float) -> InterruptedGenerationError:
    """Return the error for a job that said nothing for `seconds`."""
    span = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} seconds"  # noqa: PLR2004
    return InterruptedGenerationError(
        f"Nothing was heard of the job for {span}; it may go on and may be charged. " + LOOK_FIRST,
        maybe_charged=True,
    )


def stopped(sending: Sending) -> InterruptedGenerationError:
    """Return the error for a request that nobody wants to watch any more."""
    if not sending.sent:
        return InterruptedGenerationError(
            "Stopped before the request was sent. Nothing was charged. Generate again when you like."
        )
    return InterruptedGenerationError(
        "Watching was stopped; the job goes on at the service and may be charged. " + LOOK_FIRST,
        maybe_charged=True,
    )


def _no_connection(raw: str) -> GatewayError:
    return GatewayError(
        "No connection to the service could be made, so nothing was sent and nothing was charged. "
        "Check your network and the base URL, then try again.",
        raw=raw,
    )


def no_answer(raw: str) -> GatewayError:
    """Return the error for a line that broke in a call that only asks."""
    return GatewayError(
        "The connection to the service broke. Nothing was charged: this call only asks. Try again.", raw=raw
    )
