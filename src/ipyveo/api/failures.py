"""What a refusal of the service means: from a status, headers and words to one error of the tree."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping

from ipyveo.errors import (
    AuthenticationError,
    ContentRejectedError,
    GatewayError,
    GenerationFailedError,
    InvalidRequestError,
    OutOfCreditsError,
    RateLimitError,
    VeoError,
)
from ipyveo.readable import readable

_NOTHING = "Nothing was charged."
_RAW_LIMIT = 4000  # characters of the far side's words that are kept for a details view
_SPEAKING = ("error", "message", "detail", "reason", "code")
_SAYS_NOTHING = ("failed", "error", "cancelled")
_QUOTE_LIMIT = 110  # characters of them that fit in a sentence
_EPOCH_FROM = 1_000_000_000  # an X-RateLimit-Reset above this is a date, not a number of seconds
_EPOCH_MS_FROM = 1_000_000_000_000

_INSUFFICIENT = re.compile(r"insufficient[\s_-]*(?:quota|balance|credits?|funds)", re.IGNORECASE)
_BAD_TOKEN = re.compile(r"token_is_empty|invalid_token|invalid_api_key", re.IGNORECASE)
_EDGE_TOKEN = re.compile(r"no access token found", re.IGNORECASE)
_EDGE_BAN = re.compile(r"\b1010\b")
_AUDIO = re.compile(r"AUDIO_FILTERED", re.IGNORECASE)
_REJECTED = re.compile(
    r"PUBLIC_ERROR_(UNSAFE_GENERATION|DANGER_FILTER|PROMINENT_PEOPLE|MINOR|IP_INPUT_IMAGE)"
    r"|(?<![A-Z_])(UNSAFE_GENERATION|DANGER_FILTER|PROMINENT_PEOPLE|IP_INPUT_IMAGE)(?![A-Z])"
    r"|(?:^|: )(MINOR)\W*$",  # a word of plain English too: only where nothing follows it
    re.MULTILINE,
)
_THROTTLED = re.compile(r"recaptcha|exhausted|quota", re.IGNORECASE)
_PASSING = re.compile(r"TIMED_OUT|create video (?:error|failed)|failed to upload image", re.IGNORECASE)
_REASONS = {
    "UNSAFE_GENERATION": "The service refused this prompt or picture as unsafe.",
    "DANGER_FILTER": "The service refused this prompt or picture as dangerous.",
    "PROMINENT_PEOPLE": "The service refused this request because it seems to show a well-known person.",
    "MINOR": "The service refused this request because it seems to show a child.",
    "IP_INPUT_IMAGE": "The service refused a picture because it seems to show protected work.",
}


def from_words(words: str, *, status_code: int | None = None) -> VeoError | None:
    """Return the error that the service's own words name, or None where they name none that is known.

    Parameters
    ----------
    words
        The service's words, from an error event or a JSON answer; the key is removed already.
    status_code
        The HTTP status that came with them, if any.
    """
    raw = words[:_RAW_LIMIT]
    if _INSUFFICIENT.search(words) or status_code == 402:  # noqa: PLR2004 - Payment Required
        return _out_of_credits(raw, status_code)
    if found := _REJECTED.search(words):
        reason = found[1] or found[2] or found[3]
        return ContentRejectedError(
            f"{_REASONS[reason]} {_NOTHING} Change the wording or the picture and generate again.",
            reason=reason,
            raw=raw,
            status_code=status_code,
        )
    if _AUDIO.search(words):
        return ContentRejectedError(
            "The service refused the sound it had made, which happens by chance. The credits are returned. "
            "You may generate again.",
            reason="AUDIO_FILTERED",
            raw=raw,
            status_code=status_code,
        )
    if token := _BAD_TOKEN.search(words):
        return _bad_key(token[0].lower(), raw, status_code)
    if _PASSING.search(words):
        return GenerationFailedError(
            "The service had passing trouble and gave up this generation. The credits are returned. "
            "You may generate again.",
            raw=raw,
            status_code=status_code,
        )
    if _THROTTLED.search(words):
        return RateLimitError(
            "The service is being throttled by its own supplier at the moment. The credits are returned. "
            "Try again in some minutes.",
            raw=raw,
            status_code=status_code,
        )
    return None


def from_error_event(data: str) -> VeoError:
    """Return the error that an ``error`` or ``generation_error`` event means.

    Parameters
    ----------
    data
        The event's data: ``{"error", "code"}``, ``{"message"}``, or plain text.
    """
    words, code = _words(data)
    if code == 402:  # noqa: PLR2004 - Payment Required
        return _out_of_credits(data[:_RAW_LIMIT], None)
    return from_words(words) or GenerationFailedError(
        f"The service could not make this video{_quoted(words)}. The credits are returned. "
        "Change the prompt or the pictures, or generate again.",
        raw=data[:_RAW_LIMIT],
    )


def from_answer(
    status: int, media_type: str, headers: Mapping[str, str], body: str, *, paid: bool
) -> VeoError:
    """Return the error that an answer with another status than 200 means.

    Parameters
    ----------
    status, media_type, headers, body
        The answer; the key is removed from the body already.
    paid
        True for a request that would make a video.
    """
    raw = body[:_RAW_LIMIT]
    is_page = media_type == "text/html" or body.lstrip()[:1] == "<"
    if not is_page and _INSUFFICIENT.search(body):
        return _out_of_credits(raw, status)
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return rate_limited(headers, raw)
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        return GatewayError(
            f"The address answered with a redirect, which the service never does. {_NOTHING} "
            "Check the base URL, or the network you are in (a login page may be in between).",
            raw=raw,
            status_code=status,
        )
    if status >= 500:  # noqa: PLR2004 - the server's errors
        return _server_trouble(status, raw, paid=paid)
    if is_page or _EDGE_TOKEN.search(body) or (status == 403 and _EDGE_BAN.search(body)):  # noqa: PLR2004
        return _edge(status, raw)
    words, _ = _words(body)
    if named := from_words(words, status_code=status):
        return named
    if status == 401 and media_type == "application/json":  # noqa: PLR2004 - Unauthorized
        return _bad_key("", raw, status)
    if status in (400, 422):
        return InvalidRequestError(
            f"The service calls this request wrong{_quoted(words)}. {_NOTHING} Change it and try again.",
            raw=raw,
            status_code=status,
        )
    return GatewayError(
        f"The address answered with status {status}, not as the service does. {_NOTHING} "
        "Check the base URL and try again later.",
        raw=raw,
        status_code=status,
    )


def not_an_event_stream(status: int, media_type: str, body: str) -> GatewayError:
    """Return the error for a success that is no event stream: the job may have been accepted."""
    kind = "a web page" if media_type == "text/html" or body.lstrip()[:1] == "<" else "something else"
    return GatewayError(
        f"The service answered with {kind} instead of progress, so the job may have started and may be "
        "charged. Look at the account's history before you send it again.",
        maybe_charged=True,
        raw=body[:_RAW_LIMIT],
        status_code=status,
    )


def rate_limited(headers: Mapping[str, str], raw: str) -> RateLimitError:
    """Return the error for a 429 that waiting a little cannot fix."""
    seconds = retry_after(headers)
    when = "later" if seconds is None else f"in {_spoken(seconds)}"
    return RateLimitError(
        f"Too many requests: the service takes 30 a minute, over all calls. {_NOTHING} Try again {when}.",
        retry_after=seconds,
        raw=raw,
        status_code=429,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a 429 asks for, or None where it does not say.

    ``Retry-After`` is a number of seconds or an HTTP date (RFC 9110, section 10.2.3);
    ``X-RateLimit-Reset`` is a number of seconds, or the time as an epoch.

    Examples
    --------
    >>> from ipyveo.api.failures import retry_after
    >>> retry_after({"retry-after": "7"})
    7.0
    """
    waits = [
        wait
        for name in ("retry-after", "x-ratelimit-reset")
        if (wait := _seconds(headers.get(name, ""))) is not None
    ]
    return max(waits, default=None)


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if not 0 <= number < float("inf"):
        return None
    if number >= _EPOCH_MS_FROM:
        number /= 1000
    return max(0.0, number - time.time()) if number >= _EPOCH_FROM else number


def _spoken(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - up to a minute and a half is easier in seconds
        return f"{max(1, round(seconds))} seconds"
    return f"about {round(seconds / 60)} minutes"


def _out_of_credits(raw: str, status_code: int | None) -> OutOfCreditsError:
    return OutOfCreditsError(
        f"No credits are left for this request. {_NOTHING} Top up your account or ask for fewer videos.",
        raw=raw,
        status_code=status_code,
    )


def _bad_key(word: str, raw: str, status_code: int | None) -> AuthenticationError:
    what = {
        "token_is_empty": "The service saw no API key in the request.",
        "invalid_token": "The service cannot read this API key.",
    }.get(word, "The service does not know this API key.")
    return AuthenticationError(
        f"{what} {_NOTHING} Copy the key from your account page again.",
        raw=raw,
        status_code=status_code,
    )


def _server_trouble(status: int, raw: str, *, paid: bool) -> VeoError:
    if paid:
        return GatewayError(
            f"The service broke down while it took the request (status {status}), so the job may have "
            "started and may be charged. Look at the account's history before you send it again.",
            maybe_charged=True,
            raw=raw,
            status_code=status,
        )
    return GatewayError(
        f"The service is in trouble (status {status}). {_NOTHING} Try again in some minutes.",
        raw=raw,
        status_code=status,
    )


def _edge(status: int, raw: str) -> GatewayError:
    if status == 403 and _EDGE_BAN.search(raw):  # noqa: PLR2004 - Forbidden
        sentence = (
            "Cloudflare, which stands in front of the service, blocks this network or program (error 1010). "
            f"{_NOTHING} Try from another network, or ask the service to unblock yours."
        )
    elif status in (401, 403):
        sentence = (
            "The service's front door turned the request away; that says nothing about your key. "
            f"{_NOTHING} This is usually temporary: try again in some minutes."
        )
    else:
        sentence = (
            f"A web page answered in place of the service (status {status}). {_NOTHING} "
            "Try again in some minutes; check the base URL if it stays."
        )
    return GatewayError(sentence, raw=raw, status_code=status)


def _words(data: str) -> tuple[str, int | None]:
    """Return what an error says in words, and its numeric code.

    Only the fields in which the service speaks are read: a prompt that comes back with the error is the
    person's words, and must not be taken for a verdict.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data[:_RAW_LIMIT], None
    if not isinstance(value, dict):
        return (value if isinstance(value, str) else data)[:_RAW_LIMIT], None
    said: list[str] = []
    code: int | None = None
    for level in (value, *(value[name] for name in _SPEAKING if isinstance(value.get(name), dict))):
        said += [level[name] for name in _SPEAKING if isinstance(level.get(name), str)]
        number = level.get("code")
        code = number if isinstance(number, int) and not isinstance(number, bool) else code
    return "\n".join(said)[:_RAW_LIMIT], code


def _quoted(words: str) -> str:
    """Return the far side's words, made fit for one line of a sentence, or nothing."""
    said = words.partition("\n")[0]
    line = " ".join(readable(said).split())
    first_sentence = line.partition(". ")[0].rstrip(".")
    if first_sentence.lower() in _SAYS_NOTHING:
        return ""
    if len(first_sentence) > _QUOTE_LIMIT:
        first_sentence = first_sentence[:_QUOTE_LIMIT].rsplit(" ", 1)[0] + " ..."
    return f": {first_sentence}" if first_sentence else ""
