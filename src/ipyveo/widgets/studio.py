"""The widget: two pictures and a sentence in a cell, and the run that they start."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from ipyveo.api.client import VeoClient
from ipyveo.api.events import Event
from ipyveo.api.requests import check_count
from ipyveo.errors import VeoError
from ipyveo.generations.shot import Shot, default_client, generate
from ipyveo.generations.stages import stage_words
from ipyveo.library.library import Library
from ipyveo.loop import background_loop, submit
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.frame import Frame
from ipyveo.widgets.page_widget import PageWidget
from ipyveo.widgets.transfer import Upload, Uploads
from ipyveo.widgets.watch import Watch, problem

if TYPE_CHECKING:
    from ipyveo.media.clip import Clip

_logger = logging.getLogger(__name__)

_PROGRESS_PAUSE_SECONDS = 0.1  # a page that is told more often only burns its processor
_RETRY_SECONDS = 0.02
_SLOTS = ("start", "end")


class FramesToVideo(PageWidget):
    """Two pictures and a sentence become a video, in the cell.

    Parameters
    ----------
    start_image, end_image
        Any picture `Frame` takes, or None to choose them in the page.
    prompt
        What should happen.
    aspect_ratio
        ``"16:9"``, ``"9:16"`` or the API's own words for them.
    number_of_videos
        How many takes, 1 to 4.
    client
        None uses the key from the environment or Colab's secrets, and without one the embedded sandbox.
    library
        A `Library` or its folder; None is ``IPYVEO_LIBRARY``, then ``ipyveo-library``.

    Attributes
    ----------
    status, stage, progress, error
        Where the run is: a fixed word, words for people, the share done (None while unknown), and ""
        or one plain sentence. Observable; to be read, not set.

    Raises
    ------
    FrameError, InvalidRequestError
        If a picture or a value cannot be used.

    Examples
    --------
    >>> from ipyveo import FramesToVideo, VeoClient
    >>> studio = FramesToVideo(prompt="dusk falls", client=VeoClient.sandbox())
    >>> studio.status
    'idle'
    """

    prompt = traitlets.Unicode().tag(sync=True)
    aspect_ratio = traitlets.Unicode("16:9").tag(sync=True)
    number_of_videos = traitlets.Any(1).tag(sync=True)
    status = traitlets.Unicode("idle").tag(sync=True)
    stage = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Float(None, allow_none=True).tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    _error_details = traitlets.Unicode().tag(sync=True)
    _notice = traitlets.Unicode().tag(sync=True)
    _engine = traitlets.Dict().tag(sync=True)
    _frames = traitlets.Dict().tag(sync=True)
    _run = traitlets.Dict().tag(sync=True)
    _uploading: traitlets.List[str] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        start_image: object = None,
        end_image: object = None,
        *,
        prompt: str = "",
        aspect_ratio: str = "16:9",
        number_of_videos: int = 1,
        client: VeoClient | None = None,
        library: Library | str | os.PathLike[str] | None = None,
    ) -> None:
        # Checked before there is a widget: one that is refused must not stay behind half made.
        given = (start_image, end_image)
        pictures = [None if picture is None else Frame(picture) for picture in given]
        self._pictures: dict[str, Frame | None] = dict(zip(_SLOTS, pictures, strict=True))
        self._watch: Watch | None = None
        self._asking = threading.Lock()
        self._writing = threading.RLock()
        self._pending: dict[str, Any] = {}
        self._flushing: asyncio.TimerHandle | None = None
        self._client = client if client is not None else default_client()
        self._library = library if isinstance(library, Library) else Library(library)
        self._chores: list[Callable[[], None]] = []
        self._uploads = Uploads(self._tell, _checked, self._arrived, self._show_uploading)
        super().__init__(
            _view="studio", prompt=prompt, aspect_ratio=aspect_ratio, number_of_videos=number_of_videos
        )
        self._engine = self._engine_record(None)
        self._change_pictures({})

    # What people read and set -----------------------------------------------------------------------

    @property
    def start_image(self) -> Frame | None:
        """The first frame; takes any picture and gives a `Frame`, or None."""
        return self._pictures["start"]

    @start_image.setter
    def start_image(self, picture: object) -> None:
        self._place("start", picture)

    @property
    def end_image(self) -> Frame | None:
        """The last frame; takes any picture and gives a `Frame`, or None."""
        return self._pictures["end"]

    @end_image.setter
    def end_image(self, picture: object) -> None:
        self._place("end", picture)

    @property
    def clips(self) -> list[Clip]:
        """The clips of the latest run that are saved so far."""
        return [] if self._watch is None else list(self._watch.shot.clips)

    def generate(self) -> Shot:
        """Start a run, as pressing Generate does; while one goes, return that same run.

        Returns
        -------
        Shot
            Await it for a list of clips.

        Raises
        ------
        FrameError, InvalidRequestError
            If something is missing or cannot be used; nothing is sent then.
        """
        with self._asking:
            if self._watch is not None and self._watch.shot.going:
                return self._watch.shot
            shot = self._new_shot()
            # What a kernel that died had already sent is not paid for again.
            watch = self._watched(self._left_behind(shot) or shot.twin())
        # Outside of the lock: an observer of these may call generate() itself, and gets this run.
        self._write(watch.first())
        return watch.shot.start()

    def _new_shot(self) -> Shot:
        return generate(
            self.start_image,
            self.end_image,
            prompt=self.prompt,
            aspect_ratio=self.aspect_ratio,
            number_of_videos=self.number_of_videos,
            client=self._client,
            library=self._library,
        )

    def _left_behind(self, shot: Shot) -> Shot | None:
        try:
            return shot.earlier(of_this_process=False)
        except (sqlite3.Error, OSError):
            return None  # the run itself says in a sentence that the library cannot be used

    def _watched(self, shot: Shot) -> Watch:
        """Make a run the one that is shown. Only with `_asking` held."""
        self._watch = watch = Watch(shot)
        shot.listen(lambda event: self._follow(watch, event))
        return watch

    def _pick_up(self) -> Watch | None:
        """Take up the run that this form asked for before, in this kernel or one that has ended."""
        with self._asking:
            if self._watch is not None or self.start_image is None or not self.prompt.strip():
                return None
            earlier = self._new_shot().earlier()
            return None if earlier is None else self._watched(earlier)

    def stop(self) -> None:
        """Stop watching. The service has no cancel: the job goes on there, and may be charged."""
        if self._watch is not None:
            self._watch.shot.stop()

    # Checks -----------------------------------------------------------------------------------------

    @traitlets.validate("aspect_ratio")
    def _check_ratio(self, proposal: dict[str, Any]) -> str:
        return AspectRatio.parse(proposal["value"]).label

    @traitlets.validate("number_of_videos")
    def _check_count(self, proposal: dict[str, Any]) -> int:
        return check_count(proposal["value"])

    # Pictures ---------------------------------------------------------------------------------------

    def _place(self, slot: str, picture: object) -> None:
        frame = None if picture is None else Frame(picture)
        if self._uploads:
            background_loop().call_soon_threadsafe(self._uploads.replace, slot)
        self._change_pictures({slot: frame})

    def _change_pictures(self, changes: Mapping[str, Frame | None]) -> None:
        """Show other pictures. On the background loop only as a chore."""
        with self._writing:
            self._pictures = {**self._pictures, **changes}
            clips = [thing for thing in self._keys.values() if not isinstance(thing, Frame)]
            self._frames = {
                slot: None
                if frame is None
                else {
                    "key": self._key_for(frame),
                    "name": frame.name,
                    "width": frame.width,
                    "height": frame.height,
                }
                for slot, frame in self._pictures.items()
            }
            self._keep_keys([*clips, *(frame for frame in self._pictures.values() if frame is not None)])

    def _arrived(self, slot: str, frame: Frame) -> None:
        self._do(lambda: self._change_pictures({slot: frame}))

    def _show_uploading(self, slots: list[str]) -> None:
        self._post({"_uploading": slots})

    # What the page says -----------------------------------------------------------------------------

    def _on_hello(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        new = str(said["view"]) not in self._views
        super()._on_hello(said, buffers)
        if not new:
            return
        if self._watch is not None:
            self._post({"_run": self._watch.clock()})  # what the model holds was true when it was written
        else:
            submit(self._pick_up_for_page())
        self._look_at_account()

    def _on_generate(self, said: dict[str, Any], _: list[bytes]) -> None:
        # The form's values come along: a trait's update can still be waiting in the browser, and a paid
        # run must not use the prompt of a moment ago.
        form = {
            "prompt": str(said["prompt"]),
            "aspect_ratio": AspectRatio.parse(said["aspect_ratio"]).label,
            "number_of_videos": check_count(said["number_of_videos"]),
        }
        if self._uploads:
            sentence = "A picture is still on its way, so nothing was sent. Generate again when it is there."
            self._post({"error": sentence, "_error_details": ""})
        else:
            submit(self._generate_for_page(form))

    def _on_extend(self, said: dict[str, Any], _: list[bytes]) -> None:
        submit(self._extend(self._keys.get(str(said["key"]))))

    def _on_stop(self, _: dict[str, Any], __: list[bytes]) -> None:
        self.stop()

    def _on_swap(self, _: dict[str, Any], __: list[bytes]) -> None:
        self._do(
            lambda: self._change_pictures({"start": self._pictures["end"], "end": self._pictures["start"]})
        )

    def _on_remove(self, said: dict[str, Any], _: list[bytes]) -> None:
        slot = _slot(said)
        self._uploads.replace(slot)
        self._do(lambda: self._change_pictures({slot: None}))

    def _on_upload(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._uploads.begin(str(said["id"]), _slot(said), str(said["name"]), int(said["size"]))

    def _on_chunk(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        self._uploads.take(str(said["id"]), int(said["offset"]), buffers[0])

    def _on_cancel_upload(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._uploads.cancel(str(said["id"]))

    # What the page is told --------------------------------------------------------------------------

    async def _generate_for_page(self, form: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._generate_with, form)
        except Exception as error:  # noqa: BLE001 - a click has no cell to show an exception in
            self._post(
                {"status": "failed", "stage": stage_words("failed"), "progress": None, **problem(error)}
            )

    async def _pick_up_for_page(self) -> None:
        try:
            watch = await asyncio.to_thread(self._pick_up)
        except Exception:  # what was left behind stays there; the form can be used all the same
            _logger.exception("What an earlier kernel left behind could not be looked up.")
            return
        if watch is not None:
            self._do(lambda: self._write(watch.first()))
            watch.shot.start()

    async def _extend(self, clip: object) -> None:
        """Let a clip go on: its exact last frame becomes the start picture of the next one."""
        try:
            frame = await asyncio.to_thread(Frame, clip)
        except VeoError as error:
            self._post(problem(error))
        else:
            self._do(lambda: self._change_pictures({"start": frame, "end": None}))

    def _generate_with(self, form: Mapping[str, Any]) -> None:
        self._write(form)
        self.generate()

    def _follow(self, watch: Watch, event: Event | None) -> None:
        """Show a run's event; what only moves the bar is gathered, all else goes out at once."""
        if watch is not self._watch:
            return  # a run that was stopped, and that another has followed
        values = watch.next(event)
        if event is None:
            values["_clips"] = self._clip_records(watch.shot.clips)
            self._look_at_account()
        old_stage = self._pending.get("stage", self.stage)
        self._post(values, _PROGRESS_PAUSE_SECONDS if values.get("stage", old_stage) == old_stage else 0)

    def _post(self, values: Mapping[str, Any], pause: float = 0.0) -> None:
        """Show values on the page, at the latest after `pause` seconds. Runs on the background loop."""
        self._pending.update(values)
        if pause == 0:
            self._flush()
        elif self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(pause, self._flush)

    def _do(self, chore: Callable[[], None]) -> None:
        """Do what changes traits, in order, as soon as nobody else changes any. On the background loop."""
        self._chores.append(chore)
        self._flush()

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        # The kernel may be inside set_state, calling an observer that waits for this very loop: never
        # wait for it here.
        if not self._writing.acquire(blocking=False):
            self._flushing = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._flush)
            return
        try:
            chores, self._chores = self._chores, []
            values, self._pending = self._pending, {}
            for chore in chores:
                chore()
            self._write(values)
        finally:
            self._writing.release()

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._writing, self.hold_sync():
            for name, value in values.items():
                try:
                    self.set_trait(name, value)
                except Exception:  # an observer's; the value is set, and the page must not freeze over it
                    _logger.exception("An observer of %r failed.", name)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the page changed; while that goes on, no run writes (traitlets has no lock)."""
        with self._writing:
            super().set_state(sync_data)

    def _look_at_account(self) -> None:
        submit(self._show_account())

    async def _show_account(self) -> None:
        remaining = None
        with contextlib.suppress(VeoError):  # the chip does without; a run says what is wrong
            remaining = (await self._client.credits()).remaining
        self._post({"_engine": self._engine_record(remaining)})

    def _engine_record(self, remaining: int | None) -> dict[str, Any]:
        sandbox = self._client.engine == "sandbox"
        return {"sandbox": sandbox, "host": self._client.host, "credits": remaining}

    def _let_go(self) -> None:
        super()._let_go()
        self._uploads.close()


async def _checked(upload: Upload) -> Frame:
    def read() -> Frame:
        file = io.BytesIO(upload.file.read())
        file.name = upload.name
        return Frame(file)

    return await asyncio.to_thread(read)


def _slot(said: Mapping[str, Any]) -> str:
    if said["slot"] not in _SLOTS:
        raise KeyError(said["slot"])
    return str(said["slot"])
