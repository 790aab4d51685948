"""The history in a real browser: a strip of posters, searched, used again, put away with undo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
SETUP = """
from ipyveo import FramesToVideo, VeoClient
client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0, quota=1000)
studio = FramesToVideo(client=client, library={name!r})
studio
"""


@pytest.fixture
def strip(lab, tab, request, fourteen_clips):
    """A widget whose library has fourteen clips, with its history open."""
    name = f"history-{abs(hash(request.node.name))}"
    fourteen_clips(lab.root / name)
    notebook = Notebook(lab, tab, f"{name}.ipynb", SETUP.format(name=name))
    notebook.problems.clear()
    notebook.run_cell(0)
    studio = notebook.studio()
    studio.get_by_role("button", name="Earlier clips", exact=True).click()
    expect(clips(studio)).to_have_count(12)
    return notebook, studio


def clips(studio):
    return studio.get_by_role("button", name=re.compile("^Use again: "))


def drawn(studio) -> None:
    """Wait until each poster of the strip is drawn."""
    studio.page.wait_for_function(
        "(strip) => [...strip.querySelectorAll('img')].every((picture) => picture.naturalWidth > 0)",
        arg=studio.locator(".iv-strip").element_handle(),
    )


def test_earlier_clips_are_seen_searched_and_used_again(strip):
    notebook, studio = strip
    drawn(studio)
    studio.get_by_role("button", name="Older", exact=True).click()
    expect(clips(studio)).to_have_count(14)
    expect(studio.get_by_role("button", name="Older", exact=True)).to_be_hidden()
    studio.get_by_role("searchbox", name="Search by prompt", exact=True).fill("dusk 1")
    expect(clips(studio)).to_have_count(3)
    drawn(studio)
    studio.get_by_role("button", name="Use again: dusk 11", exact=True).click()
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("dusk 11")
    expect(studio.locator(".iv-slot[data-state=filled]")).to_have_count(2)
    expect(studio.get_by_text("The form is as it was for this clip: dusk 11")).to_be_visible()
    # The very same is there: it can be shown, and nothing is made for it.
    studio.get_by_role("button", name="Show them", exact=True).click()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    studio.get_by_role("searchbox", name="Search by prompt", exact=True).fill("noon")
    expect(studio.get_by_text("No clips of such a prompt.")).to_be_visible()
    assert notebook.problems == []


def test_a_clip_is_put_away_and_brought_back_by_keys_alone(strip, tab):
    notebook, studio = strip
    first = clips(studio).first
    prompt = first.get_attribute("aria-label").removeprefix("Use again: ")
    for word, said in (("Hide", "Hidden"), ("Delete", "Deleted, and kept in the trash for a month")):
        first.focus()
        for _ in range(4):
            tab.keyboard.press("Tab")
            if tab.evaluate("() => document.activeElement.textContent") == word:
                break
        tab.keyboard.press("Enter")
        expect(studio.get_by_text(f"{said}: {prompt}")).to_be_visible()
        undo = studio.get_by_role("button", name="Undo", exact=True)
        expect(undo).to_be_focused()
        expect(clips(studio)).to_have_count(11)
        tab.keyboard.press("Enter")
        expect(studio.get_by_text(f"Back again: {prompt}")).to_be_visible()
        expect(first).to_be_focused()
    expect(clips(studio)).to_have_count(12)
    assert notebook.problems == []


def test_what_was_put_away_stays_away_and_the_next_page_misses_none(strip):
    _, studio = strip
    for _ in range(2):
        studio.get_by_role("button", name="Delete", exact=True).first.click()
        expect(studio.get_by_role("button", name="Undo", exact=True).last).to_be_visible()
    expect(clips(studio)).to_have_count(10)
    expect(studio.get_by_text(re.compile("^Deleted, and kept"))).to_be_visible()
    studio.get_by_role("button", name="Older", exact=True).click()
    expect(clips(studio)).to_have_count(12)
    toggle = studio.get_by_role("button", name="Earlier clips", exact=True)
    toggle.click()
    expect(clips(studio)).to_have_count(0)
    toggle.click()
    expect(clips(studio)).to_have_count(12)
    expect(studio.get_by_role("button", name="Undo", exact=True)).to_have_count(0)


def test_a_search_can_be_pasted_and_a_clip_that_could_not_be_deleted_is_there_again(strip, tab):
    notebook, studio = strip
    search = studio.get_by_role("searchbox", name="Search by prompt", exact=True)
    search.fill("dawn 12")
    expect(clips(studio)).to_have_count(1)
    search.press("Control+a")
    search.press("Control+x")
    search.press("Control+v")
    expect(search).to_have_value("dawn 12")
    expect(studio.get_by_text("1 clip of such a prompt.")).to_be_visible()
    (library,) = {path.parent for path in notebook.lab.root.glob(f"{notebook.path.stem}/*.mp4")}
    (library / ".trash").write_text("no folder")
    delete = studio.get_by_role("button", name="Delete", exact=True)
    expect(delete).to_have_accessible_description("dawn 12")
    delete.focus()
    tab.keyboard.press("Enter")
    expect(studio.get_by_text("Nothing was moved.")).to_be_visible()
    expect(clips(studio).first).to_be_focused()
    assert notebook.problems == []


def test_nothing_is_put_away_once_the_kernel_has_gone(strip, tab):
    _, studio = strip
    tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(studio.get_by_text("Disconnected. Run the cell again.").first).to_be_visible()
    studio.get_by_role("button", name="Delete", exact=True).first.click()
    expect(clips(studio)).to_have_count(12)


def test_the_strip_scrolls_by_itself_in_a_narrow_cell(strip, tab):
    _, studio = strip
    drawn(studio)
    tab.set_viewport_size({"width": 700, "height": 1200})
    page, strip_widths = (
        studio.evaluate(f"(root) => [{part}.scrollWidth, {part}.clientWidth]")
        for part in ("root", "root.querySelector('.iv-strip')")
    )
    assert page[0] <= page[1]
    assert strip_widths[0] > strip_widths[1]
