"""A real JupyterLab and a real browser, driven as a person would: for tests, benchmarks and screenshots."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_SECONDS = 90
# Each front end's module, its name among the settings, and where its page of one notebook lies.
FRONT_ENDS = {
    "lab": ("jupyterlab", "LabApp", "doc/tree"),
    "notebook": ("notebook", "JupyterNotebookApp", "notebooks"),
}
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}


class Lab:
    """JupyterLab on a folder of its own, without any key in its environment.

    Parameters
    ----------
    root
        The folder it serves; its settings lie there too.
    theme
        One of `THEMES`.
    save_state
        True to save the widgets' state in notebooks, as the menu's "Save Widget State Automatically" does.
    front_end
        One of `FRONT_ENDS`: JupyterLab, or Notebook 7, which is built of the same parts.
    """

    def __init__(
        self, root: Path, *, theme: str = "light", save_state: bool = False, front_end: str = "lab"
    ) -> None:
        self.root = root
        module, app, self._pages = FRONT_ENDS[front_end]
        self.token = secrets.token_hex(8)
        self._write_settings(theme, save_state=save_state)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
        environment |= {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_CONFIG_DIR": str(root / ".config"),
            "JUPYTER_RUNTIME_DIR": str(root / ".runtime"),
            "JUPYTER_DATA_DIR": str(root / ".data"),
            "JUPYTERLAB_SETTINGS_DIR": str(root / ".settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / ".workspaces"),
        }
        self._log = (root / ".lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                module,
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={root}",
                f"--{app}.expose_app_in_browser=True",
                "--ContentsManager.allow_hidden=False",
            ],
            cwd=root,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _write_settings(self, theme: str, *, save_state: bool) -> None:
        settings = {
            "apputils-extension/themes": {"theme": THEMES[theme]},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "docmanager-extension/plugin": {"autosave": False},
        }
        for name, values in settings.items():
            path = self.root / ".settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        path = self.root / ".settings" / "@jupyter-widgets" / "jupyterlab-manager"
        path.mkdir(parents=True, exist_ok=True)
        (path / "plugin.jupyterlab-settings").write_text(json.dumps({"saveState": save_state}))

    def _wait(self) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=2).close()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((self.root / ".lab.log").read_text()[-3000:])

    def url(self, name: str) -> str:
        """Return the address of a notebook, alone on the page."""
        return f"http://127.0.0.1:{self.port}/{self._pages}/{name}?token={self.token}"

    def close(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def chromium() -> str:
    """Return the browser of this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("There is no Chromium on this machine.")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_OPTIONS)
        yield started
        started.close()


class Notebook:
    """One notebook, open in one tab.

    Parameters
    ----------
    lab
        The server.
    page
        A tab.
    name
        The file's name; made anew with `cells` unless it is there already.
    cells
        The source of each code cell.
    kernel
        The kernel's name.
    """

    def __init__(self, lab: Lab, page: Page, name: str, *cells: str, kernel: str = "python3") -> None:
        self.lab, self.page, self.path = lab, page, lab.root / name
        self.problems: list[str] = []
        if cells:
            notebook = nbformat.v4.new_notebook()
            notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
            notebook.cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells]
            nbformat.write(notebook, self.path)
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.on("console", lambda said: self._note(said.type, said.text, said.location.get("url", "")))
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        self.open()

    def _note(self, kind: str, text: str, url: str) -> None:
        if kind == "error" or "ipyveo" in text.lower():
            self.problems.append(f"{kind}: {text} ({url})")

    def open(self) -> None:
        """Load the page and wait for an idle kernel."""
        self.page.goto(self.lab.url(self.path.name))
        self.page.locator(".jp-Notebook").wait_for()
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                return panel?.sessionContext?.session?.kernel?.status === 'idle';
            }"""
        )

    def run_all(self) -> None:
        """Run all cells; returns at once."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run_cell(self, index: int) -> None:
        """Select a cell and run it; returns at once."""
        self.page.evaluate(
            """(index) => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.activeCellIndex = index;
                window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def set_cell(self, index: int, source: str) -> None:
        """Write a cell's source."""
        self.page.evaluate(
            """([index, source]) => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.widgets[index].model.sharedModel.setSource(source);
            }""",
            [index, textwrap.dedent(source).strip()],
        )

    def wait_for_output(self, index: int, text: str) -> None:
        """Wait until a cell has printed a text."""
        self.output(index).get_by_text(text).first.wait_for()

    def output(self, index: int) -> Locator:
        """Return the output area of a cell."""
        return self.page.locator(".jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def studio(self, index: int = 0) -> Locator:
        """Return the widget, the `index`-th on the page."""
        return self.page.get_by_role("region", name="Frames to video", exact=True).nth(index)

    def save(self) -> str:
        """Save the notebook and return its text."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return self.path.read_text("utf-8")
