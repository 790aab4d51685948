"""Measures the event stream decoder: events a second beside httpx-sse, and growth with one huge event."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from statistics import median

from httpx_sse._decoders import SSEDecoder as HttpxSSEDecoder
from httpx_sse._decoders import SSELineDecoder
from table import Row

from ipyveo.api.sse import SSEDecoder

ROUNDS = 15
GROWTH_ROUNDS = 5
CHUNK = 64 * 1024
EVENTS = 20_000
MIB = 2**20

TYPICAL = b'event: video_generation_status\ndata: "processing"\n\n'
MIXED = (
    b": keep-alive\n\n"
    b'id: 17\nevent: video_generation_status\ndata: {"status":"processing","process_percentage":42}\n\n'
    b'event: video_generation_status\r\ndata: "h\xc3\xa9llo"\r\nid: 18\r\n\r\n'
    b'event:video_generation_status\ndata:"processing"\n\n'
)
ODD = b"retry: 3000\nevent: note\ndata: first\ndata: second\n\ndata\nother: field\n\n"
STREAMS = {
    "typical": (TYPICAL * EVENTS, EVENTS),
    "mixed": (MIXED * (EVENTS // 3), EVENTS // 3 * 3),
    "odd lines": (ODD * (EVENTS // 2), EVENTS),
}

Feed = Callable[[bytes], int]


def ours() -> Feed:
    decoder = SSEDecoder()
    return lambda chunk: len(decoder.feed(chunk))


def theirs() -> Feed:
    """The three steps that httpx and httpx-sse put behind one another."""
    text, lines, decoder = (
        codecs.getincrementaldecoder("utf-8")("replace"),
        SSELineDecoder(),
        HttpxSSEDecoder(),
    )

    def feed(chunk: bytes) -> int:
        events = [event for line in lines.decode(text.decode(chunk)) if (event := decoder.decode(line))]
        return len(events)

    return feed


def seconds(feed: Feed, stream: bytes, chunk: int) -> float:
    """Processor time to feed `stream` in chunks of `chunk` bytes, cut beforehand."""
    chunks = [stream[start : start + chunk] for start in range(0, len(stream), chunk)]
    begin = time.process_time()
    for piece in chunks:
        feed(piece)
    return time.process_time() - begin


def speed_rows() -> Iterator[Row]:
    for name, (stream, events) in STREAMS.items():
        pairs = [(seconds(ours(), stream, CHUNK), seconds(theirs(), stream, CHUNK)) for _ in range(ROUNDS)]
        rate, other_rate = (events / median(times) for times in zip(*pairs, strict=True))
        yield Row(f"events a second, {name}", rate, "{:,.0f}", "httpx-sse", other_rate, at_least=2)


def joined() -> Feed:
    """The least that can be done with one event: its chunks put together and decoded at the last."""
    chunks: list[bytes] = []

    def feed(chunk: bytes) -> int:
        chunks.append(chunk)
        return len(b"".join(chunks).decode()) if chunk.endswith(b"\n\n") else 0

    return feed


def growth_rows() -> Iterator[Row]:
    """Time for four times the bytes; one huge event also pays for fresh memory, as merely joining it does."""
    kinds: dict[str, tuple[Callable[[], Feed], Callable[[int], bytes], float | None]] = {
        "many events": (ours, lambda size: TYPICAL * (size * MIB // len(TYPICAL)), 5),
        "one event": (ours, lambda size: b"data: " + b"x" * (size * MIB) + b"\n\n", None),
        "one event, joined only": (joined, lambda size: b"data: " + b"x" * (size * MIB) + b"\n\n", None),
    }
    for kind, (feed_of, stream_of, aim) in kinds.items():
        taken: dict[int, list[float]] = {4: [], 16: []}
        for _ in range(GROWTH_ROUNDS):
            for size, times in taken.items():
                times.append(seconds(feed_of(), stream_of(size), 4096) * 1000)
        small, large = (median(times) for times in taken.values())
        beside = "for 4 MiB (4 is linear, 16 square)"
        yield Row(f"16 MiB in 4 KiB chunks: {kind}", large, "{:.1f} ms", beside, small, at_most=aim)


def rows() -> Iterator[Row]:
    yield from speed_rows()
    yield from growth_rows()
