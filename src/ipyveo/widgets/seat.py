"""The seat of a widget: the cell that runs, by which it is known when it is run again, in any kernel."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import Any

# How many seats the latest request of the notebook has asked for: a cell may make several widgets.
_counts: dict[str, int] = {}


def shell() -> Any:  # noqa: ANN401 - IPython's own, which must not be imported for this
    """Return IPython's shell where it belongs to a kernel, else None."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython is not None else None
    return found if getattr(found, "kernel", None) is not None else None


def hosted() -> bool:
    """Tell whether widgets have a page: of a kernel, or of another notebook that took that place."""
    comm = sys.modules.get("comm")
    host = "" if comm is None else str(comm.create_comm.__module__).partition(".")[0]
    return shell() is not None or host not in ("", "comm", "ipykernel")


def cell() -> tuple[str, str] | None:
    """Return the names of the running cell and of the request that runs it; None where no host tells.

    JupyterLab, Notebook and VS Code name the cell in the request's metadata.
    """
    found = shell()
    if found is None:
        return None
    parent = found.kernel.get_parent()
    name = str((parent.get("metadata") or {}).get("cellId") or "")
    return (name, str((parent.get("header") or {}).get("msg_id"))) if name else None


def seat() -> str:
    """Return a name for a widget of the running cell, the same when it is run again; "" where no host tells.

    Up to its full stop it is the same for all cells of a notebook. Jupyter's server names the notebook in
    ``JPY_SESSION_NAME``.
    """
    notebook, running = os.environ.get("JPY_SESSION_NAME", ""), cell()
    if not notebook or running is None:
        return ""
    name, request = running
    if request not in _counts:
        _counts.clear()
    _counts[request] = _counts.get(request, 0) + 1
    return f"{_digest(notebook)}.{_digest(f'{name} {_counts[request]}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
