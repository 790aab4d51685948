"""Every way in for a picture, in a real browser: any size, over a line that breaks, pasted, by keys alone."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from lab import Notebook
from line import Line

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)

SETUP = """
from ipyveo import FramesToVideo, VeoClient
studio = FramesToVideo(client=VeoClient.sandbox(clip_seconds=0.5, stage_seconds=0), library={library!r})
studio
"""
DIGESTS = """
import hashlib
for frame in (studio.start_image, studio.end_image):
    print("HAS", frame and (frame.name, hashlib.sha256(frame.original()[0]).hexdigest()))
"""
# Every word that the slots say while a picture is on its way, in order.
WATCH = """() => {
    window.shares = [[], []];
    for (const [slot, node] of document.querySelectorAll('.ipyveo .iv-share').entries()) {
        const note = () => { if (!node.parentElement.hidden) window.shares[slot].push(node.textContent); };
        new MutationObserver(note).observe(node, { childList: true, characterData: true, subtree: true });
    }
}"""
# Resolves when the page has lost its kernel and has it again.
RECONNECTS = """() => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    window.reconnected = new Promise((resolve) => {
        let lost = false;
        kernel.connectionStatusChanged.connect((_, status) => {
            if (status === 'connected' && lost) resolve(true);
            lost ||= status !== 'connected';
        });
    });
}"""


def bitmap(path: Path, megabytes: int, seed: int = 1) -> Path:
    """Draw a picture whose file has this size: noise, uncompressed."""
    from PIL import Image

    side = int((megabytes * 1_000_000 / 3) ** 0.5)
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def has(path: Path) -> str:
    return f"HAS ({path.name!r}, '{hashlib.sha256(path.read_bytes()).hexdigest()}')"


def opened(lab, tab, name: str, *cells: str) -> tuple[Notebook, Locator]:
    """Open a notebook with an empty widget; its second cell says what the kernel has."""
    # From the first listener on, Playwright keeps the system's dialogue away; it does not wait for that.
    tab.on("filechooser", lambda _: None)
    notebook = Notebook(lab, tab, f"{name}.ipynb", SETUP.format(library=name), DIGESTS, *cells)
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio).to_be_visible()
    tab.evaluate(WATCH)
    return notebook, studio


def arrives(studio: Locator, slot: int = 0) -> None:
    expect(studio.locator("img.iv-picture").nth(slot)).to_be_visible(timeout=90_000)


def shares(tab, slot: int = 0) -> list[int]:
    """Give the percentages that a slot has shown."""
    said = tab.evaluate("(slot) => window.shares[slot]", slot)
    return [int(found[1]) for text in said if (found := re.fullmatch(r"Uploading (\d+) %", text))]


def choose(tab, button: Locator, path: Path) -> None:
    with tab.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(path)


@pytest.mark.parametrize(
    "megabytes", [12, *(pytest.param(size, marks=pytest.mark.soak) for size in (1, 40, 100))]
)
def test_a_picture_of_any_size_arrives_whole_and_its_way_is_shown(lab, tab, tmp_path, megabytes):
    picture = bitmap(tmp_path / "large.bmp", megabytes)
    notebook, studio = opened(lab, tab, f"large-{megabytes}")
    studio.get_by_label("Start frame", exact=True).set_input_files(picture)
    arrives(studio)
    seen = shares(tab)
    assert seen == sorted(seen)
    assert len(set(seen) - {0, 100}) >= min(10, megabytes)
    notebook.run_cell(1)
    notebook.wait_for_output(1, has(picture))
    assert notebook.problems == []


def test_the_usual_upload_loses_a_picture_of_12_megabytes_that_arrives_here(lab, tab, tmp_path):
    small, large = bitmap(tmp_path / "small.bmp", 1), bitmap(tmp_path / "large.bmp", 12)
    usual = "import ipywidgets\nusual = ipywidgets.FileUpload(description='Usual')\nusual"
    held = "print('HOLDS', [one['name'] for one in usual.value])"
    notebook, studio = opened(lab, tab, "usual", usual, held, held)
    notebook.run_cell(2)
    choose(tab, notebook.output(2).get_by_role("button", name="Usual (0)"), small)
    expect(notebook.output(2).get_by_role("button", name="Usual (1)")).to_be_visible()
    notebook.run_cell(3)
    notebook.wait_for_output(3, "HOLDS ['small.bmp']")
    tab.evaluate(RECONNECTS)
    choose(tab, notebook.output(2).get_by_role("button", name="Usual (1)"), large)
    tab.evaluate("() => window.reconnected")
    notebook.run_cell(4)
    notebook.wait_for_output(4, "HOLDS ['small.bmp']")
    studio.get_by_label("Start frame", exact=True).set_input_files(large)
    arrives(studio)
    notebook.run_cell(1)
    notebook.wait_for_output(1, has(large))


@pytest.mark.parametrize("megabytes", [12, pytest.param(100, marks=pytest.mark.soak)])
def test_an_upload_goes_on_over_a_line_that_breaks(lab, tab, tmp_path, megabytes):
    picture = bitmap(tmp_path / "large.bmp", megabytes)
    with Line(lab.port) as line:
        far = copy.copy(lab)
        far.port = line.port
        notebook, studio = opened(far, tab, f"broken-{megabytes}")
        tab.evaluate(RECONNECTS)
        line.break_after(megabytes * 400_000)
        studio.get_by_label("Start frame", exact=True).set_input_files(picture)
        tab.evaluate("() => window.reconnected")
        arrives(studio)
        assert line.breaks == 1
        # It went on from where it was, well before the middle, and not from the start.
        seen = shares(tab)
        assert 0 not in seen[seen.index(max(share for share in seen if share < 45)) :]
        notebook.run_cell(1)
        notebook.wait_for_output(1, has(picture))


def test_two_pictures_arrive_at_once(lab, tab, tmp_path):
    first, second = bitmap(tmp_path / "first.bmp", 12, seed=1), bitmap(tmp_path / "second.bmp", 12, seed=2)
    notebook, studio = opened(lab, tab, "two-at-once")
    studio.get_by_label("Start frame", exact=True).set_input_files(first)
    studio.get_by_label("End frame", exact=True).set_input_files(second)
    arrives(studio, 0)
    arrives(studio, 1)
    notebook.run_cell(1)
    notebook.wait_for_output(1, has(first))
    notebook.wait_for_output(1, has(second))


COPY_PICTURE = """async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const picture = new Blob([bytes], { type: 'image/png' });
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
}"""


def test_a_copied_picture_is_pasted_where_one_is_missing(lab, tab, pictures):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook, studio = opened(lab, tab, "paste")
    for slot, path in enumerate(pictures):
        tab.evaluate(COPY_PICTURE, base64.b64encode(path.read_bytes()).decode())
        studio.get_by_role("textbox", name="Prompt", exact=True).focus()
        tab.keyboard.press("Control+v")
        arrives(studio, slot)
        expect(
            studio.locator(".iv-slot").nth(slot).get_by_text("1920\N{MULTIPLICATION SIGN}1080")
        ).to_be_visible()
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("")
    assert notebook.problems == []


def test_a_copied_address_is_fetched_by_the_kernel_and_never_one_of_this_machine(lab, tab):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook, studio = opened(lab, tab, "address")
    address = f"http://127.0.0.1:{lab.port}/static/favicons/favicon.ico"
    tab.evaluate("(text) => navigator.clipboard.writeText(text)", address)
    studio.get_by_label("End frame", exact=True).focus()
    tab.keyboard.press("Control+v")
    expect(studio.get_by_role("alert")).to_contain_text("Nothing was sent")
    notebook.run_cell(1)
    notebook.wait_for_output(1, "HAS None")


def test_a_video_by_keys_alone_from_an_empty_form(lab, tab, pictures):
    _, studio = opened(lab, tab, "keys")
    studio.get_by_label("Start frame", exact=True).focus()
    for slot, name in enumerate(("Start frame", "End frame")):
        for _ in range(6):
            if tab.evaluate("document.activeElement.getAttribute('aria-label')") == name:
                break
            tab.keyboard.press("Tab")
        with tab.expect_file_chooser() as chooser:
            tab.keyboard.press("Enter")
        chooser.value.set_files(pictures[slot])
        arrives(studio, slot)
        expect(studio.get_by_label(name, exact=True)).to_be_focused()
    for _ in range(8):
        if tab.evaluate("document.activeElement.getAttribute('aria-label')") == "Prompt":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.type("dusk falls")
    for _ in range(3):
        tab.keyboard.press("Tab")
    expect(studio.get_by_role("button", name="Generate", exact=True)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    for _ in range(12):
        if tab.evaluate("document.activeElement.getAttribute('aria-label')") == "Play take 1":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => document.querySelector('video')?.currentTime > 0.2")


def test_camera_words_are_written_behind_the_prompt_and_can_be_taken_back(lab, tab):
    _, studio = opened(lab, tab, "camera")
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    prompt.focus()
    tab.keyboard.type("dusk falls")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    expect(studio.get_by_role("button", name="Camera", exact=True)).to_be_focused()
    tab.keyboard.press("Enter")
    words = studio.get_by_role("group", name="Camera words", exact=True)
    words.get_by_role("button", name="push in", exact=True).press("Enter")
    expect(words.get_by_role("button", name="push in", exact=True)).to_be_focused()
    words.get_by_role("button", name="slow", exact=True).press("Enter")
    expect(prompt).to_have_value("dusk falls, push in, slow")
    tab.keyboard.press("Escape")
    expect(words).to_be_hidden()
    expect(studio.get_by_role("button", name="Camera", exact=True)).to_be_focused()
    prompt.press("Control+z")
    expect(prompt).to_have_value("dusk falls, push in")


def test_the_prompts_of_a_notebook_are_there_again_in_a_new_kernel_and_in_no_other_notebook(
    lab, tab, pictures
):
    notebook, studio = opened(lab, tab, "earlier", "studio.start_image = " + repr(str(pictures[0])))
    notebook.run_cell(2)
    arrives(studio)
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    for words in ("dusk falls", "<b>dawn</b> comes"):
        prompt.fill(words)
        studio.get_by_role("button", name="Generate", exact=True).click()
        expect(studio.get_by_role("button", name="Generate", exact=True)).to_have_attribute(
            "aria-disabled", "true"
        )
        expect(studio.get_by_role("button", name="Generate", exact=True)).not_to_have_attribute(
            "aria-disabled", "true"
        )
    tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    notebook.run_cell(0)
    expect(studio.get_by_text("Disconnected")).to_have_count(0)
    prompt.fill("something else")
    studio.get_by_role("button", name="Earlier", exact=True).click()
    earlier = studio.get_by_role("group", name="Earlier prompts", exact=True)
    expect(earlier.get_by_role("button")).to_have_text(["<b>dawn</b> comes", "dusk falls"])
    earlier.get_by_role("button", name="dusk falls", exact=True).click()
    expect(prompt).to_have_value("dusk falls")
    expect(prompt).to_be_focused()
    tab.keyboard.press("Control+z")
    expect(prompt).to_have_value("something else")
    other = Notebook(lab, tab, "other.ipynb", SETUP.format(library="earlier"))
    other.run_cell(0)
    other.studio().get_by_role("button", name="Earlier", exact=True).click()
    expect(other.studio().get_by_text("Nothing was generated in this notebook yet.")).to_be_visible()
