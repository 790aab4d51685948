"""The seat of a widget: the cell that made it, by which it is known again in a later kernel."""

from __future__ import annotations

import hashlib
import os
import sys


def seat() -> str:
    """Return a name for the cell that is running, the same when it is run again; "" where no host tells.

    Jupyter's server names the notebook in ``JPY_SESSION_NAME``, and JupyterLab and Notebook name the cell in
    the request's metadata.
    """
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if not notebook or kernel is None:
        return ""
    metadata = kernel.get_parent().get("metadata") or {}
    cell = str(metadata.get("cellId") or "")
    return hashlib.sha256(f"{notebook} {cell}".encode()).hexdigest()[:16] if cell else ""
