"""A clip in an output cell: the same player as in the widget, and the clip's inline display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipyveo.widgets.page_widget import PageWidget

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
        super().__init__(_view="player")
        self._clips = self._clip_records([clip])


def mimebundle(clip: Clip, **options: Any) -> Any:  # noqa: ANN401 - Jupyter's own display protocol
    """Return what a notebook shows for a clip, in the form of Jupyter's display protocol."""
    return ClipPlayer(clip)._repr_mimebundle_(**options)
