"""A clip in an output cell: the same player as in the widget, its inline display, its bytes on request."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipyveo.readable import readable
from ipyveo.widgets.page_widget import PageWidget
from ipyveo.widgets.seat import hosted
from ipyveo.widgets.still import escaped, isolated, measures, still

if TYPE_CHECKING:
    from ipyveo.media.clip import Clip


class ClipPlayer(PageWidget):
    """One clip, playing.

    Parameters
    ----------
    clip
        The clip; its bytes go to the page when they are played, never into the notebook.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        super().__init__(_view="player")
        self._clips = self._clip_records([clip])

    def __repr__(self) -> str:
        # It goes into the notebook, which needs no folders of this machine.
        return repr(replace(self._clip, path=Path(self._clip.path.name)))

    def still(self) -> str:
        """Return the clip where nothing runs: its poster, and what it is."""
        return _still_of(self._clip)


class EmbeddedClip:
    """A clip whose very bytes go into the output, and so into the notebook; its size is said first.

    Parameters
    ----------
    clip
        The clip.

    Raises
    ------
    FileNotFoundError
        If its file is gone.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._megabytes = clip.path.stat().st_size / 1e6

    def __repr__(self) -> str:
        text = self._megabytes * 4 / 3
        return (
            f"The video itself is in this output: {self._megabytes:.1f} MB, which take {text:.1f} MB in the "
            f"notebook ({readable(self._clip.path.name)})."
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        data = base64.b64encode(self._clip.path.read_bytes()).decode()
        words = isolated([self._clip.prompt, *measures(self._clip)])
        shown = (
            f'<div class="mathjax_ignore tex2jax_ignore"><p>{escaped(repr(self))}</p>'
            f'<video controls width="640" src="data:video/mp4;base64,{data}"></video>'
            f'<p dir="auto">{words}</p></div>'
        )
        return {"text/plain": repr(self), "text/html": shown}


def mimebundle(clip: Clip, **options: Any) -> Any:  # noqa: ANN401 - Jupyter's own display protocol
    """Return what a notebook shows for a clip, in the form of Jupyter's display protocol."""
    if hosted():
        return ClipPlayer(clip)._repr_mimebundle_(**options)
    return {"text/plain": repr(clip), "text/html": _still_of(clip)}


def show(clip: Clip, *, embed: bool) -> None:
    """Show a clip in the running cell, or print what it is where there is none."""
    from IPython.display import display

    display(EmbeddedClip(clip) if embed and hosted() else clip)  # type: ignore[no-untyped-call]


def _still_of(clip: Clip) -> str:
    return still(clip.prompt, [f"{clip.created_at.astimezone():%Y-%m-%d %H:%M}"], [clip])
