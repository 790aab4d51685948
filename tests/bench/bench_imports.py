"""Measures what imports cost, each in a fresh process, beside the packages they cannot do without."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from tempfile import TemporaryDirectory

from table import Row

ROUNDS = 11
NOTHING = "pass"
PAIRS = [
    ("import ipyveo", "import httpx", 1.3),
    ("from ipyveo import VeoClient", "import httpx", 1.3),
    ("from ipyveo import FramesToVideo", "import anywidget", 1.6),
]


def run_compiled(statement: str, compiled: str) -> None:
    """Run a statement in a fresh process, whose modules are compiled in a folder of their own.

    Installed packages are compiled beforehand; a checkout need not be, and would look slower than it is.
    """
    environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)


def cpu_seconds(statement: str, compiled: str) -> float:
    """User and system time of the whole process, as the operating system counts it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_compiled(statement, compiled)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows() -> Iterator[Row]:
    taken: dict[str, list[float]] = {NOTHING: []}
    taken |= {statement: [] for pair in PAIRS for statement in pair[:2]}
    with TemporaryDirectory() as compiled:
        for number in range(ROUNDS + 1):
            for statement, times in taken.items():
                seconds = cpu_seconds(statement, compiled)
                if number > 0:  # the first round compiles
                    times.append(seconds)
    medians = {statement: median(times) * 1000 for statement, times in taken.items()}
    yield Row("(a bare `python -c pass`)", medians[NOTHING], "{:.0f} ms")
    for ours, theirs, aim in PAIRS:
        net, other = medians[ours] - medians[NOTHING], medians[theirs] - medians[NOTHING]
        yield Row(ours, net, "{:.0f} ms", theirs, other, at_most=aim)
