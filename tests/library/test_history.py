"""The library's history: newest first, by pages, by words; hidden and deleted clips, each with its undo."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ipyveo import Clip, InvalidRequestError, Library
from ipyveo.library.journal import Entry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "../../etc/passwd",
    "\u202egnp.exe",
    "a\0b",
    "x" * 2**20,
]


def save(library: Library, number: int = 0, prompt: str = "dusk falls", **asked: object) -> Clip:
    part = library.incoming(f"part-{number}")
    part.write_bytes(b"clip")
    created = NOON + timedelta(seconds=number)
    clip = Clip(part, f"id-{number}", prompt, 1280, 720, 8.0, 24.0, 4, created, "veo")
    return library.save(part, clip, {"prompt": prompt, **asked})


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "clips")


def numbers(clips):
    return [int(clip.id.removeprefix("id-")) for clip in clips]


def test_the_history_is_the_clips_from_the_newest_on_page_by_page(library):
    for number in (3, 0, 4, 1, 2):
        save(library, number)
    first, second, third = (library.history(page=page, page_size=2) for page in (1, 2, 3))
    assert [numbers(page.clips) for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert [page.more for page in (first, second, third)] == [True, True, False]
    assert library.history(page=4, page_size=2).clips == []
    assert numbers(library.history().clips) == numbers(reversed(library.clips()))


def test_a_library_that_is_not_there_has_an_empty_history_and_is_not_made(library):
    assert library.history().clips == []
    assert not library.path.exists()


def test_a_search_finds_words_of_the_prompt_in_any_order_and_case(library):
    save(library, 0, "Dusk falls over the lake")
    save(library, 1, "the lake at noon")
    save(library, 2, "Đêm xuống")
    assert numbers(library.history("LAKE dusk").clips) == [0]
    assert numbers(library.history("lake").clips) == [1, 0]
    assert numbers(library.history("đêm").clips) == [2]
    assert library.history("no such words").clips == []
    page = library.history("lake", page_size=1)
    assert (numbers(page.clips), page.more) == ([1], True)


def test_files_that_people_add_rename_change_and_remove_are_right_at_once(library):
    clips = [save(library, number) for number in range(3)]
    assert numbers(library.history().clips) == [2, 1, 0]
    for suffix in (".mp4", ".json"):
        clips[1].path.with_suffix(suffix).rename(library.path / f"my favourite{suffix}")
    assert numbers(library.history().clips) == [2, 1, 0]
    clips[2].path.unlink()
    assert numbers(library.history().clips) == [1, 0]
    sheet = library.path / "my favourite.json"
    sheet.write_text(json.dumps({**json.loads(sheet.read_text()), "prompt": "a longer prompt, by hand"}))
    assert numbers(library.history("by hand").clips) == [1]
    (library.path / "no clip.json").write_text("{}")
    (library.path / "no clip.mp4").write_bytes(b"")
    assert numbers(library.history().clips) == [1, 0]


def test_a_hidden_clip_is_on_disk_and_back_with_undo_also_in_another_process(library):
    clips = [save(library, number) for number in range(3)]
    library.hide(clips[1])
    assert numbers(library.history().clips) == [2, 0]
    later = Library(library.path)
    assert numbers(later.history(hidden=True).clips) == [1]
    assert numbers(later.clips()) == [0, 1, 2]
    assert clips[1].path.exists()
    later.unhide(clips[1])
    assert numbers(library.history().clips) == [2, 1, 0]
    assert library.history(hidden=True).clips == []


def test_a_deleted_clip_is_back_whole_with_undo_also_in_another_process(library):
    clips = [save(library, number) for number in range(2)]
    library.hide(clips[0])
    library.delete(clips[0])
    assert numbers(library.clips()) == [1]
    assert library.history(hidden=True).clips == []
    later = Library(library.path)
    assert numbers(later.deleted()) == [0]
    later.restore(later.deleted()[0])
    assert later.deleted() == []
    assert numbers(library.history(hidden=True).clips) == [0]
    assert clips[0].path.read_bytes() == b"clip"
    with pytest.raises(FileNotFoundError, match="not among the deleted clips"):
        library.restore(clips[0])


def deletions(library):
    return sorted((library.path / ".trash").iterdir())


def aged(deletion, days):
    """Have a deletion be so old, by the name of its folder."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return deletion.rename(deletion.with_name(f"{moment:%Y%m%d-%H%M%S}{deletion.name[15:]}"))


def test_what_was_deleted_a_month_ago_goes_for_good_with_the_next(library):
    oldest, older, new = (save(library, number) for number in range(3))
    for clip, days in ((oldest, 31), (older, 29)):
        library.delete(clip)
        gone = aged(deletions(library)[-1], days)
    library.delete(new)
    assert numbers(library.deleted()) == [2, 1]
    assert gone in deletions(library)
    assert len(deletions(library)) == 2


def test_an_old_clip_is_kept_for_a_month_from_its_deletion_on(library):
    old, new = (save(library, number) for number in range(2))
    for suffix in (".mp4", ".json"):
        os.utime(old.path.with_suffix(suffix), (0, 0))
    library.delete(old)
    library.delete(new)
    assert numbers(library.deleted()) == [1, 0]


def test_only_deleted_clips_are_removed_from_the_trash(library, tmp_path):
    old, new = (save(library, number) for number in range(2))
    library.delete(old)
    deletion = aged(deletions(library)[0], 60)
    (deletion / "notes.txt").write_text("somebody's")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.mp4").write_bytes(b"theirs")
    trash = library.path / ".trash"
    (trash / deletion.name.replace("-", "_")).mkdir()
    (trash / f"{deletion.name[:-8]}00000000").symlink_to(elsewhere)
    (trash / "20000101-000000.mp4").write_bytes(b"theirs")
    os.utime(trash / "20000101-000000.mp4", (0, 0))
    library.delete(new)
    assert [path.name for path in deletion.iterdir()] == ["notes.txt"]
    assert (elsewhere / "a.mp4").exists()
    assert (trash / "20000101-000000.mp4").exists()
    assert len(deletions(library)) == 5
    assert numbers(library.deleted()) == [1]


def test_of_a_name_that_was_deleted_twice_the_last_comes_back_and_the_other_is_kept(library):
    first = save(library, 0, "dusk")
    library.delete(first)
    second = save(library, 0, "dusk")
    assert second.path == first.path
    second.path.write_bytes(b"second")
    library.delete(second)
    assert len(library.deleted()) == 2
    library.restore(first)
    assert second.path.read_bytes() == b"second"
    (kept,) = library.deleted()
    assert kept.path.read_bytes() == b"clip"
    library.delete(second)
    library.restore(kept)
    assert first.path.read_bytes() == b"clip"


def everything(library):
    return {
        path.relative_to(library.path): path.read_bytes()
        for path in library.path.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("taken", [(".mp4", ".json"), (".mp4",), (".json",)])
def test_a_clip_whose_name_is_taken_by_now_stays_in_the_trash_and_says_so(library, taken):
    clip = save(library)
    library.hide(clip)
    library.delete(clip)
    for suffix in taken:
        clip.path.with_suffix(suffix).write_bytes(b"theirs")
    before = everything(library)
    with pytest.raises(FileExistsError, match=r"another clip has this name by now\. Rename that"):
        library.restore(clip)
    assert everything(library) == before
    for suffix in taken:
        clip.path.with_suffix(suffix).unlink()
    library.restore(clip)
    assert library.history(hidden=True).clips == [clip]
    assert deletions(library) == []


@pytest.mark.parametrize("whole", ["a link", "a file"])
def test_a_trash_that_is_not_the_library_s_own_is_refused(library, tmp_path, whole):
    clip = save(library)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    old = elsewhere / "20000101-000000-000000-00000000"
    old.mkdir()
    (old / "a.mp4").write_bytes(b"theirs")
    os.utime(old / "a.mp4", (0, 0))
    if whole == "a link":
        (library.path / ".trash").symlink_to(elsewhere)
    else:
        (library.path / ".trash").write_text("")
    for change in (lambda: library.delete(clip), lambda: library.restore(clip), library.deleted):
        with pytest.raises(InvalidRequestError, match=r"\.trash is no folder of its own"):
            change()
    assert library.clips() == [clip]
    assert [path.name for path in elsewhere.rglob("*")] == [old.name, "a.mp4"]


def test_a_clip_that_is_a_link_goes_and_comes_as_the_link(library, tmp_path):
    clip = save(library)
    target = clip.path.rename(tmp_path / "film.mp4")
    os.utime(target, (1000, 1000))
    clip.path.symlink_to(target)
    library.delete(clip)
    assert not os.path.lexists(clip.path)
    library.restore(clip)
    assert clip.path.readlink() == target
    assert (target.stat().st_mtime, target.read_bytes()) == (1000, b"clip")
    target.unlink()
    library.delete(clip)
    library.restore(clip)
    assert clip.path.is_symlink()


@pytest.mark.parametrize("fails_at", range(1, 4))
@pytest.mark.parametrize("change", ["delete", "restore"])
def test_no_sheet_is_ever_seen_without_its_film_and_a_failed_move_is_undone(
    library, monkeypatch, change, fails_at
):
    clip = save(library)
    library.hide(clip)
    if change == "restore":
        library.delete(clip)
    before, moves, replace = set(everything(library)), [], type(clip.path).replace

    def watched(source, target):
        assert clip.path.exists() or not clip.path.with_suffix(".json").exists()
        moves.append(source.suffix)
        if len(moves) == fails_at:
            raise PermissionError
        return replace(source, target)

    monkeypatch.setattr(type(clip.path), "replace", watched)
    with pytest.raises(PermissionError):
        getattr(library, change)(clip)
    assert set(everything(library)) == before
    order = [".json", ".hidden", ".mp4"] if change == "delete" else [".mp4", ".hidden", ".json"]
    assert moves[:fails_at] == order[:fails_at]


@pytest.mark.parametrize("moved", [(".json",), (".json", ".mp4")])
def test_a_clip_whose_way_to_the_trash_was_cut_short_comes_back(library, moved):
    clip = save(library)
    folder = library.path / ".trash" / "20261126-101500-000000-0a1b2c3d"
    folder.mkdir(parents=True)
    for suffix in moved:
        clip.path.with_suffix(suffix).rename(folder / clip.path.with_suffix(suffix).name)
    assert library.clips() == []
    library.restore(clip)
    assert library.clips() == [clip]


@pytest.mark.parametrize("change", ["hide", "unhide", "delete", "restore"])
def test_a_clip_of_another_library_is_left_alone(library, tmp_path, change):
    mine, theirs = save(library), save(Library(tmp_path / "others"))
    assert mine.path.name == theirs.path.name
    with pytest.raises(InvalidRequestError, match="not a clip of this library"):
        getattr(library, change)(theirs)
    assert mine.path.exists()
    assert theirs.path.exists()


def test_the_run_that_made_a_clip_is_known_with_what_was_asked_for(library):
    entry = Entry("run-1", "account", "digest", "dusk falls", "9:16", 2, (), NOON)
    library.journal.begin(entry)
    assert library.run_of(save(library, 0, generation="run-1")).aspect_ratio == "9:16"
    assert library.run_of(save(library, 1)) is None


def test_the_history_is_a_table(library):
    pytest.importorskip("pandas")
    for number in range(3):
        save(library, number, aspect_ratio="16:9", take=number + 1)
    library.hide(library.clips()[0])
    table = library.to_dataframe()
    assert list(table["id"]) == ["id-2", "id-1", "id-0"]
    assert list(table["hidden"]) == [False, False, True]
    assert table["duration"].sum() == 24.0
    assert set(table["aspect_ratio"]) == {"16:9"}
    assert str(table["created_at"].dtype).startswith("datetime64")
    assert list(Library(library.path / "none").to_dataframe().columns) == list(table.columns)


def test_without_pandas_a_sentence_says_what_to_do(library, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed"):
        library.to_dataframe()


@pytest.mark.parametrize("prompt", HOSTILE, ids=lambda prompt: ascii(prompt[:20]))
def test_no_prompt_breaks_out_of_the_history(library, tmp_path, prompt):
    clip = save(library, 0, prompt)
    assert library.history(prompt[:20].replace("\0", " ")).clips == [clip]
    library.hide(clip)
    library.delete(clip)
    library.restore(clip)
    assert library.history(hidden=True).clips == [clip]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips"]


@pytest.mark.parametrize("name", ["../outside.mp4", "..", "/etc/passwd", "sub/clip.mp4"])
def test_no_path_of_a_clip_leads_out_of_the_library(library, name):
    clip = save(library)
    outside = replace(clip, path=library.path / name)
    with pytest.raises(InvalidRequestError):
        library.delete(outside)
    assert library.clips() == [clip]
