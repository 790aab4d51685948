"""Measures the widget in a real JupyterLab: opening, upload, delivery, and a stage's way to the page."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from bench_imports import run_compiled
from PIL import Image
from table import Row

from lab import Lab, Notebook, browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
COLD_ROUNDS = 3
ROUNDS = 5
PICTURE_SIDE = 2000  # 12 MB: noise does not compress
FILMS_MB = (5, 60, 200)
FILM_ROUNDS = 3
MESSAGE_BYTES = 9_000_000  # one message just below the server's limit: the raw socket
FILE_BYTES = 100_000_000
STAGES = 320
WARM_STAGES = 20
COMPILED = ".compiled"  # in the kernel's folder
PREPARED = f"""
import os, sys
sys.dont_write_bytecode, sys.pycache_prefix = False, os.path.abspath({COMPILED!r})
"""
BARE = f"""{PREPARED}
sys.path.insert(0, {str(HERE)!r})
from kernel_side import Bare
bare = Bare()
bare
"""
STUDIO = f"""{PREPARED}
from ipyveo import FramesToVideo, VeoClient
studio = FramesToVideo(client=VeoClient.sandbox(), library="clips")
studio
"""
FILM = "film.mp4"
DRAW_CLIP = f"""
from pathlib import Path
from kernel_side import draw_clip, send_stages, show_clip
film = Path({FILM!r})
"""
SHOW_CLIP = "show_clip(studio, film)"
SEND_STAGES = f"await send_stages(studio, bare, {STAGES})"
MEMORY = "from kernel_side import peak_megabytes"
QUESTIONS = itertools.count()
BARE_CELL, STUDIO_CELL, DRAW_CELL, SHOW_CELL, SEND_CELL, MEMORY_CELL = range(6)


def opened(lab: Lab, page: Page, name: str, *cells: str) -> Notebook:
    """Open a notebook with a kernel of its own, and what the page needs for measuring."""
    notebook = Notebook(lab, page, name, *cells)
    page.evaluate((HERE / "page_side.js").read_text("utf-8"))
    return notebook


def cold_opening(lab: Lab, chromium: Browser) -> Iterator[Row]:
    taken: dict[str, list[float]] = {"bare": [], "studio": []}
    for number in range(COLD_ROUNDS):
        for kind, cell in (("bare", BARE), ("studio", STUDIO)):
            page = chromium.new_page()
            notebook = opened(lab, page, f"{kind}-{number}.ipynb", cell)
            taken[kind].append(notebook.page.evaluate("(kind) => bench.open(0, kind)", kind))
            page.close()
    other, value = (median(times) for times in taken.values())
    name = f"cell to usable widget, new kernel ({COLD_ROUNDS} rounds)"
    yield Row(name, value, "{:.0f} ms", "a bare anywidget", other)


def warm_opening(page: Page) -> Iterator[Row]:
    cells = {"bare": BARE_CELL, "studio": STUDIO_CELL}
    taken: dict[str, list[float]] = {kind: [] for kind in cells}
    for number in range(ROUNDS + 1):
        for kind, cell in cells.items():
            milliseconds = page.evaluate("([cell, kind]) => bench.open(cell, kind)", [cell, kind])
            if number > 0:
                taken[kind].append(milliseconds)
    other, value = (median(times) for times in taken.values())
    yield Row(
        f"cell to usable widget, run again ({ROUNDS} rounds)", value, "{:.0f} ms", "a bare anywidget", other
    )


def uploads(notebook: Notebook, picture: Path) -> Iterator[Row]:
    size, page = picture.stat().st_size, notebook.page
    there: list[float] = []
    seen: list[float] = []
    bare: list[float] = []
    single: list[float] = []
    for _ in range(ROUNDS):
        page.evaluate("(cell) => { bench.uploaded = bench.upload(cell); }", STUDIO_CELL)
        notebook.studio().get_by_label("Start frame", exact=True).set_input_files(picture)
        for times, milliseconds in zip((there, seen), page.evaluate("() => bench.uploaded"), strict=True):
            times.append(milliseconds)
        bare.append(page.evaluate("(size) => bench.bareUpload(size)", size))
        single.append(page.evaluate("(size) => bench.bareMessage(size)", MESSAGE_BYTES))
    raw = speed(MESSAGE_BYTES, single)
    beside, other = "bare messages, unpaced", speed(size, bare)
    name = f"picture of {size / 1e6:.0f} MB to the kernel"
    value = speed(size, there)
    yield Row(f"{name}, last byte", value, "{:.1f} MB/s", "one message of 9 MB", raw, at_least=0.5)
    yield Row(f"{name}, last byte", value, "{:.1f} MB/s", beside, other)
    yield Row(f"{name}, to its thumbnail", speed(size, seen), "{:.1f} MB/s", beside, other)


def upload_memory(notebook: Notebook, file: Path) -> Iterator[Row]:
    """What a file takes in the kernel on its way; it is no picture, so that none is decoded."""
    _, before = memory_megabytes(notebook)
    notebook.studio().get_by_label("Start frame", exact=True).set_input_files(file)
    notebook.page.evaluate("(cell) => bench.refused(cell)", STUDIO_CELL)
    size = file.stat().st_size / 1e6
    name = f"kernel memory for a file of {size:.0f} MB on its way"
    peak, _ = memory_megabytes(notebook)
    yield Row(name, peak - before, "{:.0f} MB", "the file", size, at_most=0.4)


def memory_megabytes(notebook: Notebook) -> tuple[float, float]:
    """Ask the kernel for its highest memory since it was asked last, and for that of now."""
    name = f"question-{next(QUESTIONS)}:"
    notebook.set_cell(MEMORY_CELL, f"{MEMORY}\nprint({name!r}, peak_megabytes(), peak_megabytes())")
    notebook.run_cell(MEMORY_CELL)
    _, peak, now = notebook.output(MEMORY_CELL).get_by_text(name).first.inner_text().split()
    return float(peak), float(now)


def deliveries(notebook: Notebook) -> Iterator[Row]:
    notebook.run_cell(DRAW_CELL)
    for megabytes in FILMS_MB:
        notebook.set_cell(DRAW_CELL, f"draw_clip(film, {megabytes * 1_000_000})\nprint('drawn', {megabytes})")
        notebook.run_cell(DRAW_CELL)
        notebook.wait_for_output(DRAW_CELL, f"drawn {megabytes}")
        yield from delivery(notebook, megabytes)


def delivery(notebook: Notebook, megabytes: int) -> Iterator[Row]:
    """One film, in the widget's parts, in one trait, and in messages that nobody paces."""
    page, size = notebook.page, megabytes * 1_000_000
    ways: dict[str, tuple[str, object]] = {
        "parts": ("(cell) => bench.deliver(cell)", STUDIO_CELL),
        "trait": ("(film) => bench.bareTrait(film)", FILM),
        "messages": ("(size) => bench.bareDelivery(size)", size),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    grown: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(FILM_ROUNDS):
        page.evaluate("() => { bench.old = document.querySelector('video'); }")
        notebook.run_cell(SHOW_CELL)
        page.wait_for_function(
            "() => [...document.querySelectorAll('video')].some((v) => v !== bench.old && v.poster)"
        )
        for way, (script, argument) in ways.items():
            _, before = memory_megabytes(notebook)
            taken[way].append(page.evaluate(script, argument))
            grown[way].append(memory_megabytes(notebook)[0] - before)
    value, trait, bare = (speed(size, times) for times in taken.values())
    name = f"clip of {megabytes} MB to its first frame shown"
    yield Row(name, value, "{:.1f} MB/s", "a single bytes trait", trait)
    yield Row(name, value, "{:.1f} MB/s", "bare messages, unpaced", bare)
    value, trait, bare = (max(sizes) for sizes in grown.values())
    name = f"kernel memory, a clip of {megabytes} MB (most of {FILM_ROUNDS})"
    yield Row(name, value, "{:.1f} MB", "a single bytes trait", trait)
    yield Row(name, value, "{:.1f} MB", "bare messages, unpaced", bare)


def stages(notebook: Notebook) -> Iterator[Row]:
    page = notebook.page
    page.evaluate(
        "([studio, bare]) => { bench.seen = bench.watchStamps(studio, bare); }", [STUDIO_CELL, BARE_CELL]
    )
    notebook.run_cell(SEND_CELL)
    page.wait_for_function(
        "(count) => bench.seen.stages.length >= count && bench.seen.stamps.length >= count", arg=STAGES
    )
    seen = page.evaluate("() => bench.seen")
    value, other = (quantiles(seen[kind][WARM_STAGES:], n=20) for kind in ("stages", "stamps"))
    beside, name = "a bare trait change", f"stage event to page, {STAGES - WARM_STAGES} events"
    yield Row(f"{name}, p50", value[9], "{:.1f} ms", beside, other[9])
    yield Row(f"{name}, p95", value[18], "{:.1f} ms", beside, other[18], at_most=2)


def speed(size: int, milliseconds: list[float]) -> float:
    """Megabytes a second, of the median time."""
    return size / 1000 / median(milliseconds)


def draw_noise(path: Path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (PICTURE_SIDE, PICTURE_SIDE, 3), np.uint8)
    Image.fromarray(noise).save(path, compress_level=1)
    return path


def rows() -> Iterator[Row]:
    with TemporaryDirectory() as folder, Lab(Path(folder)) as lab, browser() as chromium:
        run_compiled("import anywidget; from ipyveo import FramesToVideo", str(Path(folder, COMPILED)))
        yield from cold_opening(lab, chromium)
        page = chromium.new_page(viewport={"width": 1100, "height": 1400})
        notebook = opened(
            lab, page, "measures.ipynb", BARE, STUDIO, DRAW_CLIP, SHOW_CLIP, SEND_STAGES, MEMORY
        )
        yield from warm_opening(page)
        yield from uploads(notebook, draw_noise(Path(folder, "noise.png")))
        Path(folder, "noise.bin").write_bytes(os.urandom(FILE_BYTES))
        yield from upload_memory(notebook, Path(folder, "noise.bin"))
        yield from deliveries(notebook)
        yield from stages(notebook)
