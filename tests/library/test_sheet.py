"""The sheet beside a clip: the pick of a run, the code that makes it again, what is known of it."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
from dataclasses import replace

import pytest

from ipyveo import InvalidRequestError, Library, VeoClient, generate
from ipyveo.library import sheet as sheet_module
from ipyveo.library.history import read_sheet
from ipyveo.library.sheet import curl_code, details, differs, is_pick, python_code
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions


@pytest.fixture
def sandbox():
    server = EmbeddedSandbox(SandboxOptions(clip_seconds=0.25, stage_seconds=0))
    yield server
    server.stop()


async def test_a_run_has_one_pick_at_most_and_the_sheets_keep_it(client, pictures, tmp_path):
    library = Library(tmp_path)
    first, second = await generate(
        *pictures, prompt="dusk", number_of_videos=2, client=client, library=library
    )
    (other,) = await generate(*pictures, prompt="dawn", client=client, library=library)
    assert library.picks() == []
    for clip in (first, other, second):
        library.pick(clip)
    assert Library(tmp_path).picks() == [second, other]
    assert is_pick(first) is False
    library.pick(second, picked=False)
    assert library.picks() == [other]
    assert library.clips() == [first, second, other]  # nothing else has changed
    assert list(tmp_path.glob(".*.json-*")) == []


async def test_a_clip_without_a_sheet_can_be_no_pick(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    clip.path.with_suffix(".json").unlink()
    assert is_pick(clip) is None
    with pytest.raises(FileNotFoundError):
        Library(tmp_path).pick(clip)
    assert "nothing else is known" in details(clip)
    assert "prompt=dusk" in curl_code(clip)


def in_a_shell(code: str, key: str) -> str:
    environment = {**os.environ, "GENAIPRO_API_KEY": key}
    done = subprocess.run(
        ["bash", "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


PROMPTS = [
    "@/etc/passwd",
    'it\'s "dusk"; $HOME `id`\n-F x=y \\',
    *(pytest.param(prompt, marks=pytest.mark.soak) for prompt in ("dusk", "<key.txt", "đêm 🎬")),
]


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl here")
@pytest.mark.parametrize("prompt", PROMPTS)
async def test_the_curl_code_sends_the_very_same_request(sandbox, pictures, tmp_path, monkeypatch, prompt):
    address = sandbox.start()
    monkeypatch.chdir(tmp_path)
    client = VeoClient(address.api_key, address.base_url)
    (clip,) = await generate(*pictures, prompt=prompt, client=client, library="a library, with; signs")
    code = curl_code(clip)
    assert address.api_key not in code
    assert str(tmp_path) not in code
    said = in_a_shell(code, address.api_key)
    assert "video_generation_complete" in said
    histories = await client.histories()
    assert [video.prompt for video in histories.videos] == [prompt, prompt]


async def test_details_name_all_that_is_known_and_nothing_that_signs(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk\nfalls", client=client, library=tmp_path)
    library = Library(tmp_path)
    (entry,) = library.generations()
    (take,) = library.journal.takes(entry.id)
    signed = replace(take, file_url="https://storage.example/video.mp4?signature=secret")
    library.journal.completed(entry.id, entry.account, [replace(signed, saved=False)])
    text = details(clip)
    for known in (
        "dusk\n          falls\n",
        "16:9, take 1 of 1",
        "start sample-day.png",
        "the sandbox on this",
    ):
        assert known in text
    for picture in entry.pictures:
        assert picture.file in text
    assert f"Returned  {clip.id}, " in text
    assert "1280\N{MULTIPLICATION SIGN}720, " in text
    assert "0.25 s, 24 frames a second" in text
    assert text.endswith("Cost      nothing\n")
    assert "secret" not in text


async def test_another_shape_than_was_asked_for_is_said(client, pictures, tmp_path):
    prompt = "dusk [sandbox: portrait-as-landscape]"
    with pytest.warns(UserWarning, match="although 9:16 was asked"):
        (clip,) = await generate(
            *pictures, prompt=prompt, aspect_ratio="9:16", client=client, library=tmp_path
        )
    assert differs(clip) == "9:16 was asked for"
    assert "          9:16 was asked for\n" in details(clip)
    assert differs(replace(clip, width=720, height=1280)) == ""
    assert differs(replace(clip, width=360, height=640)) == "smaller than 720\N{MULTIPLICATION SIGN}1280"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"request": 1}', "\xff"])
async def test_a_sheet_that_is_none_leaves_what_is_known_of_the_clip(client, pictures, tmp_path, text):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    clip.path.with_suffix(".json").write_text(text, "latin-1")
    assert differs(clip) == ""
    assert "prompt=dusk" in curl_code(clip)
    assert "1280\N{MULTIPLICATION SIGN}720" in details(clip)


ODD = [
    1,
    None,
    [],
    {"aspect_ratio": [1]},
    {"pictures": 5, "framings": 5},
    {"pictures": None, "framings": None},
    {"pictures": [None, {}], "framings": [5, ["focus"]]},
    {"aspect_ratio": "16:9", "pictures": ["a.png"], "framings": [{"focus": 5, "zoom": []}]},
    {"prompt": 5, "number_of_videos": {}, "take": [], "generation": {"a": "\ud800"}},
    {"generation": "\ud800"},
]


def change(clip, **values):
    """Change what the sheet says was asked for, as another hand could."""
    sheet = clip.path.with_suffix(".json")
    record = json.loads(sheet.read_text("utf-8"))
    sheet.write_text(json.dumps({**record, "request": {**record["request"], **values}}), "utf-8")


@pytest.mark.parametrize("asked", ODD, ids=ascii)
async def test_a_damaged_sheet_leaves_what_is_known_of_the_clip(client, pictures, tmp_path, asked):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    sheet = clip.path.with_suffix(".json")
    sheet.write_text(json.dumps({**json.loads(sheet.read_text("utf-8")), "request": asked}), "utf-8")
    assert Library(tmp_path).clips() == [clip]
    assert differs(clip) == ""
    compile(python_code(clip), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert "prompt='dusk'" in python_code(clip)
    assert "prompt=dusk" in curl_code(clip)
    assert "1280\N{MULTIPLICATION SIGN}720" in details(clip)


async def test_the_mark_leaves_the_rest_of_the_sheet_as_it_was(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    sheet = clip.path.with_suffix(".json")
    before = json.loads(sheet.read_text("utf-8"))
    Library(tmp_path).pick(clip)
    assert json.loads(sheet.read_text("utf-8")) == {**before, "pick": True}


@pytest.mark.parametrize("count", ["1; touch owned", 0, 5, True, 2.0, None, [1]])
async def test_only_a_number_of_videos_goes_into_a_shell_line(client, pictures, tmp_path, count):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    change(clip, number_of_videos=3)
    assert curl_code(clip).endswith("-F number_of_videos=3\n")
    change(clip, number_of_videos=count)
    assert curl_code(clip).endswith("-F number_of_videos=1\n")
    assert "number_of_videos=1,\n" in python_code(clip)


async def test_only_a_framing_s_own_words_go_into_the_python_code(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    good = {"fit": "blur", "focus": [0.25, 1], "zoom": 1.5, "background": "'); import os #"}
    change(clip, pictures=["a'.png", "b.png"], framings=[{**good, "x=open('owned', 'w')": 1}, {}])
    code = python_code(clip)
    assert (
        """Frame("a'.png", fit='blur', focus=(0.25, 1), zoom=1.5, background="'); import os #"),\n""" in code
    )
    assert "    'b.png',\n" in code
    odd = {"fit": "f", "focus": [1, "2"], "zoom": True, "background": 5, "zoom or owned()": 2}
    change(clip, pictures=["a.png", "b.png"], framings=[odd, {"focus": [1], "fit": ["cover"], "zoom": "2"}])
    assert "    'a.png',\n    'b.png',\n" in python_code(clip)


@pytest.mark.parametrize(
    "account",
    [
        "https://elsewhere.example/api/v1",
        "http://elsewhere.example/api/v1",
        "http://127.0.0.1@elsewhere.example/",
        "http://elsewhere.example\\\\@127.0.0.1/",
        "http://127.0.0.1.elsewhere.example/",
        "http://[",
        "https://127.0.0.1/api/v1",
    ],
)
@pytest.mark.parametrize("engine", ["sandbox", "veo"])
async def test_the_key_goes_to_no_address_that_a_journal_names(client, pictures, tmp_path, account, engine):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as database, database:
        database.execute("UPDATE generations SET account = ?", (account,))
    code = curl_code(replace(clip, engine=engine))
    assert "curl -N -X POST https://genaipro.vn/api/v1/veo/frames-to-video " in code
    assert details(clip)


async def test_only_a_sandbox_s_clip_is_asked_for_again_on_this_machine(sandbox, pictures, tmp_path):
    address = sandbox.start()
    client = VeoClient(address.api_key, address.base_url)
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    assert f"POST {address.base_url}/veo/" in curl_code(clip)
    assert "POST https://genaipro.vn/api/v1/veo/" in curl_code(replace(clip, engine="veo"))


async def test_two_quick_picks_leave_exactly_one(client, pictures, tmp_path, monkeypatch):
    library = Library(tmp_path)
    clips = await generate(*pictures, prompt="dusk", number_of_videos=2, client=client, library=library)
    both, mark = threading.Barrier(2), sheet_module._mark

    def slow_mark(path, *, picked):
        mark(path, picked=picked)
        with contextlib.suppress(threading.BrokenBarrierError):  # where the other one has to wait for us
            both.wait(0.2)

    monkeypatch.setattr(sheet_module, "_mark", slow_mark)
    threads = [threading.Thread(target=library.pick, args=(clip,)) for clip in clips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(library.picks()) == 1


@pytest.mark.parametrize("change_of", ["no journal", "one renamed", "both renamed"])
async def test_a_run_has_one_pick_at_most_however_its_files_are_kept(client, pictures, tmp_path, change_of):
    library = Library(tmp_path)
    await generate(*pictures, prompt="dusk", number_of_videos=2, client=client, library=library)
    (other,) = await generate(*pictures, prompt="dawn", client=client, library=library)
    if change_of == "no journal":
        (tmp_path / "journal.sqlite3").unlink()
    for clip in library.clips()[: {"no journal": 0, "one renamed": 1, "both renamed": 2}[change_of]]:
        for suffix in (".mp4", ".json"):
            clip.path.with_suffix(suffix).rename(tmp_path / f"my {clip.id}{suffix}")
    first, second = [clip for clip in library.clips() if clip.prompt == "dusk"]
    for clip in (other, first, second):
        library.pick(clip)
    assert {clip.id for clip in library.picks()} == {other.id, second.id}
    library.pick(first)
    assert {clip.id for clip in library.picks()} == {other.id, first.id}


async def test_the_folder_is_not_read_where_the_journal_names_the_takes(
    client, pictures, tmp_path, monkeypatch
):
    library = Library(tmp_path)
    clips = await generate(*pictures, prompt="dusk", number_of_videos=2, client=client, library=library)
    (other,) = await generate(*pictures, prompt="dawn", client=client, library=library)
    read: list[str] = []
    monkeypatch.setattr(
        sheet_module, "read_sheet", lambda path: (read.append(path.stem), read_sheet(path))[1]
    )
    library.pick(clips[0])
    assert clips[1].path.stem in read
    assert other.path.stem not in read


async def test_a_clip_of_another_library_is_not_picked(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path / "theirs")
    with pytest.raises(InvalidRequestError, match="not a clip of this library"):
        Library(tmp_path / "mine").pick(clip)
    assert is_pick(clip) is False
