"""Measures how a library of 5,000 clips opens: its first page and a search, beside one of five clips."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from table import Row

from ipyveo import Library

FEW, MANY, ROUNDS = 5, 5_000, 7
LIMIT_MS = 100.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(folder: Path, count: int) -> Path:
    """Draw a library: real sheets beside tiny files."""
    folder.mkdir()
    for number in range(count):
        created = BEGAN + timedelta(minutes=number)
        stem = f"{created.astimezone():%Y%m%d-%H%M%S}-dusk-falls-over-the-lake-1"
        (folder / f"{stem}.mp4").write_bytes(b"tiny")
        prompt = f"dusk falls over the lake, lanterns light one by one, {number}"
        sheet = {"id": f"clip-{number}", "prompt": prompt, "width": 1280, "height": 720, "duration": 8.0}
        sheet |= {"fps": 24.0, "size": 4, "created_at": created.isoformat(), "engine": "veo"}
        sheet |= {"request": {"prompt": prompt, "aspect_ratio": "16:9", "number_of_videos": 1}}
        (folder / f"{stem}.json").write_text(json.dumps(sheet, indent=2))
    return folder


def milliseconds(ask: Callable[[Library], object], folder: Path) -> float:
    """Ask a library that has read nothing yet."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        library = Library(folder)
        begun = time.perf_counter()
        ask(library)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def rows() -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        few, many = fill(Path(folder, "few"), FEW), fill(Path(folder, "many"), MANY)
        first = milliseconds(Library.history, many)
        yield Row(f"first page of {MANY}, the limit", first, "{:.1f} ms", "the limit", LIMIT_MS, at_most=1)
        opened = milliseconds(Library.history, few)
        yield Row(f"first page of {MANY}", first, "{:.1f} ms", f"first page of {FEW}", opened)
        search = milliseconds(lambda library: library.history("lanterns 4999"), many)
        everything = milliseconds(Library.clips, many)
        yield Row(f"search of {MANY}", search, "{:.0f} ms", "reading all of them", everything)
        library = Library(many)
        library.clips()
        begun = time.perf_counter()
        library.history("lanterns 17")
        again = (time.perf_counter() - begun) * 1000
        yield Row(f"search of {MANY}, once read", again, "{:.0f} ms", "the first search", search)
