"""The takes of a run come home: fetched, checked to be video, saved under a readable name."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ipyveo.errors import DownloadError, GenerationFailedError, InterruptedGenerationError, VeoError
from ipyveo.generations.download import download_clip
from ipyveo.generations.lookup import named_again
from ipyveo.library.journal import StoredTake
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip, VideoMeasurements

if TYPE_CHECKING:
    from pathlib import Path

    from ipyveo.api.client import VeoClient
    from ipyveo.library.journal import Entry
    from ipyveo.library.library import Library

_EXPIRED = (400, 401, 403, 404, 410)  # how storage answers for an address whose signature has ended

_logger = logging.getLogger(__name__)


class Landing:
    """Brings the takes of one run into the library.

    Parameters
    ----------
    entry
        The run.
    client, library
        Whose it is, and where it goes.
    on_share
        Called with the share of all takes that is here, 0.0 to 1.0.
    clips, notices
        Lists that are added to: the clips as they land, and a sentence for each take that did not, or that
        came in another shape.
    """

    def __init__(
        self,
        entry: Entry,
        client: VeoClient,
        library: Library,
        *,
        on_share: Callable[[float], None],
        clips: list[Clip],
        notices: list[str],
    ) -> None:
        self._entry = entry
        self._client = client
        self._library = library
        self._on_share = on_share
        self._clips = clips
        self._notices = notices

    async def bring(self, takes: Sequence[StoredTake]) -> bool:
        """Bring every take that was made; True if all of them are in the library then.

        Raises
        ------
        GenerationFailedError
            If the service could make none.
        DownloadError, InterruptedGenerationError
            If none could be fetched.
        """
        made = [take for take in takes if not take.failed]
        if not made:
            raise GenerationFailedError(
                "The service could not make any of the videos. The credits are returned. "
                "Change the prompt or the pictures, or generate again."
            )
        asked = self._entry.number_of_videos
        self._notices += [
            f"Take {take.take} failed at the service; its credit is returned."
            for take in takes
            if take.failed
        ]
        if len(takes) < asked:
            self._notices.append(f"The service made {len(takes)} of the {asked} videos that were asked for.")
        if len(made) > asked:
            self._notices.append(
                f"The service named {len(made)} files for {asked} videos; the others are left where they are."
            )
        return await self._bring(made[:asked])

    async def _bring(self, made: Sequence[StoredTake]) -> bool:
        failure: VeoError | None = None
        self._on_share(0.0)
        for done, take in enumerate(made):
            try:
                clip = await asyncio.to_thread(self._landed, take.take)
                self._clips.append(clip or await self._fetch_known(take, done, len(made)))
            except VeoError as error:
                failure = error
                self._notices.append(f"Take {take.take}: {error}")
            else:
                await self._journaled("landed", take.take)
        if failure is not None and not self._clips:
            self._notices.clear()  # one error says it
            raise failure
        return failure is None

    def _landed(self, take: int) -> Clip | None:
        """Return the take's clip if it is in the library already, though the journal may not know it yet."""
        try:
            takes = self._library.journal.takes(self._entry.id)
        except (sqlite3.Error, OSError) as error:  # the clip is paid for, and fetched all the same
            _logger.warning("The journal could not be asked: %s", error)
            return None
        for known in takes:
            if known.take == take and known.file:
                return self._library.landed(known.file, self._entry.id)
        return None

    async def _fetch_known(self, take: StoredTake, done: int, total: int) -> Clip:
        """Fetch a take; where its address has ended since it was named, ask the account for the new one."""
        try:
            return await self._fetch(take, done, total)
        except DownloadError as error:
            if error.status_code not in _EXPIRED:
                raise
            address = await self._named_again(take)
            if address in (None, take.file_url):
                raise
        return await self._fetch(replace(take, file_url=address), done, total)

    async def _named_again(self, take: StoredTake) -> str | None:
        try:
            return await named_again(self._client, self._library.journal, self._entry, take.take)
        except (VeoError, sqlite3.Error, OSError):
            return None  # the first answer says what is wrong

    async def _fetch(self, take: StoredTake, done: int, total: int) -> Clip:
        """Fetch one take and save it; the library never holds half a clip under a clip's name."""
        if take.file_url is None:
            raise InterruptedGenerationError(
                "The service made the video but has not said where it lies; it may be charged. "
                "It stays in the journal: recover() looks for it again.",
                maybe_charged=True,
            )
        told = done / total

        def on_share(share: float | None) -> None:
            nonlocal told
            overall = (done + (share or 0.0)) / total
            if overall - told >= 0.01:  # noqa: PLR2004 - a percent is what people can see
                told = overall
                self._on_share(overall)

        try:
            # The name is the run's own, so that a later kernel goes on where this one was ended.
            part = await asyncio.to_thread(self._library.incoming, f"{self._entry.id}-{take.take}")
            home = self._client.base_url
            measured = await download_clip(take.file_url, part, home=home, on_share=on_share)
            return await _to_its_end(asyncio.to_thread(self._save, take, part, measured))
        except OSError as error:
            with contextlib.suppress(OSError):
                self._library.incoming(f"{self._entry.id}-{take.take}").unlink(missing_ok=True)
            reason = error.strerror or type(error).__name__
        raise DownloadError(
            f"The clip could not be written to the library ({reason}); it was made and may be charged. "
            "Make room, then recover() fetches it.",
            maybe_charged=True,
        )

    def _save(self, take: StoredTake, part: Path, measured: VideoMeasurements) -> Clip:
        entry = self._entry
        clip = Clip(
            path=part,
            id=take.id,
            prompt=entry.prompt,
            created_at=datetime.now(UTC),
            engine=self._client.engine or "veo",
            **asdict(measured),
        )
        asked = AspectRatio.parse(entry.aspect_ratio)
        if (clip.width > clip.height) != (asked.width > asked.height):
            self._notices.append(
                f"Take {take.take} came back as {clip.width}x{clip.height} although {asked.label} was asked "
                "for."
            )
        parameters = {
            "prompt": entry.prompt,
            "aspect_ratio": asked.label,
            "number_of_videos": entry.number_of_videos,
            "generation": entry.id,
            "take": take.take,
            "pictures": [picture.name for picture in entry.pictures],
            "originals": [picture.original for picture in entry.pictures],
            "framings": [picture.framing for picture in entry.pictures],
        }

        def on_name(name: str) -> None:
            try:
                self._library.journal.landing(entry.id, take.take, name)
            except (sqlite3.Error, OSError) as error:  # the clip is paid for, and lands all the same
                _logger.warning("The journal could not note a clip's name: %s", error)

        return self._library.save(part, clip, parameters, on_name)

    async def _journaled(self, step: str, take: int) -> None:
        try:
            await asyncio.to_thread(lambda: getattr(self._library.journal, step)(self._entry.id, take))
        except (sqlite3.Error, OSError) as error:
            _logger.warning("The journal could not note %r: %s", step, error)


async def _to_its_end(saving: Coroutine[Any, Any, Clip]) -> Clip:
    """Wait for a clip to be saved, also when watching is stopped meanwhile: a thread cannot be called off."""
    task = asyncio.ensure_future(saving)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
