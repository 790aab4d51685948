"""The library's history: newest first, by pages, searched by prompt; clips hidden or deleted, with undo."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ipyveo.errors import InvalidRequestError
from ipyveo.media.clip import Clip

if TYPE_CHECKING:
    import pandas as pd

PAGE_SIZE: Final = 24
TRASH: Final = ".trash"
PICK: Final = "pick"  # the word for it in a sheet
_KEPT: Final = timedelta(days=30)  # of what was deleted
_GRAVE_STAMP: Final = "%Y%m%d-%H%M%S-%f"
_GRAVE: Final = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{8}")
_MEASURED: Final = ("created_at", "prompt", "engine", "width", "height", "duration", "fps", "size", "id")
_ASKED: Final = ("aspect_ratio", "number_of_videos", "take", "generation")
_COLUMNS: Final = (*_MEASURED, *_ASKED, "picked", "hidden", "path")
_STAMPED: Final = re.compile(r"\d{8}-\d{6}-")  # how `Library.save` begins a name


@dataclass(frozen=True)
class ClipPage:
    """A page of the history.

    Parameters
    ----------
    clips
        Newest first.
    number
        Of this page, from 1.
    more
        True if there are older ones.

    Examples
    --------
    >>> from ipyveo import Library
    >>> Library("/tmp/an-empty-library").history().clips
    []
    """

    clips: list[Clip]
    number: int
    more: bool


@dataclass(frozen=True)
class Sheet:
    """What lies beside a clip: its measurements, what was asked for, whether it is the pick of its run."""

    clip: Clip
    asked: Mapping[str, Any]
    picked: bool = False


class Shelf:
    """The clips of one folder, by the names of their files.

    A listing of the folder is all that a page needs besides its own sheets: names begin with the time, so
    that 5,000 clips open as fast as 5, and files that people add, remove or rename are right at once. Only
    a search, and names that somebody else gave, are read in full, once as long as their sheets stay the same.

    Parameters
    ----------
    folder
        The library's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[tuple[int, int], ...], Sheet]] = {}

    def sheets(self, *, hidden: bool | None) -> Iterator[Sheet]:
        """Give the sheets, newest first: those that are hidden, those that are not, or (None) all."""
        files = self._files()
        stems = [name[:-4] for name in files if name.endswith(".mp4") and f"{name[:-4]}.json" in files]
        if hidden is not None:
            stems = [stem for stem in stems if (_mark(stem) in files) is hidden]
        ordered = sorted(((self._moment(stem), stem) for stem in stems), reverse=True)
        for _, stem in ordered:
            sheet = self._sheet(stem)
            if sheet is not None:
                yield sheet

    def hide(self, path: Path, *, hidden: bool) -> None:
        """Note that a clip is hidden, by a file beside it, which needs no lock and goes where it goes."""
        mark = self._folder / _mark(path.stem)
        if hidden:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def delete(self, path: Path) -> None:
        """Move a clip to the trash, into a folder of its own, and empty that of what is older than a month.

        The sheet goes first and comes back last: there is never one without its film.
        """
        self._empty_trash()
        grave = self._trash / f"{datetime.now(UTC):{_GRAVE_STAMP}}-{secrets.token_hex(4)}"
        grave.mkdir(parents=True)
        for name in reversed(_family(path.stem)):
            if os.path.lexists(self._folder / name):
                (self._folder / name).replace(grave / name)

    def graves(self) -> list[Path]:
        """Return the folders of what was deleted, the newest first."""
        try:
            found = [grave for grave in self._trash.iterdir() if _GRAVE.fullmatch(grave.name)]
        except FileNotFoundError:
            return []
        return sorted(found, reverse=True)

    def restore(self, path: Path) -> None:
        """Bring a clip back from the trash; of several of one name, the one that was deleted last.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        FileExistsError
            If another clip has its name by now.
        """
        graves = [path.parent] if path.parent.parent == self._trash else self.graves()
        grave = next((each for each in graves if os.path.lexists(each / path.name)), None)
        if grave is None:
            raise FileNotFoundError(
                f"{path.name} is not among the deleted clips, so it cannot be brought back."
            )
        family = _family(path.stem)
        if any(os.path.lexists(self._folder / name) for name in family):
            raise FileExistsError(
                f"Another clip is called {path.name} by now. Rename that one, then bring this one back."
            )
        for name in family:
            if os.path.lexists(grave / name):
                (grave / name).replace(self._folder / name)
        grave.rmdir()

    @property
    def _trash(self) -> Path:
        trash = self._folder / TRASH
        if trash.is_symlink():
            raise InvalidRequestError(
                f"The library's folder {TRASH} is a link to another place, so nothing is deleted. "
                "Remove the link."
            )
        return trash

    def _empty_trash(self) -> None:
        oldest = f"{datetime.now(UTC) - _KEPT:{_GRAVE_STAMP}}"
        for grave in self.graves():
            if grave.name < oldest and not grave.is_symlink():
                for film in grave.glob("*.mp4"):
                    for name in _family(film.stem):
                        (grave / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # somebody else's file lies in it
                    grave.rmdir()

    def _files(self) -> set[str]:
        try:
            with os.scandir(self._folder) as found:
                return {entry.name for entry in found}
        except FileNotFoundError:
            return set()

    def _moment(self, stem: str) -> str:
        """Return when a clip came, as the text that names begin with."""
        if _STAMPED.match(stem):
            return stem[:15]
        sheet = self._sheet(stem)
        return "" if sheet is None else f"{sheet.clip.created_at.astimezone():%Y%m%d-%H%M%S}"

    def _sheet(self, stem: str) -> Sheet | None:
        path = self._folder / f"{stem}.json"
        try:
            found = [path.stat(), path.with_name(f"{stem}.mp4").stat()]
        except OSError:
            return None
        state = tuple((each.st_mtime_ns, each.st_size) for each in found)
        known = self._read.get(stem)
        if known is not None and known[0] == state:
            return known[1]
        sheet = read_sheet(path)
        if sheet is not None:
            self._read[stem] = (state, sheet)
        return sheet


def read_sheet(path: Path) -> Sheet | None:
    """Return what a sheet describes, or None; the clip's file is always the one beside the sheet."""
    clip_path = path.with_suffix(".mp4")
    try:
        record = json.loads(path.read_text("utf-8"))
        clip = Clip(
            path=clip_path,
            id=str(record["id"]),
            prompt=str(record["prompt"]),
            width=int(record["width"]),
            height=int(record["height"]),
            duration=float(record["duration"]),
            fps=float(record["fps"]),
            size=clip_path.stat().st_size,
            created_at=_in_a_zone(datetime.fromisoformat(record["created_at"])),
            engine="veo" if record["engine"] == "veo" else "sandbox",
        )
        asked, picked = record.get("request"), bool(record.get(PICK))
        if not all(0 < value < math.inf for value in (clip.width, clip.height, clip.duration, clip.fps)):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return Sheet(clip, asked if isinstance(asked, dict) else {}, picked)


def _in_a_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def as_table(sheets: Iterator[Sheet]) -> pd.DataFrame:
    """Return the sheets as a table.

    Raises
    ------
    ImportError
        If pandas is not there.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("A table needs pandas, which is not installed. Run: pip install pandas") from None
    return pd.DataFrame([_row(sheet) for sheet in sheets], columns=list(_COLUMNS))


def _row(sheet: Sheet) -> dict[str, Any]:
    clip, asked = sheet.clip, sheet.asked
    row = {name: getattr(clip, name) for name in _MEASURED} | {name: asked.get(name) for name in _ASKED}
    row["picked"] = sheet.picked
    return row | {"path": str(clip.path), "hidden": (clip.path.parent / _mark(clip.path.stem)).exists()}


def _mark(stem: str) -> str:
    return f".{stem}.hidden"


def _family(stem: str) -> tuple[str, ...]:
    return (f"{stem}.mp4", f"{stem}.json", _mark(stem))
