"""The command line, as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FREE = {name: value for name, value in os.environ.items() if not name.startswith("GENAIPRO_")}


def ipyveo(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ipyveo", *map(str, arguments)],
        cwd=cwd,
        env={**FREE, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """`ipyveo sandbox`, as started in another terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ipyveo", "sandbox", "--port", "0"],
        env=FREE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("server"),
    )
    address = next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
    yield address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_one_command_makes_a_clip_and_says_where_it_is(pictures, tmp_path):
    done = ipyveo(
        "generate", *pictures, "--prompt", "dusk falls", "--sandbox", "--out", "clips", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.parent == tmp_path / "clips"
    assert path.stat().st_size > 10_000
    stages = [line.split("  ")[-1] for line in done.stderr.splitlines()]
    assert stages == ["Starting", "Uploading images", "Processing", "Downloading"]


def test_a_sandbox_in_another_terminal_serves_every_command(server, pictures, tmp_path):
    there = {"GENAIPRO_BASE_URL": server, "GENAIPRO_API_KEY": "any-key-will-do"}
    made = ipyveo(
        "generate", pictures[0], "--prompt", "slow push in", "--aspect-ratio", "9:16", "-n", 2, "--json",
        cwd=tmp_path, **there,
    )  # fmt: skip
    clips = json.loads(made.stdout)
    assert [(clip["width"], clip["height"], clip["engine"]) for clip in clips] == [(720, 1280, "sandbox")] * 2
    assert all(Path(clip["path"]).exists() for clip in clips)
    history = ipyveo("history", cwd=tmp_path, **there)
    assert history.stdout.count("slow push in") == 2
    assert (
        json.loads(ipyveo("history", "--json", cwd=tmp_path, **there).stdout)[0]["prompt"] == "slow push in"
    )
    left = json.loads(ipyveo("credits", "--json", cwd=tmp_path, **there).stdout)
    assert left["remaining"] == left["quota"] - 2
    assert "credits left" in ipyveo("credits", cwd=tmp_path, **there).stdout
    for text in (made.stdout, made.stderr, history.stdout):
        assert "any-key-will-do" not in text


def test_a_fault_is_one_sentence_and_status_1(server, pictures, tmp_path):
    there = {"GENAIPRO_BASE_URL": server, "GENAIPRO_API_KEY": "any-key-will-do"}
    done = ipyveo(
        "generate", pictures[0], "--prompt", "dusk [sandbox: unsafe]", "--json", cwd=tmp_path, **there
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The service refused this prompt or picture as unsafe.")
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"] == "ContentRejectedError"
    assert json.loads(done.stdout)["maybe_charged"] is False


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        (["generate", "{day}", "--prompt", "dusk", "-n", "5"], "from 1 to 4"),
        (["generate", "{day}", "--prompt", "dusk", "--aspect-ratio", "4:3"], "16:9"),
        (["generate", "{day}", "--prompt", "  "], "prompt is empty"),
        (["generate", "missing.png", "--prompt", "dusk"], "missing.png"),
        (["generate", "--prompt", "dusk"], "START"),
        (["generate", "{day}"], "--prompt"),
        (["generate", "{text}", "--prompt", "dusk"], "notes.png"),
        ([], "COMMAND"),
        (["fly"], "fly"),
    ],
)
def test_wrong_usage_is_status_2_and_nothing_is_made(pictures, tmp_path, arguments, piece):
    (tmp_path / "notes.png").write_text("not a picture")
    words = [word.format(day=pictures[0], text="notes.png") for word in arguments]
    done = ipyveo(*words, *(["--sandbox"] if words and words[0] == "generate" else []), cwd=tmp_path)
    assert done.returncode == 2
    assert piece in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ipyveo-library").exists()


@pytest.mark.parametrize("command", ["generate {day} --prompt dusk", "history", "credits"])
def test_without_a_key_and_without_sandbox_it_is_status_2(pictures, tmp_path, command):
    done = ipyveo(*command.format(day=pictures[0]).split(), cwd=tmp_path)
    assert done.returncode == 2
    assert "no API key" in done.stderr


def test_ctrl_c_is_status_130_and_says_that_the_job_goes_on(server, pictures, tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ipyveo",
            "generate",
            pictures[0],
            "--prompt",
            "dusk [sandbox: stall@starting]",
        ],
        env={**FREE, "GENAIPRO_BASE_URL": server, "GENAIPRO_API_KEY": "any-key-will-do"},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert "Starting" in first
    assert process.returncode == 130
    assert "goes on and may be charged" in rest
    assert "Traceback" not in rest
