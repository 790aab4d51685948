"""The decoder of the service's event stream: bytes in, Server-Sent Events out, by the WHATWG standard."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_EVENT_BYTES: Final = 16 * 2**20
"""The most bytes that one line, or the data of one event as UTF-8, may have."""

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_DATA_FIELD: Final = b"data: "
# Longer chunks are read in pieces, so that only a line begun in an earlier piece can be over the limit.
_PIECE_BYTES: Final = 2**20
# More digits than int() reads by default; nobody waits that long.
_MOST_RETRY_DIGITS: Final = 4300

# The usual lines in their usual order, each one optional, then one line of any kind. Every character is
# matched by something, so nothing is skipped; an odd line (an empty value, no colon, NUL) ends up as that
# last one. The branches and possessive quantifiers never back-track, so the time is linear.
_LINES: Final = re.compile(
    r"""
    (?: :.*+\n | )                       # a comment
    (?: id:\ ?+([^\0\n]++)\n | )
    (?: event:\ ?+(.++)\n | )
    (?: data:\ ?+(.++)\n | )
    (?: id:\ ?+([^\0\n]++)\n | )
    (?: (\n)                             # the blank line that ends an event,
      | ([^:\n]*+) :?+ \ ?+ (.*+)\n | \Z )  # or any other line
    """,
    re.VERBOSE,
)


class EventTooLargeError(ValueError):
    """A line or the data of one event is over `MAX_EVENT_BYTES`; the stream cannot be read any further."""


class ServerSentEvent(NamedTuple):
    """One event of the stream.

    Parameters
    ----------
    event
        The event's type; ``"message"`` where the stream named none.
    data
        Its data lines, joined with line feeds.
    id
        The last event id at the time; ``""`` where the stream never set one.
    """

    event: str
    data: str
    id: str


class SSEDecoder:
    r"""Decodes one event stream, fed in chunks of any size.

    Follows "Interpreting an event stream" (https://html.spec.whatwg.org/multipage/server-sent-events.html) to
    the letter, however the bytes are cut. An event is returned with the chunk that completes its blank line;
    one that the end of the stream leaves incomplete never is. The time grows linearly with the bytes fed.

    Attributes
    ----------
    last_event_id : str
        The id to resume from, as of the last blank line.
    retry : int or None
        The reconnection time in milliseconds that the stream asked for. A number of more than 4300 digits is
        ignored.

    Examples
    --------
    >>> decoder = SSEDecoder()
    >>> decoder.feed(b'event: video_generation_status\ndata: "proc')
    []
    >>> decoder.feed(b'essing"\n\n')
    [ServerSentEvent(event='video_generation_status', data='"processing"', id='')]
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry: int | None = None
        # What may be the start of a byte order mark; None once that is settled.
        self._mark: bytes | None = b""
        self._after_cr = False
        # The line that has not ended yet.
        self._line = bytearray()
        self._event = ""
        self._data: list[str] = []
        # The bytes, with a line feed each, of the data lines counted so far, and their number.
        self._data_bytes = 0
        self._counted = 0
        self._id = ""
        self._too_large = False

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes of the stream and return the events they complete.

        Parameters
        ----------
        chunk
            Any number of bytes, cut anywhere.

        Returns
        -------
        list of ServerSentEvent
            The completed events in order.

        Raises
        ------
        EventTooLargeError
            A line, or the data of one event, is over `MAX_EVENT_BYTES`. Where this chunk completed events
            before it, they are returned and the next call raises.
        """
        events: list[ServerSentEvent] = []
        for start in range(0, len(chunk), _PIECE_BYTES):
            if not self._too_large:
                self._take(chunk[start : start + _PIECE_BYTES], events)
        if self._too_large and not events:
            raise EventTooLargeError(
                "The stream holds an event of more than 16 MiB, which no answer of the service is; "
                "reading it has stopped.",
            )
        return events

    def _take(self, piece: bytes, events: list[ServerSentEvent]) -> None:
        """Process the lines that `piece` ends, adding the events they complete to `events`; keep the rest."""
        if self._mark is not None:
            piece = self._without_mark(self._mark + piece)
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        if self._line:
            piece = self._end_begun_line(piece)
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        self._line += piece[end:]
        if end:
            # A line end never sits inside a UTF-8 sequence, so decoding whole lines is decoding the stream.
            lines = piece[:end].decode("utf-8", "replace")
            if "\r" in lines:
                lines = lines.replace("\r\n", "\n").replace("\r", "\n")
            self._interpret(lines, events)
        if len(self._data) > self._counted:
            # What waits for its blank line is counted once, with the piece that brought it.
            self._data_bytes += sum(_size(line) + 1 for line in self._data[self._counted :])
            self._counted = len(self._data)
            self._too_large = self._too_large or self._data_bytes - 1 > MAX_EVENT_BYTES

    def _without_mark(self, start: bytes) -> bytes:
        """Return `start`, the first bytes of the stream, without a byte order mark, nothing if in doubt."""
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._mark = start
            return b""
        self._mark = None
        return start.removeprefix(_BOM)

    def _end_begun_line(self, piece: bytes) -> bytes:
        """Process the line that an earlier piece began, if this one ends it; return what follows it."""
        # These two look much faster than a regular expression does.
        ends = b"\n" in piece or b"\r" in piece
        line_end = _LINE_END.search(piece) if ends else None
        line = self._line
        line += piece[: line_end.start()] if line_end else piece
        # The name of the field does not count: 16 MiB of data are 16 MiB.
        self._too_large = len(line) - len(_DATA_FIELD) * line.startswith(_DATA_FIELD) > MAX_EVENT_BYTES
        if line_end is None or self._too_large:
            return b""
        self._line = bytearray()
        colon = line.find(b":") if b":" in line else len(line)
        field = line[:colon].decode("utf-8", "replace")
        # Deleting from its front does not copy a long line.
        del line[: colon + 1]
        if line.startswith(b" "):
            del line[:1]
        self._process(field, line.decode("utf-8", "replace"))
        return piece[line_end.end() :]

    def _interpret(self, lines: str, events: list[ServerSentEvent]) -> None:
        """Process whole lines, each ending in one line feed, adding the events they complete to `events`."""
        event, data, id_ = self._event, self._data, self._id
        new_tuple = tuple.__new__  # the constructor of a named tuple takes twice the time
        for id_before, name, value, id_after, blank, field, text in _LINES.findall(lines):
            id_ = id_after or id_before or id_
            event = name or event
            if blank:
                if data or value:
                    joined = self._join(value) if data else value
                    if self._too_large:
                        return
                    events.append(new_tuple(ServerSentEvent, (event or "message", joined, id_)))
                event = ""
                self.last_event_id = id_
                continue
            if value:
                data.append(value)
            if field:
                self._event, self._id = event, id_
                self._process(field, text)
                event, id_ = self._event, self._id
        self._event, self._id = event, id_

    def _join(self, last: str) -> str:
        """Return the data that waited for its blank line, and `last` if there is any, and let it go."""
        if last:
            self._data.append(last)
        joined = "\n".join(self._data)
        # A character has at most four bytes, so most need no counting.
        self._too_large = len(joined) * 4 > MAX_EVENT_BYTES and _size(joined) > MAX_EVENT_BYTES
        self._data.clear()
        self._counted = self._data_bytes = 0
        return joined

    def _process(self, field: str, value: str) -> None:
        """Process one field of any kind, by the letter."""
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self._set_retry(value.lstrip("0") or "0")

    def _set_retry(self, digits: str) -> None:
        if len(digits) <= _MOST_RETRY_DIGITS:
            try:
                self.retry = int(digits)
            except ValueError:
                return  # the interpreter is set to read fewer digits than that


def _size(text: str) -> int:
    """Return how many bytes `text` has as UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
