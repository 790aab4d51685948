"""Films on their way to the page, in a real JupyterLab: whole, and with the kernel's memory flat."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from lab import Notebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is asked of Linux"),
]

expect.set_options(timeout=30_000)
BENCH = Path(__file__).parents[1] / "bench"
FLAT_MEGABYTES = 25  # whatever the film's size; a busy machine was seen to add 10 to a film of 20
LONGEST_MS = 120_000


def cell(megabytes: int) -> str:
    return f"""
    import sys
    from pathlib import Path
    from ipyveo import FramesToVideo, VeoClient
    sys.path.insert(0, {str(BENCH)!r})
    from kernel_side import draw_clip, peak_megabytes, show_clip
    film = Path("film-{megabytes}.mp4")
    draw_clip(film, {megabytes * 1_000_000})
    studio = FramesToVideo(client=VeoClient.sandbox(), library="clips")
    show_clip(studio, film)
    studio
    """


def peak_megabytes(notebook: Notebook, name: str) -> float:
    """Ask the kernel for its highest memory since it was asked last; `name` is this question's own."""
    notebook.set_cell(2, f"print({name!r}, peak_megabytes())")
    notebook.run_cell(2)
    return float(notebook.output(2).get_by_text(name).first.inner_text().split()[1])


def film(notebook: Notebook, view: int) -> Locator:
    """Return the film of a view, its poster there: making that takes memory of its own."""
    video = notebook.studio(view).get_by_role("group", name="Take 1", exact=True).locator("video")
    expect(video).to_have_js_property("readyState", 0)
    notebook.page.wait_for_function("(video) => video.poster !== ''", arg=video.element_handle())
    return video


def play(notebook: Notebook, video: Locator) -> None:
    video.evaluate("(video) => video.play()")
    notebook.page.wait_for_function(
        "(video) => video.currentTime > 0.2 && !video.error", arg=video.element_handle(), timeout=LONGEST_MS
    )


def arrived(video: Locator) -> str:
    """Return the SHA-256 of what a video plays."""
    return video.evaluate(
        """async (video) => {
            const data = await (await fetch(video.src)).arrayBuffer();
            const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
            return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        }"""
    )


@pytest.mark.parametrize("megabytes", [60, pytest.param(200, marks=pytest.mark.soak)])
def test_a_film_plays_in_two_views_and_after_a_reload_with_the_kernels_memory_flat(lab, tab, megabytes):
    notebook = Notebook(lab, tab, f"film-{megabytes}.ipynb", cell(megabytes), "studio", "")
    notebook.run_cell(0)
    expect(notebook.studio(0)).to_be_visible(timeout=LONGEST_MS)
    notebook.run_cell(1)
    first, second = film(notebook, 0), film(notebook, 1)
    whole = hashlib.sha256((lab.root / f"film-{megabytes}.mp4").read_bytes()).hexdigest()

    peak_megabytes(notebook, "drawn")
    before = peak_megabytes(notebook, "before")
    play(notebook, first)
    play(notebook, second)
    assert arrived(first) == arrived(second) == whole
    assert peak_megabytes(notebook, "played") - before < FLAT_MEGABYTES

    notebook.save()
    notebook.open()
    again = film(notebook, 0)
    peak_megabytes(notebook, "reloaded")
    before = peak_megabytes(notebook, "again")
    play(notebook, again)
    assert arrived(again) == whole
    assert peak_megabytes(notebook, "ended") - before < FLAT_MEGABYTES
