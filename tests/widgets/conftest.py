"""A JupyterLab and a browser for each file of browser tests."""

from __future__ import annotations

import shutil

import pytest

import lab as real
import numbered
from far_side import speaking
from ipyveo import VeoClient, generate, run


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with real.Lab(tmp_path_factory.mktemp("lab"), save_state=True) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with real.browser() as started:
        yield started


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 1400}, accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def held(tmp_path):
    """A service whose job is done only when a test lets it: however long a page takes to load, it goes."""
    numbered.write(tmp_path / "film.mp4", frames=24)
    with speaking() as service:
        service.film = (tmp_path / "film.mp4").read_bytes()
        video = {"id": "a-clip", "file_url": f"{service.url}/film.mp4", "status": "completed"}
        service.stream = [
            ("video_generation_status", "starting"),
            ("video_generation_status", "processing"),
            ("video_generation_complete", [video]),
        ]
        service.go.clear()
        yield service
        service.go.set()


@pytest.fixture(scope="session")
def _fourteen_clips(tmp_path_factory, pictures):
    library = tmp_path_factory.mktemp("fourteen")
    client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0, quota=100)
    for number in range(14):
        prompt = f"{'dusk' if number % 2 else 'dawn'} {number}"
        run(generate(*pictures, prompt=prompt, client=client, library=library))
    return library


@pytest.fixture
def fourteen_clips(_fourteen_clips):
    """Return what puts a library of fourteen clips where it is told to."""
    return lambda folder: shutil.copytree(_fourteen_clips, folder)
