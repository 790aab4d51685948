"""The kernels people have: a real one for each set of packages, spoken to as a page and a notebook do."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from PIL import Image

from ipyveo import VeoClient

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SETS = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.txt"))}
PATIENCE_SECONDS = 60.0


@dataclass
class Cell:
    """A cell that was sent, and what it has said so far, on stdout and stderr."""

    text: str = ""
    trouble: str = ""
    over: bool = False


@dataclass
class Model:
    """A widget as its page knows it."""

    id: str
    state: dict[str, Any]
    seen: list[str] = field(default_factory=list)  # each status it has had
    said: list[dict[str, Any]] = field(default_factory=list)

    def take(self, data: dict[str, Any]) -> None:
        if data.get("method") == "update":
            self.state |= data["state"]
            if "status" in data["state"]:
                self.seen.append(data["state"]["status"])
        elif data.get("method") == "custom":
            self.said.append(data["content"])


class Kernel:
    """One running kernel of a set.

    Parameters
    ----------
    name
        The set's name.
    folder
        Where it works and where its files go.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._log = (folder / "log").open("wb")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
        # A history of its own: those of IPython 7 and 9 do not get on in one file.
        environment |= {"IPYTHONDIR": str(folder / "ipython")}
        if name == "ipykernel-7.3":  # of which a kernel may hang for good: what is there says why
            environment |= {"PYTHONPATH": str(Path(__file__).parent / "mended")}
        self.manager = KernelManager(
            kernel_name=name,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(_specs(folder))]),
            connection_file=str(folder / "connection.json"),
        )
        self.manager.shutdown_wait_time = 10.0  # twice Jupyter's own, for a machine that is busy with tests
        self.manager.start_kernel(
            cwd=str(folder), env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self.process: subprocess.Popen[bytes] = self.manager.provisioner.process
        self._cells: dict[str, Cell] = {}
        self.models: dict[str, Model] = {}
        self.shown_data: list[tuple[str, dict[str, Any]]] = []  # displays and their updates, in order
        self.closed: set[str] = set()  # the models that went
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(PATIENCE_SECONDS)
        info = self.client.kernel_info(reply=True, timeout=PATIENCE_SECONDS)["content"]
        self.has_subshells = "kernel subshells" in info.get("supported_features", ())
        self._subshell = self._new_subshell() if self.has_subshells else None

    def _new_subshell(self) -> str:
        """Open the thread that JupyterLab has a page's messages handled in."""
        request = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=PATIENCE_SECONDS)
            if reply["parent_header"].get("msg_id") == request["msg_id"]:
                return reply["content"]["subshell_id"]

    def begin(self, source: str, cell_id: str | None = None) -> Cell:
        """Send a cell, with its name if it has one; it waits there for those before it."""
        cell = Cell()
        content = {"code": textwrap.dedent(source), "silent": False, "allow_stdin": False}
        # Else a kernel drops what it is sent shortly after a cell failed, though its idleness was told.
        content["stop_on_error"] = False
        request = self.client.session.msg("execute_request", content)
        request["metadata"] = {} if cell_id is None else {"cellId": cell_id}
        self._cells[request["header"]["msg_id"]] = cell
        self.client.shell_channel.send(request)
        return cell

    def do(self, source: str, cell_id: str | None = None) -> str:
        """Run a cell to its end and give what it said."""
        cell = self.begin(source, cell_id)
        self.until(lambda: cell.over)
        assert not cell.trouble, cell.trouble
        return cell.text.strip()

    def until(self, true: Callable[[], object]) -> None:
        """Take in what the kernel says until something is so."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < ends, f"it never came to it; {list(self.models.values())}"
            with contextlib.suppress(queue.Empty):
                self._take(self.client.get_iopub_msg(timeout=0.1))

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        cell = self._cells.get(message["parent_header"].get("msg_id"), Cell())
        if kind == "stream":
            cell.text += content["text"]
        elif kind == "error":
            cell.trouble = "\n".join(content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            cell.over = True
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self.shown_data.append((kind, content["data"]))
        elif kind == "comm_close":
            self.closed.add(content["comm_id"])
        elif kind == "comm_open":
            self.models[content["comm_id"]] = Model(content["comm_id"], content["data"].get("state", {}))
        elif kind == "comm_msg":
            self.models[content["comm_id"]].take(content["data"])

    def shown(self, source: str) -> Model:
        """Run a cell that makes `studio`, and give what its page gets."""
        return self.models[self.do(source + "\nprint(studio.model_id)")]

    def say(self, model: Model, buffer: bytes | None = None, **content: Any) -> None:
        """Send a message of the page to its widget, as JupyterLab does."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": model.id, "data": data})
        if self._subshell is not None:
            message["header"]["subshell_id"] = self._subshell
        buffers = None if buffer is None else [buffer]
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)

    def shut_down(self) -> None:
        """Ask it to end, as Jupyter does, and say in `process.returncode` how it went."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self._log.close()


def _specs(folder: Path) -> Path:
    for name in SETS:
        python = ROOT / "build" / "kernels" / name / "bin" / "python"
        spec = folder / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))
    return folder / "kernels"


@pytest.fixture(scope="session", params=SETS)
def kernel_set(request) -> str:
    if not (ROOT / "build" / "kernels" / request.param / ".ready").exists():
        pytest.fail(f"There is no environment for {request.param}: run `make kernels` first.")
    return request.param


@pytest.fixture
def new_kernel(kernel_set, tmp_path_factory):
    """Start kernels that a test ends itself."""
    started = []

    def start() -> Kernel:
        started.append(Kernel(kernel_set, tmp_path_factory.mktemp(kernel_set)))
        return started[-1]

    yield start
    for kernel in started:
        if kernel.process.returncode is None:
            kernel.shut_down()


@pytest.fixture(scope="session")
def kernel(kernel_set, tmp_path_factory) -> Kernel:
    """A kernel that the tests of its set share."""
    kernel = Kernel(kernel_set, tmp_path_factory.mktemp(kernel_set))
    yield kernel
    kernel.shut_down()
    assert kernel.process.returncode == 0


@pytest.fixture(scope="session")
def small_pictures(tmp_path_factory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("small")
    for name, colour in (("day.png", "skyblue"), ("night.png", "midnightblue")):
        Image.new("RGB", (640, 360), colour).save(folder / name)
    return str(folder / "day.png"), str(folder / "night.png")


@pytest.fixture
def setup(client, small_pictures, tmp_path) -> str:
    """Source that a cell begins with: pictures, this test's library, and the sandbox of the tests."""
    return f"""
import itertools
from ipyveo import FramesToVideo, VeoClient, generate, recover, run
day, night = {small_pictures!r}
client = VeoClient({_key(client)!r}, {client.base_url!r})
folder = {str(tmp_path)!r}
numbers = itertools.count()
def shot(prompt="dusk falls"):  # each in other words: of the very same one, a warning says so
    return generate(day, night, prompt=f"{{prompt}} {{next(numbers)}}", client=client, library=folder)
def widget(prompt="dusk falls"):
    return FramesToVideo(day, night, prompt=prompt, client=client, library=folder)
"""


def _key(client: VeoClient) -> str:
    return client._find_endpoint().key.bearer().removeprefix("Bearer ")
