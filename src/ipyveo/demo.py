"""`ipyveo demo`: a first clip from the command line, then JupyterLab on the quickstart notebook."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from ipyveo.media.samples import sample_pictures

_PACKAGED = Path(__file__).with_name("quickstart.ipynb")  # put there by the wheel
_CHECKOUT = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"
_FIRST_PORT = 8888


def demo() -> int:
    """Make a clip of two sample pictures on the sandbox, then serve the quickstart notebook.

    Returns
    -------
    int
        The exit status: JupyterLab's, or 1 where it is not installed or the clip failed.
    """
    notebook = _notebook()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}
    _say("Two sample pictures and a sentence, on the sandbox (a local preview, not Veo):")
    command = _first_clip(notebook.parent)
    _say(f"  ipyveo {shlex.join(command)}")
    made = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "ipyveo", *command],
        cwd=notebook.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if made.returncode:
        return made.returncode
    _say(f"The video is in {made.stdout.strip()}\n")
    if importlib.util.find_spec("jupyterlab") is None:
        _say("JupyterLab is not installed here: pip install jupyterlab, then run `ipyveo demo` again.")
        return 1
    return _lab(notebook, environment)


def _notebook() -> Path:
    """Return the notebook to open: the checkout's own, or a copy of the packaged one to write in."""
    if not _PACKAGED.exists():
        return _CHECKOUT
    folder = Path.cwd() / "ipyveo-demo"
    folder.mkdir(exist_ok=True)
    copy = folder / _PACKAGED.name
    if not copy.exists():
        shutil.copyfile(_PACKAGED, copy)
    return copy


def _first_clip(folder: Path) -> list[str]:
    day, night = sample_pictures(folder)
    return [
        "generate",
        day.name,
        night.name,
        "--prompt",
        "Dusk falls over the harbour, lanterns light one by one",
        "--sandbox",
    ]


def _lab(notebook: Path, environment: dict[str, str]) -> int:
    port, token = _free_port(), secrets.token_hex(16)
    root = notebook.parent if _PACKAGED.exists() else notebook.parents[1]
    place = notebook.relative_to(root).as_posix()
    _say(f"JupyterLab: http://127.0.0.1:{port}/lab/tree/{place}?token={token}")
    _say("Run all cells, or drop pictures of your own. Ctrl+C ends it.\n")
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--LabApp.default_url=/lab/tree/{place}",
        "--ServerApp.log_level=WARN",
        "--ServerApp.answer_yes=True",
        "--allow-root",
    ]
    # The token goes through the environment: a command line can be read by every user of the machine.
    environment = {**environment, "JUPYTER_TOKEN": token}
    if os.name == "posix":
        # Becoming JupyterLab, rather than starting it, leaves no one behind that a signal would miss.
        os.execve(command[0], command, environment)  # noqa: S606 - our own command line
    return subprocess.call(command, env=environment)  # noqa: S603 - our own command line


def _free_port() -> int:
    for port in (_FIRST_PORT, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise OSError("no free port on this machine")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
