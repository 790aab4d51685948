"""The library: readable names, nothing overwritten, nothing outside its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ipyveo import Clip, Library
from ipyveo.library.library import slug


def save(library: Library, prompt: str = "dusk falls", content: bytes = b"clip", **asked: object) -> Clip:
    part = library.incoming("part")
    part.write_bytes(content)
    clip = Clip(
        path=part,
        id="a",
        prompt=prompt,
        width=1280,
        height=720,
        duration=8.0,
        fps=24.0,
        size=len(content),
        created_at=datetime(2026, 11, 23, 10, 42, tzinfo=UTC),
        engine="veo",
    )
    return library.save(part, clip, {"prompt": prompt, **asked})


def test_a_clip_gets_a_readable_name_and_is_found_again(tmp_path):
    library = Library(tmp_path / "clips")
    clip = save(library)
    assert clip.path.parent == tmp_path / "clips"
    assert clip.path.name.endswith("-dusk-falls-1.mp4")
    assert library.clips() == [clip]


def test_the_same_prompt_in_the_same_second_overwrites_nothing(tmp_path):
    library = Library(tmp_path)
    clips = [save(library, content=content) for content in (b"first", b"second", b"third")]
    assert [clip.path.read_bytes() for clip in clips] == [b"first", b"second", b"third"]
    assert len({clip.path for clip in clips}) == 3


def test_no_file_of_someone_elses_is_overwritten(tmp_path):
    library = Library(tmp_path)
    first = save(library)
    theirs = first.path.with_name(first.path.name.replace("-1.mp4", "-2.mp4"))
    theirs.write_bytes(b"theirs")
    assert save(library).path.name.endswith("-3.mp4")
    assert theirs.read_bytes() == b"theirs"


@pytest.mark.parametrize(
    "prompt",
    [
        "../../etc/passwd",
        "a/b\\c",
        "con",
        "\u202egnp.exe",
        "x" * 1_000_000,
        "\0nul",
        "🎬🎬",
        "...",
        "日本の夕暮れ" * 50,
    ],
)
def test_no_prompt_leads_out_of_the_folder_or_to_an_impossible_name(tmp_path, prompt):
    clip = save(Library(tmp_path / "clips"), prompt=prompt)
    assert clip.path.resolve().parent == (tmp_path / "clips").resolve()
    assert len(clip.path.name.encode()) < 200
    assert "\u202e" not in clip.path.name


def test_names_keep_letters_of_every_script():
    assert slug("Đêm xuống, đèn sáng") == "đêm-xuống-đèn-sáng"


def test_a_sheet_never_leads_to_a_file_elsewhere(tmp_path):
    library = Library(tmp_path / "clips")
    clip = save(library)
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    sheet = clip.path.with_suffix(".json")
    sheet.write_text(json.dumps({**json.loads(sheet.read_text()), "path": str(secret)}))
    assert library.clips()[0].path == clip.path


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"id": 1}', "\xff"])
def test_a_sheet_that_is_none_is_passed_over(tmp_path, text):
    library = Library(tmp_path)
    clip = save(library)
    (tmp_path / "odd.json").write_text(text, "latin-1")
    (tmp_path / "odd.mp4").write_bytes(b"")
    assert library.clips() == [clip]


@pytest.mark.parametrize("name", ["width", "height", "duration", "fps"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "0", "-1", "1e400", "9" * 400, "null"])
def test_a_sheet_with_measurements_that_no_video_has_is_passed_over(tmp_path, name, value):
    library = Library(tmp_path)
    clip = save(library)
    sheet = save(library).path.with_suffix(".json")
    record = json.loads(sheet.read_text())
    sheet.write_text(json.dumps({**record, name: "VALUE"}).replace('"VALUE"', value))
    assert library.clips() == [clip]
    assert library.picks() == []


def test_a_moment_without_a_zone_is_utc_and_an_impossible_one_is_passed_over(tmp_path):
    library = Library(tmp_path)
    clips = [save(library) for _ in range(3)]
    for clip, moment in zip(clips[1:], ["2026-11-23T10:42:00", "0001-01-01T00:00:00+14:00"], strict=True):
        sheet = clip.path.with_suffix(".json")
        sheet.write_text(json.dumps({**json.loads(sheet.read_text()), "created_at": moment}))
    assert library.clips() == clips[:2]


def test_the_folder_keeps_itself_out_of_version_control_and_is_made_when_needed(tmp_path):
    library = Library(tmp_path / "clips")
    assert library.clips() == []
    assert not library.path.exists()
    save(library)
    assert (library.path / ".gitignore").read_text().endswith("*\n")


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYVEO_LIBRARY", str(tmp_path / "named"))
    assert Library().path == tmp_path / "named"
    monkeypatch.delenv("IPYVEO_LIBRARY")
    monkeypatch.chdir(tmp_path)
    assert Library().path == tmp_path / "ipyveo-library"


def test_looking_for_a_landed_clip_removes_nothing(tmp_path):
    library = Library(tmp_path)
    clip = save(library, generation="run-1")
    assert library.landed(clip.path.name, "run-1") == clip
    assert library.landed(clip.path.name, "run-2") is None
    clip.path.unlink()
    assert library.landed(clip.path.name, "run-1") is None
    assert clip.path.with_suffix(".json").exists()
    assert save(library, generation="run-1").path.name.endswith("-2.mp4")
