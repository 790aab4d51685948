"""The journal: durable before anything is paid, true after any end, one owner a run."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from ipyveo import InvalidRequestError, Library
from ipyveo.library.journal import FILE_NAME, Entry, Journal, StoredPicture, StoredTake


def entry(name: str = "a1", **values: object) -> Entry:
    asked = {
        "account": "https://example.com/api/v1",
        "digest": "d",
        "prompt": "dusk",
        "aspect_ratio": "16:9",
        "number_of_videos": 2,
        "pictures": (StoredPicture("day.png", "0.png"),),
        "began_at": datetime(2026, 11, 25, 10, 42, tzinfo=UTC),
    }
    return Entry(id=name, **{**asked, **values})


TAKES = [
    StoredTake(1, "v-1", "https://example.com/1.mp4?signed=x", "success"),
    StoredTake(2, "v-2", "https://example.com/2.mp4", "success"),
]


def test_a_run_is_read_back_as_it_was_written(tmp_path):
    journal = Journal(tmp_path)
    written = journal.begin(entry())
    assert journal.entries() == [written]
    assert (written.state, written.unfinished) == ("waiting", False)
    journal.sending("a1")
    journal.reached("a1", "processing")
    sent = Journal(tmp_path).entry("a1")
    assert (sent.state, sent.stage, sent.unfinished) == ("sent", "processing", True)
    assert sent.sent_at is not None
    journal.completed("a1", sent.account, TAKES)
    assert journal.takes("a1") == TAKES
    journal.ended("a1", "saved")
    assert journal.unfinished() == []


def test_it_is_a_rollback_journal_that_is_written_out_and_waits_for_others(tmp_path):
    journal = Journal(tmp_path)
    journal.begin(entry())
    with journal._database() as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert database.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_a_video_belongs_to_one_run_however_it_is_named(tmp_path):
    journal = Journal(tmp_path)
    for name in ("a1", "b2"):
        journal.begin(entry(name))
    account = entry().account
    assert journal.claim("a1", account, TAKES[:1])
    signed_anew = StoredTake(1, "", "https://example.com/1.mp4?signed=y", "success")
    assert not journal.claim("b2", account, [signed_anew])
    assert journal.takes("b2") == []
    assert journal.claim("b2", account, TAKES[1:])
    assert journal.claim("a1", account, TAKES[:1])


def test_two_that_claim_the_same_video_at_the_same_moment_are_one_owner_and_one_refused(tmp_path):
    journals = [Journal(tmp_path), Journal(tmp_path)]
    for number in range(8):
        journals[0].begin(entry(f"r{number}"))
    answers: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda number=number: answers.append(
                journals[number % 2].claim(f"r{number}", "account", TAKES[:1])
            )
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]


@pytest.mark.parametrize("damage", ["no database at all", "torn"])
def test_an_unreadable_journal_is_set_aside_and_not_overwritten(tmp_path, damage):
    path = tmp_path / FILE_NAME
    if damage == "torn":
        journal = Journal(tmp_path)
        for number in range(200):
            journal.begin(entry(f"r{number}", prompt="dusk " * 50))
        data = bytearray(path.read_bytes())
        data[4096:12288] = os.urandom(8192)
        path.write_bytes(data)
    else:
        path.write_text("no database at all, and long enough to be looked at " * 20)
    broken = path.read_bytes()
    with pytest.warns(UserWarning, match="could not be read; it was set aside as journal-unreadable-"):
        assert Journal(tmp_path).entries() == []
    (aside,) = tmp_path.glob("journal-unreadable-*.sqlite3")
    assert aside.read_bytes() == broken


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path):
    Journal(tmp_path).begin(entry())
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(InvalidRequestError, match="newer ipyveo"):
        Journal(tmp_path).entries()
    assert not list(tmp_path.glob("journal-unreadable-*"))


OWNER = """
import sys
from pathlib import Path
from ipyveo.library.journal import Journal
from ipyveo.library.journal import Entry
from datetime import UTC, datetime
journal = Journal(Path(sys.argv[1]))
journal.begin(Entry("theirs", "account", "d", "dusk", "16:9", 1, (), datetime.now(UTC)))
journal.sending("theirs")
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_run_is_its_process_s_until_that_ends_and_then_the_first_s_who_takes_it(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    journal = Journal(tmp_path)
    (theirs,) = journal.unfinished()
    assert not journal.take_over(theirs)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert journal.take_over(theirs)
    assert journal.entry("theirs").owner == journal.owners.mine()
    assert not journal.take_over(theirs)  # as another would who looked before


def test_looking_at_one_s_own_life_does_not_end_it(tmp_path):
    journal = Journal(tmp_path)
    mine = journal.owners.mine()
    assert journal.owners.lives(mine)
    code = (
        "import sys; from pathlib import Path; from ipyveo.library.ownership import Owners;"
        f"print(Owners(Path(sys.argv[1])).lives({mine}), Owners(Path(sys.argv[1])).lives({mine % 1000 + 1}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]


def test_every_library_of_one_folder_has_the_same_journal(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Library(tmp_path / "real").journal is Library(tmp_path / "link").journal
    assert Library(tmp_path / "never").generations() == []
    assert not (tmp_path / "never").exists()


# Without file locks ---------------------------------------------------------------------------------

LOCKLESS = """
import errno, sys
from pathlib import Path
from ipyveo import InvalidRequestError
from ipyveo.library import ownership
from ipyveo.library.journal import Entry, Journal
from datetime import UTC, datetime

def no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")

ownership._try = no_locks
try:
    journal = Journal(Path(sys.argv[1]))
    journal.begin(Entry(sys.argv[2], "account", "d", "dusk", "16:9", 1, (), datetime.now(UTC)))
    print("written", [entry.id for entry in journal.entries()], flush=True)
except InvalidRequestError as error:
    print("refused", error, flush=True)
sys.stdin.read()
"""


def lockless(folder, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOCKLESS, str(folder), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("killed", [False, True])
def test_on_a_drive_without_locks_the_first_process_writes_and_a_second_is_refused(tmp_path, killed):
    first = lockless(tmp_path, "a1")
    assert first.stdout.readline() == "written ['a1']\n"
    second = lockless(tmp_path, "a2")
    said = second.stdout.readline()
    assert said.startswith("refused The library's drive has no file locks")
    assert len(said) < 300
    second.communicate()
    if killed:
        first.kill()
    first.communicate()
    third = lockless(tmp_path, "a3")
    assert third.stdout.readline() == "written ['a1', 'a3']\n"
    third.communicate()


STALE = """
import json, os, socket, sys
from pathlib import Path
told = {"process": os.getpid(), "machine": socket.gethostname()}
Path(sys.argv[1], ".in-use.json").write_text(json.dumps(told))
"""


def test_a_lock_of_an_earlier_process_of_the_same_number_gives_way(tmp_path):
    said = [sys.executable, "-c", STALE + LOCKLESS, str(tmp_path), "a1"]
    done = subprocess.run(said, input="", capture_output=True, text=True, check=True)
    assert done.stdout == "written ['a1']\n"


def test_a_folder_that_was_removed_gets_a_journal_anew(tmp_path):
    library = Library(tmp_path / "library")
    library.journal.begin(entry("a1"))
    shutil.rmtree(library.path)
    assert library.generations() == []
    library.journal.begin(entry("a2"))
    assert [each.id for each in library.generations()] == ["a2"]
    assert library.journal.owners.lives(library.journal.owners.mine())
