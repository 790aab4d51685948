"""A cell that is run again, in a real JupyterLab: what it showed before is gone, and nothing else is."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
RERUNS = 50
SETUP = """
from ipyveo import FramesToVideo, VeoClient, run, sample_pictures
day, night = sample_pictures()
client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0)
first = FramesToVideo(day, night, prompt="dusk", client=client, library="again")
clips = await first.generate()
"""
STUDIO = """
studio = FramesToVideo(day, night, prompt="dusk", client=client, library="again")
studio
"""
CLIP = "clips[0]"
BOX = "import ipywidgets; ipywidgets.VBox([studio])"
# What a page says of its views comes in a moment, and is acted upon in the background.
STATE = """
import asyncio
from ipyveo.loop import on_background
async with asyncio.timeout(30):
    while not (CONDITION):
        await asyncio.sleep(0.02)
await on_background(asyncio.sleep(0))
print(studio.prompt, "closed" if studio.comm is None else "open")
"""
CLOSED = STATE.replace("CONDITION", "studio.comm is None")
ONE_VIEW = STATE.replace("CONDITION", "len(studio._views) == 1 and studio.prompt == 'night falls'")
NO_VIEW = STATE.replace("CONDITION", "not studio._views")
COUNTS = """
import asyncio, json, threading
from ipyveo.widgets.page_widget import PageWidget
from ipywidgets.widgets.widget import _instances
async with asyncio.timeout(30):  # what has been closed says its last words first
    while sum(isinstance(each, PageWidget) for each in _instances.values()) > 2:  # the first, and one
        await asyncio.sleep(0.02)
names = sorted(thread.name for thread in threading.enumerate())
threads = [name for name in names if "asyncio_" not in name]  # a pool for files, of a fixed size
print("COUNTS", json.dumps([len(_instances), len(threads)]))
"""
# How many comms the page has open to the kernel: one for each model.
MODELS = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel._comms.size"
WATCH_BLOBS = """() => {
    window.blobs = new Set();
    const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = (blob) => { const url = make.call(URL, blob); window.blobs.add(url); return url; };
    URL.revokeObjectURL = (url) => { window.blobs.delete(url); revoke.call(URL, url); };
}"""


def run_again(notebook: Notebook, index: int) -> None:
    """Run a cell and wait until it has been run to its end."""
    notebook.page.evaluate(
        """async (index) => {
            const panel = window.jupyterapp.shell.currentWidget;
            panel.content.activeCellIndex = index;
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        index,
    )


def counts(notebook: Notebook, index: int) -> list[int]:
    """Return the models and the threads of the kernel, once what was shown before is closed."""
    run_again(notebook, index)
    text = notebook.output(index).locator("pre").first
    expect(text).to_contain_text("COUNTS")
    return json.loads(re.search(r"COUNTS (.*)", text.inner_text())[1])


@pytest.mark.parametrize(
    ("name", "cell", "region"),
    [
        ("studio", STUDIO, "Frames to video"),
        pytest.param("clip", CLIP, "Clip", marks=pytest.mark.soak),
    ],
)
def test_fifty_times_leave_no_growth(lab, tab, name, cell, region):
    notebook = Notebook(lab, tab, f"fifty-{name}.ipynb", SETUP, cell, COUNTS, COUNTS)
    tab.evaluate(WATCH_BLOBS)
    view = notebook.output(1).get_by_role("region", name=region, exact=True)
    run_again(notebook, 0)
    for _ in range(3):
        run_again(notebook, 1)
        expect(view.locator("img, video[poster]").first).to_be_visible()
    models, threads = counts(notebook, 2)
    tab.wait_for_function("() => window.blobs.size > 0")
    blobs = tab.evaluate("() => window.blobs.size")
    models_of_page = tab.evaluate(MODELS)
    for _ in range(RERUNS):
        run_again(notebook, 1)
    expect(view.locator("img, video[poster]").first).to_be_visible()
    after = counts(notebook, 3)
    assert after[0] == models
    assert after[1] <= threads
    tab.wait_for_function("(before) => window.blobs.size <= before", arg=blobs)
    tab.wait_for_function(f"(before) => ({MODELS})() === before", arg=models_of_page)


def test_a_widget_that_another_cell_shows_stays(lab, tab):
    notebook = Notebook(lab, tab, "elsewhere.ipynb", SETUP, STUDIO, "studio", ONE_VIEW)
    for cell in range(3):
        run_again(notebook, cell)
    prompt = notebook.output(2).get_by_role("textbox", name="Prompt", exact=True)
    expect(prompt).to_be_visible()
    notebook.set_cell(1, "print('nothing of it')")
    run_again(notebook, 1)
    notebook.wait_for_output(1, "nothing of it")
    prompt.fill("night falls")
    run_again(notebook, 3)
    notebook.wait_for_output(3, "night falls open")


def test_a_widget_in_a_box_stays(lab, tab):
    notebook = Notebook(lab, tab, "box.ipynb", SETUP, STUDIO, BOX, ONE_VIEW)
    for cell in range(3):
        run_again(notebook, cell)
    notebook.set_cell(1, "print('nothing of it')")
    run_again(notebook, 1)
    notebook.wait_for_output(1, "nothing of it")
    notebook.output(2).get_by_role("textbox", name="Prompt", exact=True).fill("night falls")
    run_again(notebook, 3)
    notebook.wait_for_output(3, "night falls open")


@pytest.mark.parametrize("shown", ["studio", pytest.param(BOX, marks=pytest.mark.soak)])
def test_one_that_was_closed_comes_back_with_its_takes_when_it_is_shown_again(lab, tab, shown):
    notebook = Notebook(
        lab, tab, f"back-{len(shown)}.ipynb", SETUP, "studio = first\nstudio", CLOSED, shown, ONE_VIEW
    )
    run_again(notebook, 0)
    run_again(notebook, 1)
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    notebook.set_cell(1, "print('nothing of it')")
    run_again(notebook, 1)
    run_again(notebook, 2)
    notebook.wait_for_output(2, "dusk closed")
    run_again(notebook, 3)
    take = notebook.studio().get_by_role("group", name="Take 1", exact=True)
    take.locator("video").evaluate("(video) => video.play()")
    tab.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    notebook.studio().get_by_role("textbox", name="Prompt", exact=True).fill("night falls")
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_text("made in")).to_be_visible()
    run_again(notebook, 4)
    notebook.wait_for_output(4, "night falls open")


def test_one_with_a_run_going_stays_until_its_end(lab, tab):
    slow = STUDIO.replace('"dusk"', '"dusk [sandbox: stall@starting]"')
    notebook = Notebook(lab, tab, "going.ipynb", SETUP, slow, NO_VIEW, "studio.stop()", CLOSED)
    run_again(notebook, 0)
    run_again(notebook, 1)
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_role("progressbar")).to_be_visible()
    notebook.set_cell(1, "print('nothing of it')")
    run_again(notebook, 1)
    run_again(notebook, 2)
    notebook.wait_for_output(2, "open")
    run_again(notebook, 3)
    run_again(notebook, 4)
    notebook.wait_for_output(4, "closed")
