"""The whole loop in marimo, with a real browser: its comm is not Jupyter's, the widget is the same."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
PATIENCE_SECONDS = 60
APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    from ipyveo import FramesToVideo, VeoClient

    client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0.3)
    studio = FramesToVideo(client=client, library="clips")
    studio
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def address(tmp_path):
    """Serve a marimo notebook with one widget."""
    (tmp_path / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
    environment |= {
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "MARIMO_SKIP_UPDATE_CHECK": "1",
    }
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "marimo", "--quiet", "run", "app.py", *options]
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.1)
        else:
            return


def test_a_large_picture_and_a_sentence_become_a_playing_video(address, tab: Page, tmp_path: Path):
    noise = np.random.default_rng(1).integers(0, 256, (2000, 2000, 3), np.uint8)
    picture = tmp_path / "large.bmp"
    Image.fromarray(noise).save(picture)
    tab.goto(address)
    studio = tab.get_by_role("region", name="Frames to video", exact=True)
    expect(studio).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    expect(studio.get_by_text("Sandbox", exact=True)).to_be_visible()
    studio.get_by_label("Start frame", exact=True).set_input_files(picture)
    expect(studio.locator("img.iv-picture").first).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    prompt.fill("dusk falls")
    prompt.press("Control+Enter")
    take = studio.get_by_role("group", name="Take 1", exact=True)
    expect(take).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    take.get_by_role("button", name="Play take 1", exact=True).click()
    video = take.locator("video")
    expect(video).to_have_js_property("paused", False)  # noqa: FBT003 - a value, not a switch
    expect(video).to_have_attribute("src", re.compile("^blob:"))
    video.evaluate(
        "(video) => new Promise((done) => video.addEventListener('timeupdate', done, { once: true }))"
    )
    assert video.evaluate("(video) => video.currentTime > 0 && video.error === null")
