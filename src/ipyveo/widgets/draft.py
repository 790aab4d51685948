"""The draft of a widget's form: drawn on this machine, free, and gone when the real takes come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ipyveo.generations.preview import preview

if TYPE_CHECKING:
    from ipyveo.media.clip import Clip
    from ipyveo.media.frame import Frame

_HEADING: Final = ("Preview", " \N{MIDDLE DOT} drawn on this machine, not Veo \N{MIDDLE DOT} free")


class Draft:
    """One draft at a time. Only on the background loop.

    Parameters
    ----------
    show
        Called with what the page shows, and the seconds that it may wait.
    record
        Makes a clip one that the page may ask for.
    forget
        Makes it one that it may not ask for any more.
    failed
        Called with the reason if none could be drawn.

    Attributes
    ----------
    problem
        Why the latest one could not be drawn, or "".
    """

    def __init__(
        self,
        show: Callable[[Mapping[str, Any], float], None],
        record: Callable[[Clip], dict[str, Any]],
        forget: Callable[[Clip], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._show = show
        self._record = record
        self._forget = forget
        self._failed = failed
        self._clip: Clip | None = None
        self._share: float | None = None
        self.problem = ""
        self._drawing: asyncio.Task[None] | None = None

    def begin(self, start: Frame | None, end: Frame | None, prompt: str, aspect_ratio: str) -> None:
        """Draw a form; or stop, where one is being drawn. What was drawn before stays until then."""
        if self._drawing is not None:
            self._drawing.cancel()
        else:
            self._share, self.problem = 0.0, ""
            self._drawing = asyncio.ensure_future(self._draw(start, end, prompt, aspect_ratio))
            # Not at the end of the coroutine: one that is stopped at once never begins.
            self._drawing.add_done_callback(self._end)
            self._tell()

    def remove(self) -> None:
        """Draw no more and show no draft: the real takes are there, or nobody is left to look at it."""
        if self._drawing is not None:
            self._drawing.cancel()
        self._keep(None)
        self._tell()

    def record(self) -> dict[str, Any]:
        """Return what the page shows."""
        clips = [] if self._clip is None else [{**self._record(self._clip), "take": 0, "picked": None}]
        # The page reads the heading out when another draft comes.
        return {"share": self._share, "clips": clips, "heading": _HEADING if clips else ("", ""), "at": ""}

    async def _draw(self, start: Frame | None, end: Frame | None, prompt: str, aspect_ratio: str) -> None:
        try:
            self._keep(
                await preview(start, end, prompt=prompt, aspect_ratio=aspect_ratio, on_progress=self._move_on)
            )
        except Exception as error:  # noqa: BLE001 - a click has no cell to show an exception in
            self.problem = str(error)
            self._failed(error)

    def _end(self, _: asyncio.Task[None]) -> None:
        self._share = self._drawing = None
        self._tell()

    def _move_on(self, share: float) -> None:
        self._share = share
        self._tell(0.1)

    def _keep(self, clip: Clip | None) -> None:
        if self._clip is not None:
            self._forget(self._clip)
        self._clip = clip

    def _tell(self, pause: float = 0.0) -> None:
        self._show({"_draft": self.record()}, pause)
