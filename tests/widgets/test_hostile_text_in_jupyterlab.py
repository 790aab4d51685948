"""Hostile text on a page, in a real JupyterLab: it is text to be read, and what is beside it stays there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Dialog, Page, expect

import numbered
from far_side import Service, speaking
from lab import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
LIMIT = 64 * 1024
STATE = "application/vnd.jupyter.widget-state+json"
# `{there}` is a server that nobody is to ask.
MARKUP = (
    "dusk <img src={there}/a onerror=window.pwned=1> <svg onload=window.pwned=1> </textarea></script></pre>"
    "<script src={there}/b></script><script>window.pwned=1</script><link rel=stylesheet href={there}/c> "
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe> <a href=javascript:window.pwned=1>dusk</a> "
    '"onmouseover=window.pwned=1 style=background:url({there}/d) x=" &lt;b&gt; ${{window.pwned=1}} '
    "$\\href{{javascript:window.pwned=1}}{{dusk}}$ [x](javascript:window.pwned=1) ![]({there}/e)"
)
TURNED = "dusk \u202egnp.exe \u2067falls\u2066 \u200f(a) \u05e9\u05e7\u05d9\u05e2\u05d4 12"
TERMINAL = "dusk\x1b[31m red\x1b]8;;javascript:window.pwned=1\x07link\x1b]8;;\x07 a\0b"
KINDS = ["markup", *(pytest.param(name, marks=pytest.mark.soak) for name in ("turned", "terminal"))]
HOSTILE = "img[onerror], svg[onload], script, link, iframe, a[href^='javascript'], [onmouseover]"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>"
SETUP = """
from ipyveo import FramesToVideo, Library, VeoClient, run, sample_pictures
day, night = sample_pictures()
client = VeoClient("a-key-of-nobodys", "SERVICE")
studio = FramesToVideo(day, client=client, library="LIBRARY")
studio
"""
OUTPUTS = """
from IPython.display import display
(clip,) = studio.clips
print(clip, studio, studio.stage)
display(clip, Library("LIBRARY").to_dataframe(), studio.clips)
clip.show(embed=True)
"""
FAILING = "run(client.frames_to_video(day, prompt='dusk'))"


@dataclass
class Watched:
    """What tabs did that no text may make them do.

    Attributes
    ----------
    there
        The server that nobody is to ask.
    requests, dialogs
        The addresses that the pages asked for, and what they said in windows of their own.
    tabs
        How many a test has opened.
    """

    there: Service
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    tabs: int = 0

    def follow(self, page: Page) -> Page:
        """Watch a tab from now on."""
        self.tabs += 1
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._note)
        return page

    def _note(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check(self, notebook: Notebook) -> None:
        """See that nothing ran and nothing was asked for but of the notebook's own server."""
        page = notebook.page
        assert page.evaluate("() => window.pwned") is None
        assert self.dialogs == []
        assert self.there.asked == []
        home = f"://127.0.0.1:{notebook.lab.port}/"
        homes = (f"http{home}", f"ws{home}", "data:", "blob:")
        assert [url for url in self.requests if not url.startswith(homes)] == []
        assert len(page.context.pages) == self.tabs


@pytest.fixture
def watched(tab) -> Iterator[Watched]:
    with speaking() as there:
        found = Watched(there)
        found.follow(tab)
        yield found


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    """A service that calls everything as a test says."""
    with speaking() as started:
        path = tmp_path / "film.mp4"
        numbered.write(path, frames=24)
        started.film = path.read_bytes()
        yield started


def names(service: Service, text: str) -> None:
    video = {
        "id": text,
        "prompt": text,
        "file_url": f"{service.url}/film.mp4",
        "status": text,
        "created_at": text,
    }
    service.stream = [
        ("video_generation_status", {"status": text, "process_percentage": 34}),
        ("video_generation_complete", [{**video, "status": "completed"}, {**video, "status": "failed"}]),
    ]
    service.rows = [video]


def opened(lab, tab, service: Service, name: str, *cells: str) -> Notebook:
    setup = SETUP.replace("SERVICE", service.url).replace("LIBRARY", name)
    notebook = Notebook(lab, tab, f"{name}.ipynb", setup, *[cell.replace("LIBRARY", name) for cell in cells])
    tab.evaluate("() => { delete window.pwned; }")
    notebook.run_cell(0)
    expect(notebook.studio()).to_be_visible()
    return notebook


def choose(notebook: Notebook, name: str) -> None:
    """Choose a picture of this file name as the end frame."""
    picture = (notebook.lab.root / "sample-day.png").read_bytes()
    file = {"name": name, "mimeType": "image/png", "buffer": picture}
    notebook.studio().get_by_label("End frame", exact=True).set_input_files(file)


def shown_still(notebook: Notebook) -> str:
    """Return what a page says once it has had the time to draw two frames."""
    return notebook.page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.querySelector('.jp-Notebook').textContent))))"""
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_run_whose_every_word_is_hostile_is_only_text(lab, tab, service, watched, name):
    text = {"markup": MARKUP.format(there=watched.there.url), "turned": TURNED, "terminal": TERMINAL}[name]
    prompt = text.replace("\0", "")
    names(service, text)
    service.go.clear()
    notebook = opened(lab, tab, service, name, OUTPUTS, FAILING)
    studio = notebook.studio()
    choose(notebook, text.replace("/", "\u2215").replace("\0", "")[:200])
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    expect(studio.locator(".iv-name").nth(1)).to_contain_text("dusk")
    studio.get_by_role("textbox", name="Prompt", exact=True).fill(prompt)
    # While it goes, the service's own word is the stage.
    studio.get_by_role("button", name="Generate", exact=True).click()
    stage = studio.locator(".iv-now bdi")
    expect(stage).to_contain_text("dusk")
    assert stage.evaluate("(it) => it.childElementCount") == 0
    service.go.set()
    take = studio.get_by_role("group", name="Take 1", exact=True)
    expect(take).to_be_visible()
    check_take(take, text)
    studio.get_by_role("button", name="Earlier", exact=True).click()
    earlier = studio.get_by_role("group", name="Earlier prompts").get_by_role("button")
    expect(earlier).to_have_count(1)
    assert earlier.inner_text().startswith("dusk")
    # What cells show of it.
    notebook.run_cell(1)
    expect(notebook.output(1).locator("video[src^='data:video/mp4']")).to_have_count(1)
    expect(notebook.output(1).get_by_role("region", name="Clip")).to_be_visible()
    expect(notebook.output(1).locator("table")).to_be_visible()
    # An error in the same words.
    service.stream = [("error", {"error": f"{text}\n{text}"})]
    studio.get_by_role("button", name="Generate", exact=True).click()
    alert = studio.get_by_role("alert")
    expect(alert).to_contain_text("dusk")
    alert.get_by_role("button", name="Details").click()
    expect(alert.get_by_role("group", name="Details")).to_be_visible()
    notebook.run_cell(2)
    expect(notebook.output(2)).to_contain_text("GenerationFailedError")
    shown_still(notebook)
    for element in notebook.page.locator(".ipyveo").all():
        assert element.locator(HOSTILE).count() == 0
    watched.check(notebook)
    notebook.save()
    check_again(notebook, watched)


def check_take(take, text: str) -> None:
    """Look at everything that is told of a take: its code, its details, its caption, its file's name."""
    for kind in ("Code", "More", "curl", "Details"):
        take.get_by_role("button", name=kind, exact=True).click()
    for kind in ("Code", "curl", "Details"):
        panel = take.get_by_role("group", name=f"{kind} of take 1")
        expect(panel).to_contain_text("dusk")
        assert panel.evaluate("(it) => it.childElementCount") == 0
        assert not re.search("[\x00-\x08\x0b-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", panel.inner_text())
    caption = "(video) => video.textTracks[0].cues[0]"
    assert take.locator("video").evaluate(f"(video) => ({caption})(video).text").startswith("dusk")
    plain = take.locator("video").evaluate(f"(video) => ({caption})(video).getCueAsHTML().children.length")
    assert plain == 0
    with take.page.expect_download() as download:
        take.get_by_role("button", name="Download", exact=True).click()
    assert re.fullmatch(r"\d{8}-\d{6}-dusk[\w-]*-1\.mp4", download.value.suggested_filename), text


def check_again(notebook: Notebook, watched: Watched) -> None:
    """See the saved notebook where it is not trusted, and as nbconvert's page."""
    saved = json.loads(notebook.path.read_text("utf-8"))
    for cell in saved["cells"]:
        cell["source"] = ["# seen elsewhere\n", *cell["source"]]
    saved["metadata"]["seen"] = "elsewhere"
    notebook.path.write_text(json.dumps(saved), "utf-8")
    seen = Notebook(notebook.lab, watched.follow(notebook.page.context.new_page()), notebook.path.name)
    expect(seen.output(1)).to_contain_text("dusk")
    shown_still(seen)
    watched.check(seen)
    body, _ = HTMLExporter().from_filename(str(notebook.path))
    exported = notebook.path.with_suffix(".html")
    exported.write_text(body, "utf-8")
    page = watched.follow(notebook.page.context.new_page())
    page.context.route(re.compile("^https:"), lambda route: route.abort())
    page.goto(exported.as_uri())
    page.locator(".ipyveo-still").last.wait_for()
    assert page.evaluate("() => window.pwned") is None
    assert watched.there.asked == []
    assert watched.dialogs == []


def test_no_mark_and_no_letter_turns_its_neighbours_around(lab, tab, service, watched):
    """Where text stands in a row with other things, these stay on their sides of it."""
    names(service, TURNED)
    service.go.clear()
    notebook = opened(lab, tab, service, "sides", "studio.clips[0]")
    studio = notebook.studio()
    choose(notebook, "\u202e\u05e9\u05e7\u05d9\u05e2\u05d4 2.png")
    expect(studio.locator(".iv-name").nth(1)).to_contain_text("\u05e9")
    caption = studio.locator(".iv-caption").nth(1)
    assert in_a_row(caption, "End", "\u05e9", "1920", "1080", "fits")
    studio.get_by_role("textbox", name="Prompt", exact=True).fill(TURNED)
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.locator(".iv-now")).to_contain_text("dusk")
    assert in_a_row(studio.locator(".iv-panel-foot"), "34 %", "0:")
    service.go.set()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    notebook.run_cell(1)
    notebook.output(1).locator(".ipyveo-still").wait_for(state="attached")
    tab.add_style_tag(content=".ipyveo-still { display: block !important; visibility: visible !important; }")
    for still in notebook.page.locator(".ipyveo-still").all():
        still.evaluate("(it) => { for (let at = it; at; at = at.parentElement) at.hidden = false; }")
        assert in_a_row(still.locator("small").first, "Take 1", "640", "MB", "Veo")
    watched.check(notebook)


def in_a_row(element, *words: str) -> bool:
    """Tell whether words stand from the left to the right, on one line or on several."""
    places = element.evaluate(
        """(element, words) => words.map((word) => {
            const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf(word);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                const box = range.getBoundingClientRect();
                return [Math.round(box.top / 12), box.left];
            }
            return null;
        })""",
        list(words),
    )
    assert None not in places, (words, places)
    return places == sorted(places)


def test_what_is_dropped_is_fetched_by_nobody_if_it_lies_where_it_should_not(lab, tab, service, watched):
    names(service, "dusk")
    notebook = opened(lab, tab, service, "dropped")
    studio = notebook.studio()
    there = watched.there.url
    for kind, data, words in (
        ("text/html", f"<img src={there}/a.png onerror=window.pwned=1>", "private network"),
        ("text/uri-list", f"{there}/b.png", "private network"),
        ("text/uri-list", "javascript:window.pwned=1", "That was no picture."),
        ("text/uri-list", "file:///etc/passwd", "That was no picture."),
        ("text/html", "<script>window.pwned=1</script><iframe src=javascript:parent.pwned=1>", "no picture."),
        ("text/plain", f"data:image/svg+xml,{SVG}", "picture"),
    ):  # fmt: skip
        notebook.page.evaluate(
            """([kind, text]) => {
                const data = new DataTransfer();
                data.setData(kind, text);
                const zone = document.querySelectorAll('.iv-slot')[1];
                const options = { dataTransfer: data, bubbles: true, cancelable: true };
                zone.dispatchEvent(new DragEvent('drop', options));
            }""",
            [kind, data],
        )
        said = studio.locator(".iv-slot").nth(1).locator(".iv-message").or_(studio.get_by_role("alert"))
        expect(said.filter(has_text=words).first).to_be_visible()
    shown_still(notebook)
    watched.check(notebook)


def test_a_megabyte_of_text_freezes_no_page_and_is_in_no_notebook(lab, tab, service, watched):
    text = "dusk falls " * 2**17
    names(service, text)
    longer = "studio.prompt = 'dusk falls ' * 2**17"
    shown = "clips = studio.clips\nclips[0]"
    counted = "print(len(studio.prompt), len(clips[0].prompt), 'characters')"
    notebook = opened(lab, tab, service, "large", longer, shown, counted)
    studio = notebook.studio()
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    notebook.run_cell(1)
    expect(prompt).to_have_value(re.compile("…$"))
    studio.get_by_role("button", name="Generate", exact=True).click()
    take = studio.get_by_role("group", name="Take 1", exact=True)
    expect(take).to_be_visible()
    for kind in ("Code", "More", "curl", "Details"):
        take.get_by_role("button", name=kind, exact=True).click()
    expect(take.get_by_role("group", name="Code of take 1")).to_contain_text("dusk")
    notebook.run_cell(2)
    expect(notebook.output(2).get_by_role("region", name="Clip")).to_be_visible()
    notebook.run_cell(3)
    notebook.wait_for_output(3, "characters")
    assert notebook.output(3).inner_text().split()[:2] == [str(len(text))] * 2
    service.stream = [("error", text)]
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("alert")).to_contain_text("dusk")
    prompt.fill(text)  # as somebody pastes it
    assert 1000 < len(prompt.input_value()) <= 4000
    watched.check(notebook)
    saved = json.loads(notebook.save())
    check_room(saved)
    # Of what the page shows, only the code that somebody has opened may be long.
    tab.evaluate("() => { for (const code of document.querySelectorAll('.iv-code')) code.remove(); }")
    assert len(shown_still(notebook)) < 50_000
    assert max(len(problem) for problem in [*notebook.problems, ""]) < 5000


def check_room(saved) -> None:
    """See that each widget takes at most 64 KB of a notebook beyond its module, its outputs included."""
    states = [model["state"] for model in saved["metadata"]["widgets"][STATE]["state"].values()]
    rooms = [
        len(
            json.dumps(
                {name: value for name, value in state.items() if name not in ("_esm", "_css")}
            ).encode()
        )
        for state in states
    ]
    assert len(states) >= 2
    outputs = [len(json.dumps(cell["outputs"]).encode()) for cell in saved["cells"]]
    print(f"\nstates {rooms}, outputs {outputs}")  # noqa: T201 - its size is stated
    assert max(rooms) + max(outputs) < LIMIT


def test_what_watches_a_page_notices_what_runs_and_what_is_asked_for(lab, tab, service, watched):
    names(service, "dusk")
    notebook = opened(lab, tab, service, "control")
    watched.check(notebook)
    tab.evaluate(
        "(text) => { document.body.insertAdjacentHTML('beforeend', text); }",
        MARKUP.format(there=watched.there.url),
    )
    tab.wait_for_function("() => window.pwned === 1")
    with pytest.raises(AssertionError):
        watched.check(notebook)
    assert any(path in ("/a", "/c", "/d") for path in watched.there.asked)


@pytest.mark.parametrize("name", KINDS)
def test_the_strip_of_earlier_clips_shows_any_prompt_as_text(lab, tab, service, watched, name):
    text = {"markup": MARKUP.format(there=watched.there.url), "turned": TURNED, "terminal": TERMINAL}[name]
    names(service, "dusk")
    made = (
        f"(clip,) = run(generate(day, prompt={text.replace(chr(0), '')!r}, client=client, library='LIBRARY'))"
    )
    notebook = opened(
        lab, tab, service, f"strip-{name}", f"from ipyveo import generate\n{made}\nclip.path.name"
    )
    notebook.run_cell(1)
    notebook.wait_for_output(1, ".mp4")
    studio = notebook.studio()
    studio.get_by_role("button", name="Earlier clips").click()
    used = studio.get_by_role("button", name=re.compile("^Use again: dusk"))
    expect(used).to_have_count(1)
    assert re.fullmatch(
        r"Use again: [^\x00-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]+", used.get_attribute("aria-label")
    )
    for search in (text.replace("\0", ""), "<img src=x onerror=window.pwned=1>", "dusk"):
        studio.get_by_role("searchbox", name="Search by prompt").fill(search)
        expect(used).to_have_count(0 if search.startswith("<") else 1)
    studio.get_by_role("button", name="Hide", exact=True).click()
    expect(studio.get_by_text("Hidden: dusk")).to_be_visible()
    studio.get_by_role("button", name="Undo", exact=True).click()
    used.click()
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value(re.compile("^dusk"))
    for element in notebook.page.locator(".ipyveo").all():
        assert element.locator(HOSTILE).count() == 0
    shown_still(notebook)
    watched.check(notebook)
