"""Measures the event stream decoder: events a second beside httpx-sse, and growth with one huge event."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from statistics import median

from httpx_sse._decoders import SSEDecoder as HttpxSSEDecoder
from httpx_sse._decoders import SSELineDecoder

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


def speed_rows() -> list[tuple[str, str]]:
    rows = []
    for name, (stream, events) in STREAMS.items():
        pairs = [(seconds(ours(), stream, CHUNK), seconds(theirs(), stream, CHUNK)) for _ in range(ROUNDS)]
        rate, other_rate = (events / median(times) for times in zip(*pairs, strict=True))
        ratio = median(other / mine for mine, other in pairs)
        rows += [
            (f"event stream, {name}: events a second", f"{rate:,.0f}"),
            (f"event stream, {name}: httpx-sse", f"{other_rate:,.0f}"),
            (f"event stream, {name}: times as fast", f"{ratio:.2f}"),
        ]
    return rows


def growth_rows() -> list[tuple[str, str]]:
    """Time for four times the bytes; a huge event also pays for fresh memory, which small ones reuse."""
    kinds = {
        "many events": lambda size: TYPICAL * (size * MIB // len(TYPICAL)),
        "one event": lambda size: b"data: " + b"x" * (size * MIB) + b"\n\n",
    }
    rows = []
    for kind, stream_of in kinds.items():
        taken: dict[int, list[float]] = {4: [], 8: [], 16: []}
        for _ in range(GROWTH_ROUNDS):
            for size, times in taken.items():
                times.append(seconds(ours(), stream_of(size), 4096))
        medians = {size: median(times) for size, times in taken.items()}
        rows += [
            (f"{kind}, {size} MiB in 4 KiB chunks: milliseconds", f"{time_ * 1000:.1f}")
            for size, time_ in medians.items()
        ]
        rows.append((f"{kind}: growth from 4 to 16 MiB (4 is linear)", f"{medians[16] / medians[4]:.2f}"))
    return rows


def rows() -> list[tuple[str, str]]:
    """The measures and their figures, ready to print."""
    return speed_rows() + growth_rows()


if __name__ == "__main__":
    for measure, figure in rows():
        print(f"{measure:60} {figure:>12}")  # noqa: T201 - printing is what the script is for
