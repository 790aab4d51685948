"""The journal: every run's line, durable before its request leaves, and every step after it (SQLite)."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

from ipyveo.api.events import FAILURE
from ipyveo.errors import InvalidRequestError
from ipyveo.library.ownership import Owners

FILE_NAME = "journal.sqlite3"
State = Literal["waiting", "sent", "complete", "saved", "failed"]

LONGEST_REFUND = timedelta(minutes=1)
_BUSY_SECONDS = 30.0
_VERSION = 1
_TABLES = """
CREATE TABLE generations (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, digest TEXT NOT NULL, prompt TEXT NOT NULL,
    aspect_ratio TEXT NOT NULL, number_of_videos INTEGER NOT NULL, pictures TEXT NOT NULL,
    state TEXT NOT NULL, stage TEXT NOT NULL, owner INTEGER NOT NULL,
    began_at TEXT NOT NULL, sent_at TEXT, error TEXT NOT NULL, ended_at TEXT, cost INTEGER,
    seat TEXT NOT NULL, dismissed INTEGER NOT NULL
);
CREATE INDEX unfinished ON generations (state);
CREATE INDEX equal ON generations (digest);
CREATE TABLE takes (
    generation TEXT NOT NULL, take INTEGER NOT NULL, id TEXT NOT NULL, file_url TEXT, status TEXT NOT NULL,
    file TEXT NOT NULL, saved INTEGER NOT NULL, PRIMARY KEY (generation, take)
);
CREATE TABLE claims (
    account TEXT NOT NULL, mark TEXT NOT NULL, generation TEXT NOT NULL, PRIMARY KEY (account, mark)
);
"""
_SELECT = (
    "SELECT id, account, digest, prompt, aspect_ratio, number_of_videos, pictures, state, stage, owner,"
    " began_at, sent_at, error, ended_at, cost, seat, dismissed FROM generations"
)


@dataclass(frozen=True)
class StoredPicture:
    """A picture of a request: its name for people, the files that were sent and given, and its framing."""

    name: str
    file: str
    original: str = ""
    framing: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredTake:
    """One video of a run as the service named it, and the clip's file name once one is chosen ("" before)."""

    take: int
    id: str
    file_url: str | None
    status: str
    file: str = ""
    saved: bool = False

    @property
    def failed(self) -> bool:
        """True if the service says that it could not be made."""
        return self.status.lower() in FAILURE


@dataclass(frozen=True)
class Entry:
    """One run's line in the journal.

    Parameters
    ----------
    id
        Our own name for the run; the service gives none before it completes.
    account
        Where it was sent; holds no key.
    digest
        The same for requests that ask for the very same clips.
    prompt, aspect_ratio, number_of_videos, pictures
        What was asked for.
    state
        ``"waiting"`` (nothing sent), ``"sent"`` (it may have been accepted), ``"complete"`` (the service has
        named the videos), ``"saved"`` (all that was made is in the library), ``"failed"`` (nothing to fetch).
    stage
        The last status that was heard.
    owner
        The process that watches it; see `Owners`.
    began_at, sent_at
        When it was asked for, and when the request left, in UTC.
    error
        The sentence it ended with, or "".
    ended_at
        When nothing was left to do for it, in UTC.
    cost
        The credits it cost, where that could be measured.
    seat
        The place in a notebook that it was asked for from, or "".
    dismissed
        True if nobody wants it to be offered any more.
    """

    id: str
    account: str
    digest: str
    prompt: str
    aspect_ratio: str
    number_of_videos: int
    pictures: tuple[StoredPicture, ...]
    began_at: datetime
    state: State = "waiting"
    stage: str = ""
    owner: int = 0
    sent_at: datetime | None = None
    error: str = ""
    ended_at: datetime | None = None
    cost: int | None = None
    seat: str = ""
    dismissed: bool = False

    @property
    def unfinished(self) -> bool:
        """True if a clip may still come of it."""
        return self.state in ("sent", "complete")


class Journal:
    """The journal of one library.

    Plain rollback journal and full synchronisation, not WAL: libraries lie on network and mounted drives,
    where WAL does not work. Each call opens the file anew, which survives forks and threads. Methods block
    for some milliseconds; on a loop they belong in a thread.

    Parameters
    ----------
    folder
        The library's folder; it has to exist.
    """

    def __init__(self, folder: Path) -> None:
        self.owners = Owners(folder)
        self._path = folder / FILE_NAME
        self._checked = False
        self._opening = threading.Lock()

    # Writing ----------------------------------------------------------------------------------------

    def begin(self, entry: Entry) -> Entry:
        """Write a new run's line, owned by this process. Nothing of it has been sent."""
        entry = replace(entry, owner=self.owners.mine())
        pictures = json.dumps([astuple(picture) for picture in entry.pictures])
        values = (
            entry.id,
            entry.account,
            entry.digest,
            entry.prompt,
            entry.aspect_ratio,
            entry.number_of_videos,
            pictures,
            entry.state,
            entry.stage,
            entry.owner,
            _stamp(entry.began_at),
            None,
            "",
            None,
            None,
            entry.seat,
            0,
        )
        places = ", ".join("?" * len(values))
        with self._writing() as database:
            database.execute(f"INSERT INTO generations VALUES ({places})", values)  # noqa: S608 - only "?"
        return entry

    def sending(self, generation: str) -> None:
        """Note that the request is about to leave: from here on it may have been accepted."""
        self._set(generation, state="sent", sent_at=_stamp(datetime.now(UTC)))

    def refused(self, generation: str) -> None:
        """Note that the request was refused before it was accepted, and will be sent again."""
        self._set(generation, state="waiting")

    def reached(self, generation: str, stage: str) -> None:
        """Note the status that was heard."""
        self._set(generation, stage=stage)

    def ended(self, generation: str, state: State, error: str = "") -> None:
        """Note how the run ended."""
        self._set(generation, state=state, error=error, ended_at=_stamp(datetime.now(UTC)))

    def cost(self, generation: str, credit_count: int) -> None:
        """Note what the run was measured to have cost."""
        self._set(generation, cost=credit_count)

    def dismiss(self, generation: str) -> None:
        """Note that the run is to be offered no more."""
        self._set(generation, dismissed=1)

    def completed(self, generation: str, account: str, takes: Sequence[StoredTake]) -> None:
        """Note the videos that the service named for this very run, which are nobody else's from here on."""
        with self._writing() as database:
            self._take_in(database, generation, account, takes, marks_of(takes))

    def claim(
        self, generation: str, account: str, takes: Sequence[StoredTake], marks: Iterable[str] = ()
    ) -> bool:
        """Take videos that were found in the histories, unless another run has taken one of them by now."""
        wanted = {*marks_of(takes), *marks}
        with self._writing() as database:
            if self._claimed(database, account, generation) & wanted:
                return False
            self._take_in(database, generation, account, takes, wanted)
        return True

    def landing(self, generation: str, take: int, file: str) -> None:
        """Note the name a take is about to get, so that it is known if the process ends right after."""
        with self._writing() as database:
            database.execute(
                "UPDATE takes SET file = ? WHERE generation = ? AND take = ?", (file, generation, take)
            )

    def landed(self, generation: str, take: int) -> None:
        """Note that a take is in the library."""
        with self._writing() as database:
            database.execute(
                "UPDATE takes SET saved = 1 WHERE generation = ? AND take = ?", (generation, take)
            )

    def take_over(self, entry: Entry) -> bool:
        """Make this process the owner of a run whose own process has ended; False if another was faster."""
        mine = self.owners.mine()
        if entry.owner != mine and self.owners.lives(entry.owner):
            return False
        with self._writing() as database:
            changed = database.execute(
                "UPDATE generations SET owner = ? WHERE id = ? AND owner = ?", (mine, entry.id, entry.owner)
            )
            return changed.rowcount == 1

    # Reading ----------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """Return every run, oldest first."""
        return self._select("")

    def unfinished(self) -> list[Entry]:
        """Return the runs that a clip may still come of, and those that were never sent, oldest first."""
        return self._select("WHERE state IN ('waiting', 'sent', 'complete')")

    def equal(self, digest: str) -> list[Entry]:
        """Return the runs that asked for the very same clips, oldest first."""
        return self._select("WHERE digest = ?", digest)

    def entry(self, generation: str) -> Entry:
        """Return one run's line as it stands."""
        return self.named(generation)[0]

    def named(self, generation: str) -> list[Entry]:
        """Return the run of this name, if there is one."""
        return self._select("WHERE id = ?", generation)

    def prompts(self, notebook: str, most: int) -> list[str]:
        """Return the latest different prompts asked for from a notebook, "" being any; the newest first."""
        with self._database() as database:
            rows = database.execute(
                "SELECT prompt FROM generations WHERE seat LIKE ? || '%' GROUP BY prompt"
                " ORDER BY MAX(rowid) DESC LIMIT ?",
                (notebook, most),
            )
            return [prompt for (prompt,) in rows]

    def overlapped(self, account: str, generation: str, since: datetime) -> bool:
        """Tell whether another run of an account may have been charged, or refunded, after a moment.

        A run without an end is taken for going for the two hours that the longest job lasts; one whose cost
        was never known may have a refund to come for a minute after its end.
        """
        old = datetime.now(UTC) - timedelta(hours=2)
        with self._database() as database:
            found = database.execute(
                "SELECT 1 FROM generations WHERE account = ? AND id != ? AND sent_at IS NOT NULL AND"
                " CASE WHEN ended_at IS NULL THEN sent_at > ? WHEN cost IS NULL THEN ended_at >= ?"
                " ELSE ended_at >= ? END LIMIT 1",
                (account, generation, _stamp(old), _stamp(since - LONGEST_REFUND), _stamp(since)),
            )
            return found.fetchone() is not None

    def takes(self, generation: str) -> list[StoredTake]:
        """Return the videos of a run that are known, in order."""
        with self._database() as database:
            rows = database.execute(
                "SELECT take, id, file_url, status, file, saved FROM takes"
                " WHERE generation = ? ORDER BY take",
                (generation,),
            ).fetchall()
        return [
            StoredTake(take, name, url, status, file, bool(saved))
            for take, name, url, status, file, saved in rows
        ]

    def claimed_by_others(self, account: str, generation: str) -> set[str]:
        """Return the marks of the videos that other runs of this account own."""
        with self._database() as database:
            return self._claimed(database, account, generation)

    # The file ---------------------------------------------------------------------------------------

    def _select(self, where: str, *values: str) -> list[Entry]:
        with self._database() as database:
            rows = database.execute(f"{_SELECT} {where} ORDER BY began_at, rowid", values).fetchall()
        return [_entry(row) for row in rows]

    def _set(self, generation: str, **values: str | int) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._writing() as database:
            database.execute(
                f"UPDATE generations SET {columns} WHERE id = ?",  # noqa: S608 - our own column names
                (*values.values(), generation),
            )

    @staticmethod
    def _claimed(database: sqlite3.Connection, account: str, generation: str) -> set[str]:
        rows = database.execute(
            "SELECT mark FROM claims WHERE account = ? AND generation != ?", (account, generation)
        )
        return {mark for (mark,) in rows}

    @staticmethod
    def _take_in(
        database: sqlite3.Connection,
        generation: str,
        account: str,
        takes: Sequence[StoredTake],
        marks: Iterable[str],
    ) -> None:
        for take in takes:
            database.execute(
                "INSERT INTO takes VALUES (?, ?, ?, ?, ?, '', 0) ON CONFLICT (generation, take) DO UPDATE"
                " SET id = excluded.id, file_url = excluded.file_url, status = excluded.status"
                " WHERE NOT saved",
                (generation, take.take, take.id, take.file_url, take.status),
            )
        database.executemany(
            "INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", [(account, mark, generation) for mark in marks]
        )
        database.execute("UPDATE generations SET state = 'complete' WHERE id = ?", (generation,))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.rollback()
                raise
            database.commit()

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._opening:
            if not self._checked:
                self._make_ready()
                self._checked = True
        with contextlib.closing(self._connect()) as database:
            yield database

    def _connect(self) -> sqlite3.Connection:
        address = self._path.absolute().as_uri()
        if self.owners.alone:  # SQLite's own locks would fail like ours
            address += "?nolock=1"
        database = sqlite3.connect(address, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
        database.execute("PRAGMA synchronous = FULL")
        return database

    def _make_ready(self) -> None:
        """Make the tables; a file that cannot be read is set aside, not overwritten."""
        self.owners.mine()  # which finds out whether there are locks
        try:
            self._make_tables()
        except sqlite3.OperationalError:  # busy, full or forbidden: the file itself may be whole
            raise
        except sqlite3.DatabaseError:
            self._set_aside()
            self._make_tables()

    def _make_tables(self) -> None:
        with contextlib.closing(self._connect()) as database:
            database.execute("PRAGMA journal_mode = DELETE")
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            database.execute("BEGIN IMMEDIATE")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _TABLES.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_VERSION}")
            database.commit()
            if version > _VERSION:
                raise InvalidRequestError(
                    "The library's journal was written by a newer ipyveo. Nothing was sent and nothing was "
                    "charged. Update this one, or choose another folder with library=."
                )

    def _set_aside(self) -> None:
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        aside = self._path.with_name(f"journal-unreadable-{stamp}.sqlite3")
        self._path.rename(aside)
        hot = self._path.with_name(FILE_NAME + "-journal")
        if hot.exists():
            hot.rename(aside.with_name(aside.name + "-journal"))
        warnings.warn(
            f"The library's journal could not be read; it was set aside as {aside.name} and a new one was "
            "begun. The clips are not affected; runs that were still going are in the account's history.",
            stacklevel=2,
        )


def marks_of(takes: Sequence[StoredTake]) -> set[str]:
    """Return what tells these videos from all others: their ids and addresses (without what signs them)."""
    ids = {f"id:{take.id}" for take in takes if take.id}
    return ids | {f"url:{take.file_url.partition('?')[0]}" for take in takes if take.file_url}


def _stamp(moment: datetime) -> str:
    """Return a moment so that the order of the texts is the order of the moments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


def _entry(row: Sequence[object]) -> Entry:
    pictures = tuple(StoredPicture(*pair) for pair in json.loads(str(row[6])))
    return Entry(
        id=str(row[0]),
        account=str(row[1]),
        digest=str(row[2]),
        prompt=str(row[3]),
        aspect_ratio=str(row[4]),
        number_of_videos=int(str(row[5])),
        pictures=pictures,
        state=cast("State", str(row[7])),
        stage=str(row[8]),
        owner=int(str(row[9])),
        began_at=datetime.fromisoformat(str(row[10])),
        sent_at=_moment(row[11]),
        error=str(row[12]),
        ended_at=_moment(row[13]),
        cost=None if row[14] is None else int(str(row[14])),
        seat=str(row[15]),
        dismissed=bool(row[16]),
    )
