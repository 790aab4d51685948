"""Text from outside made fit to be read: without what nobody can see, and what turns the line around."""

from __future__ import annotations

import re
from typing import Final

# Control characters, which a terminal obeys; line ends; halves of characters, which no file and no page can
# hold; and the marks, embeddings and isolates of direction (Unicode's UAX #9). Joiners stay: scripts and
# emoji are written with them.
_UNREADABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+"
)


def readable(text: str) -> str:
    r"""Return a text with a blank in place of all that cannot be read.

    Examples
    --------
    >>> from ipyveo.readable import readable
    >>> readable("dusk\x1b[2J falls")
    'dusk [2J falls'
    """
    return _UNREADABLE.sub(" ", text)


def is_readable(text: str) -> bool:
    """Tell whether a text has nothing in it but what can be read."""
    return _UNREADABLE.search(text) is None


def one_line(text: str, limit: int) -> str:
    r"""Return a text as one line of at most so many characters.

    Examples
    --------
    >>> from ipyveo.readable import one_line
    >>> one_line("dusk\n falls over the lake", 12)
    'dusk falls …'
    """
    # What lies far behind the limit is not looked at: a text may be of any length.
    line = " ".join(readable(text[: 4 * limit + 1000]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
