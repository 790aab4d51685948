"""The whole loop in Notebook 7, with a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

import lab as real
from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
CELL = """
from ipyveo import FramesToVideo, VeoClient
client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0.3)
studio = FramesToVideo(client=client, library="clips")
studio
"""
PROMPT = "dusk falls, a b c d d x 1 2"  # every letter is a shortcut of the notebook


@pytest.fixture
def server(tmp_path):
    with real.Lab(tmp_path, front_end="notebook") as server:
        yield server


def plays(notebook: Notebook) -> None:
    """Play the take of the widget, from a copy in the page."""
    take = notebook.studio().get_by_role("group", name="Take 1", exact=True)
    expect(take).to_be_visible()
    video = take.locator("video")
    video.evaluate("(video) => video.play()")
    expect(video).to_have_attribute("src", re.compile("^blob:"))
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some((v) => v.currentTime > 0.2 && !v.error)"
    )


def test_two_pictures_and_a_sentence_become_a_playing_video_that_a_reload_brings_back(server, tab, pictures):
    notebook = Notebook(server, tab, "loop.ipynb", "1 + 1", CELL)
    notebook.run_cell(0)
    notebook.wait_for_output(0, "2")
    its_own = list(notebook.problems)  # Notebook 7 complains about itself while it starts
    notebook.run_cell(1)
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(pictures[0])
    studio.get_by_label("End frame", exact=True).set_input_files(pictures[1])
    expect(studio.get_by_role("button", name="Remove end frame", exact=True)).to_be_visible()
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    prompt.click()
    tab.keyboard.type(PROMPT, delay=20)
    expect(prompt).to_have_value(PROMPT)
    assert tab.locator(".jp-Cell").count() == 2
    studio.get_by_role("button", name="Generate", exact=True).click()
    plays(notebook)
    expect(tab.locator(".ipyveo-still")).to_be_hidden()  # it is for where nothing runs
    notebook.save()
    assert notebook.problems == its_own
    notebook.open()
    expect(notebook.studio().get_by_role("textbox", name="Prompt", exact=True)).to_have_value(PROMPT)
    expect(notebook.studio().get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    plays(notebook)
