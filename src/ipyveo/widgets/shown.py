"""Which cell shows which widgets, so that a cell that is run again closes what it showed before."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from ipyveo.widgets.seat import cell, shell


class Shown(Protocol):
    """What a cell shows."""

    def retire(self) -> None:
        """Go, as soon as nobody sees it: no cell shows it any more."""
        ...


# Of each cell, what it shows, and the request that showed it last.
_cells: dict[str, dict[Shown, str]] = {}
_lock = threading.Lock()
_listening: list[Any] = []  # the shell whose cells are watched


def note(widget: Shown) -> None:
    """Note that the running cell shows a widget."""
    running = cell()
    if running is None:
        return
    name, request = running
    with _lock:
        if not _listening:
            _listening.append(shell())
            _listening[0].events.register("post_run_cell", _clear)
        _cells.setdefault(name, {})[widget] = request


def _clear(*_: object) -> None:
    """Let go of what a cell that has just been run showed before, unless it or another cell shows it now."""
    running = cell()
    if running is None:
        return
    name, request = running
    with _lock:
        old = [widget for widget, last in _cells.get(name, {}).items() if last != request]
        for widget in old:
            del _cells[name][widget]
        gone = [widget for widget in old if not any(widget in shown for shown in _cells.values())]
    for widget in gone:
        widget.retire()
