"""A caller that speaks raw HTTP to a real sandbox, and sees every byte of the answer."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from PIL import Image, ImageDraw

from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions

LANDSCAPE = "VIDEO_ASPECT_RATIO_LANDSCAPE"


def picture(color="navy", size=(640, 360), kind="PNG"):
    drawn = Image.new("RGB", size, color)
    ImageDraw.Draw(drawn).ellipse((20, 20, size[0] // 2, size[1] - 20), fill="orange")
    encoded = io.BytesIO()
    drawn.save(encoded, kind)
    return encoded.getvalue()


@dataclass
class Heard:
    """What came back: the head, every byte of the body, and the error that cut it short, if one did."""

    status: int
    headers: httpx.Headers
    body: bytes
    broken: Exception | None

    def json(self):
        return json.loads(self.body)

    def events(self):
        """Split a body of LF lines into pairs of name and data."""
        pairs = []
        for block in self.body.decode().split("\n\n")[:-1]:
            lines = [line.partition(":")[::2] for line in block.split("\n")]
            fields = {name: value.removeprefix(" ") for name, value in lines if name}
            pairs.append((fields.get("event", ""), fields.get("data", "")))
        return pairs


class Caller:
    def __init__(self, address):
        self.base_url = address.base_url
        self.root = address.base_url.removesuffix("/api/v1")
        self.received = 0
        self.http = httpx.Client(
            headers={"Authorization": f"Bearer {address.api_key}"}, timeout=60, trust_env=False
        )

    def post(self, call, *, until=None, patience=60.0, **request):
        """POST and read until the end, a break, silence, or until `until(body)` is true."""
        heard = Heard(0, httpx.Headers(), b"", None)
        url = call if call.startswith("http") else f"{self.base_url}/veo/{call}"
        try:
            with self.http.stream("POST", url, timeout=patience, **request) as answer:
                heard.status, heard.headers = answer.status_code, answer.headers
                for piece in answer.iter_raw():
                    heard.body += piece
                    if until and until(heard.body):
                        break
        except httpx.TransportError as error:
            heard.broken = error
        return heard

    def frames(self, prompt, *, count="1", until=None, patience=60.0, end=False, **changed):
        fields = {"prompt": prompt, "aspect_ratio": LANDSCAPE, "number_of_videos": count, **changed}
        files = {"start_image": ("start.png", picture(), "image/png")}
        if end:
            files["end_image"] = ("end.jpg", picture("teal", kind="JPEG"), "image/jpeg")
        sent = {name: value for name, value in fields.items() if value is not None}
        return self.post("frames-to-video", data=sent, files=files, until=until, patience=patience)

    def get(self, call, **params):
        return self.http.get(f"{self.base_url}/veo/{call}", params=params)

    def ledger(self):
        """Give the accounts; the POSTs that merely came are counted apart, in `received`."""
        counts = self.http.get(f"{self.root}/sandbox/ledger").json()
        self.received = counts.pop("received_posts")
        return counts

    def rows(self, prompt):
        page = self.get("histories", page_size=100).json()
        return [row for row in page["data"] if row["prompt"].split() == prompt.split()]

    def finished(self, prompt, *, within=60.0):
        """Wait until the job of a prompt is in the histories and no longer active, and give its rows."""
        deadline = time.monotonic() + within
        while not (rows := self.rows(prompt)) or rows[0]["status"] == "MEDIA_GENERATION_STATUS_ACTIVE":
            assert time.monotonic() < deadline, f"no finished row for {prompt!r}"
            time.sleep(0.02)
        return rows


@pytest.fixture
def a_prompt():
    """Make a prompt that no other test uses, with faults in it."""

    def make(*faults):
        marker = f" [sandbox: {', '.join(faults)}]" if faults else ""
        return f"dusk falls {uuid4().hex}{marker}"

    return make


@pytest.fixture
def a_picture():
    return picture


@pytest.fixture
def sandbox_with():
    """Start sandboxes with options of a test's own."""
    started = []

    def start(**options):
        sandbox = EmbeddedSandbox(SandboxOptions(**{"clip_seconds": 0.25, "stage_seconds": 0, **options}))
        caller = Caller(sandbox.start())
        caller.process = sandbox.pid
        started.append((sandbox, caller))
        return caller

    yield start
    for sandbox, caller in started:
        caller.http.close()
        sandbox.stop()


@pytest.fixture(scope="session")
def caller():
    sandbox = EmbeddedSandbox(SandboxOptions(clip_seconds=0.25, stage_seconds=0, quota=1_000_000))
    called = Caller(sandbox.start())
    yield called
    called.http.close()
    sandbox.stop()
