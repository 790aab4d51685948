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
import numbered
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


STATES = {"state saved": True, "state not saved": False}


@pytest.fixture(scope="module", params=STATES.values(), ids=STATES.keys())
def lab(request, tmp_path_factory):
    with real.Lab(tmp_path_factory.mktemp("light"), save_state=request.param) as server:
        server.saves_state = request.param
        yield server


def saved(*shown):
    """Each journey, with JupyterLab saving the page's state and without it: some, or all at length."""
    return [
        pytest.param(
            state,
            journey,
            id=f"{name}-{journey}",
            marks=[] if (name, journey) in shown else [pytest.mark.soak],
        )
        for name, state in STATES.items()
        for journey in JOURNEYS
    ]


@pytest.mark.parametrize(
    ("lab", "journey"), saved(("state saved", "page"), ("state not saved", "failed")), indirect=["lab"]
)
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
    clips = [path for path in lab.root.glob("clips/*.mp4") if path.stat().st_size > 5000]
    pictures = [*lab.root.glob("clips/pictures/*"), *lab.root.glob("sample-*.png")]
    shown = list(lab.root.glob("secret-*"))
    assert shown
    assert pictures
    for path in [*clips, *pictures, *shown]:
        assert kept(text, path.read_bytes()) == [], path.name


def kept(text: str, data: bytes) -> list[str]:
    """Return in which ways a notebook keeps a file: its head, or any of some pieces of it.

    Base64 is looked for at its three alignments, however its lines are broken; whatever else a notebook holds
    as base64, such as the buffers of a widget's state, is looked into.
    """
    assert len(data) > 5000
    starts = [0, 1, 2, *(len(data) * part // 16 + shift for part in range(1, 15) for shift in range(3))]
    pieces = [data[start : start + _PIECE] for start in starts]
    joined = re.sub(r'\\n|",\s*"', "", text)
    held = b"\0".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in _BASE64.findall(joined))
    ways = {
        "base64": any(base64.b64encode(piece).decode() in joined for piece in pieces),
        "base64 for addresses": any(base64.urlsafe_b64encode(piece).decode() in joined for piece in pieces),
        "in base64": any(piece in held for piece in pieces),
        "hexadecimal": any(piece.hex() in joined.lower() for piece in pieces),
        "numbers": any(", ".join(map(str, piece)) in re.sub(r",\s*", ", ", text) for piece in pieces),
        "letters": any(word in text for piece in pieces for word in spelt(piece.decode("latin-1"))),
        "a literal": any(word in text for piece in pieces for word in spelt(repr(piece)[2:-1])),
    }
    return [way for way, found in ways.items() if found]


_PIECE = 48  # bytes: long enough to be no chance, short enough to lie within a line or a chunk
_BASE64 = re.compile("[A-Za-z0-9+/]{64,}")


def spelt(text: str) -> list[str]:
    """Return the ways in which JSON spells a text."""
    return [json.dumps(text, ensure_ascii=each)[1:-1] for each in (True, False)]


def planted(way: str, data: bytes) -> object:
    """Return a file as a notebook might keep it."""
    encoded = base64.b64encode(b"xy" + data).decode()
    return {
        "base64": f"data:video/mp4;base64,{base64.b64encode(data).decode()}",
        "base64, aligned otherwise": encoded,
        "base64 in lines": base64.encodebytes(b"x" + data).decode(),
        "base64 in many texts": base64.encodebytes(data).decode().splitlines(),
        "base64 for addresses": base64.urlsafe_b64encode(data).decode(),
        "a buffer of the state": {"buffers": [{"encoding": "base64", "path": ["value"], "data": encoded}]},
        "hexadecimal": data.hex(),
        "numbers": list(data),
        "letters": data.decode("latin-1"),
        "a literal": repr(data),
    }[way]


WAYS = (
    "base64",
    "base64, aligned otherwise",
    "base64 in lines",
    "base64 in many texts",
    "base64 for addresses",
    "a buffer of the state",
    "hexadecimal",
    "numbers",
    "letters",
    "a literal",
)


@pytest.mark.parametrize("part", ["all", "its head", "its middle", "its end"])
@pytest.mark.parametrize("way", WAYS)
def test_the_search_finds_a_clip_that_was_planted(way, part, tmp_path):
    numbered.write(tmp_path / "clip.mp4", frames=24 * 8)
    data = (tmp_path / "clip.mp4").read_bytes()
    third = len(data) // 3
    middle = data[third:-third]
    pieces = {"all": data, "its head": data[:third], "its middle": middle, "its end": data[-third:]}
    saved = {"cells": [{"outputs": [{"data": {"text/html": planted(way, pieces[part])}}]}], "metadata": {}}
    for text in (json.dumps(saved), json.dumps(saved, ensure_ascii=False, indent=1)):
        assert kept(text, data) != []
    other = data[::-1]
    assert kept(json.dumps(saved), other) == []


def check_still(page, posters: int) -> None:
    images = page.locator(".ipyveo-still img")
    expect(images).to_have_count(posters)
    expect(page.locator(".ipyveo-still").first).to_be_visible()
    for image in images.all():  # each is read in its own time, also out of the page itself
        page.wait_for_function("(image) => image.naturalWidth > 100", arg=image.element_handle())
    if posters:
        words = page.locator(".ipyveo-still").first.inner_text()
        assert "dusk <img src=x onerror=window.ran=1>" in words
        assert "16:9" in words
        assert "4 videos" in words
        assert "\u202e" not in words
    assert page.evaluate("() => window.ran") is None
    assert html.escape("<script>") in page.content() or not posters


@pytest.mark.parametrize(
    "lab", [pytest.param(True, marks=pytest.mark.soak), False], ids=STATES.keys(), indirect=True
)
def test_a_clip_that_is_embedded_says_its_size_first_and_plays_wherever_the_notebook_is_opened(lab, tab):
    cell, _, _ = JOURNEYS["code"]
    notebook = Notebook(
        lab, tab, "embedded.ipynb", cell, "clips = await studio.generate()\nclips[0].show(embed=True)"
    )
    notebook.run_all()
    check_embedded(notebook.output(1), HOSTILE.partition(" <")[0])
    text = notebook.save()
    saved = json.loads(text)
    # What is put into the notebook on purpose is what the search of the other journeys finds.
    found = [kept(text, path.read_bytes()) for path in (lab.root / "clips").glob("*.mp4")]
    assert any({"base64", "in base64"} <= set(ways) for ways in found)
    assert [] in found
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
