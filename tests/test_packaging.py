"""The package: built from a fresh clone by itself, installed without Node, showing the widget."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab import Lab, Notebook, browser

ROOT = Path(__file__).parents[1]
BUNDLE = ("widgets/static/widget.js", "widgets/static/widget.css")


def call(*command: object, **options: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=600, **options
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """What `python -m build` makes in a clone: no bundle, no node_modules, nothing but what git has."""
    clone = tmp_path_factory.mktemp("clone") / "ipyveo"
    clone.mkdir()
    # The files of the working tree that git knows, as a clone of the next commit would hold them.
    names = call("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes((ROOT / name).read_bytes())
    assert not (clone / "src/ipyveo/widgets/static").exists()
    call(sys.executable, "-m", "build", "--outdir", clone / "dist", cwd=clone)
    return clone / "dist"


def test_the_wheel_and_the_source_distribution_hold_the_page(dist):
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in BUNDLE if f"ipyveo/{name}" not in names] == []
    assert "ipyveo/py.typed" in names
    assert "ipyveo/quickstart.ipynb" in names
    assert not [
        name for name in names if name.startswith(("tests", "js", "notebooks")) or "node_modules" in name
    ]
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = [name.partition("/")[2] for name in archive.getnames()]
    assert [name for name in BUNDLE if f"src/ipyveo/{name}" not in inside] == []
    assert "js/src/index.ts" in inside
    assert not [name for name in inside if "node_modules" in name]


def test_the_page_is_at_most_20_kb_compressed(dist):
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        sizes = [len(gzip.compress(archive.read(f"ipyveo/{name}"))) for name in BUNDLE]
    assert sum(sizes) <= 20 * 1024


def test_a_checkout_refuses_a_page_that_is_older_than_its_sources(dist, tmp_path):
    clone = dist.parent
    shutil.copytree(clone, tmp_path / "checkout", ignore=shutil.ignore_patterns("node_modules"))
    command = [sys.executable, "-c", "import ipyveo.widgets.studio"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "checkout" / "src")}
    call(*command, env=environment)
    newer = (tmp_path / "checkout/src/ipyveo/widgets/static/widget.js").stat().st_mtime + 10
    os.utime(tmp_path / "checkout/js/src/studio.ts", (newer, newer))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "older than its sources. Run `npm run build` in js/." in done.stderr


@pytest.mark.browser
def test_a_clean_environment_without_node_shows_the_widget(dist, tmp_path):
    (wheel,) = dist.glob("*.whl")
    call(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    bare = {"PATH": str(tmp_path / "env" / "bin")}  # no Node, no npm, no git
    call(python, "-m", "pip", "install", "--quiet", wheel, "ipykernel", env={**os.environ, **bare})
    spec = tmp_path / "lab" / ".data" / "kernels" / "clean" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "clean", "language": "python", "env": bare}))
    with Lab(tmp_path / "lab") as lab, browser() as started:
        notebook = Notebook(
            lab,
            started.new_page(),
            "clean.ipynb",
            "from ipyveo import FramesToVideo\nFramesToVideo()",
            "import shutil, ipyveo\nprint(ipyveo.__file__, shutil.which('node'))",
            kernel="clean",
        )
        notebook.run_all()
        expect(notebook.studio().get_by_role("button", name="Generate", exact=True)).to_be_visible(
            timeout=60_000
        )
        expect(notebook.studio().get_by_text("Sandbox", exact=True)).to_be_visible(timeout=60_000)
        notebook.wait_for_output(1, "None")
        assert str(tmp_path / "env") in notebook.output(1).inner_text()
