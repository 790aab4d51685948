"""Every fault in the table can be asked for by its name, and does on the wire what its line says."""

from __future__ import annotations

import io
import json
import re
import socket
import time
from datetime import datetime

import av
import httpx
import pytest
from PIL import Image

from ipyveo.sandbox import FAULTS
from ipyveo.sandbox.faults import ANSWERS, CALLS, FAILURES, PHASES, choose, marked

STATUS, COMPLETE = "video_generation_status", "video_generation_complete"
SUCCESSFUL, FAILED = "MEDIA_GENERATION_STATUS_SUCCESSFUL", "MEDIA_GENERATION_STATUS_FAILED"


def test_an_unknown_name_gets_a_400_that_lists_the_names(caller, a_prompt):
    before = caller.ledger()
    heard = caller.frames(a_prompt("crlf", "nonsense"))
    assert heard.status == 400
    assert all(name in heard.json()["error"] for name in FAULTS)
    assert caller.ledger() == before


def test_several_markers_are_read_and_stay_in_the_prompt(caller):
    prompt = "a [sandbox: bare-words] b [SANDBOX:no-space , one-failed] c"
    assert [name for name, _ in marked(prompt).picks] == ["bare-words", "no-space", "one-failed"]
    heard = caller.frames(prompt)
    assert b"data:starting\n" in heard.body
    assert json.dumps(prompt)[1:-1].encode() in heard.body


# --- answers in place of the stream -------------------------------------------------------------------------

REFUSED = {name: answer for name, answer in ANSWERS.items() if not answer.accepted}
ACCEPTED = {name: answer for name, answer in ANSWERS.items() if answer.accepted and name != "reset"}
WORDS = {
    "401-empty": "token_is_empty",
    "401-invalid-token": "invalid_token",
    "401-invalid-key": "invalid_api_key",
    "401-no-access-token": "No access token found",
    "403-1010": "1010",
    "insufficient-quota": "insufficient quota",
    "insufficient-balance": "insufficient balance",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_its_status_and_accepts_nothing(caller, a_prompt, name):
    before = caller.ledger()
    heard = caller.frames(a_prompt(name))
    digits = re.match(r"\d{3}", name)
    assert heard.status == (int(digits[0]) if digits else ANSWERS[name].status)
    assert ("text/html" in heard.headers["content-type"]) is ("html" in name or name == "403-1010")
    assert WORDS.get(name, "") in heard.body.decode()
    assert caller.ledger() == before


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_one_answers_oddly_but_lands_in_the_histories(caller, a_prompt, name):
    prompt, before = a_prompt(name), caller.ledger()
    heard = caller.frames(prompt, count="2")
    assert heard.status == ACCEPTED[name].status
    assert "event-stream" not in heard.headers["content-type"]
    assert ("<html" in heard.body.decode()) is ("html" in heard.headers["content-type"])
    assert len(caller.finished(prompt)[0]["file_urls"]) == 2
    assert caller.ledger()["charged"] == before["charged"] + 2


def test_reset_closes_the_connection_without_an_answer_and_accepts(caller, a_prompt):
    prompt = a_prompt("reset")
    heard = caller.frames(prompt)
    assert isinstance(heard.broken, httpx.RemoteProtocolError)
    assert heard.status == 0
    assert caller.finished(prompt)[0]["status"] == SUCCESSFUL


@pytest.mark.parametrize("name", ["429", "429-reset", "429-epoch"])
def test_a_passing_429_says_when_and_accepts_the_second_time(caller, a_prompt, name):
    prompt, asked = a_prompt(name), time.time()
    headers = caller.frames(prompt).headers
    if name == "429-epoch":
        assert asked < int(headers["x-ratelimit-reset"]) <= time.time() + 2
    else:
        assert headers["retry-after" if name == "429" else "x-ratelimit-reset"] == "1"
    assert caller.frames(prompt).events()[-1][0] == COMPLETE
    assert caller.frames(a_prompt(name)).status == 429


@pytest.mark.parametrize(("name", "wait"), [("429-forever", "3600"), ("429-bare", None)])
def test_a_lasting_429_never_accepts(caller, a_prompt, name, wait):
    prompt = a_prompt(name)
    heard = [caller.frames(prompt) for _ in range(2)]
    assert [(one.status, one.headers.get("retry-after")) for one in heard] == [(429, wait)] * 2
    assert "x-ratelimit-reset" not in heard[0].headers


@pytest.mark.parametrize("name", ["redirect", "redirect-301"])
def test_a_followed_redirect_would_have_paid(caller, a_prompt, a_picture, name):
    prompt, before = a_prompt(name), caller.ledger()
    place = caller.frames(prompt).headers["location"]
    assert caller.ledger() == before
    fields = {"prompt": prompt, "aspect_ratio": "VIDEO_ASPECT_RATIO_LANDSCAPE", "number_of_videos": "1"}
    heard = caller.post(place, data=fields, files={"start_image": ("a.png", a_picture(), "image/png")})
    assert heard.events()[-1][0] == COMPLETE
    assert caller.ledger()["accepted_posts"] == before["accepted_posts"] + 1


# --- failed jobs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_its_words_in_an_error_event_and_refunds(caller, a_prompt, name):
    prompt = a_prompt(f"{name}=what=ever" if name == "event-text" else name)
    before = caller.ledger()
    *_, last = caller.frames(prompt, count="2").events()
    text = "what=ever" if name == "event-text" else FAILURES[name].text
    assert last == ("error", json.dumps({"error": text, "code": FAILURES[name].code}, separators=(",", ":")))
    after = caller.ledger()
    assert (after["charged"] - before["charged"], after["refunded"] - before["refunded"]) == (2, 2)
    (row,) = caller.rows(prompt)
    assert (row["status"], row["file_urls"]) == (FAILED, [])


def test_failures_strike_where_the_service_would_have_them(caller, a_prompt):
    upload = caller.frames(a_prompt("upload-failed"))
    assert '"processing"' not in [data for _, data in upload.events()]
    midway = caller.frames(a_prompt("failed-job", "percentages"))
    done = [json.loads(data)["process_percentage"] for name, data in midway.events() if name == STATUS]
    assert 0 < done[-1] < 60


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("error-event", ("error", '{"error":"PUBLIC_ERROR_MINOR","code":400}')),
        ("generation-error", ("generation_error", '{"message":"PUBLIC_ERROR_MINOR"}')),
        ("error-text", ("error", "PUBLIC_ERROR_MINOR")),
        ("failed-status", (STATUS, '"failed"')),
    ],
)
def test_a_failure_comes_in_each_of_its_shapes(caller, a_prompt, name, last):
    assert caller.frames(a_prompt("minor", name)).events()[-1] == last
    before = caller.ledger()
    assert caller.frames(a_prompt(name)).events()[-1][0] == last[0]
    assert caller.ledger()["refunded"] == before["refunded"] + 1


# --- the spelling of the events -----------------------------------------------------------------------------


def _videos(heard):
    return json.loads(dict(heard.events())[COMPLETE])


def _data(heard, name=STATUS):
    return [data for event, data in heard.events() if event == name]


def _percentages(heard):
    statuses = [json.loads(data) for data in _data(heard)]
    assert all(set(status) == {"id", "status", "process_percentage"} for status in statuses)
    done = [status["process_percentage"] for status in statuses]
    assert done == sorted(done)
    assert done[-1] == 100


def _percentages_missing(heard):
    assert [set(json.loads(data)) for data in _data(heard)] == [{"id", "status"}] * 3


def _bare_words(heard):
    assert _data(heard) == ["starting", "uploading_images", "processing"]


def _repeated(heard):
    assert _data(heard) == ['"starting"'] * 3 + ['"uploading_images"'] * 3 + ['"processing"'] * 3


def _unknown_status(heard):
    assert _data(heard)[-1] == '"polishing"'


def _unknown_event(heard):
    assert heard.events()[3][0] not in {STATUS, COMPLETE, "error"}


def _huge_event(heard):
    assert len(heard.events()[3][1]) > 3_000_000


def _single_object(heard):
    assert _videos(heard)["file_url"].endswith(".mp4")


def _file_urls(heard):
    (video,) = _videos(heard)
    assert "file_url" not in video
    assert len(video["file_urls"]) == 1


def _no_status(heard):
    assert set(_videos(heard)[0]) == {"id", "prompt", "file_url", "created_at"}


def _no_url(heard):
    assert set(_videos(heard)[0]) == {"id", "prompt", "status", "created_at"}


def _done_marker(heard):
    lines = heard.body.decode().split("\n")
    assert lines[-3] == "data: [DONE]"
    assert all(any(line.startswith(start) for line in lines) for start in (":", "id:", "retry:"))


def _garbled_status(heard):
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(_data(heard)[2])


def _garbled_complete(heard):
    with pytest.raises(ValueError, match="Unterminated"):
        _videos(heard)


def _empty_complete(heard):
    assert _videos(heard) == []


def _duplicate_complete(heard):
    first, second = _data(heard, COMPLETE)
    assert first == second


def _out_of_order(heard):
    assert _data(heard) == ['"uploading_images"', '"processing"', '"starting"', '"processing"']
    assert heard.events()[-2][0] == COMPLETE


def _no_space(heard):
    assert b"data:" in heard.body
    assert b"data: " not in heard.body
    assert b"event: " not in heard.body


def _crlf(heard):
    assert heard.body.count(b"\r\n") == heard.body.count(b"\n") == 12


def _bom(heard):
    assert heard.body.startswith(b"\xef\xbb\xbfevent: ")


def _byte_by_byte(heard):
    # The transfer coding was undone by httpx, the spelling is as documented.
    assert _data(heard) == ['"starting"', '"uploading_images"', '"processing"']


SPELLINGS = {
    name.removeprefix("_").replace("_", "-"): check
    for name, check in list(globals().items())
    if name.removeprefix("_").replace("_", "-") in FAULTS and callable(check)
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_odd_spelling_is_spelled_so_and_the_histories_are_right(caller, a_prompt, name):
    prompt = a_prompt(name)
    heard = caller.frames(prompt)
    assert heard.broken is None
    SPELLINGS[name](heard)
    (row,) = caller.rows(prompt)
    assert (len(row["file_urls"]), row["status"]) == (1, SUCCESSFUL)


def test_byte_by_byte_sends_chunks_of_one_byte(caller, a_prompt):
    with httpx.Client(headers=caller.http.headers) as client:
        body = {
            "prompt": a_prompt("byte-by-byte"),
            "aspect_ratio": "VIDEO_ASPECT_RATIO_PORTRAIT",
            "number_of_videos": 1,
        }
        with client.stream("POST", f"{caller.base_url}/veo/text-to-video", json=body) as answer:
            pieces = [len(piece) for piece in answer.iter_raw()]
    assert max(pieces) == 1


def test_several_videos_in_one_object_keep_all_their_urls(caller, a_prompt):
    for name in ("single-object", "file-urls"):
        found = _videos(caller.frames(a_prompt(name), count="2"))
        (video,) = found if isinstance(found, list) else [found]
        assert len(set(video["file_urls"])) == 2


def test_odd_spellings_add_up(caller, a_prompt):
    heard = caller.frames(a_prompt("crlf", "bom", "no-space", "percentages", "done-marker", "file-urls"))
    assert heard.body.startswith(b"\xef\xbb\xbf: hello\r\nid: starting\r\n")
    assert b'data:{"id":' in heard.body
    assert b'"file_urls":[' in heard.body
    assert heard.body.endswith(b"data:[DONE]\r\n\r\n")


# --- how the bytes travel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_a_drop_comes_right_after_the_event_of_its_phase(caller, a_prompt, phase):
    prompt = a_prompt(f"drop@{phase}")
    heard = caller.frames(prompt)
    assert isinstance(heard.broken, httpx.RemoteProtocolError)
    name, data = heard.events()[-1]
    assert (name == COMPLETE) if phase == "complete" else (data == f'"{phase}"')
    assert caller.finished(prompt)[0]["status"] == SUCCESSFUL


def test_a_drop_without_a_phase_comes_while_processing(caller, a_prompt):
    assert caller.frames(a_prompt("drop")).events()[-1][1] == '"processing"'


@pytest.mark.parametrize("phase", PHASES)
def test_half_an_event_is_cut_inside_of_its_phases_event(caller, a_prompt, phase):
    prompt = a_prompt(f"half-event@{phase}")
    heard = caller.frames(prompt)
    assert isinstance(heard.broken, httpx.RemoteProtocolError)
    assert len(heard.events()) == PHASES.index(phase)
    assert not heard.body.endswith(b"\n\n")
    assert b"event: video_generation" in heard.body.split(b"\n\n")[-1]
    assert caller.finished(prompt)[0]["status"] == SUCCESSFUL


@pytest.mark.parametrize("phase", PHASES)
def test_a_stall_sends_comments_and_no_events(caller, a_prompt, phase):
    prompt = a_prompt(f"stall@{phase}")
    heard = caller.frames(prompt, until=lambda body: body.count(b": keep-alive\n\n") == 2)
    events, comments = heard.body.split(b": keep-alive\n\n", 1)
    assert events.count(b"\n\n") == PHASES.index(phase) + 1
    assert comments == b": keep-alive\n\n"
    assert caller.finished(prompt)[0]["status"] == SUCCESSFUL


def _posted(caller, prompt, a_picture):
    """Ask for a video over a socket of its own."""
    fields = {"prompt": prompt, "aspect_ratio": "VIDEO_ASPECT_RATIO_LANDSCAPE", "number_of_videos": "1"}
    files = {"start_image": ("a.png", a_picture(), "image/png")}
    asked = caller.http.build_request(
        "POST", f"{caller.base_url}/veo/frames-to-video", data=fields, files=files
    )
    head = [f"POST {asked.url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.headers.items())]
    line = socket.create_connection((asked.url.host, asked.url.port), timeout=60)
    line.sendall("\r\n".join([*head, "", ""]).encode() + asked.read())
    return line


@pytest.mark.parametrize("phase", PHASES)
def test_a_silence_keeps_the_connection_and_sends_nothing(caller, a_prompt, a_picture, phase):
    prompt, count, heard = a_prompt(f"silence@{phase}"), PHASES.index(phase) + 1, b""
    with _posted(caller, prompt, a_picture) as line:
        while heard.count(b"\n\n\r\n") < count:
            heard += line.recv(2**16) or pytest.fail(f"hung up after {heard!r}")
        assert caller.finished(prompt)[0]["status"] == SUCCESSFUL
        line.settimeout(0.5)  # what is left to say would have been said while the job was done
        with pytest.raises(TimeoutError):
            line.recv(2**16)
    assert heard.count(b"event: ") == count
    assert heard.endswith(b"\n\n\r\n")  # an event, and no end of the stream


def test_an_empty_stream_ends_in_good_order_and_its_job_goes_on(caller, a_prompt):
    prompt = a_prompt("empty-stream")
    heard = caller.frames(prompt)
    assert (heard.status, heard.body, heard.broken) == (200, b"", None)
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert caller.finished(prompt)[0]["status"] == SUCCESSFUL


# --- what becomes of the job --------------------------------------------------------------------------------


def test_rows_makes_a_row_of_every_video(caller, a_prompt):
    prompt = a_prompt("rows")
    videos = _videos(caller.frames(prompt, count="3"))
    rows = caller.rows(prompt)
    assert {(row["id"], *row["file_urls"]) for row in rows} == {(v["id"], v["file_url"]) for v in videos}
    assert len(rows) == 3


def test_changed_prompt_differs_in_blanks_and_line_ends_only(caller, a_prompt):
    prompt = "first line\nsecond " + a_prompt("changed-prompt")
    (video,) = _videos(caller.frames(prompt))
    (row,) = caller.rows(prompt)
    assert row["prompt"] == video["prompt"] != prompt
    assert row["prompt"].split() == prompt.split()
    assert "\r\n" in row["prompt"]


def test_created_at_is_the_start_unless_the_end_is_asked_for(sandbox_with, a_prompt):
    caller, held = sandbox_with(stage_seconds=0.6), 2 * 0.6
    (first,) = _videos(caller.frames(a_prompt()))
    between = time.time()
    (second,) = _videos(caller.frames(a_prompt("created-at-end")))
    start, end = (datetime.fromisoformat(video["created_at"]).timestamp() for video in (first, second))
    assert start <= between - held
    assert between < end <= time.time()


def test_an_early_row_is_active_without_urls_until_the_job_is_done(sandbox_with, a_prompt):
    caller, prompt = sandbox_with(stage_seconds=1.5), a_prompt("early-row")
    caller.frames(prompt, until=lambda body: b"starting" in body)
    (early,) = caller.rows(prompt)
    assert (early["file_urls"], early["status"]) == ([], "MEDIA_GENERATION_STATUS_ACTIVE")
    (late,) = caller.finished(prompt)
    assert (late["id"], late["status"]) == (early["id"], SUCCESSFUL)


@pytest.mark.parametrize(
    "word",
    [
        *("completed", "finished", "success", "done", SUCCESSFUL),
        *("MEDIA_GENERATION_STATUS_COMPLETE", "MEDIA_GENERATION_STATUS_SUCCESS", "still thinking"),
    ],
)
def test_a_status_word_is_the_videos_and_the_rows(caller, a_prompt, word):
    prompt = a_prompt(f"status={word}")
    (video,) = _videos(caller.frames(prompt))
    assert (video["status"], "file_url" in video) == (word, True)
    assert caller.rows(prompt)[0]["status"] == word


@pytest.mark.parametrize("word", ["failed", "error", "cancelled", FAILED, "MEDIA_GENERATION_STATUS_REJECTED"])
def test_a_status_word_of_failure_has_no_url_and_is_refunded(caller, a_prompt, word):
    prompt, before = a_prompt(f"status={word}"), caller.ledger()
    (video,) = _videos(caller.frames(prompt))
    assert (video["status"], "file_url" in video) == (word, False)
    assert caller.rows(prompt)[0]["file_urls"] == []
    assert caller.ledger()["refunded"] == before["refunded"] + 1


def test_one_of_several_videos_fails_and_is_refunded(caller, a_prompt):
    prompt, before = a_prompt("one-failed"), caller.ledger()
    videos = _videos(caller.frames(prompt, count="3"))
    assert [(video["status"], "file_url" in video) for video in videos] == [
        (SUCCESSFUL, True),
        (SUCCESSFUL, True),
        (FAILED, False),
    ]
    after = caller.ledger()
    assert (after["charged"] - before["charged"], after["refunded"] - before["refunded"]) == (3, 1)
    assert len(caller.rows(prompt)[0]["file_urls"]) == 2


def test_a_clip_can_have_the_other_shape(caller, a_prompt):
    for names, size in (((), (1280, 720)), (("portrait-as-landscape",), (720, 1280))):
        (video,) = _videos(caller.frames(a_prompt(*names)))
        with av.open(io.BytesIO(caller.http.get(video["file_url"]).content)) as clip:
            assert (clip.streams.video[0].width, clip.streams.video[0].height) == size


# --- downloads ----------------------------------------------------------------------------------------------


def _link(caller, prompt):
    (video,) = _videos(caller.frames(prompt))
    assert caller.rows(prompt)[0]["file_urls"] == [video["file_url"]]
    return video["file_url"]


def test_a_dead_link_is_a_404(caller, a_prompt):
    assert caller.http.get(_link(caller, a_prompt("dead-link"))).status_code == 404


def test_an_html_file_is_a_page_with_status_200(caller, a_prompt):
    answer = caller.http.get(_link(caller, a_prompt("html-file")))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_truncated_file_breaks_off_before_its_announced_length(caller, a_prompt):
    received = 0

    def read(answer):
        nonlocal received
        for piece in answer.iter_raw():
            received += len(piece)

    with caller.http.stream("GET", _link(caller, a_prompt("truncated-file"))) as answer:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
            read(answer)
        assert received == int(answer.headers["content-length"]) // 2


def test_a_short_file_is_half_an_mp4_of_a_true_length(caller, a_prompt):
    answer = caller.http.get(_link(caller, a_prompt("short-file")))
    assert (answer.status_code, int(answer.headers["content-length"])) == (200, len(answer.content))
    at, kinds = 0, []
    while at < len(answer.content):
        size = int.from_bytes(answer.content[at : at + 4], "big")
        kinds.append(answer.content[at + 4 : at + 8])
        at += size
    assert kinds == [b"ftyp", b"moov", b"free", b"mdat"]
    assert len(answer.content) == pytest.approx(at / 2, abs=1)


def test_a_wrong_file_is_a_jpeg(caller, a_prompt):
    answer = caller.http.get(_link(caller, a_prompt("wrong-file")))
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"


def test_a_slow_file_takes_its_time_and_is_whole(caller, a_prompt):
    url, begun = _link(caller, a_prompt("slow-file")), time.monotonic()
    data = caller.http.get(url).content
    assert time.monotonic() - begun > 1.5
    with av.open(io.BytesIO(data)) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 6


def test_a_redirected_file_is_one_step_away(caller, a_prompt):
    url = _link(caller, a_prompt("redirect-file"))
    assert caller.http.get(url).status_code == 302
    answer = caller.http.get(url, follow_redirects=True)
    assert (answer.status_code, len(answer.history)) == (200, 1)
    assert answer.content[4:8] == b"ftyp"


def test_evil_links_are_only_words_here(caller, a_prompt):
    redirect = caller.http.get(_link(caller, a_prompt("evil-redirect")))
    assert redirect.headers["location"] == "http://169.254.169.254/"
    assert _link(caller, a_prompt("evil-url")) == "http://10.0.0.1/x.mp4"
    assert _link(caller, a_prompt("javascript-url")) == "javascript:alert(1)"


def test_a_job_that_ends_unheard_stops_when_its_listener_hangs_up_and_others_go_on(sandbox_with, a_prompt):
    caller = sandbox_with(clip_seconds=60, clip_height=360)
    heard, unheard = a_prompt("percentages"), a_prompt("percentages", "ends-unheard")
    begun = time.monotonic()
    for prompt in (unheard, heard):
        caller.frames(prompt, until=lambda body: b'"processing"' in body)
    assert caller.finished(unheard)[0]["status"] == FAILED
    assert caller.ledger()["refunded"] == 1
    stopped = time.monotonic() - begun
    assert caller.finished(heard, within=180)[0]["status"] == SUCCESSFUL
    assert stopped < (time.monotonic() - begun) / 2


# --- the other calls ----------------------------------------------------------------------------------------


def test_faults_of_the_other_calls_leave_the_rest_alone(sandbox_with, a_prompt):
    caller = sandbox_with(fault="429@credits, packs@credits, 502-html@histories")
    assert caller.get("credits").status_code == 429
    packs = caller.get("credits").json()
    assert sum(pack["quota"] for pack in packs) == 100
    assert [pack["expires_at"] is None for pack in packs] == [False, True]
    assert caller.get("histories").status_code == 502
    assert caller.frames(a_prompt()).events()[-1][0] == COMPLETE


@pytest.mark.parametrize("name", ["500", "401-empty", "html-200", "redirect"])
def test_the_other_calls_meet_answers_of_their_own(sandbox_with, name):
    caller = sandbox_with(fault=", ".join(f"{name}@{call}" for call in CALLS))
    for call in CALLS:
        answer = caller.get(call)
        assert (answer.status_code, "location" in answer.headers) == (
            ANSWERS[name].status,
            name == "redirect",
        )


def test_the_options_faults_strike_every_post_and_add_to_the_prompts(sandbox_with, a_prompt):
    caller = sandbox_with(fault="bare-words")
    for _ in range(2):
        assert caller.frames(a_prompt("no-space")).body.startswith(
            b"event:video_generation_status\ndata:starting\n"
        )


def test_a_pick_of_a_call_is_no_fault_of_a_post():
    assert choose("500@credits, crlf, drop").of_call("").picks == (("crlf", ""), ("drop", "processing"))
    assert marked("[sandbox: 500@credits]").picks == ()


def test_every_fault_is_checked_above():
    lines = {"drop", "half-event", "stall", "silence", "empty-stream"}
    shapes = {"error-event", "generation-error", "error-text", "failed-status"}
    jobs = {
        "rows",
        "changed-prompt",
        "created-at-end",
        "early-row",
        "status",
        "one-failed",
        "ends-unheard",
        "portrait-as-landscape",
    }
    files = {
        "dead-link",
        "html-file",
        "truncated-file",
        "short-file",
        "wrong-file",
        "slow-file",
        "redirect-file",
    }
    evil = {"evil-redirect", "evil-url", "javascript-url"}
    checked = {*ANSWERS, *FAILURES, *SPELLINGS, *lines, *shapes, *jobs, *files, *evil, "packs"}
    assert checked == set(FAULTS)
