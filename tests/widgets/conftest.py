"""A JupyterLab and a browser for each file of browser tests."""

from __future__ import annotations

import pytest

import lab as real


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with real.Lab(tmp_path_factory.mktemp("lab"), save_state=True) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with real.browser() as started:
        yield started


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 1400}, accept_downloads=True)
    yield context.new_page()
    context.close()
