"""The table of everything that can go wrong, and how one asks for it by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ipyveo.sandbox.events import FAILING_SHAPES, SHAPES

Where: TypeAlias = Literal["answer", "events", "line", "job", "file", "call"]
Takes: TypeAlias = Literal["", "phase", "value"]

PHASES = ("starting", "uploading_images", "processing", "complete")
CALLS = ("credits", "histories")

_MARKER = re.compile(r"\[sandbox:([^\]\[]*)\]", re.IGNORECASE)
_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that can go wrong.

    Parameters
    ----------
    summary
        What it does, in one line.
    where
        "answer": the HTTP answer to the POST; "events": the spelling of the events; "line": the way the bytes
        of the stream travel; "job": what becomes of the job; "file": the download; "call": one of the GETs.
    takes
        "phase" if a phase may follow after "@" (without one it is "processing"), "value" if "=" and a value
        must follow.
    """

    summary: str
    where: Where
    takes: Takes = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Fault):
    """An HTTP answer in place of the stream of events.

    Parameters
    ----------
    status, body, media_type, headers
        The answer; `{here}`, `{now}` and `{soon}` in a header stand for the request's own address and for the
        time in seconds now and a second later.
    accepted
        True if the job is taken all the same, charged and found in the histories later.
    once
        True if only the first request of its kind (for a POST: of its prompt) is answered so.
    """

    where: Where = "answer"
    status: int
    body: str = ""
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    accepted: bool = False
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Fault):
    """A failed job, with the service's own words.

    Parameters
    ----------
    text, code
        What the error event says.
    after
        The phase it strikes in; "progress" is half way through the first take.
    """

    where: Where = "job"
    text: str
    code: int = 500
    after: Literal["uploading_images", "processing", "progress"] = "processing"


def _says(summary: str, status: int, error: str, *, accepted: bool = False) -> Answer:
    return Answer(summary=summary, status=status, body=f'{{"error":"{error}"}}', accepted=accepted)


def _page(summary: str, status: int, title: str, *, accepted: bool = False) -> Answer:
    body = _HTML.format(title)
    return Answer(summary=summary, status=status, body=body, media_type="text/html", accepted=accepted)


def _limited(summary: str, *headers: tuple[str, str], once: bool = False) -> Answer:
    body = '{"error":"rate limit exceeded"}'
    return Answer(summary=summary, status=429, body=body, headers=headers, once=once)


ANSWERS: dict[str, Answer] = {
    "400": _says("400 with text: the request is wrong", 400, "invalid request"),
    "422": _says("422 with text: the request is wrong", 422, "unprocessable request"),
    "401-empty": _says("401 token_is_empty", 401, "token_is_empty"),
    "401-invalid-token": _says("401 invalid_token", 401, "invalid_token"),
    "401-invalid-key": _says("401 invalid_api_key", 401, "invalid_api_key"),
    "401-no-access-token": _says("401 No access token found, from the gateway", 401, "No access token found"),
    "401-html": _page("401 with a page of HTML, from the gateway", 401, "Unauthorized"),
    "403-html": _page("403 with a page of HTML, from the gateway", 403, "Just a moment..."),
    "403-1010": _page("403 with error 1010: the client is banned", 403, "Access denied. Error code 1010"),
    "402": _says("402: payment is required", 402, "payment required"),
    "insufficient-quota": _says("400 insufficient quota", 400, "insufficient quota"),
    "insufficient-balance": _says("400 insufficient balance", 400, "insufficient balance"),
    "429": _limited("429 with Retry-After: 1, the first time only", ("retry-after", "1"), once=True),
    "429-reset": _limited(
        "429 with X-RateLimit-Reset in seconds, the first time only", ("x-ratelimit-reset", "1"), once=True
    ),
    "429-epoch": _limited(
        "429 with X-RateLimit-Reset as a time, the first time only",
        ("x-ratelimit-reset", "{soon}"),
        once=True,
    ),
    "429-forever": _limited("429 with Retry-After: 3600, every time", ("retry-after", "3600")),
    "429-bare": _limited("429 without a word about when, every time"),
    "500": _says("500, nothing accepted", 500, "internal server error"),
    "502-html": _page("502 with a page of HTML, nothing accepted", 502, "Bad gateway"),
    "503": _says("503, nothing accepted", 503, "service unavailable"),
    "500-accepted": _says("500, and yet the job is accepted", 500, "internal server error", accepted=True),
    "502-accepted": _page(
        "502 with a page of HTML, and yet the job is accepted", 502, "Bad gateway", accepted=True
    ),
    "html-200": _page("200 with a page of HTML; the job is accepted", 200, "Welcome", accepted=True),
    "json-200": Answer(
        summary="200 with JSON in place of a stream; the job is accepted",
        status=200,
        body='{"message":"ok"}',
        accepted=True,
    ),
    "redirect": Answer(
        summary="307 to a place that would accept the request again",
        status=307,
        headers=(("location", "{here}"),),
    ),
    "redirect-301": Answer(
        summary="301 to a place that would accept the request again",
        status=301,
        headers=(("location", "{here}"),),
    ),
    "reset": Answer(
        summary="the connection closes before any answer; the job is accepted", status=0, accepted=True
    ),
}

FAILURES: dict[str, Failure] = {
    "failed-job": Failure(
        summary="fails half way; refunded", text="Video generation failed", after="progress"
    ),
    "unsafe": Failure(summary="prompt or picture unsafe", text="PUBLIC_ERROR_UNSAFE_GENERATION", code=400),
    "danger-filter": Failure(summary="caught by the filter", text="PUBLIC_ERROR_DANGER_FILTER", code=400),
    "prominent-people": Failure(
        summary="shows a known person", text="PUBLIC_ERROR_PROMINENT_PEOPLE", code=400
    ),
    "minor": Failure(summary="shows a minor", text="PUBLIC_ERROR_MINOR", code=400),
    "ip-input-image": Failure(summary="a picture is protected", text="PUBLIC_ERROR_IP_INPUT_IMAGE", code=400),
    "unsafe-bare": Failure(
        summary="unsafe, without the PUBLIC_ERROR_ prefix", text="UNSAFE_GENERATION", code=400
    ),
    "danger-filter-bare": Failure(
        summary="caught by the filter, without the prefix", text="DANGER_FILTER", code=400
    ),
    "prominent-people-bare": Failure(
        summary="a known person, without the prefix", text="PROMINENT_PEOPLE", code=400
    ),
    "minor-bare": Failure(summary="a minor, without the prefix", text="MINOR", code=400),
    "ip-input-image-bare": Failure(
        summary="a picture is protected, without the prefix", text="IP_INPUT_IMAGE", code=400
    ),
    "audio-filtered": Failure(summary="the made sound was refused", text="AUDIO_FILTERED", code=400),
    "recaptcha": Failure(
        summary="upstream asks for a reCAPTCHA", text="reCAPTCHA evaluation failed", code=403
    ),
    "exhausted": Failure(summary="upstream is exhausted", text="Resource has been exhausted", code=429),
    "upstream-quota": Failure(
        summary="upstream is over its quota", text="Upstream quota exceeded, try later", code=429
    ),
    "timed-out": Failure(summary="upstream timed out", text="TIMED_OUT", code=504),
    "create-video-error": Failure(summary="passing trouble upstream", text="Create video error"),
    "create-video-failed": Failure(summary="passing trouble upstream", text="Create video failed"),
    "upload-failed": Failure(
        summary="the upload went wrong upstream", text="Failed to upload image", after="uploading_images"
    ),
    "event-text": Failure(
        summary="fails with the text after =", text="Video generation failed", takes="value"
    ),
}

_LINES: dict[str, Fault] = {
    "no-space": Fault(where="line", summary="no space after the colons of the events"),
    "crlf": Fault(where="line", summary="lines end in CR LF"),
    "bom": Fault(where="line", summary="the stream begins with a byte order mark"),
    "byte-by-byte": Fault(where="line", summary="every byte is sent on its own"),
    "drop": Fault(
        where="line",
        summary="the connection breaks after the event of a phase; the job goes on",
        takes="phase",
    ),
    "half-event": Fault(
        where="line",
        summary="the connection breaks inside the event of a phase; the job goes on",
        takes="phase",
    ),
    "stall": Fault(
        where="line",
        summary="comments but no events for ever after the event of a phase; the job goes on",
        takes="phase",
    ),
    "silence": Fault(
        where="line",
        summary="nothing at all for ever after the event of a phase; the job goes on",
        takes="phase",
    ),
    "empty-stream": Fault(where="line", summary="a stream that ends without an event; the job goes on"),
}

_JOBS: dict[str, Fault] = {
    "rows": Fault(where="job", summary="a row in the histories for every video"),
    "changed-prompt": Fault(where="job", summary="the prompt comes back with other blanks and line ends"),
    "created-at-end": Fault(where="job", summary="created_at is the end of the job, not its start"),
    "early-row": Fault(
        where="job", summary="the row is in the histories from the start, still active and without URLs"
    ),
    "status": Fault(
        where="job",
        summary="the videos' status is the word after =; a word of failure means failed, refunded",
        takes="value",
    ),
    "ends-unheard": Fault(where="job", summary="the job ends at once, refunded, when its listener hangs up"),
    "one-failed": Fault(where="job", summary="the last video fails, without a URL; refunded"),
    "portrait-as-landscape": Fault(where="job", summary="the clips have the other shape"),
}

FILES: dict[str, Fault] = {
    name: Fault(summary=summary, where="file")
    for name, summary in {
        "dead-link": "the link answers 404",
        "html-file": "200 and a page of HTML in place of the video",
        "truncated-file": "the connection closes half way through the announced length",
        "short-file": "half of the MP4, its length announced truly",
        "wrong-file": "a JPEG in place of the video",
        "slow-file": "the file takes 2 seconds",
        "redirect-file": "one redirect to the real file",
        "evil-redirect": "a redirect to http://169.254.169.254/",
        "evil-url": "the link itself is http://10.0.0.1/x.mp4",
        "javascript-url": "the link itself is javascript:alert(1)",
    }.items()
}

_OF_CALLS: dict[str, Fault] = {
    "packs": Fault(
        summary="the credits come in two packs, one that never expires (packs@credits)", where="call"
    ),
}

FAULTS: dict[str, Fault] = {
    **ANSWERS,
    **{name: Fault(summary=shape.summary, where="events") for name, shape in SHAPES.items()},
    **_LINES,
    **FAILURES,
    **_JOBS,
    **FILES,
    **_OF_CALLS,
}
"""Every fault by its name. An answer can strike the GETs too, with "@credits" or "@histories" after it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The faults that one request meets.

    Parameters
    ----------
    picks
        Pairs of a fault's name and what came after "@" or "="; "" where nothing did.
    """

    picks: tuple[tuple[str, str], ...] = ()

    def __contains__(self, name: str) -> bool:
        return any(picked == name for picked, _ in self.picks)

    def __add__(self, other: Chosen) -> Chosen:
        return Chosen(self.picks + other.picks)

    def value(self, name: str) -> str | None:
        """Give what came after the name, or None if it was not picked."""
        return next((value for picked, value in self.picks if picked == name), None)

    def of_call(self, call: str) -> Chosen:
        """Keep the faults for one kind of call: "credits", "histories", or "" for the POSTs."""
        return Chosen(tuple(pick for pick in self.picks if _aim(*pick) == call))

    def answer(self) -> tuple[str, Answer] | None:
        """Give the first answer among the faults, with its name."""
        return next(((name, ANSWERS[name]) for name, _ in self.picks if name in ANSWERS), None)

    def failure(self) -> Failure | None:
        """Give the way in which the job is to fail, if it is."""
        for name, value in self.picks:
            if name in FAILURES:
                failure = FAILURES[name]
                return Failure(summary=failure.summary, text=value) if failure.takes == "value" else failure
        return (
            FAILURES["create-video-failed"] if any(name in FAILING_SHAPES for name, _ in self.picks) else None
        )


def choose(text: str) -> Chosen:
    """Read names of faults, separated by commas.

    Parameters
    ----------
    text
        Such as ``"crlf, drop@processing, status=finished, 500@credits"``.

    Raises
    ------
    ValueError
        For a name that is not in the table, or an argument it cannot take; the message lists the names.

    Examples
    --------
    >>> choose("drop, status=done").picks
    (('drop', 'processing'), ('status', 'done'))
    """
    return Chosen(tuple(_pick(part.strip()) for part in text.split(",") if part.strip()))


def marked(prompt: str) -> Chosen:
    """Read the faults out of the markers of a prompt, ``[sandbox: name, name]``.

    Raises
    ------
    ValueError
        As `choose`.

    Examples
    --------
    >>> marked("dusk falls [sandbox: no-space]").picks
    (('no-space', ''),)
    """
    return choose(",".join(match.group(1) for match in _MARKER.finditer(prompt))).of_call("")


def _pick(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        name, _, value = part.partition("@")
    name, value = name.strip(), value.strip()
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"There is no fault {name[:40]!r}; the names are: {', '.join(FAULTS)}.")
    if fault.takes == "phase":
        value = value or "processing"
    allowed = {
        "phase": value in PHASES,
        "value": bool(equals and value),
        "": not equals and value in _aims_of(name),
    }
    if not allowed[fault.takes]:
        aims = " or ".join(f"@{aim}" if aim else "nothing" for aim in _aims_of(name))
        hint = {
            "phase": f"one of {', '.join(PHASES)} after @",
            "value": "a value after =",
            "": f"{aims} after it",
        }
        raise ValueError(f"The fault {name!r} takes {hint[fault.takes]}; {part[:60]!r} is not that.")
    return name, value


def _aims_of(name: str) -> tuple[str, ...]:
    """Name the calls that a fault can strike; "" stands for the POSTs."""
    if name in _OF_CALLS:
        return ("credits",)
    return ("", *CALLS) if name in ANSWERS else ("",)


def _aim(name: str, value: str) -> str:
    return value if name in ANSWERS or name in _OF_CALLS else ""
