"""The sheet beside a clip: the pick of a run, the code that makes it again, what is known of it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from dataclasses import replace

import pytest

from ipyveo import Library, VeoClient, generate
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


PROMPTS = ["dusk", "@/etc/passwd", "<key.txt", 'it\'s "dusk"; $HOME `id`\n-F x=y \\', "đêm 🎬"]


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


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"request": 1}', '{"request": {"aspect_ratio": [1]}}', "\xff"]
)
async def test_a_damaged_sheet_leaves_what_is_known_of_the_clip(client, pictures, tmp_path, text):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    clip.path.with_suffix(".json").write_text(text, "latin-1")
    assert differs(clip) == ""
    assert "prompt=dusk" in curl_code(clip)
    assert "1280\N{MULTIPLICATION SIGN}720" in details(clip)


@pytest.mark.parametrize(
    "asked",
    [
        {"number_of_videos": "1; touch PWNED #", "pictures": 5, "framings": 5},
        {"pictures": None, "framings": [5]},
        {"pictures": ["a.png"], "framings": [{"zoom=1) or print('PWNED') #": 1, "zoom": "1) or PWNED"}]},
    ],
)
async def test_a_sheet_of_somebody_else_puts_no_code_into_code(client, pictures, tmp_path, asked):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    sheet = clip.path.with_suffix(".json")
    sheet.write_text(json.dumps({**json.loads(sheet.read_text("utf-8")), "request": asked}), "utf-8")
    for text in (curl_code(clip), python_code(clip)):
        assert "PWNED" not in text
    assert "1280\N{MULTIPLICATION SIGN}720" in details(clip)


async def test_the_key_goes_to_no_address_that_a_journal_names(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    with sqlite3.connect(tmp_path / "journal.sqlite3") as journal:
        journal.execute("UPDATE generations SET account = 'https://elsewhere.example#1'")
    journal.close()
    assert "elsewhere" not in curl_code(clip)


async def test_the_mark_leaves_the_rest_of_the_sheet_as_it_was(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    sheet = clip.path.with_suffix(".json")
    before = json.loads(sheet.read_text("utf-8"))
    Library(tmp_path).pick(clip)
    assert json.loads(sheet.read_text("utf-8")) == {**before, "pick": True}
