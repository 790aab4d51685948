"""The still of a widget: words and small posters as plain HTML, for wherever the notebook is only read.

Every picture that a notebook file holds is made here, so that its size is bounded here. The HTML is what the
sanitisers of JupyterLab and of hosting sites let through: no script, no style sheet, no link.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ipyveo.readable import readable

if TYPE_CHECKING:
    from ipyveo.media.clip import Clip

_POSTER_SIDE: Final = 320
_POSTER_BYTES: Final = 7_500  # four of them, as text, leave room within 64 KB for the widget's own state
_QUALITIES: Final = (70, 55, 40, 25)
_MOST_POSTERS: Final = 4
_LONGEST: Final = 400  # characters of a prompt
# By the first, the page hides a still beside a living view; the others keep MathJax off a prompt.
_CLASSES: Final = "ipyveo-still mathjax_ignore tex2jax_ignore"


def still(prompt: str, words: Iterable[str], clips: Iterable[Clip] = ()) -> str:
    """Return the still of a form and its takes.

    Parameters
    ----------
    prompt
        What is asked for.
    words
        Its parameters, each in a word or two.
    clips
        The takes; four at most are drawn.

    Examples
    --------
    >>> from ipyveo.widgets.still import still
    >>> still("<b>dusk</b>", ["16:9"]).count("<b>")
    0
    """
    takes = "".join(_take(number, clip) for number, clip in enumerate(list(clips)[:_MOST_POSTERS], 1))
    return (
        f'<div class="{_CLASSES}"><p dir="auto"><strong>{escaped(prompt) or "Frames to video"}</strong></p>'
        f"<p>{isolated(words)}</p>{takes}</div>"
    )


def measures(clip: Clip) -> list[str]:
    """Return what a clip is, in words."""
    shape = f"{clip.width}\N{MULTIPLICATION SIGN}{clip.height}"
    engine = "Veo" if clip.engine == "veo" else "Sandbox"
    return [shape, f"{clip.duration:.1f} s", f"{clip.size / 1e6:.1f} MB", engine, clip.path.name]


def escaped(text: str) -> str:
    """Return a text from outside as HTML: cut, without what cannot be read or turns the line around."""
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return html.escape(readable(cut))


def isolated(words: Iterable[str]) -> str:
    """Return words in a row as HTML, each of which keeps its direction to itself."""
    return " \N{MIDDLE DOT} ".join(f"<bdi>{escaped(word)}</bdi>" for word in words)


def _take(number: int, clip: Clip) -> str:
    poster, caption = _poster(clip), isolated(measures(clip))
    picture = f'<img alt="Take {number}" src="data:image/jpeg;base64,{poster}"><br>' if poster else ""
    words = f"<small>Take {number}: {caption}</small>"
    return f'<div style="display: inline-block; width: 320px; margin: 0 12px 12px 0">{picture}{words}</div>'


def _poster(clip: Clip) -> str:
    """Return a clip's poster, small enough for a notebook, as text; "" if the clip is gone."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(clip.poster()))
    except (OSError, ValueError):
        return ""
    picture.thumbnail((_POSTER_SIDE, _POSTER_SIDE))
    data = b""
    while not data or len(data) > _POSTER_BYTES:
        for quality in _QUALITIES:
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality, optimize=True)
            data = file.getvalue()
            if len(data) <= _POSTER_BYTES:
                break
        picture.thumbnail((picture.width // 2, picture.height // 2))  # noise, which no quality makes small
    return base64.b64encode(data).decode()
