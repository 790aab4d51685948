"""The library's history: newest first, by pages, searched by prompt; clips hidden or deleted, with undo."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
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
_DELETION: Final = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{8}", re.ASCII)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_MEASURED: Final = ("created_at", "prompt", "engine", "width", "height", "duration", "fps", "size", "id")
_ASKED: Final = ("aspect_ratio", "number_of_videos", "take", "generation")
_COLUMNS: Final = (*_MEASURED, *_ASKED, "picked", "hidden", "path")
_MOST: Final = 1e9  # of pixels, seconds or frames a second
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
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
        """Move a clip to the trash, and empty that of what has been there for a month.

        Each deletion has a folder of its own, named by its moment, so that a name can be deleted twice and
        no file's own time says how long it is kept.

        Raises
        ------
        InvalidRequestError
            If the trash is no folder of the library's own.
        """
        trash = self._trash()
        trash.mkdir(exist_ok=True)
        for old in _deletions(trash):
            if _moment_of(old) < datetime.now(UTC) - _KEPT:
                _purge(old)
        folder = trash / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            _move(reversed(_family(path.stem)), self._folder, folder)
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()  # where nothing came into it

    def deleted(self) -> list[Clip]:
        """Return the clips in the trash, newest first."""
        found = [
            (sheet.clip, folder)
            for folder in _deletions(self._trash())
            for sheet in map(read_sheet, folder.glob("*.json"))
            if sheet is not None
        ]
        found.sort(key=lambda each: (each[0].created_at, each[1].name), reverse=True)
        return [clip for clip, _ in found]

    def restore(self, path: Path) -> None:
        """Bring a clip back from the trash: the one at this path there, else the last deleted of this name.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        FileExistsError
            If another clip has its name by now; nothing is moved then.
        InvalidRequestError
            If the trash is no folder of the library's own.
        """
        film, _, sheet = _family(path.stem)
        kept = [
            folder
            for folder in _deletions(self._trash())
            if _lies(folder / film) or _lies(folder / sheet)  # one alone where a move was cut short
        ]
        if not kept:
            raise FileNotFoundError(
                f"{path.name} is not among the deleted clips, so it cannot be brought back."
            )
        folder = next((each for each in kept if each.name == path.parent.name), kept[-1])
        if _lies(self._folder / sheet) or (_lies(self._folder / film) and _lies(folder / film)):
            raise FileExistsError(
                f"{path.name} was not brought back, since another clip has this name by now. Rename that "
                "one and its sheet, then restore again."
            )
        _move(_family(path.stem), folder, self._folder)
        with contextlib.suppress(OSError):
            folder.rmdir()

    def _trash(self) -> Path:
        trash = self._folder / TRASH
        if trash.is_symlink() or (trash.exists() and not trash.is_dir()):
            raise InvalidRequestError(
                f"The library's {TRASH} is no folder of its own. Nothing was moved. Remove it, and try again."
            )
        return trash

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
        record = json.loads(_whole(path.read_text("utf-8")))
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
        _check(clip)
        asked, picked = record.get("request"), bool(record.get(PICK))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return Sheet(clip, asked if isinstance(asked, dict) else {}, picked)


def _whole(text: str) -> str:
    r"""Return JSON without the halves of characters that ``\ud800`` makes: no message holds them."""
    if not _HALF.search(text):
        return text
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()


def _in_a_zone(moment: datetime) -> datetime:
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def _check(clip: Clip) -> None:
    """Refuse what no video has, so that whoever reckons with it need not ask.

    Raises
    ------
    ValueError, OverflowError
        If there is any of it.
    """
    clip.created_at.astimezone()  # which cannot be for the first and the last day of all
    if not all(0 < value < _MOST for value in (clip.width, clip.height, clip.duration, clip.fps)):
        raise ValueError("no video has such measurements")


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
    """Return a clip's files in the order in which they come back: what makes it seen, its sheet, is last."""
    return (f"{stem}.mp4", _mark(stem), f"{stem}.json")


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move files that are there, links as links; where one cannot be moved, all stay."""
    moved: list[str] = []
    try:
        for name in names:
            if _lies(source / name):
                (source / name).replace(target / name)
                moved.append(name)
    except OSError:
        for name in reversed(moved):
            (target / name).replace(source / name)
        raise


def _lies(path: Path) -> bool:
    """Tell whether a name is taken, be it by a link that leads nowhere."""
    return os.path.lexists(path)


def _deletions(trash: Path) -> list[Path]:
    """Return the folders that `Shelf.delete` made, the oldest first; nobody else's, and no links."""
    try:
        with os.scandir(trash) as found:
            folders = [Path(each.path) for each in found if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted(each for each in folders if _DELETION.fullmatch(each.name) and _moment_of(each) < _NEVER)


def _moment_of(deletion: Path) -> datetime:
    with contextlib.suppress(ValueError):
        return datetime.strptime(deletion.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return _NEVER


def _purge(deletion: Path) -> None:
    """Remove a deleted clip for good; what somebody else has put beside it stays, with the folder."""
    with contextlib.suppress(OSError):  # what cannot go now goes with a later one
        stems = {each.stem for each in deletion.glob("*.json")} or {
            each.stem for each in deletion.glob("*.mp4")
        }
        for stem in stems:
            for name in _family(stem):
                (deletion / name).unlink(missing_ok=True)
        deletion.rmdir()
