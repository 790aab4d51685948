"""The library's earlier clips as a page shows them: by pages, searched, put away and brought back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ipyveo.errors import VeoError
from ipyveo.readable import one_line, readable
from ipyveo.widgets.words import counted

if TYPE_CHECKING:
    from ipyveo.library.library import Library
    from ipyveo.media.clip import Clip

_PAGE_SIZE: Final = 12
_PROMPT_CHARACTERS: Final = 120
_WHOLE: Final = "The form is as it was for this clip"
_IN_PART: Final = "The prompt is as it was for this clip, but not all of its pictures are in the library"


class History:
    """Answers a page's questions about the clips of a library. Only on the background loop.

    Parameters
    ----------
    library
        Whose clips.
    key_for
        Gives the name by which the page may ask for a clip's poster.
    use
        Fills the form in as it was for a clip; tells whether all of its pictures are there.
    tell
        Sends a message to the page.
    """

    def __init__(
        self,
        library: Library,
        key_for: Callable[[Clip], str],
        use: Callable[[Clip], Awaitable[bool]],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._library = library
        self._key_for = key_for
        self._use = use
        self._tell = tell
        self._known: dict[Path, Clip] = {}  # so that a clip has one name, however often it is asked for
        self._moving = asyncio.Lock()
        self._ways: dict[str, tuple[Callable[[Clip], object], str]] = {
            "hide": (library.hide, "Hidden"),
            "unhide": (library.unhide, "Back again"),
            "delete": (library.delete, "Deleted, and kept in the trash for a month"),
            "restore": (library.restore, "Back again"),
        }

    async def show(self, question: str, search: str, skip: int) -> None:
        """Answer with the page of the clips that the one after the first `skip` is on."""
        number = max(0, skip) // _PAGE_SIZE + 1

        def look() -> dict[str, Any]:
            page = self._library.history(search, page=number, page_size=_PAGE_SIZE)
            clips = [self._known.setdefault(clip.path, clip) for clip in page.clips]
            sentence = "" if number > 1 else _said_of_search(len(clips), search, more=page.more)
            return {"clips": [self._record(clip) for clip in clips], "more": page.more, "sentence": sentence}

        try:
            async with self._moving:  # what was put away before this question is not in its answer
                found = await asyncio.to_thread(look)
        except (VeoError, OSError) as error:
            found = {"clips": [], "more": False, "sentence": _said_of(error)}
        self._tell({"type": "history", "id": question, **found})

    async def move(self, question: str, clip: Clip, way: str) -> None:
        """Hide or delete a clip, undo that, or use its settings again; the answer says what was done."""
        done = False
        try:
            async with self._moving:  # in the order they were pressed
                if way == "use":
                    sentence = _WHOLE if await self._use(clip) else _IN_PART
                else:
                    move, sentence = self._ways[way]
                    await asyncio.to_thread(move, clip)
        except (VeoError, OSError) as error:
            said = _said_of(error)
        else:
            said, done = f"{sentence}: {one_line(clip.prompt, _PROMPT_CHARACTERS)}", True
        self._tell({"type": "moved", "id": question, "sentence": said, "done": done})

    def _record(self, clip: Clip) -> dict[str, Any]:
        return {
            "key": self._key_for(clip),
            "prompt": one_line(clip.prompt, _PROMPT_CHARACTERS),
            "at": clip.created_at.isoformat(),
        }


def _said_of_search(found: int, search: str, *, more: bool) -> str:
    if not search.strip():
        return "" if found else "No clips yet."
    if not found:
        return "No clips of such a prompt."
    return f"{counted(found, 'clip')} of such a prompt{', and older ones' if more else ''}."


def _said_of(error: VeoError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"The library's folder did not allow it ({error.strerror})."
    return readable(str(error))
