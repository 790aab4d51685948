"""Every line of the service's error table and every wild shape, met over a real socket."""

from __future__ import annotations

import email.utils
import itertools
import logging
import pickle
import queue
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from far_side import speaking
from ipyveo import (
    AuthenticationError,
    CompleteEvent,
    ContentRejectedError,
    GatewayError,
    GenerationFailedError,
    InterruptedGenerationError,
    InvalidRequestError,
    OutOfCreditsError,
    RateLimitError,
    StatusEvent,
    UnknownEvent,
    VeoClient,
    VeoError,
    generate,
)
from ipyveo.api.failures import from_answer, from_error_event
from ipyveo.loop import background_loop

# fault, class, maybe_charged, accepted POSTs, a piece of the sentence
REFUSED = [
    ("400", InvalidRequestError, False, 0, "wrong: invalid request"),
    ("422", InvalidRequestError, False, 0, "wrong: unprocessable request"),
    ("401-empty", AuthenticationError, False, 0, "saw no API key"),
    ("401-invalid-token", AuthenticationError, False, 0, "cannot read this API key"),
    ("401-invalid-key", AuthenticationError, False, 0, "does not know this API key"),
    ("401-no-access-token", GatewayError, False, 0, "says nothing about your key"),
    ("401-html", GatewayError, False, 0, "usually temporary"),
    ("403-html", GatewayError, False, 0, "usually temporary"),
    ("403-1010", GatewayError, False, 0, "error 1010"),
    ("402", OutOfCreditsError, False, 0, "No credits are left"),
    ("insufficient-quota", OutOfCreditsError, False, 0, "No credits are left"),
    ("insufficient-balance", OutOfCreditsError, False, 0, "No credits are left"),
    ("429-forever", RateLimitError, False, 0, "about 60 minutes"),
    ("429-bare", RateLimitError, False, 0, "Try again later"),
    ("500", GatewayError, True, 0, "status 500"),
    ("502-html", GatewayError, True, 0, "status 502"),
    ("503", GatewayError, True, 0, "status 503"),
    ("500-accepted", GatewayError, True, 1, "before you send it again"),
    ("502-accepted", GatewayError, True, 1, "before you send it again"),
    ("html-200", GatewayError, True, 1, "a web page instead of progress"),
    ("json-200", GatewayError, True, 1, "something else instead of progress"),
    ("redirect", GatewayError, False, 0, "redirect"),
    ("redirect-301", GatewayError, False, 0, "redirect"),
    ("reset", InterruptedGenerationError, True, 1, "connection broke"),
    ("empty-stream", InterruptedGenerationError, True, 1, "hung up"),
    ("drop@starting", InterruptedGenerationError, True, 1, "connection broke"),
    ("drop@processing", InterruptedGenerationError, True, 1, "connection broke"),
    ("half-event@processing", InterruptedGenerationError, True, 1, "connection broke"),
    ("half-event@complete", InterruptedGenerationError, True, 1, "connection broke"),
    ("garbled-complete", InterruptedGenerationError, True, 1, "cannot be read"),
    ("empty-complete", InterruptedGenerationError, True, 1, "cannot be read"),
    ("unsafe", ContentRejectedError, False, 1, "unsafe"),
    ("unsafe-bare", ContentRejectedError, False, 1, "unsafe"),
    ("danger-filter", ContentRejectedError, False, 1, "dangerous"),
    ("danger-filter-bare", ContentRejectedError, False, 1, "dangerous"),
    ("prominent-people", ContentRejectedError, False, 1, "well-known person"),
    ("prominent-people-bare", ContentRejectedError, False, 1, "well-known person"),
    ("minor", ContentRejectedError, False, 1, "child"),
    ("minor-bare", ContentRejectedError, False, 1, "child"),
    ("ip-input-image", ContentRejectedError, False, 1, "protected"),
    ("ip-input-image-bare", ContentRejectedError, False, 1, "protected"),
    ("audio-filtered", ContentRejectedError, False, 1, "by chance"),
    ("recaptcha", RateLimitError, False, 1, "throttled"),
    ("exhausted", RateLimitError, False, 1, "throttled"),
    ("upstream-quota", RateLimitError, False, 1, "throttled"),
    ("timed-out", GenerationFailedError, False, 1, "passing trouble"),
    ("create-video-error", GenerationFailedError, False, 1, "passing trouble"),
    ("create-video-failed", GenerationFailedError, False, 1, "passing trouble"),
    ("upload-failed", GenerationFailedError, False, 1, "passing trouble"),
    ("failed-job", GenerationFailedError, False, 1, "credits are returned"),
    ("event-text=Something odd happened", GenerationFailedError, False, 1, ": Something odd happened."),
    ("error-text, unsafe", ContentRejectedError, False, 1, "unsafe"),
    ("generation-error, unsafe", ContentRejectedError, False, 1, "unsafe"),
    ("error-event, unsafe", ContentRejectedError, False, 1, "unsafe"),
    ("failed-status", GenerationFailedError, False, 1, "could not make this video. The credits"),
]

# shape: the run succeeds all the same
SHAPES = [
    "no-space",
    "bare-words",
    "repeated",
    "percentages",
    "percentages-missing",
    "unknown-status",
    "unknown-event",
    "single-object",
    "file-urls",
    "no-status",
    "done-marker",
    "crlf",
    "bom",
    "byte-by-byte",
    "rows",
    "changed-prompt",
    "created-at-end",
    "duplicate-complete",
    "out-of-order",
    "huge-event",
    "garbled-status",
    "429",
    "429-reset",
    "429-epoch",
    *(f"status={word}" for word in ("completed", "finished", "success", "done")),
    *(f"status=MEDIA_GENERATION_STATUS_{word}" for word in ("SUCCESSFUL", "COMPLETE", "SUCCESS")),
]
_number = itertools.count()


def rehearsed(fault: str) -> str:
    """A prompt that asks for the fault; numbered, since some strike each prompt only once."""
    return f"dusk falls {next(_number)} [sandbox: {fault}]"


@pytest.mark.parametrize(("fault", "kind", "maybe_charged", "accepted", "piece"), REFUSED)
async def test_a_fault_raises_its_class_with_a_sentence_and_is_sent_once(
    client, ledger, pictures, fault, kind, maybe_charged, accepted, piece
):
    book = ledger(client)
    with pytest.raises(kind) as caught:
        await client.frames_to_video(*pictures, prompt=rehearsed(fault))
    error = caught.value
    assert type(error) is kind
    assert error.maybe_charged is maybe_charged
    assert piece in str(error)
    assert len(str(error)) < 300
    assert "\n" not in str(error)
    assert book.accepted_posts == accepted
    assert book.received_posts == 1


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_wild_shape_ends_with_a_video_and_one_accepted_request(client, ledger, pictures, shape):
    book = ledger(client)
    (video,) = await client.frames_to_video(*pictures, prompt=rehearsed(shape))
    assert video.ok
    assert video.file_url.startswith(client.base_url)
    assert book.accepted_posts == 1


async def collected(client, pictures, shape):
    return [event async for event in client.frames_to_video(*pictures, prompt=rehearsed(shape))]


async def test_the_documented_stages_come_in_order_and_the_videos_last(client, pictures):
    events = await collected(client, pictures, "no-space")
    assert events[:-1] == [
        StatusEvent("starting"),
        StatusEvent("uploading_images"),
        StatusEvent("processing"),
    ]
    assert isinstance(events[-1], CompleteEvent)


async def test_percentages_become_shares(client, pictures):
    shares = [
        event.progress
        for event in await collected(client, pictures, "percentages")
        if isinstance(event, StatusEvent) and event.progress is not None
    ]
    assert shares
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert shares == sorted(shares)


async def test_unknown_words_and_events_are_passed_on_as_sent(client, pictures):
    words = await collected(client, pictures, "unknown-status")
    known = {"starting", "uploading_images", "processing"}
    assert any(isinstance(event, StatusEvent) and event.status not in known for event in words)
    events = await collected(client, pictures, "unknown-event")
    assert any(isinstance(event, UnknownEvent) and event.name and event.data for event in events)


async def test_a_complete_event_without_an_address_gives_videos_without_one(client, pictures):
    (video,) = await client.frames_to_video(*pictures, prompt=rehearsed("no-url"))
    assert video.file_url is None
    assert not video.ok
    rows = await client.histories()
    assert rows[0].id == video.id
    assert rows[0].ok


async def test_one_failed_take_is_among_the_videos_and_not_ok(client, pictures):
    videos = await client.frames_to_video(*pictures, prompt=rehearsed("one-failed"), number_of_videos=3)
    assert [video.ok for video in videos] == [True, True, False]


async def test_a_forever_limit_says_how_long(client, pictures):
    with pytest.raises(RateLimitError) as caught:
        await client.frames_to_video(*pictures, prompt=rehearsed("429-forever"))
    assert caught.value.retry_after == 3600
    assert caught.value.status_code == 429


async def test_a_refusal_names_its_reason(client, pictures):
    with pytest.raises(ContentRejectedError) as caught:
        await client.frames_to_video(*pictures, prompt=rehearsed("prominent-people"))
    assert caught.value.reason == "PROMINENT_PEOPLE"
    assert "PUBLIC_ERROR_PROMINENT_PEOPLE" in caught.value.raw


@pytest.mark.parametrize("fault", ["stall@processing", "silence@processing"])
async def test_a_job_that_says_nothing_for_too_long_is_given_up_and_not_sent_again(ledger, pictures, fault):
    client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0, quota=100_000, idle_seconds=2.0)
    book = ledger(client)
    with pytest.raises(InterruptedGenerationError, match="Nothing was heard") as caught:
        await client.frames_to_video(*pictures, prompt=rehearsed(fault))
    assert caught.value.maybe_charged
    assert book.received_posts == 1


@pytest.fixture
def pass_time(monkeypatch):
    """Move the clock that jobs are waited for by on, in seconds: no machine is too slow for it."""
    loop, ahead = background_loop(), []
    real_time = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_time() + sum(ahead))

    def pass_seconds(seconds):
        ahead.append(seconds)
        loop.call_soon_threadsafe(ahead.count, 0)  # what is due now is looked at when the loop wakes up

    return pass_seconds


async def test_every_event_gives_a_slow_job_its_whole_time_again(pictures, pass_time):
    steps = queue.SimpleQueue()
    with speaking() as service:
        client = VeoClient("a-key-of-no-one", service.url, idle_seconds=1000.0)
        service.stream = [
            ("video_generation_status", "starting"),
            ("video_generation_status", "uploading_images"),
            ("video_generation_status", "processing"),
            ("video_generation_complete", [{"id": "a-clip", "file_url": f"{service.url}/film.mp4"}]),
        ]
        service.pace = lambda: steps.get(timeout=60)
        steps.put("go on")
        heard = []
        async for event in client.frames_to_video(*pictures, prompt="every stage takes its time"):
            heard.append(event)
            pass_time(900)
            steps.put("go on")
    assert len(heard) == 4
    assert isinstance(heard[-1], CompleteEvent)


async def test_a_job_that_falls_silent_has_its_time_from_its_last_event(pictures, pass_time):
    with speaking() as service:
        client = VeoClient("a-key-of-no-one", service.url, idle_seconds=1000.0)
        service.stream = [("video_generation_status", "starting")] * 2
        service.go.clear()
        job = client.frames_to_video(*pictures, prompt="the second stage never comes")
        assert (await anext(aiter(job))).status == "starting"
        pass_time(1001)
        with pytest.raises(InterruptedGenerationError, match="for 17 minutes") as caught:
            await job
        service.go.set()
    assert caught.value.maybe_charged


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("500@credits", GatewayError),
        ("html-200@credits", GatewayError),
        ("json-200@credits", GatewayError),
        ("redirect@credits", GatewayError),
        ("reset@credits", GatewayError),
        ("401-invalid-key@credits", AuthenticationError),
        ("429-forever@credits", RateLimitError),
    ],
)
async def test_a_call_that_only_asks_never_costs(fault, kind):
    client = VeoClient.sandbox(fault=fault)
    with pytest.raises(kind) as caught:
        await client.credits()
    assert caught.value.maybe_charged is False


@pytest.mark.parametrize("fault", [row[0] for row in REFUSED] + SHAPES)
async def test_no_fault_shows_the_key(client, pictures, caplog, tmp_path, monkeypatch, fault):
    # A job that was never accepted is looked for in the account for 20 minutes: here for some seconds.
    monkeypatch.setattr("ipyveo.generations.search._PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("ipyveo.generations.search._SHORTEST_LOOK_SECONDS", 1.0)
    caplog.set_level(logging.DEBUG)
    error: BaseException | None = None
    try:
        await generate(*pictures, prompt=rehearsed(fault), client=client, library=tmp_path)
    except VeoError as raised:
        error = raised
    texts = [caplog.text, repr(client), str(vars(client))]
    pickled = pickle.dumps(client)
    if error is not None:
        # Taken before this frame knows the key itself: the frame is part of the traceback.
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts += ["".join(trace.format()), repr(error), str(vars(error)), str(error.__context__)]
        pickled += pickle.dumps(error)
    saved = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    key = client._find_endpoint().key.bearer().removeprefix("Bearer ")
    assert len(key) > 20
    assert "send_request_headers" in caplog.text  # the transport did speak
    assert not [text for text in texts if key in text]
    assert key.encode() not in pickled + saved


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (
            '{"error":"Video generation failed","prompt":"our quota of lanterns is exhausted"}',
            GenerationFailedError,
        ),
        ('{"error":"prompt contains MINOR spelling"}', GenerationFailedError),
        ('{"error":"MINOR"}', ContentRejectedError),
        ('{"error":{"message":"PUBLIC_ERROR_MINOR_UPLOAD"}}', ContentRejectedError),
        ('{"error":"payment required","code":402}', OutOfCreditsError),
        ('{"message":"Insufficient credits"}', OutOfCreditsError),
        ("Insufficient balance", OutOfCreditsError),
        ("", GenerationFailedError),
        ("[" * 5000, GenerationFailedError),
        ("null", GenerationFailedError),
    ],
)
def test_only_the_services_own_words_decide(data, kind):
    error = from_error_event(data)
    assert type(error) is kind
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    ("status", "media_type", "body", "kind"),
    [
        (403, "text/plain", "error code: 1010", GatewayError),
        (403, "application/json", '{"message":"No access token found"}', GatewayError),
        (429, "application/json", '{"error":"insufficient_quota"}', OutOfCreditsError),
        (500, "application/json", '{"error":"insufficient credits"}', OutOfCreditsError),
        (401, "application/json", '{"message":"who are you"}', AuthenticationError),
        (404, "application/json", '{"error":"no such page"}', GatewayError),
        (400, "text/html", "<html>Bad Request</html>", GatewayError),
        (413, "text/html", "<html>Too large</html>", GatewayError),
    ],
)
def test_an_answer_is_judged_by_status_then_kind_then_words(status, media_type, body, kind):
    error = from_answer(status, media_type, {}, body, paid=True)
    assert type(error) is kind
    assert error.status_code == status
    assert error.raw == body
    assert error.maybe_charged is False


def test_a_date_tells_how_long_to_wait():
    in_a_minute = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = from_answer(429, "application/json", {"retry-after": in_a_minute}, "{}", paid=True)
    assert isinstance(error, RateLimitError)
    assert 50 <= error.retry_after <= 60
