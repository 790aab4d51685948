"""What every widget of ours shares: messages with its page, the beat, and clips sent when asked for."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets.widgets import widget as registry

from ipyveo.library.sheet import curl_code, details, differs, is_pick, python_code, set_pick
from ipyveo.loop import background_loop, submit
from ipyveo.media.clip import Clip
from ipyveo.media.frame import Frame
from ipyveo.readable import readable
from ipyveo.widgets.bundle import bundle
from ipyveo.widgets.seat import deafened, shell, watch_cells
from ipyveo.widgets.shown import note
from ipyveo.widgets.transfer import PART_BYTES, Deliveries

if TYPE_CHECKING:
    from PIL.Image import Image


_BEAT_SECONDS = 2.0
_drawing = ThreadPoolExecutor(1)
_LONGEST_CAPTION = 400  # characters of the prompt: more would cover the picture
_VIEW_SECONDS = 30.0  # a tab that was closed says no goodbye; one that is open greets every 10 s
# As texts: of a file, anywidget keeps each widget for good, to tell it when the file changes.
_module, _style = (path.read_text("utf-8") for path in bundle())


class PageWidget(anywidget.AnyWidget):
    """A widget whose page asks for clips, posters and thumbnails by message; none is ever a trait."""

    _esm = _module
    _css = _style
    _ipython_display_ = None  # of ipywidgets 7, which would pass the display below by

    _view = traitlets.Unicode().tag(sync=True)
    _clips: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, **traits: Any) -> None:  # noqa: ANN401 - each trait has its own type
        self._keys: dict[
            str, Frame | Clip | Sent
        ] = {}  # what the page may ask for, by a name that says nothing
        self._keys_lock = threading.Lock()
        self._views: dict[str, float] = {}  # when each was heard last
        self._heard = False
        self._ear: asyncio.AbstractEventLoop | None = None  # the kernel's loop that messages come in on
        self._free = time.monotonic()  # when that loop last had time for a message
        self._beating: asyncio.Task[None] | None = None
        self._deliveries = Deliveries(self._tell)
        self._picking = asyncio.Lock()
        self._coming_and_going = threading.RLock()
        self._retired = False  # no cell shows it any more
        self._away = False  # closed for that reason, to come back when it is shown again
        self._still = ""  # the name of its still's displays
        watch_cells()
        super().__init__(**traits)
        self.on_msg(self._hear)

    # Coming and going -------------------------------------------------------------------------------

    def open(self) -> None:
        """Make the widget known to the page."""
        super().open()
        # ipykernel 7.4 sends a page's messages to where the comm published last, which is the cell at first:
        # a click would wait for the cell's end. Without this private hook they go where the page sent them.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = None  # noqa: SLF001 - there is no public way

    def close(self) -> None:
        """Take the widget off the page and let go of what it holds."""
        if getattr(self, "_away", False):  # off the page already, and never to come back
            self._away = False
            self.__dict__["_repr_mimebundle_"] = None
        self._take_off()
        if getattr(self, "_keys", None):
            with self._keys_lock:
                self._keys = {}

    def _take_off(self) -> None:
        # Without a word from a page there is nothing to let go of; ipywidgets closes half-made widgets as
        # well, and those of a script that is ending, when the background loop can no longer be asked.
        if getattr(self, "_heard", False):
            background_loop().call_soon_threadsafe(self._let_go)
        if self.comm is not None:
            self.layout.close()
        super().close()

    def _let_go(self) -> None:
        self._views.clear()
        self._deliveries.close()

    def retire(self) -> None:
        """Close, as soon as no page shows it and no run of it goes; a later display brings it back."""
        self._retired = True
        background_loop().call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        """Close if it is time. On the background loop, after whatever may have kept the widget there."""
        with self._coming_and_going:
            kept = self._views or self._busy() or _is_contained(self)
            if not self._retired or self._away or self.comm is None or kept:
                return
            self._take_off()
            self.__dict__.pop("_repr_mimebundle_", None)  # ipywidgets hides a closed widget's display
            self._away = True

    def _busy(self) -> bool:
        """Tell whether it does something that somebody waits for."""
        return False

    @property
    def model_id(self) -> str:
        """The name of the model. Who asks for it is about to show it, also in a box: then it is back."""
        with self._coming_and_going:
            if self._away:
                self._away = False
                self.layout.open()
                self.open()
            return str(super().model_id)

    def _repr_mimebundle_(
        self,
        **options: Any,  # noqa: ANN401 - Jupyter's own display protocol
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        self._retired = False
        note(self)
        bundle: tuple[dict[str, Any], dict[str, Any]] | None = super()._repr_mimebundle_(**options)
        if bundle is not None:
            bundle[0]["text/html"] = "" if self._show_still() else self.still()
        return bundle

    # The still --------------------------------------------------------------------------------------

    def still(self) -> str:
        """Return what is to be seen where nothing runs, as HTML."""
        raise NotImplementedError

    def _show_still(self, *, again: bool = False) -> bool:
        """Put the still beside the view, as an output of its own; False where no kernel can.

        Not into the view's own output: that is made before there are takes, an update of it would build the
        view anew under people's hands, and nbconvert never looks at its HTML where the state is saved.
        """
        found = shell()
        if found is None or (again and not self._still):
            return False
        self._still = self._still or f"ipyveo-{secrets.token_hex(8)}"
        data = {"text/html": self.still(), "text/plain": ""}
        found.display_pub.publish(data, {}, transient={"display_id": self._still}, update=again)
        return True

    # What the page asks for -------------------------------------------------------------------------

    def _key_for(self, thing: Frame | Clip | Sent) -> str:
        with self._keys_lock:
            for key, known in self._keys.items():
                if known is thing:
                    return key
            key = secrets.token_hex(8)
            self._keys[key] = thing
            return key

    def _keep_pictures(self, kept: Container[Frame | Sent | None]) -> None:
        """Forget the pictures that the page can no longer ask for; clips it always can."""
        with self._keys_lock:
            self._keys = {
                key: thing
                for key, thing in self._keys.items()
                if not isinstance(thing, Frame | Sent) or thing in kept
            }

    def _forget_key(self, thing: Frame | Clip | Sent) -> None:
        with self._keys_lock:
            self._keys = {key: known for key, known in self._keys.items() if known is not thing}

    def _clip_records(self, clips: Iterable[Clip]) -> list[dict[str, Any]]:
        return [
            {
                "key": self._key_for(clip),
                "take": take,
                "name": readable(clip.path.name),
                "prompt": readable(clip.prompt[:_LONGEST_CAPTION]),
                "fps": clip.fps,
                "frames": round(clip.duration * clip.fps),
                "width": clip.width,
                "height": clip.height,
                "facts": _facts(clip),
                "differs": differs(clip),
                "picked": is_pick(clip),
            }
            for take, clip in enumerate(clips, 1)
        ]

    async def _push_posters(self, clips: Iterable[Clip]) -> None:
        """Send the posters unasked: while a cell runs, a kernel may hear no page that asks for one."""
        for clip in list(clips):
            poster = await asyncio.to_thread(clip.poster)
            if len(poster) <= PART_BYTES:
                told = {"type": "poster", "key": self._key_for(clip), "media_type": "image/jpeg"}
                self._tell(told, [poster])

    def _tell(self, message: Mapping[str, Any], buffers: list[bytes]) -> None:
        self.send(dict(message), buffers)

    def _hear(self, _: object, content: Mapping[str, Any], buffers: list[memoryview]) -> None:
        """Hand a message over to the background loop at once: a kernel's handlers must be short."""
        self._heard = True
        with contextlib.suppress(RuntimeError):  # a notebook whose messages come without a loop
            self._ear = asyncio.get_running_loop()
        data = [bytes(buffer) for buffer in buffers]
        background_loop().call_soon_threadsafe(self._answer, dict(content), data)

    def _answer(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        answer = getattr(self, f"_on_{said.get('type')}", None)
        if answer is not None:
            with contextlib.suppress(LookupError, TypeError, ValueError, OverflowError):  # not from our page
                answer(said, buffers)

    def _on_hello(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._views[str(said["view"])] = time.monotonic()
        if self._beating is None:
            self._beating = asyncio.ensure_future(self._beat())

    def _on_bye(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._views.pop(str(said["view"]), None)
        self._leave()

    def _on_fetch(self, said: dict[str, Any], _: list[bytes]) -> None:
        thing = self._keys.get(str(said["key"]))
        what = str(said["what"])
        self._deliveries.begin(str(said["id"]), lambda: _opened(thing, what), _pool_for(what))

    def _on_received(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._deliveries.acknowledge(str(said["id"]), int(said["parts"]))

    def _on_cancel_fetch(self, said: dict[str, Any], _: list[bytes]) -> None:
        self._deliveries.cancel(str(said["id"]))

    def _on_text(self, said: dict[str, Any], _: list[bytes]) -> None:
        write, clip, key = _TEXTS[str(said["kind"])], self._clip_of(said), str(said["id"])

        async def answer() -> None:
            text = "The kernel does not know this clip any more. Run the cell again."
            if clip is not None:
                try:
                    text = await asyncio.to_thread(write, clip)
                except Exception as error:  # noqa: BLE001 - a page that asks must be answered
                    text = f"The clip's sheet in the library could not be read ({type(error).__name__})."
            self._tell({"type": "text", "id": key, "text": text}, [])

        submit(answer())

    def _on_pick(self, said: dict[str, Any], _: list[bytes]) -> None:
        clip, picked = self._clip_of(said), said["picked"] is True

        async def mark() -> None:
            async with self._picking:  # in the order they were pressed
                keys = [record["key"] for record in self._clips]
                clips = [each for each in map(self._clip_of, self._clips) if each is not None]
                with contextlib.suppress(OSError, ValueError):  # the star shows what the sheet says then
                    if clip is not None:
                        await asyncio.to_thread(set_pick, clip, picked=picked)
                records = await asyncio.to_thread(self._clip_records, clips)
                if keys == [record["key"] for record in self._clips]:  # no other run is shown by now
                    self._post({"_clips": records})

        submit(mark())

    def _clip_of(self, said: Mapping[str, Any]) -> Clip | None:
        thing = self._keys.get(str(said["key"]))
        return None if isinstance(thing, Frame | Sent) else thing

    def _post(self, values: Mapping[str, Any]) -> None:
        """Show values on the page. Runs on the background loop."""
        for name, value in values.items():
            self.set_trait(name, value)

    async def _beat(self) -> None:
        """Let the page tell a kernel that is there from one that is not, as long as a page is there."""
        while self._views:
            # While a cell keeps the kernel busy no greeting gets through: silence says nothing then.
            oldest = self._last_free() - _VIEW_SECONDS
            self._views = {view: heard for view, heard in self._views.items() if heard > oldest}
            self._tell({"type": "beat"}, [])
            await asyncio.sleep(_BEAT_SECONDS)
        self._beating = None
        self._leave()

    def _deaf(self) -> bool:
        """Return whether a cell keeps the kernel from hearing a page that is there."""
        return bool(self._views) and time.monotonic() - self._last_free() > 2 * _BEAT_SECONDS

    def _last_free(self) -> float:
        try:
            if self._ear is None:
                return time.monotonic()
            self._ear.call_soon_threadsafe(self._note_free)
        except RuntimeError:  # that loop has ended
            return time.monotonic()
        return self._free

    def _note_free(self) -> None:
        if not deafened():  # the loop is free while a cell awaits, but takes no message then
            self._free = time.monotonic()


def _facts(clip: Clip) -> str:
    """Return what is to be read beside a clip: its length, its size, that it is no Veo."""
    minutes, seconds = divmod(round(clip.duration), 60)
    length = f"{minutes}:{seconds:02}" if minutes else f"{round(clip.duration, 1):g} s"
    megabytes = clip.size / 1e6
    size = f"{megabytes:.1f} MB" if megabytes >= 1 else f"{clip.size / 1e3:.0f} kB"
    facts = [length, f"{clip.width}\N{MULTIPLICATION SIGN}{clip.height}", size]
    if clip.engine == "sandbox":
        facts.append("local preview")
    # A line break falls between two facts, never inside one.
    return " \N{MIDDLE DOT} ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts)


def _is_contained(widget: PageWidget) -> bool:
    """Tell whether another widget, such as a box, has this one among its children."""
    known = getattr(registry, "_instances", None)  # before ipywidgets 8, they are an attribute of the class
    others = list((registry.Widget.widgets if known is None else known).values())
    return any(widget in getattr(other, "children", ()) for other in others)


def _pool_for(what: str) -> Executor | None:
    """Return the threads that open a thing: what takes seconds to draw keeps nothing else waiting."""
    return _drawing if what in ("gif", "webp") else None


@dataclass(frozen=True)
class Sent:
    """A keyframe as it is sent in one shape."""

    frame: Frame
    aspect_ratio: str


# What the page may ask of a clip, by the page's word for it.
_TEXTS: dict[str, Callable[[Clip], str]] = {"Code": python_code, "curl": curl_code, "Details": details}
_PICTURES: dict[str, tuple[Callable[[Clip], bytes], str]] = {
    "poster": (Clip.poster, "image/jpeg"),
    "gif": (lambda clip: clip.animation("gif"), "image/gif"),
    "webp": (lambda clip: clip.animation("webp"), "image/webp"),
}


def _opened(thing: Frame | Clip | Sent | None, what: str) -> tuple[IO[bytes], int, str]:
    """Return what the page asks for, as an open file with its size and media type."""
    if thing is None:
        raise LookupError(what)
    if isinstance(thing, Frame | Sent):
        data = thing.frame.preview(thing.aspect_ratio) if isinstance(thing, Sent) else thing.thumbnail()
        return io.BytesIO(data), len(data), "image/jpeg"
    if what == "clip":
        file = thing.path.open("rb")
        return file, os.fstat(file.fileno()).st_size, "video/mp4"
    if what.startswith("frame "):
        data, media_type = _png(thing.frame(int(what.removeprefix("frame ")))), "image/png"
    else:
        draw, media_type = _PICTURES[what]
        data = draw(thing)
    return io.BytesIO(data), len(data), media_type


def _png(picture: Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
