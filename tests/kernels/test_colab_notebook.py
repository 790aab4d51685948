"""`colab.ipynb` in Colab's own set of packages; tests/test_notebooks.py runs it, and the others, in ours."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "colab.ipynb"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("kernel_set", ["colab"], indirect=True)
def test_the_notebook_for_colab_runs_from_top_to_bottom_in_its_packages(new_kernel):
    kernel = new_kernel()
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            kernel.do(cell.source, cell_id=cell.id)
    views = [data["text/plain"] for _, data in kernel.shown_data if VIEW in data]
    assert [view.split()[0] for view in views] == ["<FramesToVideo", "<Clip"]
    assert list(Path(os.environ["IPYVEO_LIBRARY"]).glob("*.mp4"))
