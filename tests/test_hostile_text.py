"""Hostile text, wherever text comes to: nothing runs, leaves the library or is fetched from elsewhere."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

import numbered
from far_side import Service, speaking
from ipyveo import (
    Clip,
    DownloadError,
    Frame,
    FrameError,
    FramesToVideo,
    InvalidRequestError,
    Library,
    VeoClient,
    VeoError,
    generate,
    recover,
    run,
)
from ipyveo.api.account import read_credits
from ipyveo.cli import Progress, main
from ipyveo.library.journal import StoredTake
from ipyveo.library.sheet import curl_code, details, python_code
from ipyveo.readable import readable
from ipyveo.widgets.player import ClipPlayer, EmbeddedClip

TEXTS = {
    "picture": "<img src=x onerror=window.pwned=1>",
    "script": "</script></textarea><script>window.pwned=1</script>",
    "address": "javascript:window.pwned=1//",
    "path": "../../../etc/passwd",
    "shell": '\'; touch pwned; "$(touch pwned)" `touch pwned` \\',
    "python": "''' + open('pwned', 'w').name + \"\"\"\\",
    "turned": "dusk \u202egnp.exe \u2067x\u2066 \u200fy\u200e \u061cz",
    "terminal": "dusk\x1b]0;pwned\x07\x1b[2J\x9b31m\x1b[201~\rtouch pwned\n\ttouch pwned",
    "nothing": "dusk\0falls",
    "half": "dusk \ud800 falls",
    "mathematics": "$\\href{javascript:window.pwned=1}{dusk}$ \\(x\\)",
    "large": "dusk " * 2**18,
}
UNSENT = ("nothing", "half")  # refused before anything leaves
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LIMIT = 64 * 1024

every = pytest.mark.parametrize("name", TEXTS)


def is_quiet(text: str) -> bool:
    """Tell whether a text has nothing that a terminal obeys, turns a line around, or no message can hold."""
    return ORDERS.search(text) is None


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    numbered.write(path, frames=12)
    return path.read_bytes()


@pytest.fixture
def service(film):
    with speaking() as started:
        started.film = film
        yield started


@pytest.fixture
def account(service) -> VeoClient:
    return VeoClient("a-key-of-nobodys", service.url)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """An empty working directory whose only folder is to be the library."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(service: Service, text: str, address: str = "") -> None:
    """Have the service call everything by this text, and the clip's address, unless it is given."""
    service.stream = [
        ("video_generation_status", {"status": text, "process_percentage": text}),
        (text[:100].replace("\n", " ").replace("\r", " ").replace("\ud800", ""), text),
        ("video_generation_status", "processing"),
        (
            "video_generation_complete",
            [
                {
                    "id": text,
                    "prompt": text,
                    "file_url": address or f"{service.url}/film.mp4",
                    "status": "completed",
                    "created_at": text,
                }
            ],
        ),
    ]
    row = {"id": text, "prompt": text, "file_urls": [text], "status": text, "created_at": text}
    service.rows = [row, {**row, "file_urls": text}]


def made(account: VeoClient, pictures, name: str) -> Clip:
    prompt = "dusk" if name in UNSENT else TEXTS[name]
    (clip,) = run(generate(pictures[0], prompt=prompt, client=account, library="clips"))
    return clip


def outside(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()} - {"clips"}


# A run -----------------------------------------------------------------------------------------------


@every
def test_a_run_keeps_every_file_in_the_library_under_a_plain_name(service, account, pictures, place, name):
    names(service, TEXTS[name])
    clip = made(account, pictures, name)
    assert outside(place) == set()
    files = [path.relative_to(place / "clips") for path in (place / "clips").rglob("*") if path.is_file()]
    assert len(files) >= 6
    assert all(re.fullmatch(r"(pictures/)?[\w.-]{1,120}", str(path)) for path in files)
    record = json.loads(clip.path.with_suffix(".json").read_text("utf-8"))
    assert record["id"] == clip.id == TEXTS[name].replace("\ud800", "?")
    library = Library("clips")
    assert library.clips() == [clip]
    assert library.history(clip.prompt[:50]).clips == [clip]
    (entry,) = library.generations()
    assert entry.prompt == clip.prompt
    assert entry.state == "saved"


@every
def test_what_is_told_of_a_clip_is_quiet_and_short(service, account, pictures, name):
    names(service, TEXTS[name])
    clip = made(account, pictures, name)
    for text in (repr(clip), str(clip), details(clip), ClipPlayer(clip).still(), repr(EmbeddedClip(clip))):
        assert is_quiet(text)
    assert len(repr(clip)) < 600
    assert len(details(clip)) < 8_000
    assert "pwned=1>" not in ClipPlayer(clip).still()
    embedded = EmbeddedClip(clip)._repr_mimebundle_()["text/html"].partition("<video")
    assert is_quiet("".join(embedded))
    assert len(embedded[2].rpartition("</video>")[2]) < 4_000
    assert "pwned=1>" not in "".join(embedded)


@every
def test_the_code_of_a_clip_asks_for_this_very_prompt_and_does_nothing_else(
    service, account, pictures, place, name
):
    names(service, "dusk")
    clip = made(account, pictures, name)
    if name in UNSENT:
        clip = told(clip, prompt=TEXTS[name])
    prompt = TEXTS[name].replace("\ud800", "?")
    code = python_code(clip)
    assert is_quiet(code)
    (call,) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    values = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert values == {"prompt": prompt, "aspect_ratio": "16:9", "number_of_videos": 1}
    assert [ast.literal_eval(value) for value in call.args] == [pictures[0].name]
    code = curl_code(clip)
    assert is_quiet(code)
    if name in ("nothing", "large"):  # no word of a shell holds a NUL; and this is too long for one
        return
    words = in_a_shell(code, place)
    assert f"prompt={prompt}" in words
    assert len(words) == 15
    assert outside(place) == set()


def told(clip: Clip, **record: object) -> Clip:
    """Have a clip's sheet say something else, and return the clip that it describes then."""
    sheet = clip.path.with_suffix(".json")
    old = json.loads(sheet.read_text("utf-8"))
    asked = {**old["request"], **{each: record[each] for each in record if each in old["request"]}}
    sheet.write_text(json.dumps({**old, **record, "request": asked}), "utf-8")
    (found,) = Library(clip.path.parent).clips()
    return found


def in_a_shell(code: str, folder: Path) -> list[str]:
    """Run the code in bash with a curl that only says what it was given; return that."""
    curl = "curl() { printf '%s\\0' \"$@\"; }\n"
    done = subprocess.run(
        ["bash", "-c", curl + code], cwd=folder, capture_output=True, check=True, timeout=60
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\0")


@pytest.mark.parametrize("name", UNSENT)
def test_a_prompt_that_cannot_be_sent_is_refused_and_nothing_leaves(service, account, pictures, place, name):
    with pytest.raises(InvalidRequestError, match="Nothing was sent"):
        generate(pictures[0], prompt=TEXTS[name], client=account, library="clips")
    assert service.asked == []
    assert outside(place) == set()


@every
def test_a_table_of_the_history_shows_text_and_no_more(service, account, pictures, name):
    pytest.importorskip("pandas")
    names(service, TEXTS[name])
    made(account, pictures, name)
    shown = Library("clips").to_dataframe()._repr_html_()
    assert "<img" not in shown
    assert "<script" not in shown
    assert len(shown) < LIMIT


# Errors ----------------------------------------------------------------------------------------------


def refusals(text: str):
    page = f"<html><body>{text}</body></html>".encode("utf-8", "replace")
    words = json.dumps({"error": text, "message": text, "code": text}).encode()
    return {
        "event": ([("error", {"error": text, "code": 1})], None),
        "plain event": ([("error", text)], None),
        "failed": ([("video_generation_status", {"status": "failed", "error": text})], None),
        "302": (
            [],
            (
                302,
                {
                    "location": re.sub("[\r\n\0]", " ", text[:9000])
                    .encode("utf-8", "replace")
                    .decode("latin-1")
                },
                b"",
            ),
        ),
        "400": ([], (400, {"content-type": "application/json"}, words)),
        "403": ([], (403, {"content-type": "text/html"}, page)),
        "502": ([], (502, {"content-type": "text/plain"}, text.encode("utf-8", "replace"))),
        "200": ([], (200, {"content-type": "text/html"}, page)),
        "no list": ([("video_generation_complete", text)], None),
    }


@every
@pytest.mark.parametrize("kind", refusals(""))
def test_an_error_is_one_short_sentence_whatever_the_service_says(service, account, pictures, name, kind):
    service.stream, service.refusal = refusals(TEXTS[name])[kind]
    studio = FramesToVideo(pictures[0], prompt="dusk", client=account, library="clips")
    with pytest.raises(VeoError) as caught:
        run(account.frames_to_video(pictures[0], prompt="dusk"))
    assert len(str(caught.value)) < 300
    assert is_quiet(str(caught.value))
    assert "\n" not in str(caught.value)
    assert len(caught.value.raw) <= 4_000
    values = studio._problem(caught.value)
    assert len(json.dumps(values)) < 16_000
    assert is_quiet("".join(map(str, values.values())))
    studio.close()


@every
def test_a_terminal_gets_no_orders(service, pictures, place, monkeypatch, name, capfd):
    monkeypatch.setattr("ipyveo.cli._COST_SECONDS", 0.0)
    monkeypatch.setenv("GENAIPRO_BASE_URL", service.url)
    monkeypatch.setenv("GENAIPRO_API_KEY", "a-key-of-nobodys")
    names(service, TEXTS[name])
    assert main(["generate", str(pictures[0]), "--prompt", "dusk", "--out", "clips"]) == 0
    assert main(["history"]) == 0
    assert main(["credits"]) == 0
    service.stream = [("error", {"error": TEXTS[name]})]
    assert main(["generate", str(pictures[0]), "--prompt", "dusk", "--out", "clips"]) == 1
    assert main(["generate", TEXTS[name].replace("\0", " ")[:200], "--prompt", "dusk"]) == 2
    said = capfd.readouterr()
    for text in (said.out, said.err):
        assert is_quiet(text)
        assert max(map(len, text.splitlines())) < 400
    assert outside(place) == set()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@every
def test_the_line_of_progress_in_a_terminal_stays_one_line(service, account, pictures, name):
    names(service, TEXTS[name])
    screen = Terminal()
    progress = Progress(screen)

    async def watch() -> None:
        async for event in account.frames_to_video(pictures[0], prompt="dusk"):
            progress.show(event)

    run(watch())
    words = screen.getvalue().replace("\r\x1b[K", "")
    assert is_quiet(words)
    assert "\n" not in words
    assert len(words) < 400


PRINT = """
import sys
from ipyveo import Library
from ipyveo.cli import _print_clips
_print_clips(Library(sys.argv[1]).clips(), as_json=False)
"""


def test_a_clip_that_somebody_has_renamed_gives_a_terminal_no_orders_and_a_program_its_very_name(
    service, account, pictures
):
    names(service, "dusk")
    shot = generate(pictures[0], prompt="dusk", client=account, library="\x1b[2J\u202eclips")
    (clip,) = run(shot)
    command = [sys.executable, "-c", PRINT, str(clip.path.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{clip.path}\n"
    near, far = pty.openpty()
    subprocess.run(command, stdout=far, check=True)
    os.close(far)
    said = os.read(near, 4096).decode()
    os.close(near)
    assert is_quiet(said.replace("\r\n", ""))
    assert "clips" in said
    assert is_quiet(str(clip))


@every
def test_the_logs_hold_no_orders_for_a_terminal(service, account, pictures, name, caplog):
    caplog.set_level(logging.DEBUG)
    names(service, TEXTS[name], f"{service.url}/film.mp4?{TEXTS[name][:2000]}")
    service.reason = re.sub("[\r\n\0]", " ", TEXTS[name][:500]).encode("utf-8", "replace").decode("latin-1")
    with contextlib.suppress(VeoError):
        made(account, pictures, name)
    assert any("HTTP" in record.getMessage() for record in caplog.records)
    assert all(is_quiet(record.getMessage()) for record in caplog.records)


@pytest.mark.parametrize(
    "date", ["", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 31 Dec 1800 00:00:00 GMT", "\x1b[2J"]
)
def test_a_moment_that_no_calendar_has_is_no_moment(service, account, pictures, date):
    ends = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\x1b", None]
    packs = [{"quota": 5, "used": 0, "expires_at": end} for end in ends]
    assert read_credits(packs).expires_at is None
    names(service, "dusk")
    soon = datetime.now(UTC) + timedelta(minutes=1)  # not before the request, however slow this machine is
    complete = service.stream.pop()
    service.date = date
    moments = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", soon.isoformat()]
    address = complete[1][0]["file_url"]
    service.rows = [
        {**row, "created_at": each, "file_urls": [address]} for row in service.rows[:1] for each in moments
    ]
    for row, each in zip(service.rows, "abcd", strict=True):
        row.update(id=each, status="completed")
    (clip,) = run(generate(pictures[0], prompt="dusk", client=account, library="clips"))
    assert clip.id == "d"


# Addresses -------------------------------------------------------------------------------------------


@pytest.fixture
def inside(film):
    """Another server of this machine, which no word of the service may lead to."""
    with speaking() as started:
        started.film = film
        yield started


ADDRESSES = {
    **TEXTS,
    "this machine": "{inside}/film.mp4",
    "this machine by name": "http://localhost:{port}/film.mp4",
    "this machine as a number": "http://2130706433:{port}/film.mp4",
    "this machine in another spelling": "http://127.1:{port}/film.mp4",
    "this machine in wide digits": "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/film.mp4",
    "this machine in IPv6": "http://[::ffff:127.0.0.1]:{port}/film.mp4",
    "this machine behind a sign": "{home}@127.0.0.1:{port}/film.mp4",
    "this machine behind a backslash": "{home}\\@127.0.0.1:{port}/film.mp4",
    "this machine after a blank": " \t{inside}/film.mp4",
    "this machine across a line": "http://127.0.0.1:\n{port}/film.mp4",
    "this machine, encrypted": "https://127.0.0.1:{port}/film.mp4",
    "without a scheme": "//127.0.0.1:{port}/film.mp4",
    "a file": "file:///etc/passwd",
    "a file, by halves": "file:etc/passwd",
    "data": "data:video/mp4;base64,AAAA",
    "ftp": "ftp://127.0.0.1/film.mp4",
    "blob": "blob:http://127.0.0.1/film.mp4",
    "a metadata server": "http://169.254.169.254/latest/meta-data",
}


# A header holds no line, and not a megabyte.
LED_ON = [name for name, text in ADDRESSES.items() if len(text) < 9_000 and not re.search("[\r\n\0]", text)]


@pytest.mark.parametrize(
    ("name", "way"), [*((name, "named") for name in ADDRESSES), *((name, "led on") for name in LED_ON)]
)
def test_an_address_of_the_services_leads_nowhere_else_and_writes_nothing(
    service, account, pictures, place, inside, name, way
):
    address = ADDRESSES[name]
    if name not in TEXTS:
        address = address.format(inside=inside.url, port=inside.server_port, home=service.url)
    if way == "led on":
        service.redirect = address.encode("utf-8", "replace").decode("latin-1")
        address = f"{service.url}/onward"
    names(service, "dusk", address)
    with pytest.raises(DownloadError) as caught:
        made(account, pictures, "path")
    assert is_quiet(str(caught.value))
    assert len(str(caught.value)) < 300
    assert inside.asked == []
    assert outside(place) == set()
    assert list((place / "clips").glob(".incoming*")) == []
    assert Library("clips").clips() == []


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_picture_by_its_address_comes_from_no_such_place(inside, service, name):
    address = ADDRESSES[name]
    if name not in TEXTS:
        address = address.format(inside=inside.url, port=inside.server_port, home=service.url)
    with pytest.raises(FrameError) as caught:
        Frame(address)
    assert is_quiet(str(caught.value))
    assert len(str(caught.value)) < 300
    assert inside.asked == service.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "a.localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::127.0.0.1]",
    ],
)
def test_no_proxy_is_asked_for_what_is_this_machine_by_another_name(inside, monkeypatch, host):
    monkeypatch.setenv("http_proxy", inside.url)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(FrameError, match="private network"):
        Frame(f"http://{host}/day.png")
    assert inside.asked == []


# A library from somebody else ---------------------------------------------------------------------------


@pytest.fixture
def left(service, account, pictures):
    """A library with a run that `recover` would fetch, whose journal can be written by anybody."""
    names(service, "dusk", "file:///")
    with pytest.raises(DownloadError):
        made(account, pictures, "path")
    names(service, "dusk")
    library = Library("clips")
    (entry,) = library.generations()
    library.journal.completed(entry.id, entry.account, [StoredTake(1, "a", f"{service.url}/film.mp4", "")])
    return library


def rewrite(library: Library, statement: str, *values: object) -> None:
    with library.journal._writing() as database:
        database.execute(statement, values)


@pytest.mark.parametrize(
    "id_", ["../../pwned", "x/../../pwned", "/tmp/pwned", "x\0pwned", "\x1b[2J", "y" * 5000]
)
def test_a_run_of_any_name_comes_home_into_the_library(left, account, place, id_):
    (place / "clips" / ".incoming-..").mkdir()
    (place / "clips" / ".incoming-x").mkdir()
    rewrite(left, "UPDATE generations SET id = ?", id_)
    rewrite(left, "UPDATE takes SET generation = ?", id_)
    assert left.incoming(f"{id_}-1").resolve().parent == place / "clips"
    (clip,) = run(recover(client=account, library=left))
    assert clip.path.parent == place / "clips"
    assert outside(place) == set()
    assert sorted(path.name for path in (place / "clips" / ".incoming-..").iterdir()) == []


def test_a_clip_is_not_written_through_a_link_that_waits_for_it(left, account, place):
    (entry,) = left.generations()
    treasure = place / "treasure"
    treasure.write_text("mine")
    (place / "clips" / f".incoming-{entry.id}-1.part").symlink_to(treasure)
    (clip,) = run(recover(client=account, library=left))
    assert treasure.read_text() == "mine"
    assert not clip.path.is_symlink()
    assert clip.size > 1000


@pytest.mark.parametrize(
    "file", ["../treasure.mp4", "/etc/passwd", "/", "..", ".", "\0", "\x1b[2J.mp4", "z" * 5000]
)
def test_a_take_of_any_file_name_is_fetched_anew(left, account, place, file):
    (place / "treasure.mp4").write_bytes(b"mine")
    (place / "treasure.json").write_text("{}")
    rewrite(left, "UPDATE takes SET file = ?", file)
    (clip,) = run(recover(client=account, library=left))
    assert clip.path.parent == place / "clips"
    assert (place / "treasure.mp4").read_bytes() == b"mine"


@every
def test_a_sheet_that_says_anything_is_told_quietly_and_shown(service, account, pictures, place, name):
    names(service, "dusk")
    text = TEXTS[name]
    clip = told(
        made(account, pictures, "path"),
        id=text,
        prompt=text,
        pictures=[text, text],
        framings=[{"background": text, "fit": text}, text],
        generation=text,
        take=text,
    )
    assert is_quiet(details(clip) + python_code(clip) + curl_code(clip) + repr(clip))
    assert len(details(clip)) < 20_000
    ast.parse(python_code(clip))
    if name not in ("nothing", "large"):
        words = in_a_shell(curl_code(clip), place)
        assert words.count("--form-string") == 1
        assert f"prompt={text.replace(chr(0xD800), '?')}" in words
    player = ClipPlayer(clip)
    json.dumps(player.get_state(), ensure_ascii=False, default=str).encode()  # as a message
    assert len(json.dumps(player._clips)) < 4_000
    player.close()
    assert outside(place) == set()


# What a notebook keeps ----------------------------------------------------------------------------------


@every
def test_a_widget_that_holds_anything_takes_little_room_and_can_be_sent(service, account, pictures, name):
    names(service, TEXTS[name])
    prompt = TEXTS[name] if name in UNSENT else TEXTS[name] * (1 + 16_000 // len(TEXTS[name]))
    studio = FramesToVideo(*pictures, prompt=prompt, client=account, library="clips", number_of_videos=4)
    assert studio.prompt == prompt
    if name not in UNSENT:
        service.stream[-1] = (service.stream[-1][0], service.stream[-1][1] * 4)
        assert len(run(studio.generate())) == 4
    state = {key: value for key, value in studio.get_state().items() if key not in ("_esm", "_css")}
    kept = json.dumps(state, ensure_ascii=False, default=str).encode()
    shown = json.dumps(studio.still(), ensure_ascii=False).encode()
    assert len(kept) + len(shown) + len(repr(studio)) < LIMIT
    assert is_quiet(studio.still() + repr(studio))
    studio.close()


async def test_a_prompt_longer_than_a_page_holds_is_sent_whole_when_the_page_asks(
    client, pictures, tmp_path, monkeypatch
):
    from page import Page

    prompt = "dusk falls " * 5000
    studio = FramesToVideo(*pictures, prompt=prompt, client=client, library=tmp_path)
    page = Page(studio, monkeypatch)
    held = studio.get_state("prompt")["prompt"]
    assert len(held) < 13_000
    page.say(type="generate", prompt=held, aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: studio.status == "complete")
    assert studio.prompt == studio.clips[0].prompt == prompt
    page.say(type="generate", prompt="night falls", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: studio.status == "complete" and studio.clips[0].prompt == "night falls")
    studio.close()


class Seen(HTMLParser):
    """Counts the elements of a page, and keeps what of them is of a hostile text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0
        self.hostile: list[str] = []
        self._script = ""

    def handle_starttag(self, tag, attrs):
        self.elements += 1
        values = [value for _, value in attrs if value and "pwned" in value]
        self.hostile += values
        self._script = tag if tag == "script" and dict(attrs).get("type", "module") == "module" else ""

    def handle_data(self, data):
        if self._script and "pwned" in data:
            self.hostile.append(data)


@every
def test_an_exported_page_holds_no_element_of_a_prompts(service, account, pictures, name):
    names(service, TEXTS[name])
    clip = made(account, pictures, name)
    player = ClipPlayer(clip)
    state = {key: value for key, value in player.get_state().items() if key not in ("_esm", "_css")}
    state = json.loads(json.dumps(state, default=str))
    notebook = nbformat.v4.new_notebook()
    data = {"text/plain": repr(clip), "text/html": player.still()}
    notebook.cells = [
        nbformat.v4.new_code_cell("clip", outputs=[nbformat.v4.new_output("display_data", data)])
    ]
    notebook.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {"a": {"model_name": "AnyModel", "model_module": "anywidget", "state": state}},
        }
    }
    body, _ = HTMLExporter().from_notebook_node(notebook)
    seen = Seen()
    seen.feed(body)
    assert seen.elements > 20
    assert seen.hostile == []
    player.close()


@every
def test_a_picture_of_any_name_is_called_by_what_can_be_read(pictures, name):
    file = io.BytesIO(pictures[0].read_bytes())
    file.name = TEXTS[name]
    frame = Frame(file)
    assert 0 < len(frame.name) <= 60
    assert frame.name == readable(frame.name)
    assert "/" not in frame.name
