"""The widget: two pictures and a sentence in a cell, and the run that they start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from ipyveo.api.account import Credits
from ipyveo.api.client import VeoClient
from ipyveo.api.events import Event
from ipyveo.api.requests import check_count
from ipyveo.errors import FrameError, VeoError
from ipyveo.generations.cost import Budget, as_budget
from ipyveo.generations.generate import default_client, prepare
from ipyveo.generations.shot import Shot
from ipyveo.generations.stages import stage_words
from ipyveo.library.journal import Entry
from ipyveo.library.library import Library
from ipyveo.loop import background_loop, submit
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.frame import Frame
from ipyveo.media.original import NOTHING_CHARGED
from ipyveo.media.pair import pair_notes
from ipyveo.widgets.draft import Draft
from ipyveo.widgets.history import History
from ipyveo.widgets.offers import Offers
from ipyveo.widgets.page_widget import PageWidget, Sent
from ipyveo.widgets.runs import Runs
from ipyveo.widgets.seat import seat
from ipyveo.widgets.still import still
from ipyveo.widgets.transfer import Upload, Uploads
from ipyveo.widgets.watch import Watch, no_problem, problem
from ipyveo.widgets.words import chip, costs, counted, fit, made_before

if TYPE_CHECKING:
    from ipyveo.media.clip import Clip

_logger = logging.getLogger(__name__)

_PROGRESS_PAUSE_SECONDS = 0.1  # a page that is told more often only burns its processor
_RETRY_SECONDS = 0.02
_LONGEST_FETCH_SECONDS = 120.0  # of a picture by its address
_COMPARE_SECONDS = 0.3  # after the last change of the form
_SLOTS = ("start", "end")
_PROMPT_SHOWN = 60  # characters, where there is only text
_PROMPT_BYTES = 12_000  # of what a page holds of it, and so of what a notebook may keep


def _for_page(prompt: str, _: object = None) -> str:
    """Return a prompt as a page gets it: not more than anybody reads, and nothing that no message holds."""
    data = prompt.encode("utf-8", "replace")
    cut = "…" if len(data) > _PROMPT_BYTES else ""
    return data[:_PROMPT_BYTES].decode("utf-8", "ignore") + cut


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
    budget
        The most credits that its runs may cost together: a number, or a `Budget` that is shared.

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

    prompt = traitlets.Unicode().tag(sync=True, to_json=_for_page)
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
    _offers = traitlets.Dict().tag(sync=True)
    _before = traitlets.Dict().tag(sync=True)
    _draft = traitlets.Dict().tag(sync=True)

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
        budget: int | Budget | None = None,
    ) -> None:
        # Checked before there is a widget: one that is refused must not stay behind half made.
        given = (start_image, end_image)
        pictures = [None if picture is None else Frame(picture) for picture in given]
        self._arriving: list[str] = []  # the slots whose picture comes from a page
        self._making: dict[str, asyncio.Task[None]] = {}  # those whose picture the kernel fetches or decodes
        self._shown: dict[str, Frame | None] = {}
        self._sent: dict[str, Sent | None] = {}
        self._budget = as_budget(budget)
        self._empty = not prompt and pictures == [None, None]
        self._pictures: dict[str, Frame | None] = dict(zip(_SLOTS, pictures, strict=True))
        self._writing = threading.RLock()
        self._pending: dict[str, Any] = {}
        self._flushing: asyncio.TimerHandle | None = None
        self._client = client if client is not None else default_client()
        self._library = library if isinstance(library, Library) else Library(library)
        self._runs = Runs(
            self._client,
            self._library,
            self._budget,
            seat(),
            form=self._new_shot,
            follow=self._follow,
            refill=self._refill,
        )
        self._chores: list[Callable[[], object]] = []
        self._comparing: asyncio.Task[None] | None = None
        self._offered = Offers(
            self._client,
            self._library,
            lambda offered: self._post({"_offers": offered}),
            lambda: bool(self._views),
        )
        self._sketch = Draft(
            self._post,
            lambda clip: self._clip_records([clip])[0],
            self._forget_key,
            lambda error: self._post(self._problem(error)),
        )
        self._history = History(
            self._library, self._key_for, self._use_again, lambda message: self._tell(message, [])
        )
        self._uploads = Uploads(
            self._tell, _checked, self._arrived, self._show_uploading, opens=self._call_off, deaf=self._deaf
        )
        super().__init__(
            _view="studio", prompt=prompt, aspect_ratio=aspect_ratio, number_of_videos=number_of_videos
        )
        self._engine = self._engine_record(None)
        self._draft = self._sketch.record()
        self._change_pictures({})

    def __repr__(self) -> str:
        prompt = self.prompt if len(self.prompt) <= _PROMPT_SHOWN else f"{self.prompt[:_PROMPT_SHOWN]}..."
        return f"<FramesToVideo {prompt!r}: {self.status}>"

    def still(self) -> str:
        """Return the widget where nothing runs: the latest takes and what was asked for."""
        watch = self._runs.watch
        clips = self.clips
        if watch is None or not clips:
            names = [frame.name for frame in self._pictures.values() if frame is not None]
            prompt, ratio, count = self.prompt, self.aspect_ratio, self.number_of_videos
        else:
            asked = watch.shot.reused or watch.shot.entry
            names = [picture.name for picture in asked.pictures]
            prompt, ratio, count = asked.prompt, asked.aspect_ratio, asked.number_of_videos
        pictures = " \N{RIGHTWARDS ARROW} ".join(names)
        words = [AspectRatio.parse(ratio).label, counted(count, "video")]
        return still(prompt, [*words, *([pictures] if pictures else [])], clips)

    def _busy(self) -> bool:
        return self._runs.going

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
        watch = self._runs.watch
        return [] if watch is None else list(watch.shot.clips)

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
        BudgetError
            If it could pass the budget; nothing is sent then.
        """
        watch, new = self._runs.ask()
        if not new:
            return watch.shot
        # Outside of the lock: an observer of these may call generate() itself, and gets this run.
        self._write(self._first(watch))
        if watch.shot.over:  # it may have ended between the two
            background_loop().call_soon_threadsafe(self._follow, watch, None)
        return watch.shot.start()

    def _first(self, watch: Watch) -> dict[str, Any]:
        return watch.first() | (self._takes(watch) if watch.over else {})

    def _takes(self, watch: Watch) -> dict[str, Any]:
        """Return the values that show what a run made.

        What was said to be made before goes with them: until it is looked up anew, it would stand above the
        takes, and then move their buttons away from under a pointer.
        """
        clips = watch.shot.clips
        return ({"_before": {}} if clips else {}) | {"_clips": self._clip_records(clips)}

    def _new_shot(self) -> Shot:
        return prepare(
            self.start_image,
            self.end_image,
            prompt=self.prompt,
            aspect_ratio=self.aspect_ratio,
            number_of_videos=self.number_of_videos,
            client=self._client,
            library=self._library,
            budget=self._budget,
            seat=self._runs.seat,
        )

    def _pick_up(self) -> Watch | None:
        if not self._empty and (self.start_image is None or not self.prompt.strip()):
            return None
        return self._runs.pick_up(empty=self._empty)

    def _problem(self, error: BaseException) -> dict[str, Any]:
        """Return the values that show an error that is not the end of the run on the page."""
        watch = self._runs.watch
        return {**problem(error), "_run": {**(self._run if watch is None else watch.clock()), "note": ""}}

    def _refill(self, entry: Entry, *, over: bool = False) -> bool:
        """Fill the form in as a run had it, as far as its pictures are there; return whether all are.

        Where somebody has begun to fill it in, only if that is to go.
        """
        frames: list[Frame | None] = [None, None]
        for index, picture in enumerate(entry.pictures):
            with contextlib.suppress(FrameError):
                frames[index] = self._library.frame(picture)

        def fill() -> None:
            if not over and (self.prompt or any(self._pictures.values())):
                return
            for slot in _SLOTS:
                self._want_no_other(slot)
            self._write(
                {
                    "prompt": entry.prompt,
                    "aspect_ratio": entry.aspect_ratio,
                    "number_of_videos": entry.number_of_videos,
                }
            )
            self._change_pictures(dict(zip(_SLOTS, frames, strict=True)))

        background_loop().call_soon_threadsafe(self._do, fill)
        return None not in frames[: len(entry.pictures)]

    def stop(self) -> None:
        """Stop watching. The service has no cancel: the job goes on there, and may be charged."""
        if self._runs.watch is not None:
            self._runs.watch.shot.stop()

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
        if self._making:
            background_loop().call_soon_threadsafe(self._call_off, slot)
        if self._uploads:
            background_loop().call_soon_threadsafe(self._uploads.replace, slot)
        self._change_pictures({slot: frame})

    def _change_pictures(self, changes: Mapping[str, Frame | None]) -> None:
        """Show other pictures, or others framings of them. On the background loop only as a chore."""
        with self._writing:
            self._pictures = {**self._pictures, **changes}
            self._shown = {slot: self._thumbnail_of(frame) for slot, frame in self._pictures.items()}
            self._sent = {slot: self._drawing_of(frame) for slot, frame in self._pictures.items()}
            self._frames = {slot: self._frame_record(slot) for slot in _SLOTS}
            kept = [*self._shown.values(), *self._sent.values()]
            self._keep_pictures(kept)

    def _thumbnail_of(self, frame: Frame | None) -> Frame | None:
        """Return the frame whose thumbnail the page has already, if it shows the same picture."""
        if frame is None:
            return None
        shown = (known for known in self._shown.values() if known is not None)
        return next((known for known in shown if known.same_picture(frame)), frame)

    def _drawing_of(self, frame: Frame | None) -> Sent | None:
        """Return what only the kernel can draw: a picture that is not simply cut in the middle."""
        if frame is None or not frame.framing:
            return None
        drawn = Sent(frame, self.aspect_ratio)
        return next((known for known in self._sent.values() if known == drawn), drawn)

    def _frame_record(self, slot: str) -> dict[str, Any] | None:
        frame, shown, sent = self._pictures[slot], self._shown[slot], self._sent[slot]
        if frame is None or shown is None:
            return None
        notes = [f"{slot.title()}: {note}" for note in frame.notes(self.aspect_ratio)]
        start = self._pictures["start"]
        if slot == "end" and start is not None:
            notes += pair_notes(start, frame, self.aspect_ratio)
        return {
            "key": self._key_for(shown),
            "name": frame.name,
            "width": frame.width,
            "height": frame.height,
            "framing": {
                "fit": frame.fit,
                "focus": list(frame.focus),
                "zoom": frame.zoom,
                "background": _css_colour(frame.background),
            },
            "drawn": "" if sent is None else self._key_for(sent),
            "fit": fit(frame, self.aspect_ratio),
            "notes": notes,
        }

    def _arrived(self, slot: str, frame: Frame) -> None:
        self._do(lambda: self._change_pictures({slot: frame}))

    def _show_uploading(self, slots: list[str]) -> None:
        self._arriving = slots
        self._post({"_uploading": [*self._arriving, *self._making]})

    # What the page says -----------------------------------------------------------------------------

    def _on_hello(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        new = str(said["view"]) not in self._views
        super()._on_hello(said, buffers)
        if not new:
            return
        if self._runs.watch is not None:
            self._post(
                {"_run": self._runs.watch.clock()}
            )  # what the model holds was true when it was written
            self._offered.refresh()
        else:
            submit(self._show_run(asyncio.to_thread(self._pick_up)))
        self._compare()
        self._look_at_account()

    def _on_generate(self, said: dict[str, Any], _: list[bytes]) -> None:
        # The form's values come along: a trait's update can still be waiting in the browser, and a paid
        # run must not use the prompt of a moment ago.
        form = {
            "prompt": self._whole(str(said["prompt"])),
            "aspect_ratio": AspectRatio.parse(said["aspect_ratio"]).label,
            "number_of_videos": check_count(said["number_of_videos"]),
        }
        if self._uploads or self._making:
            sentence = "A picture is still on its way, so nothing was sent. Generate again when it is there."
            self._post({"error": sentence, "_error_details": ""})
        else:
            # In order: the last change of a picture may still wait for its turn.
            self._do(lambda: submit(self._generate_for_page(form)))

    def _whole(self, prompt: str) -> str:
        """Return the prompt that a page means: one that came from here may be longer than the page holds."""
        return self.prompt if prompt == _for_page(self.prompt) else prompt

    def _on_extend(self, said: dict[str, Any], _: list[bytes]) -> None:
        clip = self._keys.get(str(said["key"]))
        for slot in _SLOTS:
            self._want_no_other(slot)
        self._begin("start", lambda: Frame(clip), {"end": None})

    def _on_preview(self, said: dict[str, Any], _: list[bytes]) -> None:
        prompt, ratio = self._whole(str(said["prompt"])), AspectRatio.parse(said["aspect_ratio"]).label
        # In order: the last change of a picture may still wait for its turn.
        self._do(lambda: self._draw(prompt, ratio))

    def _on_stop(self, _: dict[str, Any], __: list[bytes]) -> None:
        self.stop()

    def _on_take_up(self, said: dict[str, Any], _: list[bytes]) -> None:
        run = str(said["run"])
        submit(self._show_run(asyncio.to_thread(self._runs.take_up, run)))

    def _on_dismiss(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._offered.dismiss(str(said["run"]))

    def _on_send_again(self, said: dict[str, Any], _: list[bytes]) -> None:
        run = str(said["run"])
        submit(self._show_run(self._runs.ask_again(run)))

    def _on_show_before(self, _: dict[str, Any], __: list[bytes]) -> None:
        submit(self._show_run(asyncio.to_thread(self._runs.take_made_before)))

    def _on_prompts(self, said: dict[str, Any], _: list[bytes]) -> None:
        submit(self._tell_prompts(str(said["id"])))

    def _on_history(self, said: dict[str, Any], _: list[bytes]) -> None:
        submit(self._history.show(str(said["id"]), str(said["search"]), int(said["skip"])))

    def _on_move(self, said: dict[str, Any], _: list[bytes]) -> None:
        clip = self._clip_of(said)
        if clip is not None:
            submit(self._move(str(said["id"]), clip, str(said["way"])))

    def _on_swap(self, _: dict[str, Any], __: list[bytes]) -> None:
        if self._uploads or self._making:
            return  # a page says so; which slot is meant by what is on its way would be a guess
        self._do(
            lambda: self._change_pictures({"start": self._pictures["end"], "end": self._pictures["start"]})
        )

    def _on_loop(self, _: dict[str, Any], __: list[bytes]) -> None:
        self._want_no_other("end")
        self._do(lambda: self._change_pictures({"end": self._pictures["start"]}))

    def _on_fetch_picture(self, said: dict[str, Any], _: list[bytes]) -> None:
        slot, address = _slot(said), str(said["address"])
        self._uploads.replace(slot)
        self._begin(slot, lambda: _picture_at(address), {})

    def _on_remove(self, said: dict[str, Any], _: list[bytes]) -> None:
        slot = _slot(said)
        self._want_no_other(slot)
        self._do(lambda: self._change_pictures({slot: None}))

    def _on_frame(self, said: dict[str, Any], _: list[bytes]) -> None:
        slot = _slot(said)
        framing = {name: said[name] for name in ("fit", "focus", "zoom", "background")}
        key = said["key"]

        def reframe() -> None:
            frame, record = self._pictures[slot], self._frames[slot]
            if frame is not None and record["key"] == key:  # not of a picture that has gone meanwhile
                with contextlib.suppress(FrameError):
                    self._change_pictures({slot: frame.framed(**framing)})

        self._do(reframe)

    def _on_upload(self, said: dict[str, Any], _: list[bytes]) -> None:
        key, name, size = str(said["id"]), str(said["name"]), int(said["size"])
        self._uploads.begin(key, _slot(said), name, size, int(said["question"]))

    def _on_chunk(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        self._uploads.take(str(said["id"]), int(said["offset"]), buffers[0], int(said["crc"]))

    def _on_cancel_upload(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._uploads.cancel(str(said["id"]))

    # What the page is told --------------------------------------------------------------------------

    async def _generate_for_page(self, form: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._generate_with, form)
        except Exception as error:  # noqa: BLE001 - a click has no cell to show an exception in
            told = {"status": "failed", "stage": stage_words("failed"), "progress": None}
            self._post(told | self._problem(error))

    async def _show_run(self, finding: Awaitable[Watch | None]) -> None:
        """Start what was made the run that is shown, if there is one."""
        try:
            watch = await finding
        except VeoError as error:
            self._post(self._problem(error))
            return
        except (sqlite3.Error, OSError, LookupError) as error:  # what was left behind stays there
            _logger.warning("A run could not be taken up: %s", error)
            watch = None
        except Exception:
            _logger.exception("A run could not be taken up.")
            watch = None
        if watch is not None:
            self._do(lambda: self._write(self._first(watch)))
            watch.shot.start()
        self._offered.refresh()

    def _draw(self, prompt: str, aspect_ratio: str) -> None:
        if self._sketch.problem and self.error == self._sketch.problem:
            self._post(no_problem())
        self._sketch.begin(self.start_image, self.end_image, prompt, aspect_ratio)

    async def _move(self, question: str, clip: Clip, way: str) -> None:
        await self._history.move(question, clip, way)
        self._compare()  # the clips of this form may have gone, or come back

    async def _use_again(self, clip: Clip) -> bool:
        """Fill the form in as it was for a clip; without its run, with what the clip itself tells.

        Returns whether its pictures are there, too.
        """
        entry = await asyncio.to_thread(self._library.run_of, clip)
        if entry is None:
            ratio = AspectRatio.LANDSCAPE if clip.width >= clip.height else AspectRatio.PORTRAIT
            self._do(lambda: self._write({"prompt": clip.prompt, "aspect_ratio": ratio.label}))
            return False
        return await asyncio.to_thread(self._refill, entry, over=True)

    async def _tell_prompts(self, question: str) -> None:
        """Answer with what was asked for in this notebook before."""
        notebook = self._runs.seat.partition(".")[0]
        prompts: list[str] = []
        with contextlib.suppress(VeoError):  # without a library there is nothing to offer
            prompts = await asyncio.to_thread(self._library.prompts, notebook)
        self._tell({"type": "prompts", "id": question, "prompts": prompts}, [])

    def _begin(self, slot: str, making: Callable[[], Frame], others: dict[str, Frame | None]) -> None:
        """Make a picture for a slot in a thread; what the slot waited for before is no longer wanted."""
        self._call_off(slot)
        self._making[slot] = asyncio.ensure_future(self._make(slot, making, others))
        self._show_uploading(self._arriving)

    def _want_no_other(self, slot: str) -> None:
        """Want no picture any more that is on its way to a slot. On the background loop."""
        self._uploads.replace(slot)
        self._call_off(slot)

    def _call_off(self, slot: str) -> None:
        """Want no picture any more that is being made for a slot. On the background loop."""
        making = self._making.pop(slot, None)
        if making is not None:
            making.cancel()
            self._show_uploading(self._arriving)

    async def _make(self, slot: str, making: Callable[[], Frame], others: dict[str, Frame | None]) -> None:
        try:
            async with asyncio.timeout(_LONGEST_FETCH_SECONDS):
                frame = await asyncio.to_thread(making)
        except TimeoutError:
            self._post(self._problem(FrameError(f"The picture did not arrive in time. {NOTHING_CHARGED}")))
        except VeoError as error:
            self._post(self._problem(error))
        else:
            self._do(lambda: self._change_pictures({slot: frame, **others}))
        del self._making[slot]
        self._show_uploading(self._arriving)

    def _generate_with(self, form: Mapping[str, Any]) -> None:
        self._write(form)
        self.generate()

    def _follow(self, watch: Watch, event: Event | None) -> None:
        """Show a run's event; what only moves the bar is gathered, all else goes out at once."""
        if watch is not self._runs.watch:
            return  # a run that was stopped, and that another has followed
        ended = event is None and not watch.over
        values = watch.next(event)
        if event is None:
            values |= self._takes(watch)
            if watch.shot.clips:
                self._sketch.remove()
            self._look_at_account()
            self._offered.refresh()
            self._compare()
        old_stage = self._pending.get("stage", self.stage)
        self._post(values, _PROGRESS_PAUSE_SECONDS if values.get("stage", old_stage) == old_stage else 0)
        if ended:
            submit(self._push_posters(watch.shot.clips))
            self._leave()

    def _post(self, values: Mapping[str, Any], pause: float = 0.0) -> None:
        """Show values on the page, at the latest after `pause` seconds. Runs on the background loop."""
        self._pending.update(values)
        if pause == 0:
            self._flush()
        elif self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(pause, self._flush)

    def _do(self, chore: Callable[[], object]) -> None:
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
        left = None
        with contextlib.suppress(VeoError):  # the chip does without; a run says what is wrong
            left = await self._client.credits()
        self._post({"_engine": self._engine_record(left)})

    def _engine_record(self, left: Credits | None) -> dict[str, Any]:
        sandbox = self._client.engine == "sandbox"
        return {
            "sandbox": sandbox,
            "chip": chip(self._client.host, left, sandbox=sandbox),
            "costs": costs(left, self._budget, sandbox=sandbox),
        }

    @traitlets.observe("_clips")
    def _takes_changed(self, _: object) -> None:
        if self._clips:
            submit(asyncio.to_thread(self._show_still, again=True))

    # What was made before ---------------------------------------------------------------------------

    @traitlets.observe("aspect_ratio")
    def _shape_changed(self, _: object) -> None:
        if self._frames:
            self._change_pictures({})

    @traitlets.observe("prompt", "aspect_ratio", "number_of_videos", "_frames")
    def _form_changed(self, _: object) -> None:
        if self._heard:
            background_loop().call_soon_threadsafe(self._compare)

    def _compare(self) -> None:
        """Say whether the clips of this form are in the library, a moment after its last change."""
        if self._comparing is not None:
            self._comparing.cancel()
        self._comparing = asyncio.ensure_future(self._show_before())

    async def _show_before(self) -> None:
        await asyncio.sleep(_COMPARE_SECONDS)
        before: dict[str, Any] = {}
        with contextlib.suppress(VeoError, RuntimeError):  # the interpreter may be ending
            before = await asyncio.to_thread(self._find_before)
        self._post({"_before": before})

    def _find_before(self) -> dict[str, Any]:
        asked = (self.prompt, self.aspect_ratio, self.number_of_videos)
        entries = self._library.generations()
        alike = any((each.prompt, each.aspect_ratio, each.number_of_videos) == asked for each in entries)
        if self.start_image is None or not alike:  # the pictures are compared only where the words are equal
            return {}
        before = self._runs.made_before()
        if before is None:
            return {}
        made, shown = before
        return {"lines": [] if shown else [made_before(made, sandbox=self._client.engine == "sandbox")]}

    def _let_go(self) -> None:
        super()._let_go()
        self._uploads.close()
        self._offered.close()
        self._sketch.remove()
        if self._comparing is not None:
            self._comparing.cancel()


async def _checked(upload: Upload) -> Frame:
    return await asyncio.to_thread(Frame, upload)


def _picture_at(address: str) -> Frame:
    """Fetch a picture that a page names by its address; an address it has to be, and no path."""
    if not address.lower().startswith(("http://", "https://")):
        raise FrameError(f"That was no picture's address. {NOTHING_CHARGED}")
    return Frame(address)


def _css_colour(background: str) -> str:
    """Return a colour as a page takes it in any of its controls; "auto" stays."""
    from PIL import ImageColor

    if background == "auto":
        return background
    red, green, blue = ImageColor.getrgb(background)[:3]
    return f"#{min(red, 255):02x}{min(green, 255):02x}{min(blue, 255):02x}"


def _slot(said: Mapping[str, Any]) -> str:
    if said["slot"] not in _SLOTS:
        raise KeyError(said["slot"])
    return str(said["slot"])
