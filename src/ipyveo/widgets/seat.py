"""The seat of a widget: the cell that made it, by which it is known again in a later kernel."""

from __future__ import annotations

import hashlib
import os
import sys

# How many seats the latest request of the notebook has asked for: a cell may make several widgets.
_counts: dict[str, int] = {}


def seat() -> str:
    """Return a name for a widget of the running cell, the same when it is run again; "" where no host tells.

    Up to its full stop it is the same for all cells of a notebook.

    Jupyter's server names the notebook in ``JPY_SESSION_NAME``, and JupyterLab and Notebook name the cell in
    the request's metadata.
    """
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if not notebook or kernel is None:
        return ""
    parent = kernel.get_parent()
    cell = str((parent.get("metadata") or {}).get("cellId") or "")
    if not cell:
        return ""
    request = str((parent.get("header") or {}).get("msg_id"))
    if request not in _counts:
        _counts.clear()
    _counts[request] = _counts.get(request, 0) + 1
    return f"{_digest(notebook)}.{_digest(f'{cell} {_counts[request]}')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
