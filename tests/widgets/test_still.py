"""What is to be seen of a clip or widget where nothing runs, and in plain text; whatever its texts hold."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

from ipyveo import Clip, FramesToVideo, run
from ipyveo.widgets.player import EmbeddedClip
from ipyveo.widgets.still import still

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</strong></div><iframe srcdoc=x>",
    "javascript:alert(1)",
    "../../etc/passwd",
    "\u202egnp.exe \u2066x",
    "a\0b\x1b[31m",
    "\ud800",
    "x" * 2**20,
]
ALLOWED = {"div", "p", "strong", "bdi", "img", "br", "small"}


class Seen(HTMLParser):
    """The elements, attributes and words of a still."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A real clip."""
    from ipyveo.engine.backdrop import backdrop
    from ipyveo.engine.render import render_clip

    path = tmp_path_factory.mktemp("made") / "dusk.mp4"
    render_clip(
        path,
        backdrop("dusk", 640, 360),
        None,
        width=640,
        height=360,
        seconds=0.25,
        prompt="dusk",
        take=0,
        on_progress=lambda _: None,
    )
    size = path.stat().st_size
    return Clip(path, "a", "dusk falls", 640, 360, 0.25, 24.0, size, datetime.now(UTC), "sandbox")


def posters(text: str) -> list[bytes]:
    images = [attributes["src"] for tag, attributes in Seen(text).elements if tag == "img"]
    return [
        base64.b64decode(source.removeprefix("data:image/jpeg;base64,"), validate=True) for source in images
    ]


def test_a_clip_outside_a_notebook_is_words_and_a_small_poster_and_no_widget(made):
    before = len(_instances)
    bundle = made._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/plain"]
    assert len(_instances) == before
    (poster,) = posters(bundle["text/html"])
    assert len(poster) <= 7_500
    assert max(Image.open(io.BytesIO(poster)).size) == 320
    words = Seen(bundle["text/html"]).words
    shape = "640\N{MULTIPLICATION SIGN}360"
    assert all(word in words for word in ("dusk falls", shape, "0.2 s", "Sandbox", "dusk.mp4"))


def test_a_poster_that_nothing_makes_small_is_small_all_the_same(made, monkeypatch):
    file = io.BytesIO()
    Image.effect_noise((640, 640), 200).save(file, "JPEG", quality=95)
    monkeypatch.setattr(Clip, "poster", lambda _: file.getvalue())
    found = posters(still("noise", [], [made] * 9))
    assert len(found) == 4
    assert all(len(poster) <= 7_500 for poster in found)


def test_a_clip_whose_file_is_gone_is_still_described(made, tmp_path):
    gone = replace(made, path=tmp_path / "gone.mp4")
    assert posters(gone._repr_mimebundle_()["text/html"]) == []
    assert "gone.mp4" in gone._repr_mimebundle_()["text/html"]
    assert "gone.mp4" in repr(gone)


def test_a_clip_whose_file_is_gone_cannot_be_embedded(made, tmp_path):
    gone = replace(made, path=tmp_path / "gone.mp4")
    with pytest.raises(FileNotFoundError):
        EmbeddedClip(gone)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_no_text_runs_is_a_link_turns_the_line_around_or_fills_the_notebook(made, text):
    name = text.replace("/", "-").replace("\0", "-")[:80]
    clip = Clip(made.path.parent / name, text, text, 640, 360, 0.25, 24.0, 4, made.created_at, "veo")
    shown = still(text, [text, text], [clip])
    seen = Seen(shown)
    assert {tag for tag, _ in seen.elements} <= ALLOWED
    assert all(set(attributes) <= {"class", "dir", "style", "alt", "src"} for _, attributes in seen.elements)
    assert not any(each in shown for each in "\0\x1b\u202e\u2066")
    assert len(shown.encode()) < 6_000
    assert len(repr(clip)) < 600
    assert not any(each in repr(clip).partition("': ")[0] for each in "\0\x1b\u202e\n")


def test_a_widget_that_was_never_run_says_what_is_asked_for(client, pictures, tmp_path):
    studio = FramesToVideo(
        *pictures, prompt="dusk falls", client=client, library=tmp_path, number_of_videos=2
    )
    data, _ = studio._repr_mimebundle_()
    words = Seen(data["text/html"]).words
    assert all(
        word in words for word in ("dusk falls", "16:9", "2 videos", pictures[0].name, pictures[1].name)
    )
    assert posters(data["text/html"]) == []
    assert data["text/plain"] == "<FramesToVideo 'dusk falls': idle>"
    studio.close()


def test_a_widget_that_has_run_shows_its_takes(client, pictures, tmp_path):
    studio = FramesToVideo(
        *pictures, prompt="dusk falls", client=client, library=tmp_path, number_of_videos=2
    )
    run(studio.generate())
    studio.prompt = "something else by now"
    text = studio._repr_mimebundle_()[0]["text/html"]
    assert len(posters(text)) == 2
    assert "dusk falls" in Seen(text).words
    assert "something else" not in Seen(text).words
    studio.close()


SCRIPT = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from ipyveo import Clip
path = Path(sys.argv[1])
clip = Clip(path, "a", "dusk falls", 640, 360, 0.25, 24.0, path.stat().st_size, datetime.now(UTC), "sandbox")
clips = [clip, clip]
"""


def test_in_a_plain_script_a_clip_and_a_list_of_clips_print_something_useful(made):
    code = f"{SCRIPT}\nprint(clips[0]); print(clips); clips[0].show(); clips[0].show(embed=True)"
    done = subprocess.run([sys.executable, "-c", code, made.path], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].endswith("dusk.mp4 (640x360, 0.2 s, 0.0 MB, sandbox)")
    assert lines[1].count("<Clip 'dusk falls': ") == 2
    assert lines[2:] == [lines[0], lines[0]]
    assert "base64" not in done.stdout
    assert done.stderr == ""


TERMINAL = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell({SCRIPT!r})
for cell in ("clips[0]", "clips", "clips[0].show(embed=True)"):
    shell.run_cell(cell)
from ipywidgets.widgets.widget import _instances
print(len(_instances), "widgets")
"""


def test_in_ipythons_terminal_a_clip_is_a_line_of_text_and_no_widget(made):
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, made.path], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("<Clip 'dusk falls': ") == 4
    assert done.stdout.rstrip().endswith("0 widgets")
    assert "Traceback" not in done.stdout + done.stderr
    assert "base64" not in done.stdout
