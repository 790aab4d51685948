"""The notebooks: run from top to bottom on the sandbox, saved without large outputs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import expect

from lab import Lab, Notebook, browser

expect.set_options(timeout=30_000)
ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom_without_a_key(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
    assert list(Path(os.environ["IPYVEO_LIBRARY"]).glob("*.mp4"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_saved_small_and_says_first_what_the_reader_will_have(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert path.stat().st_size < 16_000
    assert notebook["cells"][0]["cell_type"] == "markdown"
    assert "At the end of this page" in "".join(notebook["cells"][0]["source"])
    for cell in notebook["cells"]:
        assert len(json.dumps(cell.get("outputs", []))) < 4_000


@pytest.mark.browser
def test_the_quickstart_ends_with_a_playing_video_even_if_nobody_clicks(tmp_path):
    shutil.copy(ROOT / "notebooks" / "quickstart.ipynb", tmp_path)
    with Lab(tmp_path) as lab, browser() as started:
        notebook = Notebook(lab, started.new_page(), "quickstart.ipynb")
        notebook.run_all()
        clip = notebook.page.get_by_role("region", name="Clip", exact=True)
        expect(clip).to_be_visible(timeout=120_000)
        notebook.page.wait_for_function(
            "() => [...document.querySelectorAll('video')].some((v) => v.currentTime > 0.5 && !v.paused)"
        )
        expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()


def test_the_demo_makes_a_clip_says_where_it_is_and_serves_the_quickstart(tmp_path):
    environment = {**os.environ, "GENAIPRO_API_KEY": "must-not-be-used", "IPYVEO_LIBRARY": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ipyveo", "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "/lab/tree/" in line:
                break
        clip = Path(re.search(r"The video is in (\S+\.mp4)", said)[1])
        assert clip.parent == tmp_path
        assert clip.exists()
        address = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/notebooks/quickstart\.ipynb\?token=\w+", said)[
            0
        ]
        assert _answers(address, process)
    finally:
        for _ in range(3):  # as a person does: one was lost once on a busy machine
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
                break
        assert process.poll() is not None
        process.stdout.close()


def _answers(address: str, process: subprocess.Popen[str]) -> bool:
    """Ask until the server is up, or its process has ended."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.status == 200
        except ConnectionError:
            continue
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
    return False
