"""Pictures from the page and clips to the page: numbered, acknowledged, bounded, never half."""

from __future__ import annotations

import asyncio
import io
import threading
import zlib
from pathlib import Path

import pytest

from ipyveo.widgets import transfer
from ipyveo.widgets.transfer import IN_FLIGHT, MAX_UPLOAD_BYTES, PART_BYTES, Deliveries, Uploads


class Page:
    """The far end: keeps what is sent to it."""

    def __init__(self) -> None:
        self.said: list[tuple[dict, list[bytes]]] = []
        self.more = asyncio.Event()
        self.slots: list[str] = []

    def send(self, message, buffers) -> None:
        self.said.append((dict(message), buffers))
        self.more.set()

    def waiting(self, slots) -> None:
        self.slots = slots

    async def until(self, kind: str, number: int = 1) -> list[tuple[dict, list[bytes]]]:
        async with asyncio.timeout(60):
            while len(found := [one for one in self.said if one[0]["type"] == kind]) < number:
                self.more.clear()
                await self.more.wait()
        return found


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def arrived():
    return []


@pytest.fixture
async def uploads(page, arrived):
    async def check(upload):
        return upload.name, upload.file.read()

    uploads = Uploads(page.send, check, lambda slot, picture: arrived.append((slot, *picture)), page.waiting)
    yield uploads
    uploads.close()


def take(uploads: Uploads, key: str, offset: int, part: bytes) -> None:
    uploads.take(key, offset, part, zlib.crc32(part))


async def test_a_picture_arrives_whole_and_each_part_is_acknowledged(page, uploads, arrived):
    uploads.begin("a", "start", "day.png", 7)
    take(uploads, "a", 0, b"1234")
    take(uploads, "a", 4, b"567")
    await page.until("upload_done")
    assert arrived == [("start", "day.png", b"1234567")]
    assert [said["received"] for said, _ in await page.until("uploaded", 2)] == [4, 7]


async def test_a_part_that_comes_twice_or_too_early_is_answered_with_how_far_it_is(page, uploads, arrived):
    uploads.begin("a", "start", "day.png", 6)
    take(uploads, "a", 3, b"456")
    take(uploads, "a", 0, b"123")
    take(uploads, "a", 0, b"123")
    assert [said["received"] for said, _ in page.said] == [0, 0, 3, 3]
    take(uploads, "a", 3, b"456")
    await page.until("upload_done")
    assert arrived[0][2] == b"123456"


async def test_more_bytes_than_announced_are_not_taken(page, uploads):
    uploads.begin("a", "start", "day.png", 4)
    take(uploads, "a", 0, b"12345")
    assert page.said[-1][0] == {"type": "uploaded", "id": "a", "received": 0}


@pytest.mark.parametrize(("size", "piece"), [(0, "empty"), (MAX_UPLOAD_BYTES + 1, "larger than 128 MB")])
async def test_a_size_that_cannot_be_is_refused_before_any_byte(page, uploads, size, piece):
    uploads.begin("a", "start", "day.png", size)
    ((said, _),) = page.said
    assert said["type"] == "upload_failed"
    assert piece in said["sentence"]


async def test_a_newer_picture_takes_the_place_of_one_still_on_its_way(page, uploads):
    uploads.begin("a", "start", "day.png", 4)
    uploads.begin("b", "start", "night.png", 4)
    ((said, _),) = [one for one in page.said if one[0]["type"] == "upload_failed"]
    assert said == {"type": "upload_failed", "id": "a", "sentence": "Another picture was chosen here."}
    assert page.slots == ["start"]


@pytest.mark.parametrize("how", ["cancel", "replace"])
async def test_a_picture_that_is_removed_while_it_is_checked_stays_removed(page, how):
    checking, go_on, placed = asyncio.Event(), asyncio.Event(), []

    async def check(_):
        checking.set()
        await go_on.wait()

    uploads = Uploads(page.send, check, lambda *picture: placed.append(picture), page.waiting)
    uploads.begin("a", "start", "day.png", 4)
    take(uploads, "a", 0, b"1234")
    await checking.wait()
    assert page.slots == ["start"]
    getattr(uploads, how)("a" if how == "cancel" else "start")
    go_on.set()
    while uploads._tasks:
        await asyncio.sleep(0)
    assert placed == []
    assert page.slots == []


async def test_an_answer_that_was_lost_is_given_again(page, uploads, arrived):
    uploads.begin("a", "start", "day.png", 4)
    take(uploads, "a", 0, b"1234")
    await page.until("upload_done")
    take(uploads, "a", 0, b"1234")
    await page.until("upload_done", 2)
    uploads.begin("a", "start", "day.png", 4)
    await page.until("upload_done", 3)
    assert len(arrived) == 1
    assert page.slots == []


async def test_a_page_that_heard_nothing_is_told_from_where_to_go_on(page, uploads, arrived):
    uploads.begin("a", "start", "day.png", 6)
    take(uploads, "a", 0, b"123")
    uploads.begin("a", "start", "day.png", 6, question=2)
    assert page.said[-1][0] == {"type": "upload_at", "id": "a", "received": 3, "question": 2}
    take(uploads, "a", 3, b"456")
    await page.until("upload_done")
    assert arrived[0][2] == b"123456"


async def test_a_part_that_was_hurt_on_the_way_is_not_taken(page, uploads, arrived):
    uploads.begin("a", "start", "day.png", 6)
    uploads.take("a", 0, b"124", zlib.crc32(b"123"))
    assert page.said[-1][0] == {"type": "uploaded", "id": "a", "received": 0}
    take(uploads, "a", 0, b"123456")
    await page.until("upload_done")
    assert arrived[0][2] == b"123456"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full exists on Linux only")
async def test_a_full_disk_is_a_sentence(page, uploads):
    uploads.begin("a", "start", "day.png", 4)
    uploads._uploads["a"].file.close()
    uploads._uploads["a"].file = Path("/dev/full").open("wb")  # noqa: SIM115, ASYNC230 - the upload's to close
    take(uploads, "a", 0, b"1234")
    assert "No space left on device" in page.said[-1][0]["sentence"]
    assert page.slots == []


async def test_an_upload_that_nobody_moves_expires(page, uploads, monkeypatch):
    monkeypatch.setattr(transfer, "ABANDONED_SECONDS", 0.05)
    uploads.begin("a", "start", "day.png", 4)
    async with asyncio.timeout(60):
        while uploads._uploads:
            await asyncio.sleep(0.01)
    assert page.slots == []
    said = len(page.said)
    take(uploads, "a", 0, b"1234")
    assert len(page.said) == said
    uploads.begin("a", "start", "day.png", 4)  # as a page does that was away for long: nothing is lost
    assert page.said[-1][0] == {"type": "upload_at", "id": "a", "received": 0, "question": 1}


async def test_no_upload_expires_while_a_cell_keeps_the_kernel_from_hearing_its_page(page, monkeypatch):
    monkeypatch.setattr(transfer, "ABANDONED_SECONDS", 0.02)
    looks = iter([True, True, True, False])
    uploads = Uploads(page.send, None, None, page.waiting, deaf=lambda: next(looks))
    uploads.begin("a", "start", "day.png", 4)
    async with asyncio.timeout(60):
        while page.slots:
            await asyncio.sleep(0.01)
    assert list(looks) == []


async def test_a_picture_that_cannot_be_used_is_a_sentence_for_the_page(page):
    async def refuse(_):
        raise ValueError("This is not a picture.")

    uploads = Uploads(page.send, refuse, lambda *_: None, page.waiting)
    uploads.begin("a", "start", "notes.png", 1)
    take(uploads, "a", 0, b"x")
    ((said, _),) = await page.until("upload_failed")
    assert said["sentence"] == "This is not a picture."


async def test_a_clip_goes_out_a_few_parts_ahead_of_the_acknowledgements(page):
    data = bytes(range(256)) * (PART_BYTES // 256) * 9 + b"tail"
    deliveries = Deliveries(page.send)
    deliveries.begin("f", lambda: (io.BytesIO(data), len(data), "video/mp4"))
    await page.until("part", IN_FLIGHT)
    for _ in range(20):  # it had every chance to send more, and did not
        await asyncio.sleep(0)
    assert len(page.said) == IN_FLIGHT
    for number in range(1, 11):
        await page.until("part", min(10, number - 1 + IN_FLIGHT))
        deliveries.acknowledge("f", number)
    parts = await page.until("part", 10)
    assert b"".join(buffers[0] for _, buffers in parts) == data
    assert [said["index"] for said, _ in parts] == list(range(10))
    assert {(said["parts"], said["size"], said["media_type"]) for said, _ in parts} == {
        (10, len(data), "video/mp4")
    }


async def test_a_delivery_can_be_called_off_and_a_missing_file_is_said(page):
    def missing():
        raise FileNotFoundError("clip.mp4")

    deliveries = Deliveries(page.send)
    deliveries.begin("f", missing)
    ((said, _),) = await page.until("fetch_failed")
    assert "Is it still there?" in said["sentence"]
    deliveries.begin("g", lambda: (io.BytesIO(bytes(PART_BYTES * 20)), PART_BYTES * 20, "video/mp4"))
    await page.until("part", IN_FLIGHT)
    deliveries.cancel("g")
    async with asyncio.timeout(60):
        while deliveries._tasks:
            await asyncio.sleep(0)
    assert len(page.said) == 1 + IN_FLIGHT


async def test_what_takes_long_to_make_is_said_to_be_on_its_way(page, monkeypatch):
    monkeypatch.setattr("ipyveo.widgets.transfer.MAKING_SECONDS", 0.01)
    made = threading.Event()

    def drawn():
        made.wait(60)
        return io.BytesIO(b"GIF89a"), 6, "image/gif"

    deliveries = Deliveries(page.send)
    deliveries.begin("f", drawn)
    await page.until("making", 2)
    made.set()
    ((_, buffers),) = await page.until("part")
    assert buffers == [b"GIF89a"]
