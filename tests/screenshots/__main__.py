"""Take a picture of each state of the widget, in every theme and three widths, and the README's own.

`make screenshots` runs it: a real JupyterLab on the sandbox, driven as a person would. The pictures go to
`build/screenshots`, the README's to `.github/widget.png`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import Browser, Locator, expect  # noqa: E402 - tests/ is put on the path first

from ipyveo.generations.stages import stage_words  # noqa: E402 - as above
from lab import THEMES, Lab, Notebook, browser  # noqa: E402 - as above

WIDTHS = (600, 900, 1400)
MARGIN = 130  # what JupyterLab takes beside an output cell
expect.set_options(timeout=30_000)

LONG_NAME = "a photograph of the harbour at noon, taken from the old lighthouse on the second day (final).png"
LONG_ERROR = (
    "event-text=" + "The upstream answered with a very long explanation of what it could not do. " * 12
)
SETUP = f"""
from pathlib import Path
import shutil
from ipyveo import FramesToVideo, VeoClient, generate, run, sample_pictures
day, night = sample_pictures()
long_name = shutil.copy(day, {LONG_NAME!r})
client = VeoClient.sandbox(clip_seconds=8, stage_seconds=1)
prompt = "A smooth transition from day to night, lanterns lighting one by one along the quay, slow push-in"

def past():
    quick = VeoClient.sandbox(clip_seconds=0.5, stage_seconds=0)
    words = ["dusk", "the harbour wakes", "a quiet tower", prompt, "\u05e2\u05e8\u05d1", "rain"]
    for each in words:
        shape = "9:16" if "tower" in each else "16:9"
        run(generate(day, night, prompt=each, aspect_ratio=shape, client=quick, library="past"))
    return "past"
"""
DRAWN = "day, night, prompt=prompt"
STUDIOS: dict[str, str] = {  # the arguments of the widget in each state; NAME in [sandbox: NAME] is a fault
    "empty": "library='clips'",
    "filled": "long_name, night, prompt=prompt, number_of_videos=2",
    "framing": "long_name, night, prompt=prompt",
    "running": f"{DRAWN} + ' [sandbox: stall]'",
    "percent": f"{DRAWN} + ' [sandbox: percentages, stall@processing]'",
    "checking": f"{DRAWN} + ' [sandbox: stall, drop@starting]'",
    "failed": f"{DRAWN} + ' [sandbox: unsafe]'",
    "failed-long": f"day, prompt=prompt + ' [sandbox: {LONG_ERROR}]'",
    "stopped": f"{DRAWN} + ' [sandbox: stall@starting]'",
    "draft": "long_name, night, prompt=prompt",
    "done": f"{DRAWN}, number_of_videos=2",
    "history": "library=past()",
    "done-portrait": "day, prompt=prompt, aspect_ratio='9:16', number_of_videos=4",
}


def adjust(studio: Locator) -> None:
    studio.get_by_role("button", name="Adjust start frame", exact=True).click()
    blur = studio.get_by_role("radiogroup", name="Fit of the start frame").get_by_role("radio", name="Blur")
    blur.check(force=True)
    expect(studio.locator("img.iv-drawn").first).to_be_visible()


def press(studio: Locator) -> None:
    studio.get_by_role("button", name="Generate", exact=True).click()


def run_until(stage: str) -> Callable[[Locator], None]:
    def ready(studio: Locator) -> None:
        press(studio)
        expect(studio.get_by_role("progressbar")).to_have_attribute("aria-valuetext", stage)

    return ready


def finish(studio: Locator) -> None:
    press(studio)
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible(timeout=120_000)
    expect(studio.locator("video[poster]").first).to_be_visible()


def fail(studio: Locator) -> None:
    press(studio)
    expect(studio.get_by_role("alert")).to_be_visible()
    studio.get_by_role("button", name="Details").click()


def stop(studio: Locator) -> None:
    run_until("Starting")(studio)
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_be_hidden()


def draft(studio: Locator) -> None:
    studio.get_by_role("button", name="Preview", exact=True).click()
    expect(studio.get_by_role("group", name="Preview", exact=True)).to_be_visible()
    expect(studio.locator("video[poster]").first).to_be_visible()


def look_back(studio: Locator) -> None:
    studio.get_by_role("button", name="Earlier clips", exact=True).click()
    expect(studio.locator(".iv-strip img[src]")).to_have_count(6)
    studio.get_by_role("button", name="Use again: the harbour wakes", exact=True).click()
    studio.get_by_role("button", name="Hide", exact=True).first.click()
    expect(studio.get_by_text("Hidden: rain")).to_be_visible()


REACH: dict[str, Callable[[Locator], None]] = {
    "empty": lambda _: None,
    "filled": lambda _: None,
    "framing": adjust,
    "running": run_until("Processing"),
    "percent": run_until("Processing"),
    "checking": run_until(stage_words("checking")),
    "failed": fail,
    "failed-long": fail,
    "stopped": stop,
    "done": finish,
    "draft": draft,
    "history": look_back,
    "done-portrait": finish,
}


def photograph(lab: Lab, started: Browser, theme: str, states: list[str], folder: Path) -> None:
    """Bring one notebook into each state, and take it at each width."""
    context = started.new_context(
        viewport={"width": WIDTHS[1] + MARGIN, "height": 1400},
        forced_colors="active" if theme == "contrast" else "none",  # as Windows does for its contrast themes
    )
    for state in states:
        page = context.new_page()
        notebook = Notebook(
            lab, page, f"{state}.ipynb", SETUP, f"FramesToVideo({STUDIOS[state]}, client=client)"
        )
        notebook.run_all()
        studio = notebook.studio()
        expect(studio).to_be_visible(timeout=60_000)
        expect(studio.get_by_text("Sandbox", exact=True)).to_be_visible()
        if state not in {"empty", "history"}:
            expect(studio.locator("img").first).to_be_visible()
        REACH[state](studio)
        for width in WIDTHS:
            page.set_viewport_size({"width": width + MARGIN, "height": 1400})
            page.mouse.move(2, 2)
            studio.screenshot(path=folder / f"{state}-{theme}-{width}.png")
            if (state, theme, width) == ("done", "light", 900):
                studio.screenshot(path=ROOT / ".github" / "widget.png")
        page.close()
        sys.stdout.write(f"{state} {theme}\n")
        sys.stdout.flush()
    context.close()


def main(states: list[str]) -> None:
    """Take the states named, or all of them."""
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    (ROOT / ".github").mkdir(exist_ok=True)
    for theme in THEMES:
        with (
            tempfile.TemporaryDirectory() as root,
            Lab(Path(root), theme=theme) as lab,
            browser() as started,
        ):
            photograph(lab, started, theme, states or list(STUDIOS), folder)
    sys.stdout.write(f"The pictures are in {folder}, and .github/widget.png is the README's.\n")


main(sys.argv[1:])
