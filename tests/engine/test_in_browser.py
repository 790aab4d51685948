"""A browser shows a clip's colours as they were, and plays a clip that is still being drawn."""

from __future__ import annotations

import base64
import io
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from ipyveo.engine.render import render_clip
from ipyveo.media.clip import Clip
from lab import BROWSER_OPTIONS, browser, chromium

WIDTH, HEIGHT = 1280, 720
PRIMARIES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0)]
GREYS = [(grey,) * 3 for grey in range(0, 256, 15)]
PATCHES = [*GREYS, *PRIMARIES]
ACROSS, SIDE = 6, 120


def places():
    """Give the middle of each patch, column and row."""
    return [((number % ACROSS) * 200 + 100, (number // ACROSS) * 160 + 80) for number in range(len(PATCHES))]


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """A clip of grey steps and primaries, large enough that their borders do not touch their middles."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128))
    for colour, (x, y) in zip(PATCHES, places(), strict=True):
        picture.paste(colour, (x - SIDE // 2, y - SIDE // 2, x + SIDE // 2, y + SIDE // 2))
    path = tmp_path_factory.mktemp("patches") / "clip.mp4"
    render_clip(
        path,
        picture,
        None,
        width=WIDTH,
        height=HEIGHT,
        seconds=1,
        prompt="static camera",
        take=0,
        on_progress=lambda _: None,
    )
    return path


def farthest(picture):
    """Return how far the worst patch is off, in levels."""
    off = 0.0
    for colour, (x, y) in zip(PATCHES, places(), strict=True):
        found = picture[y - 20 : y + 20, x - 20 : x + 20].reshape(-1, 3).mean(0)
        off = max(off, float(np.abs(found - colour).max()))
    return off


def test_ffmpeg_decodes_greys_and_primaries_within_two_levels(patches):
    size = patches.stat().st_size
    clip = Clip(patches, "a", "", WIDTH, HEIGHT, 1.0, 24.0, size, datetime.now(UTC), "sandbox")
    assert farthest(np.asarray(clip.frame(0), dtype=float)) <= 2
    assert farthest(np.asarray(clip.last_frame(), dtype=float)) <= 2


SHOWN = """async (source) => {
    const video = document.createElement("video");
    video.muted = true;
    video.src = source;
    document.body.append(video);
    const failed = new Promise((_, reject) => { video.onerror = () => reject(video.error); });
    await Promise.race([failed, new Promise((done) => video.requestVideoFrameCallback(done))]);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    return canvas.toDataURL("image/png");
}"""


# Without a graphics processor Chromium converts BT.709 by factors that end at 2, where blue needs 2.11, and
# shows pure blue as 243, whoever encoded it. So its other way is taken, that of most machines.
WITH_SHADERS = [
    *(option for option in BROWSER_OPTIONS if option != "--disable-gpu"),
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


@pytest.mark.browser
def test_the_browser_shows_greys_and_primaries_within_two_levels(patches):
    source = "data:video/mp4;base64," + base64.b64encode(patches.read_bytes()).decode()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=WITH_SHADERS)
        shown = started.new_page().evaluate(SHOWN, source).partition(",")[2]
        started.close()
    picture = Image.open(io.BytesIO(base64.b64decode(shown))).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    assert farthest(np.asarray(picture, dtype=float)) <= 2


@pytest.fixture(scope="module")
def page():
    with browser() as started:
        yield started.new_page()


class Growing(BaseHTTPRequestHandler):
    """Answers with a file for as long as it grows."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/clip.mp4":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.server.begun.wait(30)
        with self.server.path.open("rb") as file:
            while True:
                whole = self.server.drawn.wait(0.02)
                if data := file.read():
                    self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                elif whole:
                    break
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


@pytest.mark.browser
def test_the_browser_plays_a_clip_whose_last_frame_is_not_drawn_yet(tmp_path, page):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Growing)
    server.path, server.begun, server.drawn = tmp_path / "clip.mp4", threading.Event(), threading.Event()
    played, waited = threading.Event(), []

    def hold(share):
        server.begun.set()
        if share > 0.6 and not waited:
            waited.append(played.wait(30))

    def draw():
        picture = Image.effect_noise((640, 360), 60)
        render_clip(
            server.path,
            picture,
            None,
            width=640,
            height=360,
            seconds=4,
            prompt="pan left",
            take=0,
            on_progress=hold,
            fragmented=True,
        )
        server.drawn.set()

    threads = [threading.Thread(target=work) for work in (server.serve_forever, draw)]
    for thread in threads:
        thread.start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.evaluate(
            """() => {
                const video = document.createElement("video");
                [video.muted, video.src] = [true, "/clip.mp4"];
                document.body.append(video);
                video.play();
            }"""
        )
        page.wait_for_function("() => document.querySelector('video').currentTime > 0.5")
        assert not server.drawn.is_set()
        played.set()
        page.wait_for_function("() => document.querySelector('video').ended")
        assert page.evaluate("() => document.querySelector('video').currentTime") == pytest.approx(4, abs=0.1)
        assert waited == [True]
    finally:
        played.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
