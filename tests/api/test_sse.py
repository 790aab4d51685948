"""The event stream decoder, held against every clause of the standard's chapter on interpreting a stream."""

from __future__ import annotations

import random
import sys
from typing import NamedTuple

import pytest

from ipyveo.api.sse import MAX_EVENT_BYTES, EventTooLargeError, ServerSentEvent, SSEDecoder


class Case(NamedTuple):
    name: str
    stream: bytes
    events: list[tuple[str, str, str]]
    last_event_id: str = ""
    retry: int | None = None


def said(data: str, event: str = "message", id_: str = "") -> tuple[str, str, str]:
    return (event, data, id_)


BOM = b"\xef\xbb\xbf"

CASES = [
    # The standard's own examples.
    Case(
        "standard: the stock ticker",
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [said("YHOO\n+2\n10")],
    ),
    Case(
        "standard: a comment and three blocks",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
        [said("first event", id_="1"), said("second event")],
    ),
    Case(
        "standard: the same with its third event completed",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [said("first event", id_="1"), said("second event"), said(" third event")],
    ),
    Case("standard: empty data twice, then dropped", b"data\n\ndata\ndata\n\ndata:", [said(""), said("\n")]),
    Case("standard: two identical events", b"data:test\n\ndata: test\n\n", [said("test"), said("test")]),
    Case(
        "standard: names tell events apart",
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        [said("73857293", "add"), said("2153", "remove"), said("113411", "add")],
    ),
    Case(
        "standard: messages of several lines",
        b"data: This is the first message.\n\ndata: This is the second message, it\n"
        b"data: has two lines.\n\ndata: This is the third message.\n\n",
        [
            said("This is the first message."),
            said("This is the second message, it\nhas two lines."),
            said("This is the third message."),
        ],
    ),
    # Nothing to dispatch.
    Case("an empty stream", b"", []),
    Case("blank lines alone", b"\n\n\n\n", []),
    Case("blank lines of every kind", b"\r\n\r\r\n\n\r", []),
    Case("a comment alone", b": hello\n\n", []),
    Case("an event name alone", b"event: note\n\n", []),
    Case("an unknown field alone", b"other: thing\n\n", []),
    Case("a retry alone", b"retry: 10\n\n", [], retry=10),
    Case("an id alone", b"id: 7\n\n", [], last_event_id="7"),
    Case("a name without data does not stay", b"event: note\n\ndata: x\n\n", [said("x")]),
    # What is incomplete at the end is dropped.
    Case("no blank line at the end", b"data: x\n", []),
    Case("no line end at the end", b"data: x", []),
    Case("a second event without its blank line", b"data: x\n\ndata: y\n", [said("x")]),
    Case("a second event without its line end", b"data: x\n\ndata: y", [said("x")]),
    Case("a name cut off", b"data: x\n\neven", [said("x")]),
    Case("an id that no blank line followed", b"id: 1\ndata: x\n\nid: 2\n", [said("x", id_="1")], "1"),
    Case("an id cut off before its line end", b"data: x\n\nid: 2", [said("x")]),
    Case("a retry needs no blank line", b"retry: 5\n", [], retry=5),
    Case("a retry cut off before its line end", b"retry: 5", []),
    # Line ends.
    Case("line feeds", b"data: x\n\n", [said("x")]),
    Case("carriage returns", b"data: x\r\r", [said("x")]),
    Case("both", b"data: x\r\n\r\n", [said("x")]),
    Case("both, then a line feed", b"data: x\r\n\n", [said("x")]),
    Case("both, then a carriage return", b"data: x\r\n\r", [said("x")]),
    Case("a line feed, then a carriage return", b"data: x\n\r", [said("x")]),
    Case("a line feed, then both", b"data: x\n\r\n", [said("x")]),
    Case("a carriage return, then both", b"data: x\r\r\n", [said("x")]),
    Case("both between fields, events in a row", b"data: x\r\n\r\ndata: y\r\n\r\n", [said("x"), said("y")]),
    Case("carriage returns between fields", b"event: e\rdata: x\rid: 1\r\r", [said("x", "e", "1")], "1"),
    Case("every kind in one event", b"data: 1\rdata: 2\ndata: 3\r\n\r\n", [said("1\n2\n3")]),
    Case("an event ended by CR CR, then a line feed", b"data: x\r\r\ndata: y\n\n", [said("x"), said("y")]),
    Case("CR CR LF ends one event", b"data: x\r\r\n\r\ndata: y\r\n\r\n", [said("x"), said("y")]),
    Case("LF LF CR is one more blank line", b"data: x\n\n\rdata: y\n\n", [said("x"), said("y")]),
    Case("a form feed ends no line", b"data: x\x0cy\n\n", [said("x\x0cy")]),
    Case("a vertical tab ends no line", b"data: x\x0by\n\n", [said("x\x0by")]),
    Case("the information separators end no line", b"data: \x1c\x1d\x1e\n\n", [said("\x1c\x1d\x1e")]),
    Case("a next line character ends no line", "data: x\x85y\n\n".encode(), [said("x\x85y")]),
    Case("a line separator ends no line", "data: x\u2028y\n\n".encode(), [said("x\u2028y")]),
    Case("a paragraph separator ends no line", "data: x\u2029y\n\n".encode(), [said("x\u2029y")]),
    # Byte order marks.
    Case("one mark at the start is stripped", BOM + b"data: x\n\n", [said("x")]),
    Case("a second mark makes another field", BOM + BOM + b"data: x\n\n", []),
    Case("a mark before a later line makes another field", b"data: x\n" + BOM + b"data: y\n\n", [said("x")]),
    Case("a mark in the data stays", b"data: " + BOM + b"x\n\n", [said("\ufeffx")]),
    Case("a mark after a blank line makes another field", b"\n" + BOM + b"data: x\n\n", []),
    Case("a mark before a comment", BOM + b": c\ndata: x\n\n", [said("x")]),
    Case("a mark before a blank line", BOM + b"\n\ndata: x\n\n", [said("x")]),
    Case("a mark alone", BOM, []),
    Case("half a mark makes another field", b"\xef\xbbdata: x\n\ndata: y\n\n", [said("y")]),
    Case("a third of a mark makes another field", b"\xefdata: x\n\ndata: y\n\n", [said("y")]),
    Case("two thirds of a mark, then a line end", b"\xef\xbb\ndata: y\n\n", [said("y")]),
    Case("a mark of UTF-16 makes another field", b"\xff\xfedata: x\n\ndata: y\n\n", [said("y")]),
    # Colons and spaces.
    Case("no space after the colon", b"data:x\n\n", [said("x")]),
    Case("one space is removed", b"data: x\n\n", [said("x")]),
    Case("only one space is removed", b"data:   x\n\n", [said("  x")]),
    Case("a tab is not removed", b"data:\tx\n\n", [said("\tx")]),
    Case("a no-break space is not removed", "data:\xa0x\n\n".encode(), [said("\xa0x")]),
    Case("trailing spaces stay", b"data: x  \n\n", [said("x  ")]),
    Case("a space alone is nothing", b"data: \n\n", [said("")]),
    Case("two spaces are one", b"data:  \n\n", [said(" ")]),
    Case("only the first colon counts", b"data: a:b: c\n\n", [said("a:b: c")]),
    Case("a colon right after the colon", b"data::x\n\n", [said(":x")]),
    Case("colons alone after the colon", b"data:::\n\n", [said("::")]),
    Case("a space before the colon makes another field", b"data : x\n\n", []),
    Case("a space before the name makes another field", b" data: x\n\n", []),
    Case("a tab before the name makes another field", b"\tdata: x\n\n", []),
    Case("a line of one space is not blank", b"data: x\n \ndata: y\n\n", [said("x\ny")]),
    # Comments.
    Case("a comment before an event", b": hi\ndata: x\n\n", [said("x")]),
    Case("a comment inside an event", b"data: x\n: hi\ndata: y\n\n", [said("x\ny")]),
    Case("comments in a row", b":1\n:2\n:3\ndata: x\n:4\n:5\n\n", [said("x")]),
    Case("a comment that looks like a field", b":data: x\n\n", []),
    Case("a lone colon", b":\ndata: x\n\n", [said("x")]),
    Case("lone colons keep alive", b":\n\n:\n\ndata: x\n\n", [said("x")]),
    Case("a comment after an event", b"data: x\n\n: bye\n\n", [said("x")]),
    # Data.
    Case("data without a colon", b"data\n\n", [said("")]),
    Case("data with an empty value", b"data:\n\n", [said("")]),
    Case("empty data twice", b"data\ndata\n\n", [said("\n")]),
    Case("empty data before data", b"data:\ndata: x\n\n", [said("\nx")]),
    Case("empty data after data", b"data: x\ndata:\n\n", [said("x\n")]),
    Case("empty data between data", b"data: x\ndata\ndata: y\n\n", [said("x\n\ny")]),
    Case("data in four lines", b"data: 1\ndata:2\ndata:  3\ndata: 4\n\n", [said("1\n2\n 3\n4")]),
    Case("data parted by another field", b"data: 1\nevent: e\ndata: 2\n\n", [said("1\n2", "e")]),
    Case("data does not stay", b"data: x\n\n\n\ndata: y\n\n", [said("x"), said("y")]),
    Case("JSON stays as it is", b'data: {"a": [1, "b:c"]}\n\n', [said('{"a": [1, "b:c"]}')]),
    Case("NUL in data stays", b"data: a\0b\n\n", [said("a\0b")]),
    # Event types.
    Case("a named event", b"event: note\ndata: x\n\n", [said("x", "note")]),
    Case("the name after the data", b"data: x\nevent: note\n\n", [said("x", "note")]),
    Case("the last name counts", b"event: a\nevent: b\ndata: x\n\n", [said("x", "b")]),
    Case("an empty name is message", b"event:\ndata: x\n\n", [said("x")]),
    Case("a name without a colon is message", b"event\ndata: x\n\n", [said("x")]),
    Case("a name of one space is message", b"event: \ndata: x\n\n", [said("x")]),
    Case("an empty name takes an earlier one back", b"event: a\nevent:\ndata: x\n\n", [said("x")]),
    Case("an empty name after the data takes it back", b"event: a\ndata: x\nevent\n\n", [said("x")]),
    Case("a name does not stay", b"event: a\ndata: x\n\ndata: y\n\n", [said("x", "a"), said("y")]),
    Case("a name of two spaces is a space", b"event:  \ndata: x\n\n", [said("x", " ")]),
    Case("a name with a colon", b"event: a:b\ndata: x\n\n", [said("x", "a:b")]),
    Case("NUL in a name stays", b"event: a\0b\ndata: x\n\n", [said("x", "a\0b")]),
    Case("a name past a comment", b"event: a\n: c\n: d\ndata: x\n\n", [said("x", "a")]),
    # Ids.
    Case("an id", b"id: 1\ndata: x\n\n", [said("x", id_="1")], "1"),
    Case("the id after the data", b"data: x\nid: 1\n\n", [said("x", id_="1")], "1"),
    Case("the last id counts", b"id: 1\ndata: x\nid: 2\n\n", [said("x", id_="2")], "2"),
    Case("an id stays", b"id: 1\ndata: x\n\ndata: y\n\n", [said("x", id_="1"), said("y", id_="1")], "1"),
    Case("an empty id takes it back", b"id: 1\ndata: x\n\nid\ndata: y\n\n", [said("x", id_="1"), said("y")]),
    Case(
        "an id with an empty value too",
        b"id: 1\ndata: x\n\nid:\ndata: y\n\n",
        [said("x", id_="1"), said("y")],
    ),
    Case("an id of one space too", b"id: 1\ndata: x\n\nid: \ndata: y\n\n", [said("x", id_="1"), said("y")]),
    Case("NUL in an id: ignored", b"id: a\0b\ndata: x\n\n", [said("x")]),
    Case("NUL in an id: the earlier one stays", b"id: 1\nid: \0\ndata: x\n\n", [said("x", id_="1")], "1"),
    Case("NUL at an id's end", b"id: 1\ndata: x\n\nid: 2\0\n\n", [said("x", id_="1")], "1"),
    Case("an id set by a block without data", b"id: 1\n\ndata: x\n\n", [said("x", id_="1")], "1"),
    Case("an id reset by a block without data", b"id: 1\n\nid\n\ndata: x\n\n", [said("x")]),
    Case(
        "an id need not be a number",
        b"id: a b:\xc3\xa9 \ndata: x\n\n",
        [said("x", id_="a b:\xe9 ")],
        "a b:\xe9 ",
    ),
    Case("two spaces before an id", b"id:  1\ndata: x\n\n", [said("x", id_=" 1")], " 1"),
    # Retry.
    Case("a retry", b"retry: 3000\n\n", [], retry=3000),
    Case("a retry without the space", b"retry:3000\n\n", [], retry=3000),
    Case("the last retry counts", b"retry: 1\nretry: 2\n\n", [], retry=2),
    Case("zero", b"retry: 0\n\n", [], retry=0),
    Case("leading zeros", b"retry: 007\n\n", [], retry=7),
    Case("five thousand leading zeros", b"retry: " + b"0" * 5000 + b"7\n\n", [], retry=7),
    Case("more digits than anybody waits", b"retry: 5\nretry: " + b"9" * 5000 + b"\n\n", [], retry=5),
    Case("as many digits as int reads", b"retry: " + b"1" + b"0" * 4299 + b"\n\n", [], retry=10**4299),
    Case("an empty retry", b"retry: 5\nretry:\n\n", [], retry=5),
    Case("a retry without a colon", b"retry: 5\nretry\n\n", [], retry=5),
    Case("a negative retry", b"retry: -1\n\n", []),
    Case("a signed retry", b"retry: +1\n\n", []),
    Case("a fraction", b"retry: 1.5\n\n", []),
    Case("an exponent", b"retry: 1e3\n\n", []),
    Case("an underscore", b"retry: 1_000\n\n", []),
    Case("hexadecimal", b"retry: 0x10\n\n", []),
    Case("a space after the digits", b"retry: 10 \n\n", []),
    Case("two spaces before the digits", b"retry:  10\n\n", []),
    Case("other digits than ASCII's", "retry: \u0661\u0662\n\n".encode(), []),
    Case("a superscript digit", "retry: \u00b2\n\n".encode(), []),
    Case("a retry beside an event", b"retry: 9\nevent: e\ndata: x\n\n", [said("x", "e")], retry=9),
    # Field names are exact.
    Case("DATA is another field", b"DATA: x\n\n", []),
    Case("Event is another field", b"Event: a\ndata: x\n\n", [said("x")]),
    Case("ID is another field", b"ID: 1\ndata: x\n\n", [said("x")]),
    Case("Retry is another field", b"Retry: 1\n\n", []),
    Case("datas is another field", b"datas: x\n\n", []),
    Case("dat is another field", b"dat: x\n\n", []),
    Case("eventually is another field", b"eventually: a\ndata: x\n\n", [said("x")]),
    Case("NUL in a name makes another field", b"da\0ta: x\ndata\0: y\n\n", []),
    Case("another field inside an event", b"data: x\nfoo: bar\ndata: y\n\n", [said("x\ny")]),
    Case("a line without a colon is a field's name", b"hello world\ndata: x\n\n", [said("x")]),
    Case("[DONE] is data", b"data: [DONE]\n\n", [said("[DONE]")]),
    # UTF-8.
    Case(
        "two, three and four bytes", "data: \xe9\u4e2d\U0001f30a\n\n".encode(), [said("\xe9\u4e2d\U0001f30a")]
    ),
    Case("in a name", "event: caf\xe9\ndata: x\n\n".encode(), [said("x", "caf\xe9")]),
    Case("a stray byte", b"data: a\xffb\n\n", [said("a\ufffdb")]),
    Case("a stray continuation", b"data: a\x80b\n\n", [said("a\ufffdb")]),
    Case("a sequence cut by ASCII", b"data: a\xe4\xb8b\n\n", [said("a\ufffdb")]),
    Case("a sequence cut by the line end", b"data: a\xe4\xb8\ndata: b\n\n", [said("a\ufffd\nb")]),
    Case("a sequence of four cut short", b"data: \xf0\x9f\x8c!\n\n", [said("\ufffd!")]),
    Case("an overlong slash", b"data: \xc0\xaf\n\n", [said("\ufffd\ufffd")]),
    Case("an overlong sequence of three", b"data: \xe0\x80\xaf\n\n", [said("\ufffd" * 3)]),
    Case("an overlong sequence of four", b"data: \xf0\x80\x80\xaf\n\n", [said("\ufffd" * 4)]),
    Case("a surrogate", b"data: \xed\xa0\x80\n\n", [said("\ufffd" * 3)]),
    Case("beyond the last code point", b"data: \xf4\x90\x80\x80\n\n", [said("\ufffd" * 4)]),
    Case("bytes that never occur", b"data: \xf5\xf8\xfe\n\n", [said("\ufffd" * 3)]),
    Case("two cut sequences in a row", b"data: \xe4\xb8\xe4\xb8\n\n", [said("\ufffd\ufffd")]),
    Case("a broken name makes another field", b"data\xff: x\n\n", []),
    Case("a broken id", b"id: \xff\ndata: x\n\n", [said("x", id_="\ufffd")], "\ufffd"),
    Case("a noncharacter stays", "data: \uffff\n\n".encode(), [said("\uffff")]),
    # What the service sends.
    Case(
        "the documented answer",
        b'event: video_generation_status\ndata: "starting"\n\n'
        b'event: video_generation_status\ndata: "processing"\n\n'
        b'event: video_generation_complete\ndata: [{"id":"abc123"}]\n\n',
        [
            said('"starting"', "video_generation_status"),
            said('"processing"', "video_generation_status"),
            said('[{"id":"abc123"}]', "video_generation_complete"),
        ],
    ),
    Case(
        "the fields in the order id, event, data, and in others",
        b"id: 1\nevent: a\ndata: x\n\ndata: y\nid: 2\nevent: b\n\nevent: c\nid: 3\ndata: z\ndata: !\n\n",
        [said("x", "a", "1"), said("y", "b", "2"), said("z\n!", "c", "3")],
        "3",
    ),
]

NAMES = [case.name for case in CASES]


def cuts(stream: bytes):
    """The stream whole, byte by byte, cut in two at every place, and cut at random."""
    yield [stream]
    yield [stream[at : at + 1] for at in range(len(stream))]
    places = range(1, len(stream)) if len(stream) < 500 else range(1, len(stream), 97)
    for at in places:
        yield [stream[:at], stream[at:]]
    dice = random.Random(stream)
    for _ in range(8):
        chunks, start = [], 0
        while start < len(stream):
            end = start + dice.randrange(0, 9)
            chunks.append(stream[start:end])
            start = end
        yield chunks


def decoded(chunks: list[bytes]) -> tuple[list[ServerSentEvent], SSEDecoder]:
    decoder = SSEDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)], decoder


def test_the_table_is_large_and_its_names_differ():
    assert len(CASES) >= 116
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_standard_is_followed_however_the_stream_is_cut(case):
    for chunks in cuts(case.stream):
        events, decoder = decoded(chunks)
        assert events == case.events, chunks
        assert decoder.last_event_id == case.last_event_id, chunks
        assert decoder.retry == case.retry, chunks


def test_all_cases_in_a_row_decode_as_each_does_alone():
    # A blank line and an empty id part what the cases leave behind; marks count at a stream's start only.
    cases = [case for case in CASES if not case.stream.startswith(b"\xef")]
    stream = b"".join(
        case.stream + b"\n:\n\nid\n\n" for case in cases if case.events and case.stream[-2:] == b"\n\n"
    )
    expected = [tuple(event) for case in cases if case.stream[-2:] == b"\n\n" for event in case.events]
    for size in (1, 7, 64, 1000, len(stream)):
        events, _ = decoded([stream[at : at + size] for at in range(0, len(stream), size)])
        assert events == expected


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n", b"\r\n\r"])
def test_an_event_comes_with_the_byte_that_completes_it(end):
    decoder = SSEDecoder()
    stream = b"data: x" + end
    completing = len(stream) - (end == b"\r\n\r\n")  # its last line feed adds nothing to the carriage return
    for at in range(completing - 1):
        assert decoder.feed(stream[at : at + 1]) == []
    assert decoder.feed(stream[completing - 1 : completing]) == [("message", "x", "")]
    assert decoder.feed(stream[completing:]) == []


def test_the_last_event_id_changes_with_the_blank_line_only():
    decoder = SSEDecoder()
    decoder.feed(b"id: 1\ndata: x\n")
    assert decoder.last_event_id == ""
    decoder.feed(b"\n")
    assert decoder.last_event_id == "1"
    decoder.feed(b"id: 2\n")
    assert decoder.last_event_id == "1"
    decoder.feed(b"\n")
    assert decoder.last_event_id == "2"


def test_an_event_is_read_by_name():
    [event] = SSEDecoder().feed(b"event: e\nid: 1\ndata: x\n\n")
    assert (event.event, event.data, event.id) == ("e", "x", "1")


def test_empty_chunks_change_nothing():
    decoder = SSEDecoder()
    chunks = [b"", b"\xef", b"", b"\xbb\xbf", b"", b"data: x\r", b"", b"\n", b"", b"\r", b"", b"\n", b""]
    assert [event.data for chunk in chunks for event in decoder.feed(chunk)] == ["x"]


def test_retry_holds_where_the_interpreter_reads_fewer_digits():
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        decoder = SSEDecoder()
        decoder.feed(b"retry: 1\nretry: " + b"9" * 1000 + b"\n")
        assert decoder.retry == 1
    finally:
        sys.set_int_max_str_digits(before)


def in_chunks(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


LIMIT = MAX_EVENT_BYTES
LONG_LINES = b"data: " + b"y" * 65_530 + b"\n"


@pytest.mark.parametrize("size", [4096, 1_000_003, 64 * 2**20])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"data: " + b"x" * LIMIT + b"\n\n", id="one line"),
        pytest.param(b"data: " + b"x" * (LIMIT - 10) + b"\ndata: " + b"x" * 9 + b"\n\n", id="two lines"),
        pytest.param(b"data: " + "\xe9".encode() * (LIMIT // 2) + b"\n\n", id="two bytes a character"),
        pytest.param((b":" + b"c" * 1000 + b"\n") * 20_000 + b"data: x\n\n", id="comments without end"),
    ],
)
def test_an_event_of_exactly_the_limit_is_delivered(stream, size):
    decoder = SSEDecoder()
    events = [event for chunk in in_chunks(stream, size) for event in decoder.feed(chunk)]
    assert len(events) == 1
    assert len(events[0].data.encode()) in {LIMIT, 1}


@pytest.mark.parametrize("size", [4096, 1_000_003, 64 * 2**20])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"data: " + b"x" * (LIMIT + 1) + b"\n\n", id="one line"),
        pytest.param(b"x" * (LIMIT + 1), id="a line without a name or an end"),
        pytest.param(b":" + b"x" * LIMIT + b"\n", id="a comment"),
        pytest.param(b"data: " + b"x" * (LIMIT - 10) + b"\ndata: " + b"x" * 10 + b"\n\n", id="two lines"),
        pytest.param(LONG_LINES * 257, id="many lines, no blank one"),
        pytest.param(LONG_LINES * 257 + b"\n", id="many lines"),
        pytest.param(b"data: " + "\xe9".encode() * (LIMIT // 2 + 1) + b"\n\n", id="two bytes a character"),
    ],
)
def test_one_byte_more_is_an_error_after_what_came_before(stream, size):
    decoder = SSEDecoder()
    events = []

    def feed_all():
        for chunk in [*in_chunks(b"data: before\n\n" + stream, size), b""]:
            events.extend(decoder.feed(chunk))

    with pytest.raises(EventTooLargeError, match="16 MiB"):
        feed_all()
    assert events == [("message", "before", "")]
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"\n\ndata: after\n\n")


def test_a_too_large_event_is_a_value_error():
    assert issubclass(EventTooLargeError, ValueError)


class CountedBytes(bytes):
    """A chunk that counts how many of its bytes are copied out of it: work, counted without a clock."""

    copied = 0

    def __getitem__(self, key):
        part = super().__getitem__(key)
        type(self).copied += len(part)
        return CountedBytes(part)


@pytest.mark.parametrize("size", [1, 64, 4096])
def test_no_chunk_is_copied_more_than_a_few_times(size):
    CountedBytes.copied = 0
    stream = b"data: " + b"x" * 50_000 + b"\n\n"
    decoder = SSEDecoder()
    events = [event for chunk in in_chunks(stream, size) for event in decoder.feed(CountedBytes(chunk))]
    assert len(events) == 1
    assert CountedBytes.copied <= 4 * len(stream)
