"""Pictures from the page and clips to the page: numbered parts, acknowledged, a few in flight at a time.

Any message over the server's 10 MiB limit closes the socket without a word, and some notebooks fail from
about 1 MB, so nothing travels in one piece. Everything here runs on the background loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import IO, Any, Generic, TypeVar

PART_BYTES = 512 * 1024
IN_FLIGHT = 4  # parts sent ahead of what the page has acknowledged
ABANDONED_SECONDS = 60.0  # an upload or delivery that nobody moves for this long is over
MAKING_SECONDS = 3.0  # so often the page hears of what is still being made for it
MAX_UPLOAD_BYTES = 128 * 2**20

_REMEMBERED_ANSWERS = 16

P = TypeVar("P")
Send = Callable[[Mapping[str, Any], list[bytes]], None]


@dataclass
class Upload:
    """One picture on its way from the page."""

    slot: str
    name: str
    size: int
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    received: int = 0
    expiry: asyncio.TimerHandle | None = None

    def read(self, size: int) -> bytes:
        """Read on, so that a picture can be made of it without a copy in memory."""
        return self.file.read(size)

    def close(self) -> None:
        """Let go of the file and the timer."""
        with contextlib.suppress(OSError):  # what a full disk had no room for is written once more
            self.file.close()
        if self.expiry is not None:
            self.expiry.cancel()


class Uploads(Generic[P]):
    """The pictures that are on their way from the page, one a slot.

    Parameters
    ----------
    send
        Sends a message to the page.
    check
        Makes a picture of an upload that is whole; its error's sentence goes back to the page.
    place
        Called with the slot and the picture, unless the upload was called off meanwhile.
    changed
        Called with the slots that wait for a picture, whenever they change.
    opens
        Called with the slot of a picture that begins to arrive.
    deaf
        Says whether a cell keeps the kernel from hearing its pages; nothing is abandoned then.
    """

    def __init__(
        self,
        send: Send,
        check: Callable[[Upload], Awaitable[P]],
        place: Callable[[str, P], None],
        changed: Callable[[list[str]], None],
        *,
        opens: Callable[[str], None] = lambda _: None,
        deaf: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._check = check
        self._place = place
        self._changed = changed
        self._opens = opens
        self._deaf = deaf
        self._uploads: dict[str, Upload] = {}
        self._answers: dict[str, dict[str, Any]] = {}  # the last ones, in case they were lost on their way
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._uploads)

    def begin(self, key: str, slot: str, name: str, size: int, question: int = 1) -> None:
        """Expect a picture, or say from where to go on with one; a page that hears nothing asks again.

        A newer picture for the same slot takes the place of one still on its way. The answer repeats the
        number of the question, since several may be answered at once.
        """
        if key in self._answers:
            self._send({"id": key, **self._answers[key]}, [])
            return
        if key not in self._uploads and not self._open(key, slot, name, size):
            return
        self._renew(key)
        received = self._uploads[key].received
        self._send({"type": "upload_at", "id": key, "received": received, "question": question}, [])

    def _open(self, key: str, slot: str, name: str, size: int) -> bool:
        if not 0 < size <= MAX_UPLOAD_BYTES:
            kind = "empty" if size <= 0 else f"larger than {MAX_UPLOAD_BYTES // 2**20} MB"
            self._fail(key, f"The file is {kind}, so it cannot be used. Choose another picture.")
            return False
        self.replace(slot)
        self._opens(slot)
        try:
            self._uploads[key] = Upload(slot, name, size)
        except OSError as error:
            self._fail(key, _no_room(error))
            return False
        self._changed(self._slots())
        return True

    def take(self, key: str, offset: int, part: bytes, checksum: int) -> None:
        """Take a part, if it continues what is here and is whole; the answer says how far the picture is.

        Parameters
        ----------
        key
            The upload's name.
        offset
            Where in the file the part begins, in bytes.
        part
            Its bytes.
        checksum
            Their CRC-32, as in PNG and gzip (RFC 1952, section 8).
        """
        upload = self._uploads.get(key)
        if upload is None:
            if key in self._answers:
                self._send({"id": key, **self._answers[key]}, [])
            return  # the page asks how far it is, and begins anew
        fits = offset == upload.received and part and offset + len(part) <= upload.size
        if fits and zlib.crc32(part) == checksum:
            try:
                upload.file.write(part)
                upload.file.flush()
            except OSError as error:
                self.cancel(key)
                self._fail(key, _no_room(error))
                return
            upload.received += len(part)
            if upload.received == upload.size:
                task = asyncio.ensure_future(self._finish(key, upload))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._renew(key)
        self._send({"type": "uploaded", "id": key, "received": upload.received}, [])

    def replace(self, slot: str) -> None:
        """Call off what is on its way to a slot: another picture, or none, was chosen."""
        for key in [key for key, upload in self._uploads.items() if upload.slot == slot]:
            self.cancel(key)
            self._fail(key, "Another picture was chosen here.")

    def cancel(self, key: str) -> None:
        """Forget an upload."""
        upload = self._uploads.pop(key, None)
        if upload is not None:
            upload.close()
            self._changed(self._slots())

    def close(self) -> None:
        """Forget every upload."""
        for key in list(self._uploads):
            self.cancel(key)
        for task in self._tasks:
            task.cancel()

    async def _finish(self, key: str, upload: Upload) -> None:
        try:
            upload.file.seek(0)
            picture = await self._check(upload)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person at the page must hear of it
            if self._uploads.get(key) is upload:
                self.cancel(key)
                self._fail(key, str(error) or type(error).__name__)
            return
        if self._uploads.get(key) is upload:  # not removed or replaced while it was being checked
            self._place(upload.slot, picture)
            self.cancel(key)
            self._answer(key, {"type": "upload_done"})

    def _slots(self) -> list[str]:
        return sorted({upload.slot for upload in self._uploads.values()})

    def _renew(self, key: str) -> None:
        upload = self._uploads[key]
        if upload.expiry is not None:
            upload.expiry.cancel()
        loop = asyncio.get_running_loop()
        upload.expiry = loop.call_later(ABANDONED_SECONDS, self._abandon, key)

    def _abandon(self, key: str) -> None:
        if self._deaf():
            self._renew(key)
        else:
            self.cancel(key)

    def _fail(self, key: str, sentence: str) -> None:
        self._answer(key, {"type": "upload_failed", "sentence": sentence})

    def _answer(self, key: str, answer: dict[str, Any]) -> None:
        self._answers[key] = answer
        while len(self._answers) > _REMEMBERED_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._send({"id": key, **answer}, [])


def _no_room(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"The picture could not be stored in the kernel's temporary folder ({reason}). Make room there."


class Deliveries:
    """The files that are on their way to the page.

    Parameters
    ----------
    send
        Sends a message with buffers to the page.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._acknowledged: dict[str, int] = {}
        self._moved: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(
        self, key: str, opened: Callable[[], tuple[IO[bytes], int, str]], pool: Executor | None = None
    ) -> None:
        """Send a file; `opened` gives it, its size in bytes and its media type, in a thread of `pool`."""
        if key in self._tasks:
            return
        self._acknowledged[key], self._moved[key] = 0, asyncio.Event()
        task = self._tasks[key] = asyncio.ensure_future(self._deliver(key, opened, pool))
        task.add_done_callback(lambda _: self._forget(key))

    def acknowledge(self, key: str, parts: int) -> None:
        """Note that the page has so many parts."""
        if key in self._moved:
            self._acknowledged[key] = max(self._acknowledged[key], parts)
            self._moved[key].set()

    def cancel(self, key: str) -> None:
        """Stop sending."""
        if key in self._tasks:
            self._tasks[key].cancel()

    def close(self) -> None:
        """Stop sending everything."""
        for key in list(self._tasks):
            self.cancel(key)

    def _forget(self, key: str) -> None:
        del self._tasks[key], self._moved[key], self._acknowledged[key]

    async def _deliver(
        self, key: str, opened: Callable[[], tuple[IO[bytes], int, str]], pool: Executor | None
    ) -> None:
        opening = asyncio.get_running_loop().run_in_executor(pool, opened)
        try:
            while not (await asyncio.wait({opening}, timeout=MAKING_SECONDS))[0]:
                self._send({"type": "making", "id": key}, [])  # else the page would take it for lost
            file, size, media_type = opening.result()
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the person at the page must hear of it
            sentence = f"This could not be read from the library ({type(error).__name__}). Is it still there?"
            self._send({"type": "fetch_failed", "id": key, "sentence": sentence}, [])
            return
        parts = max(1, -(-size // PART_BYTES))
        with file:
            for index in range(parts):
                while index - self._acknowledged[key] >= IN_FLIGHT:
                    self._moved[key].clear()
                    try:
                        await asyncio.wait_for(self._moved[key].wait(), ABANDONED_SECONDS)
                    except TimeoutError:
                        return  # nobody is there any more; a page that comes back asks again
                message = {
                    "type": "part",
                    "id": key,
                    "index": index,
                    "parts": parts,
                    "size": size,
                    "media_type": media_type,
                }
                self._send(message, [file.read(PART_BYTES)])
                await asyncio.sleep(0)  # other streams of this loop come first between two parts


def _close_opened(opening: asyncio.Future[tuple[IO[bytes], int, str]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
