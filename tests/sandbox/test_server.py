"""The sandbox answers the documented calls as the service does."""

from __future__ import annotations

import json
import re

import httpx
import pytest

PORTRAIT = "VIDEO_ASPECT_RATIO_PORTRAIT"
LANDSCAPE = "VIDEO_ASPECT_RATIO_LANDSCAPE"


def test_the_documented_request_gets_the_documented_events(caller, a_prompt):
    prompt = a_prompt()
    heard = caller.frames(prompt, count="2", end=True)
    assert heard.status == 200
    assert heard.headers["content-type"].startswith("text/event-stream")
    beginning = (
        b'event: video_generation_status\ndata: "starting"\n\n'
        b'event: video_generation_status\ndata: "uploading_images"\n\n'
        b'event: video_generation_status\ndata: "processing"\n\n'
        b"event: video_generation_complete\ndata: ["
    )
    assert heard.body.startswith(beginning)
    videos = json.loads(heard.events()[-1][1])
    assert [list(video) for video in videos] == [["id", "prompt", "file_url", "status", "created_at"]] * 2
    for video in videos:
        assert video["prompt"] == prompt
        assert video["status"] == "MEDIA_GENERATION_STATUS_SUCCESSFUL"
        assert video["file_url"].startswith(f"{caller.base_url}/files/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", video["created_at"])
    assert len({video["id"] for video in videos}) == len({video["file_url"] for video in videos}) == 2


def test_text_to_video_takes_json_and_uploads_nothing(caller, a_prompt):
    body = {"prompt": a_prompt(), "aspect_ratio": PORTRAIT, "number_of_videos": 1}
    heard = caller.post("text-to-video", json=body)
    assert [data for _, data in heard.events()[:-1]] == ['"starting"', '"processing"']
    assert caller.http.get(json.loads(heard.events()[-1][1])[0]["file_url"]).status_code == 200


@pytest.mark.parametrize(
    "body", [{"number_of_videos": "1"}, {"number_of_videos": True}, {"prompt": "\ud800"}, []]
)
def test_text_to_video_refuses_other_json(caller, body):
    if isinstance(body, dict):
        body = {"prompt": "dusk", "aspect_ratio": LANDSCAPE, "number_of_videos": 1, **body}
    assert caller.post("text-to-video", content=json.dumps(body)).status == 400


@pytest.mark.parametrize("pictures", [1, 3])
def test_ingredients_to_video_takes_one_to_three_pictures(caller, a_prompt, a_picture, pictures):
    files = [("reference_images", (f"{n}.png", a_picture(), "image/png")) for n in range(pictures)]
    data = {"prompt": a_prompt(), "number_of_videos": "1"}
    heard = caller.post("ingredients-to-video", data=data, files=files)
    assert heard.events()[-1][0] == "video_generation_complete"


def test_ingredients_to_video_refuses_four_pictures_and_portrait(caller, a_prompt, a_picture):
    file = ("reference_images", ("a.png", a_picture(), "image/png"))
    data = {"prompt": a_prompt(), "number_of_videos": "1"}
    assert caller.post("ingredients-to-video", data=data, files=[file] * 4).status == 400
    portrait = {**data, "aspect_ratio": PORTRAIT}
    assert caller.post("ingredients-to-video", data=portrait, files=[file]).status == 400


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": "  \n "}, "prompt"),
        ({"aspect_ratio": None}, "aspect_ratio"),
        ({"aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"count": None}, "number_of_videos"),
        ({"count": "0"}, "number_of_videos"),
        ({"count": "5"}, "number_of_videos"),
        ({"count": "1.0"}, "number_of_videos"),
        ({"count": "two"}, "number_of_videos"),
    ],
)
def test_wrong_fields_get_a_400_that_names_the_field(caller, changed, says):
    before = caller.ledger()
    heard = caller.frames(**{"prompt": "dusk", **changed})
    assert heard.status == 400
    assert says in heard.json()["error"]
    assert caller.ledger() == before


def _upload(caller, name, data, media_type):
    fields = {"prompt": "dusk", "aspect_ratio": LANDSCAPE, "number_of_videos": "1"}
    return caller.post("frames-to-video", data=fields, files={"start_image": (name, data, media_type)})


def test_a_missing_start_image_gets_a_400(caller, a_picture):
    fields = {"prompt": "dusk", "aspect_ratio": LANDSCAPE, "number_of_videos": "1"}
    files = {"end_image": ("end.png", a_picture(), "image/png")}
    heard = caller.post("frames-to-video", data=fields, files=files)
    assert (heard.status, heard.json()) == (400, {"error": "start_image is required"})


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [
        ("start.png", "JPEG", "image/png"),
        ("start.png", "JPEG", "image/jpeg"),
        ("start.jpg", "PNG", "image/jpeg"),
        ("start.webp", "PNG", "application/octet-stream"),
        ("start.bmp", "BMP", "image/bmp"),
    ],
)
def test_pictures_whose_bytes_are_not_their_type_get_a_400(caller, a_picture, name, kind, media_type):
    assert _upload(caller, name, a_picture(kind=kind), media_type).status == 400


def test_a_picture_that_breaks_off_gets_a_400(caller, a_picture):
    whole = a_picture()
    assert _upload(caller, "start.png", whole[: len(whole) // 2], "image/png").status == 400


def test_jpeg_png_and_webp_are_pictures(caller, a_picture):
    for kind in ("jpeg", "png", "webp"):
        heard = _upload(caller, f"start.{kind}", a_picture(kind=kind.upper()), f"image/{kind}")
        assert heard.events()[-1][0] == "video_generation_complete"


def test_an_upload_over_25_mb_gets_a_413(caller):
    heard = _upload(caller, "start.png", b"\0" * 25_000_001, "image/png")
    assert (heard.status, heard.json()) == (413, {"error": "start_image is larger than 25 MB"})


def test_a_body_far_over_the_limit_is_read_to_its_end_and_gets_a_413(caller):
    heard = caller.post("text-to-video", content=b"x" * 3_000_000)
    assert (heard.status, heard.json()) == (413, {"error": "the request is too large"})


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, "token_is_empty"),
        ("Bearer", "token_is_empty"),
        ("Basic abc", "invalid_token"),
        ("Bearer two words", "invalid_token"),
        ("Bearer wrong", "invalid_api_key"),
    ],
)
def test_keys_are_refused_in_the_services_words(caller, header, error):
    headers = {} if header is None else {"Authorization": header}
    for method, call in (("GET", "credits"), ("GET", "histories"), ("POST", "frames-to-video")):
        answer = httpx.request(method, f"{caller.base_url}/veo/{call}", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": error})


def test_credits_are_charged_once_a_video_and_run_out(sandbox_with, a_prompt):
    caller = sandbox_with(quota=3)
    caller.frames(a_prompt(), count="2")
    pack = caller.get("credits").json()[0]
    assert (pack["quota"], pack["used"]) == (3, 2)
    heard = caller.frames(a_prompt(), count="2")
    assert (heard.status, heard.json()) == (402, {"error": "insufficient credits"})
    assert caller.frames(a_prompt(), count="1").status == 200
    assert caller.get("credits").json()[0]["used"] == 3
    assert caller.ledger() == {"accepted_posts": 2, "charged": 3, "refunded": 0, "rows": 2}


def test_the_ledger_counts_every_post_that_came(caller, a_prompt):
    accounts, received = caller.ledger(), caller.received
    caller.frames("")
    caller.frames(a_prompt("500"))
    assert caller.ledger() == accounts
    assert caller.received == received + 2


def test_histories_come_newest_first_in_pages(sandbox_with, a_prompt):
    caller = sandbox_with()
    prompts = [a_prompt() for _ in range(3)]
    for prompt in prompts:
        caller.frames(prompt, count="2")
    first = caller.get("histories", page=1, page_size=2).json()
    assert [row["prompt"] for row in first["data"]] == prompts[:0:-1]
    assert {name: first[name] for name in ("total", "page", "page_size", "total_pages")} == {
        "total": 3,
        "page": 1,
        "page_size": 2,
        "total_pages": 2,
    }
    assert list(first["data"][0]) == ["id", "prompt", "file_urls", "status", "created_at"]
    assert [len(row["file_urls"]) for row in first["data"]] == [2, 2]
    assert [row["prompt"] for row in caller.get("histories", page=2, page_size=2).json()["data"]] == prompts[
        :1
    ]
    assert caller.get("histories", page=9, page_size=2).json()["data"] == []


@pytest.mark.parametrize("params", [{"page": "0"}, {"page_size": "101"}, {"page": "x"}, {"page": "9" * 5000}])
def test_pages_that_cannot_be_get_a_400(caller, params):
    assert caller.get("histories", **params).status_code == 400


def test_a_job_goes_on_when_its_client_is_gone(caller, a_prompt):
    prompt = a_prompt()
    before = caller.ledger()
    caller.frames(prompt, count="2", until=lambda body: b"starting" in body)
    (row,) = caller.finished(prompt)
    assert len(row["file_urls"]) == 2
    assert all(caller.http.get(url).status_code == 200 for url in row["file_urls"])
    assert caller.ledger()["charged"] == before["charged"] + 2


def _link(caller, prompt):
    return json.loads(caller.frames(prompt).events()[-1][1])[0]["file_url"]


def test_links_are_public_and_come_whole_or_in_ranges(caller, a_prompt):
    url = _link(caller, a_prompt())
    whole = httpx.get(url)
    assert whole.headers["content-type"] == "application/octet-stream"
    assert "content-disposition" not in whole.headers
    size = len(whole.content)
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    last = httpx.get(url, headers={"Range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, whole.content[-5:])
    beyond = httpx.get(url, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416
    # The oldest Starlette we allow leaves out the unit.
    assert beyond.headers["content-range"].removeprefix("bytes ") == f"*/{size}"
    head = httpx.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


def test_links_are_built_from_the_callers_own_base_url(caller, a_prompt):
    prompt = a_prompt()
    caller.frames(prompt)
    other = caller.base_url.replace("127.0.0.1", "localhost")
    data = caller.http.get(f"{other}/veo/histories", headers={"Host": httpx.URL(other).netloc}).json()["data"]
    (row,) = [row for row in data if row["prompt"] == prompt]
    assert row["file_urls"][0].startswith(f"{other}/files/")


@pytest.mark.parametrize(
    "path", ["/files/..%2f..%2fetc%2fpasswd.mp4", "/files/a.mp4", "/nowhere", "/veo/credits/x"]
)
def test_unknown_addresses_are_404s_and_never_paths(caller, path):
    answer = caller.http.get(caller.base_url + path)
    assert (answer.status_code, answer.headers["x-ipyveo-sandbox"]) == (404, "1")


def test_every_answer_says_it_is_the_sandboxs(caller, a_prompt):
    url = _link(caller, a_prompt())
    answers = [
        httpx.get(url),
        httpx.get(url, headers={"Range": "bytes=0-1"}),
        httpx.get(url, headers={"Range": "bytes=999999999-"}),
        httpx.get(f"{caller.base_url}/veo/credits"),
        httpx.post(f"{caller.base_url}/veo/credits"),
        caller.get("credits"),
        caller.get("histories"),
        caller.frames(a_prompt()),
        caller.frames(a_prompt("html-200")),
        caller.frames(a_prompt("nonsense")),
    ]
    assert [answer.headers.get("x-ipyveo-sandbox") for answer in answers] == ["1"] * len(answers)
