"""What axe-core has to say about the page: nothing serious in any state, in both themes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

import lab as real
from lab import Notebook

expect.set_options(timeout=30_000)
pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
SETUP = """
from ipyveo import FramesToVideo, VeoClient, sample_pictures
day, night = sample_pictures()
client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0.2)
studio = FramesToVideo(client=client, library="clips")
studio
"""
FILLED = "studio.start_image, studio.end_image, studio.prompt = day, night, {prompt!r}"
FILLED += "; studio.number_of_videos = 2"


@pytest.fixture(
    params=["light", *(pytest.param(theme, marks=pytest.mark.soak) for theme in ("dark", "contrast"))]
)
def themed_lab(request, tmp_path):
    with real.Lab(tmp_path, theme=request.param) as server:
        yield server


def serious(studio: Locator) -> list[str]:
    """Return what axe-core calls serious or critical within the widget."""
    found = studio.evaluate(
        """async (root) => {
            const { violations } = await window.axe.run(root, { resultTypes: ['violations'] });
            return violations.map(({ id, impact, nodes }) => [id, impact, nodes.map((node) => node.html)]);
        }"""
    )
    return [f"{rule}: {nodes}" for rule, impact, nodes in found if impact in ("serious", "critical")]


def test_no_state_of_the_page_has_a_serious_fault(themed_lab, tab):
    prompts = ["dusk [sandbox: stall@starting]", "dusk [sandbox: unsafe]", "dusk"]
    cells = [FILLED.format(prompt=prompt) for prompt in prompts]
    notebook = Notebook(themed_lab, tab, "axe.ipynb", SETUP, *cells)
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio).to_be_visible()
    tab.evaluate(AXE.read_text("utf-8"))
    studio.evaluate("(root) => root.append(document.createElement('button'))")
    assert serious(studio) != []  # a button without a name: it does look
    studio.evaluate("(root) => root.lastChild.remove()")
    assert serious(studio) == []

    generate = studio.get_by_role("button", name="Generate", exact=True)
    notebook.run_cell(1)
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Adjust start frame", exact=True).click()
    expect(studio.get_by_role("slider", name="Zoom of the start frame", exact=True)).to_be_visible()
    assert serious(studio) == []
    generate.click()
    expect(studio.get_by_role("progressbar")).to_be_visible()
    assert serious(studio) == []
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    expect(studio.get_by_role("group", name="Left behind", exact=True)).to_be_visible()
    assert serious(studio) == []

    notebook.run_cell(2)
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value(prompts[1])
    generate.click()
    expect(studio.get_by_role("alert")).to_be_visible()
    assert serious(studio) == []

    notebook.run_cell(3)
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value(prompts[2])
    generate.click()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert serious(studio) == []
    studio.get_by_role("combobox", name="View", exact=True).select_option("Wipe 1 | 2")
    expect(studio.get_by_role("slider", name="Wipe", exact=True)).to_be_visible()
    for name in ("More", "Details"):
        studio.get_by_role("group", name="Take 1", exact=True).get_by_role("button", name=name).click()
    expect(studio.get_by_role("group", name="Details of take 1", exact=True)).to_contain_text("Measured")
    assert serious(studio) == []

    studio.get_by_role("button", name="Earlier clips", exact=True).click()
    expect(studio.get_by_role("button", name="Use again: dusk", exact=True).last).to_be_visible()
    studio.get_by_role("button", name="Hide", exact=True).first.click()
    expect(studio.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    assert serious(studio) == []
