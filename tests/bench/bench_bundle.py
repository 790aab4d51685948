"""Measures the bundle: the module and its style sheet, as a server would compress them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from table import Row

from ipyveo.widgets.bundle import bundle

LIMIT_KB = 20.0


def rows() -> Iterator[Row]:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), mtime=0)) / 1024 for path in bundle()}
    yield from (Row(f"{name}, gzip", size, "{:.1f} KB") for name, size in sizes.items())
    yield Row("both, gzip", sum(sizes.values()), "{:.1f} KB", "the limit", LIMIT_KB, at_most=1)
