"""The library: the folder of clips, each with its parameters beside it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import os
import re
import secrets
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ipyveo.errors import FrameError, InvalidRequestError
from ipyveo.library.history import PAGE_SIZE, TRASH, ClipPage, Shelf, as_table, read_sheet
from ipyveo.library.journal import FILE_NAME, Entry, Journal, StoredPicture
from ipyveo.library.sheet import set_pick, settle_pick
from ipyveo.media.clip import Clip
from ipyveo.media.frame import Frame

if TYPE_CHECKING:
    import pandas as pd

FOLDER_NAME = "IPYVEO_LIBRARY"
DEFAULT_FOLDER = "ipyveo-library"
_SLUG_CHARACTERS = 40
PICTURES = "pictures"

T = TypeVar("T")

# One journal a folder, as long as it is there: its lock file must be opened once in a process.
_journals: dict[Path, Journal] = {}
_journals_lock = threading.Lock()


class Library:
    """The folder of clips.

    Parameters
    ----------
    path
        The folder; made when it is first needed. None takes ``IPYVEO_LIBRARY`` from the
        environment, then ``ipyveo-library`` in the working directory.

    Examples
    --------
    >>> from ipyveo import Library
    >>> Library("/tmp/an-empty-library").clips()
    []
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path or os.environ.get(FOLDER_NAME) or DEFAULT_FOLDER).expanduser().absolute()
        self._shelf = Shelf(self.path)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r})"

    def clips(self) -> list[Clip]:
        """Return the saved clips, oldest first. Files that are no clip of the library are passed over."""
        found = [sheet.clip for sheet in self._shelf.sheets(hidden=None)]
        return sorted(found, key=lambda clip: (clip.created_at, clip.path.name))

    def picks(self) -> list[Clip]:
        """Return the clips that are starred as the pick of their run, oldest first."""
        found = [sheet.clip for sheet in self._shelf.sheets(hidden=None) if sheet.picked]
        return sorted(found, key=lambda clip: (clip.created_at, clip.path.name))

    def pick(self, clip: Clip, *, picked: bool = True) -> None:
        """Star a clip as the pick of its run, or take its star away; it lies in the sheet beside the clip.

        Parameters
        ----------
        clip
            A clip of a library.
        picked
            False takes the star away. A run has one pick at most.

        Raises
        ------
        InvalidRequestError
            If it is not a clip of this library.
        OSError
            If no sheet lies beside the clip, or it cannot be written.

        Examples
        --------
        >>> library = Library("clips")  # doctest: +SKIP
        >>> library.pick(library.clips()[0])  # doctest: +SKIP
        >>> library.picks()  # doctest: +SKIP
        [Clip(path=...)]
        """
        set_pick(replace(clip, path=self._mine(clip)), picked=picked)

    def history(
        self, search: str = "", *, page: int = 1, page_size: int = PAGE_SIZE, hidden: bool = False
    ) -> ClipPage:
        """Return a page of the saved clips, newest first.

        Parameters
        ----------
        search
            Words that the prompt has, in any order and case.
        page
            Its number, from 1.
        page_size
            How many clips a page has.
        hidden
            True for the clips that were hidden, instead of the others.

        Examples
        --------
        >>> from ipyveo import Library
        >>> Library("/tmp/an-empty-library").history("dusk").more
        False
        """
        words = search.casefold().split()
        sheets = self._shelf.sheets(hidden=hidden)
        if words:
            sheets = (each for each in sheets if all(word in each.clip.prompt.casefold() for word in words))
        begin = (max(page, 1) - 1) * page_size
        found = [sheet.clip for sheet in itertools.islice(sheets, begin, begin + page_size + 1)]
        return ClipPage(found[:page_size], page, len(found) > page_size)

    def hide(self, clip: Clip) -> None:
        """Leave a clip out of the history; it stays on disk, and in `clips()`. `unhide` undoes it."""
        self._shelf.hide(self._mine(clip), hidden=True)

    def unhide(self, clip: Clip) -> None:
        """Have a hidden clip in the history again."""
        self._shelf.hide(self._mine(clip), hidden=False)

    def delete(self, clip: Clip) -> None:
        """Move a clip to the library's folder ``.trash``; `restore` undoes it within 30 days.

        What has been there for longer is removed for good with the next clip that is deleted.
        """
        self._shelf.delete(self._mine(clip))

    def deleted(self) -> list[Clip]:
        """Return the clips that `restore` can bring back, newest first."""
        return self._shelf.deleted()

    def restore(self, clip: Clip) -> None:
        """Bring a deleted clip back; of a name that was deleted more than once, the last one.

        One that was picked stays so unless another take of its run was picked meanwhile.

        Raises
        ------
        FileNotFoundError
            If it is not in the trash any more.
        FileExistsError
            If another clip has its name by now; nothing is moved then.
        """
        deletion = clip.path.parent.resolve()
        in_trash = deletion.parent == self.path.resolve() / TRASH and clip.path.suffix == ".mp4"
        self._shelf.restore(clip.path if in_trash else self._mine(clip))
        settle_pick(self.path / clip.path.name)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the saved clips as a table, newest first: what each is, and what was asked for.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from ipyveo import Library
        >>> Library().to_dataframe().groupby("engine")["duration"].sum()  # doctest: +SKIP
        """
        return as_table(self._shelf.sheets(hidden=None))

    def run_of(self, clip: Clip) -> Entry | None:
        """Return the run that made a clip, as the journal has it: what was asked for, with its pictures."""
        sheet = read_sheet(self._mine(clip).with_suffix(".json"))
        run = "" if sheet is None else str(sheet.asked.get("generation", ""))
        return next(iter(self._ask(lambda journal: journal.named(run))), None)

    def _mine(self, clip: Clip) -> Path:
        """Return where a clip of this library lies, or lay before it was deleted."""
        if clip.path.parent.resolve() != self.path.resolve() or clip.path.suffix != ".mp4":
            raise InvalidRequestError(
                f"{clip.path.name[:80]!r} is not a clip of this library. Nothing was changed."
            )
        return self.path / clip.path.name

    def generations(self) -> list[Entry]:
        """Return every run of this library as the journal has it, oldest first.

        Raises
        ------
        InvalidRequestError
            If the journal cannot be used.
        """
        return self._ask(Journal.entries)

    def unfinished(self) -> list[Entry]:
        """Return the runs that a clip may still come of, and those that were never sent, oldest first."""
        return self._ask(Journal.unfinished)

    def equal(self, digest: str) -> list[Entry]:
        """Return the runs that asked for the very same clips, oldest first."""
        return self._ask(lambda journal: journal.equal(digest))

    def prompts(self, notebook: str = "", most: int = 10) -> list[str]:
        """Return the latest different prompts, the newest first.

        Parameters
        ----------
        notebook
            Only those asked for on the pages of this notebook, by the first part of a seat; "" for all.
        most
            How many.
        """
        return self._ask(lambda journal: journal.prompts(notebook, most))

    def _ask(self, question: Callable[[Journal], list[T]]) -> list[T]:
        """Ask the journal, if there is one."""
        with usable():
            return question(self.journal) if (self.path / FILE_NAME).exists() else []

    @property
    def journal(self) -> Journal:
        """The journal of the runs; the library's folder is made if need be."""
        self._make_folder()
        folder = self.path.resolve()
        with _journals_lock:
            known = _journals.get(folder)
            if known is None or not known.owners.intact():
                known = _journals[folder] = Journal(folder)
            return known

    def incoming(self, name: str) -> Path:
        """Return the place of a file that is not yet a clip; the library's folder is made if need be.

        It is in this folder whatever the name, which can be of a journal from anybody, and no link to
        somewhere else.
        """
        self._make_folder()
        part = self.path / f".incoming-{re.sub(r'[^A-Za-z0-9-]', '_', name)[:100]}.part"
        if part.is_symlink():
            part.unlink()
        return part

    def _make_folder(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        ignore = self.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Clips are large; the library stays out of version control.\n*\n")

    def keep_picture(self, data: bytes, suffix: str, prefix: str = "") -> str:
        """Keep the bytes of a picture, once however often it is used; returns its file's name."""
        folder = self.path / PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{prefix}{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
        if not (folder / name).exists():
            part = folder / f".{name}-{secrets.token_hex(4)}"
            part.write_bytes(data)
            part.replace(folder / name)
        return name

    def picture(self, kept: StoredPicture) -> io.BytesIO:
        """Return a picture that was sent, as a file with the name that people know it by.

        Raises
        ------
        FrameError
            If it is no longer there.
        """
        return self._kept_file(kept.file, kept.name)

    def frame(self, kept: StoredPicture) -> Frame:
        """Return the original of a picture that was sent, framed as it was then.

        Where the original is gone, it is what was sent of it, which shows the same.

        Raises
        ------
        FrameError
            If neither is there any more.
        """
        with contextlib.suppress(FrameError):
            return Frame(self._kept_file(kept.original, kept.name), **kept.framing)
        return Frame(self.picture(kept))

    def _kept_file(self, file: str, name: str) -> io.BytesIO:
        try:
            kept = io.BytesIO((self.path / PICTURES / Path(file).name).read_bytes())
        except OSError:
            raise FrameError(
                "A picture of that run is no longer in the library. Nothing was sent and nothing was "
                "charged. Choose the picture again."
            ) from None
        kept.name = name
        return kept

    def check_writable(self) -> None:
        """Write and remove a file, to know before anything is paid for that clips can be kept.

        Raises
        ------
        OSError
            If the folder cannot be made or written.
        """
        part = self.incoming(secrets.token_hex(8))
        part.write_bytes(b"\0")
        part.unlink()

    def save(
        self,
        part: Path,
        clip: Clip,
        parameters: Mapping[str, Any],
        on_name: Callable[[str], None] = lambda _: None,
    ) -> Clip:
        """Move a checked file to its final, readable name, and write its parameters beside it.

        Parameters
        ----------
        part
            The file, in the library's folder.
        clip
            What is known of it; its ``path`` is chosen here.
        parameters
            What was asked, for people and for asking again; JSON values only.
        on_name
            Called with the final name before anything has it.

        Returns
        -------
        Clip
            The clip under its final name. No other clip is ever overwritten.
        """
        stem = f"{clip.created_at.astimezone():%Y%m%d-%H%M%S}-{slug(clip.prompt)}"
        _synced(part)
        for sheet in self._free_names(stem):
            target = sheet.with_suffix(".mp4")
            on_name(target.name)
            saved = Clip(**{**asdict(clip), "path": target})
            record = {
                **asdict(saved),
                "created_at": saved.created_at.isoformat(),
                "request": dict(parameters),
            }
            del record["path"]  # the library may be moved
            try:
                with sheet.open("x", encoding="utf-8") as file:
                    file.write(json.dumps(record, ensure_ascii=False, indent=2))
                part.replace(target)
            except FileExistsError:
                continue
            except OSError:
                sheet.unlink(missing_ok=True)  # a sheet without its clip would only hold the name
                raise
            return saved
        raise AssertionError("names never run out")

    def landed(self, name: str, generation: str) -> Clip | None:
        """Return the clip of this file name if it is this run's, or None where it did not land."""
        try:
            sheet = self.path / Path(name).with_suffix(".json").name
            asked = json.loads(sheet.read_text("utf-8"))["request"]
            if asked["generation"] != generation:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        found = read_sheet(sheet)
        return None if found is None else found.clip

    def _free_names(self, stem: str) -> Iterator[Path]:
        number = 1
        while True:
            sheet = self.path / f"{stem}-{number}.json"
            if not sheet.exists() and not sheet.with_suffix(".mp4").exists():
                yield sheet
            number += 1


@contextlib.contextmanager
def usable() -> Iterator[None]:
    """Turn what a disk or a database says into a sentence for people.

    Raises
    ------
    InvalidRequestError
        If the library cannot be used.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120]
    else:
        return
    raise InvalidRequestError(
        f"The library cannot be used ({reason}). Nothing was sent and nothing was charged. Check its folder "
        "and the room on its drive, or choose another one with library=."
    )


def _synced(path: Path) -> None:
    """Have the system write a file out: the journal must not know of a clip that a power cut would take."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def slug(prompt: str) -> str:
    """Return the first words of a prompt as part of a file name: letters, digits and hyphens only.

    Examples
    --------
    >>> from ipyveo.library.library import slug
    >>> slug("../Dusk falls, lanterns light!")
    'dusk-falls-lanterns-light'
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", prompt).lower())
    text = "-".join(words)
    if len(text) > _SLUG_CHARACTERS:  # whole words, unless the first is longer than that by itself
        head = text[: _SLUG_CHARACTERS + 1]
        text = head.rpartition("-")[0] or head[:_SLUG_CHARACTERS]
    return text or "clip"
