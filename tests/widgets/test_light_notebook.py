"""What a notebook keeps of a widget: no key, no picture, no video, little in all, and something to see."""

from __future__ import annotations

import base64
import html
import json
import re

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

import lab as real
from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
LIMIT = 64 * 1024
STATE = "application/vnd.jupyter.widget-state+json"
HOSTILE = (
    "dusk <img src=x onerror=window.ran=1> <script>window.ran=1</script> "
    "$\\href{javascript:window.ran=1}{x}$ \u202ekcab"
)
SETUP = """
from pathlib import Path
from ipyveo import FramesToVideo, VeoClient, sample_pictures
day, night = sample_pictures()
client = VeoClient.sandbox(clip_seconds=1, stage_seconds=0)
studio = FramesToVideo(PICTURES, client=client, library="clips", number_of_videos=4, prompt=PROMPT)
studio
"""
SECRETS = """
Path('key.txt').write_text(client._find_endpoint().key.bearer().removeprefix('Bearer '))
frames = [frame for frame in (studio.start_image, studio.end_image) if frame is not None]
drawn = [data for frame in frames for data in (frame.thumbnail(), frame.fitted('16:9').data)]
for number, each in enumerate([*drawn, *(clip.poster() for clip in studio.clips)]):
    Path(f'secret-{number}').write_bytes(each)
print('WRITTEN')
"""


def by_page(notebook: Notebook, pictures) -> None:
    studio = notebook.studio()
    for label, picture in zip(("Start frame", "End frame"), pictures, strict=True):
        studio.get_by_label(label, exact=True).set_input_files(picture)
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("textbox", name="Prompt", exact=True).fill(HOSTILE)
    studio.get_by_role("button", name="Generate", exact=True).click()
    play(notebook)


def by_code(notebook: Notebook, _) -> None:
    notebook.set_cell(1, "clips = await studio.generate()")
    notebook.run_cell(1)
    notebook.set_cell(2, "clips[0]")
    notebook.run_cell(2)
    expect(notebook.output(2).get_by_role("region", name="Clip")).to_be_visible()
    play(notebook)


def failed(notebook: Notebook, _) -> None:
    notebook.studio().get_by_role("textbox", name="Prompt", exact=True).fill(f"{HOSTILE} [sandbox: 403-html]")
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_role("alert")).to_be_visible()


def play(notebook: Notebook) -> None:
    take = notebook.studio().get_by_role("group", name="Take 4", exact=True)
    take.locator("video").evaluate("(video) => video.play()")
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some((video) => video.currentTime > 0.2)"
    )


JOURNEYS = {
    "page": (SETUP.replace("PICTURES, ", "").replace("PROMPT", "''"), by_page, 4),
    "code": (SETUP.replace("PICTURES", "day, night").replace("PROMPT", repr(HOSTILE)), by_code, 5),
    "failed": (SETUP.replace("PICTURES", "day, night").replace("PROMPT", "''"), failed, 0),
}


@pytest.fixture(scope="module", params=[True, False], ids=["state saved", "state not saved"])
def lab(request, tmp_path_factory):
    with real.Lab(tmp_path_factory.mktemp("light"), save_state=request.param) as server:
        server.saves_state = request.param
        yield server


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_saved_notebook_is_light_holds_no_secret_and_shows_posters_where_nothing_runs(
    lab, tab, journey, pictures
):
    cell, go, posters = JOURNEYS[journey]
    notebook = Notebook(lab, tab, f"{journey}.ipynb", cell, "pass", "pass", SECRETS)
    notebook.run_cell(0)
    expect(notebook.studio()).to_be_visible()
    go(notebook, pictures)
    # The still is brought up to date as the run ends, beside the view.
    stills = notebook.page.locator(".ipyveo-still img")
    expect(stills).to_have_count(posters)
    expect(notebook.page.locator(".ipyveo-still").first).to_be_hidden()
    notebook.run_cell(3)
    notebook.wait_for_output(3, "WRITTEN")
    text = notebook.save()
    saved = json.loads(text)
    assert (STATE in saved["metadata"].get("widgets", {})) is lab.saves_state
    check_light(saved)
    check_secrets(lab, text)
    # What another program has written is not trusted: JupyterLab shows what its sanitiser lets through.
    other = saved["metadata"] | {"seen": "elsewhere"}
    (lab.root / f"{journey}-unknown.ipynb").write_text(
        json.dumps(saved | {"metadata": other, "cells": unknown(saved)})
    )
    page = tab.context.new_page()
    Notebook(lab, page, f"{journey}-unknown.ipynb")
    check_still(page, posters)
    # nbconvert's page, as a site shows it: whatever it asks the network for is not there.
    body, _ = HTMLExporter().from_filename(str(lab.root / f"{journey}.ipynb"))
    (lab.root / f"{journey}.html").write_text(body, "utf-8")
    tab.context.route(re.compile("^https:"), lambda route: route.abort())
    page.goto((lab.root / f"{journey}.html").as_uri())
    check_still(page, posters)


def unknown(saved) -> list[dict]:
    """Return a notebook's cells as somebody else may have written them."""
    return [{**cell, "source": ["# seen elsewhere\n", *cell["source"]]} for cell in saved["cells"]]


def check_light(saved) -> None:
    outputs = [output for cell in saved["cells"] for output in cell.get("outputs", [])]
    stills = [
        "".join(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})
    ]
    states = saved["metadata"].get("widgets", {}).get(STATE, {"state": {}})["state"].values()
    own = [
        {name: value for name, value in each["state"].items() if name not in ("_esm", "_css")}
        for each in states
    ]
    largest = max(len(json.dumps(each)) for each in own) if own else 0
    total = max(map(len, stills)) + largest
    print(f"\nlargest still {max(map(len, stills))}, largest state {largest}")  # noqa: T201 - its size is stated
    assert total < LIMIT


def check_secrets(lab, text: str) -> None:
    key = (lab.root / "key.txt").read_text()
    assert len(key) > 20
    assert key not in text
    files = [*lab.root.glob("secret-*"), *(lab.root / "clips").glob("*.mp4")]
    assert files
    for path in files:
        data = path.read_bytes()
        assert len(data) > 5000
        for shift in range(3):  # base64 has three alignments
            assert base64.b64encode(data[3000 + shift :])[8:60].decode() not in text
        assert data[3000:3040].decode("latin-1") not in text


def check_still(page, posters: int) -> None:
    images = page.locator(".ipyveo-still img")
    expect(images).to_have_count(posters)
    expect(page.locator(".ipyveo-still").first).to_be_visible()
    for image in images.all():
        assert image.evaluate("(image) => image.naturalWidth") > 100
    if posters:
        words = page.locator(".ipyveo-still").first.inner_text()
        assert "dusk <img src=x onerror=window.ran=1>" in words
        assert "16:9" in words
        assert "4 videos" in words
        assert "\u202e" not in words
    assert page.evaluate("() => window.ran") is None
    assert html.escape("<script>") in page.content() or not posters


def test_a_clip_that_is_embedded_says_its_size_first_and_plays_wherever_the_notebook_is_opened(lab, tab):
    cell, _, _ = JOURNEYS["code"]
    notebook = Notebook(
        lab, tab, "embedded.ipynb", cell, "clips = await studio.generate()\nclips[0].show(embed=True)"
    )
    notebook.run_all()
    check_embedded(notebook.output(1), HOSTILE.partition(" <")[0])
    saved = json.loads(notebook.save())
    (lab.root / "embedded-unknown.ipynb").write_text(json.dumps(saved | {"cells": unknown(saved)}))
    page = tab.context.new_page()
    check_embedded(Notebook(lab, page, "embedded-unknown.ipynb").output(1), "dusk")
    body, _ = HTMLExporter().from_filename(str(notebook.path))
    (lab.root / "embedded.html").write_text(body, "utf-8")
    tab.context.route(re.compile("^https:"), lambda route: route.abort())
    page.goto((lab.root / "embedded.html").as_uri())
    check_embedded(page.locator("body"), "dusk")


def check_embedded(shown, prompt: str) -> None:
    expect(shown.get_by_text("The video itself is in this output: 0.")).to_be_visible()
    video = shown.locator("video[src^='data:video/mp4']")
    expect(video).to_have_count(1)
    video.evaluate(
        """(video) => new Promise((resolve) => {
            video.ontimeupdate = () => { if (video.currentTime > 0.2) resolve(); };
            video.muted = true;
            video.play();
        })"""
    )
    words = shown.inner_text()
    assert words.index("The video itself") < words.rindex(prompt)
    assert shown.page.evaluate("() => window.ran") is None
