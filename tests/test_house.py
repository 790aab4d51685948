"""The plan of the house holds: arrows point down, httpx stays in one file, import stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ipyveo"
FLOORS = [
    "errors",
    "readable",
    "network",
    "loop",
    "watched",
    "media",
    "engine",
    "api",
    "library",
    "generations",
    "sandbox",
    "widgets",
    "demo",
    "cli",
]
# The two upward reaches: a sandbox client starts the sandbox, and a clip shows itself in a notebook.
ALLOWED = {("api", "sandbox"), ("media", "widgets")}


def modules():
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem in FLOORS)


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", node
        elif isinstance(node, ast.Import):
            yield from ((name.name, node) for name in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_an_arrow_only_ever_points_down(path):
    above = {
        name.split(".")[1]
        for name, _ in imported(path)
        if name.startswith("ipyveo.") and FLOORS.index(name.split(".")[1]) > FLOORS.index(room(path))
    }
    assert {(room(path), other) for other in above} <= ALLOWED


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_package_stays_in_its_room(path):
    homes = {
        "httpx": {"network"},
        "anywidget": {"widgets"},
        "ipywidgets": {"widgets"},
        "IPython": {"widgets"},
        "cv2": {"engine"},
        "starlette": {"sandbox"},
        "uvicorn": {"sandbox"},
    }
    for name, _ in imported(path):
        assert room(path) in homes.get(name.split(".")[0], {room(path)})


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_says_first_what_it_is_for(path):
    assert (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").strip()


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import ipyveo", ["httpx", "PIL", "av", "numpy", "anywidget", "starlette", "uvicorn", "asyncio"]),
        (
            "from ipyveo import VeoClient",
            ["httpx", "PIL", "av", "numpy", "anywidget", "starlette", "uvicorn"],
        ),
        ("from ipyveo import generate", ["av", "anywidget", "starlette", "uvicorn"]),
    ],
)
def test_heavy_parts_load_when_they_are_first_used(statement, heavy):
    code = f"import sys; {statement}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_no_other():
    import ipyveo

    assert [name for name in ipyveo.__all__ if not hasattr(ipyveo, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = ipyveo.generat
