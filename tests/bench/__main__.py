"""Measures speed and size beside named baselines of the same run, and prints each figure as it comes."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

from table import HEAD

# A module is loaded when its turn comes, so that none stands in the way of another's figures.
SECTIONS = {
    "bench_imports": "Import: user and system time of a fresh process, less that of a bare `python -c pass`",
    "bench_bundle": "Bundle: what the browser loads",
    "bench_sse": "Event stream decoder: processor time on one core",
    "bench_render": "Local engine: processor seconds of a clip of 8 s at 1280x720, medians of 3",
    "bench_inbetween": "In-betweens of two pictures: PSNR and SSIM against known frames, at 1/4, 1/2 and 3/4",
    "bench_library": "Library: the history as it is opened, on the kernel's side; medians of 7",
    "bench_page": "The widget: one JupyterLab, one Chromium; medians of alternated rounds unless said",
}


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))  # for lab.py
    begun, missed = time.monotonic(), 0
    for name, title in SECTIONS.items():
        say(f"\n{title}\n{'-' * len(HEAD)}\n{HEAD}")
        for row in importlib.import_module(name).rows():
            say(str(row))
            missed += row.missed
    say(
        f"\n{missed or 'No'} aim{'' if missed == 1 else 's'} missed; {time.monotonic() - begun:.0f} s in all."
    )


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - printing is what the program is for


if __name__ == "__main__":
    main()
