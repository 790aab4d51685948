"""Framing as a person does it, in a real browser: what the page shows is what is sent."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from lab import Notebook

expect.set_options(timeout=30_000)
pytestmark = pytest.mark.browser

STUDIO = """
from ipyveo import FramesToVideo, VeoClient
client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0)
studio = FramesToVideo({picture!r}, prompt="dusk", client=client, library={library!r})
studio
"""
# What lies over the picture is not sent.
# And whole pixels, so that nothing but the picture differs.
BARE = """
.iv-caption, .iv-surface, .iv-icon { visibility: hidden !important; }
.iv-zone { border: 0 !important; border-radius: 0 !important; aspect-ratio: auto !important;
    width: WIDTHpx !important; height: HEIGHTpx !important; }
"""
ALIGN = """(zone) => {
    const { left, top } = zone.getBoundingClientRect();
    zone.style.transform = `translate(${Math.round(left) - left}px, ${Math.round(top) - top}px)`;
}"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    """A picture with something everywhere, soft enough to be scaled by anybody alike."""
    noise = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)
    path = tmp_path_factory.mktemp("scene") / "scene.png"
    Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC).save(path)
    return path


def shown(studio: Locator, ratio: str) -> Image.Image:
    zone = studio.locator(".iv-zone").first
    width, height = (320, 180) if ratio == "16:9" else (162, 288)
    bare = BARE.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    style = studio.page.add_style_tag(content=bare)
    zone.evaluate(ALIGN)
    taken = Image.open(io.BytesIO(zone.screenshot())).convert("RGB")
    style.evaluate("(node) => node.remove()")
    return taken


def difference(shown: Image.Image, sent: Image.Image) -> float:
    """Return the mean difference in levels."""
    scaled = sent.convert("RGB").resize(shown.size, Image.Resampling.LANCZOS)
    levels = np.abs(np.asarray(shown, np.float64) - np.asarray(scaled, np.float64))
    return float(levels.mean())


def latest_sent(folder: Path) -> Image.Image:
    (sheet,) = folder.glob("*.json")
    named = json.loads(sheet.read_text("utf-8"))
    assert named["request"]["pictures"]
    (sent,) = (path for path in (folder / "pictures").iterdir() if not path.name.startswith("original-"))
    return Image.open(sent)


FIRST = {("16:9", "Fill", 5), ("9:16", "Blur", 5)}
CASES = [
    pytest.param(*case, marks=[] if case in FIRST else [pytest.mark.soak])
    for case in itertools.product(("16:9", "9:16"), ("Fill", "Blur", "Bars"), (0, 5, 12))
]


@pytest.mark.parametrize(("ratio", "fit", "presses"), CASES)
def test_what_the_page_shows_is_what_is_sent(lab, tab, scene, ratio, fit, presses):
    name = f"{ratio[:2]}{fit}{presses}".replace(":", "")
    notebook = Notebook(lab, tab, f"shown-{name}.ipynb", STUDIO.format(picture=str(scene), library=name))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.locator("img.iv-picture").first).to_be_visible()
    studio.get_by_role("radio", name=ratio, exact=True).check(force=True)
    studio.get_by_role("button", name="Adjust start frame", exact=True).press("Enter")
    tools = studio.get_by_role("radiogroup", name="Fit of the start frame", exact=True)
    tools.get_by_role("radio", name=fit, exact=True).check(force=True)
    surface = studio.get_by_role("application", name=re.compile("Framing of the start frame"))
    surface.focus()
    for _ in range(presses):
        tab.keyboard.press("+")
    for _ in range(presses):
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("ArrowUp")
    if presses or fit != "Fill":
        expect(studio.locator("img.iv-drawn").first).to_be_visible()
    taken = shown(studio, ratio)
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert difference(taken, latest_sent(lab.root / name)) < 2


def test_a_picture_is_moved_by_the_pointer_and_shown_at_once_where_it_will_be(lab, tab, scene):
    notebook = Notebook(
        lab, tab, "drag.ipynb", STUDIO.format(picture=str(scene), library="drag"), "studio.start_image"
    )
    notebook.run_cell(0)
    studio = notebook.studio()
    picture = studio.locator("img.iv-picture").first
    expect(picture).to_be_visible()
    studio.get_by_role("button", name="Adjust start frame", exact=True).click()
    box = studio.locator(".iv-surface").first.bounding_box()
    before = picture.bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 100, box["y"] + 80, steps=4)
    assert picture.bounding_box()["y"] == pytest.approx(before["y"] + 20, abs=1.5)
    tab.mouse.up()
    tab.mouse.wheel(0, -400)
    expect(studio.get_by_role("slider", name="Zoom of the start frame", exact=True)).not_to_have_value("1")
    expect(studio.locator("img.iv-drawn").first).to_be_visible()
    notebook.run_cell(1)
    notebook.output(1).locator("img").first.wait_for()
    studio.get_by_role("button", name="Reset", exact=True).first.click()
    expect(studio.locator("img.iv-drawn").first).to_be_hidden()


DROP = """([slot, files]) => {
    const data = new DataTransfer();
    for (const [name, text] of files) {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: 'image/png' }));
    }
    const zone = document.querySelectorAll('.ipyveo .iv-zone')[slot];
    zone.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_two_pictures_dropped_at_once_are_start_and_end(lab, tab, pictures):
    notebook = Notebook(
        lab,
        tab,
        "two.ipynb",
        "from ipyveo import FramesToVideo, VeoClient\nFramesToVideo(client=VeoClient.sandbox())",
    )
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio).to_be_visible()
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in pictures]
    tab.evaluate(DROP, [1, files])
    start, end = studio.locator(".iv-slot").all()
    expect(start.get_by_text(pictures[0].name)).to_be_visible()
    expect(end.get_by_text(pictures[1].name)).to_be_visible()
    studio.get_by_role("button", name="End as start", exact=True).click()
    expect(end.get_by_text(pictures[0].name)).to_be_visible()
