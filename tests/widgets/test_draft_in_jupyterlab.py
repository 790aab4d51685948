"""The draft in a real browser: beside Generate, playing before a credit is spent, by keys alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
SETUP = """
from ipyveo import FramesToVideo, VeoClient, sample_pictures
day, night = sample_pictures()
client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0)
studio = FramesToVideo(client=client, library="drafts")
studio
"""


def test_a_draft_plays_beside_the_form_until_the_real_take_comes(lab, tab):
    filled = "studio.start_image, studio.end_image = day, night"
    notebook = Notebook(lab, tab, "draft.ipynb", SETUP, filled)
    notebook.problems.clear()
    notebook.run_cell(0)
    studio = notebook.studio()
    preview = studio.get_by_role("button", name="Preview", exact=True)
    preview.focus()
    tab.keyboard.press("Enter")
    expect(studio.get_by_text("Choose a start frame first.").first).to_be_visible()
    expect(studio.locator("input[type=file]").first).to_be_focused()

    notebook.run_cell(1)
    expect(studio.locator(".iv-slot[data-state=filled]")).to_have_count(2)
    preview.click()
    draft = studio.get_by_role("group", name="Preview", exact=True)
    expect(draft).to_be_visible()
    expect(preview).to_be_visible()
    said = studio.get_by_role("status").filter(has_text="drawn on this machine, not Veo")
    expect(said).to_have_count(1)
    draft.get_by_role("button", name="Play preview", exact=True).click()
    tab.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert draft.locator("video").evaluate("(video) => [video.videoWidth, video.videoHeight]") == [640, 360]
    expect(draft.get_by_text("local preview")).to_be_visible()
    for none in ("Extend", "Code"):
        expect(draft.get_by_role("button", name=none, exact=True)).to_have_count(0)
    with tab.expect_download() as download:
        draft.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename.endswith(".mp4")

    studio.get_by_role("textbox", name="Prompt", exact=True).fill("slow push in")
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    expect(draft).to_have_count(0)
    assert notebook.problems == []
    assert [path.name for path in (lab.root / "drafts").glob("*.mp4")] != []
