"""What `bench_page` runs in the kernel: a bare widget to measure beside, senders of clips and stages."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

if TYPE_CHECKING:
    from ipyveo import FramesToVideo

PART_BYTES = 512 * 1024  # as the widget's own parts
PAUSE_SECONDS = 0.05


class Bare(anywidget.AnyWidget):
    """The least a widget can be: one trait shown, bytes taken and given, without a protocol or in a trait."""

    _esm = """
    export default {
      render({ model, el }) {
        const line = document.createElement("p");
        line.className = "bare";
        el.append(line);
        model.on("change:stamp", () => { line.textContent = model.get("stamp"); });
        window.bare = model;
      },
    };
    """
    stamp = traitlets.Unicode().tag(sync=True)
    film = traitlets.Bytes().tag(sync=True)

    def __init__(self) -> None:
        self._awaited = 0
        super().__init__()
        self.on_msg(self._hear)

    def _hear(self, _: object, said: dict[str, Any], buffers: list[memoryview]) -> None:
        if "take" in said:
            self._awaited = said["take"]
        elif "film" in said:
            self.film = Path(said["film"]).read_bytes() if said["film"] else b""
        elif "give" in said:
            for offset in range(0, said["give"], PART_BYTES):
                self.send({}, [os.urandom(min(PART_BYTES, said["give"] - offset))])
        else:
            self._awaited -= len(buffers[0])
            if self._awaited == 0:
                self.send({"taken": True})


def peak_megabytes() -> float:
    """Return the most memory since the last call, and begin anew (Linux: proc_pid_clear_refs(5))."""
    status = Path("/proc/self/status").read_text("utf-8")
    Path("/proc/self/clear_refs").write_text("5", "utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def draw_clip(path: Path, size: int) -> None:
    """Write a clip of one second, made `size` bytes long by a box that players pass over."""
    from ipyveo.engine.backdrop import backdrop
    from ipyveo.engine.render import render_clip

    render_clip(
        path,
        backdrop("dusk", 1280, 720),
        None,
        width=1280,
        height=720,
        seconds=1,
        prompt="dusk",
        take=0,
        on_progress=lambda _: None,
    )
    padding = size - path.stat().st_size
    with path.open("ab") as file:
        file.write(padding.to_bytes(4) + b"free" + os.urandom(padding - 8))


def show_clip(studio: FramesToVideo, path: Path) -> None:
    """Show a clip as the run's only take; it is another one for the page each time."""
    from datetime import UTC, datetime

    from ipyveo import Clip
    from ipyveo.media.clip import measure_video

    measured = dataclasses.asdict(measure_video(path))
    clip = Clip(path, "bench", "dusk", created_at=datetime.now(UTC), engine="sandbox", **measured)
    studio._clips = studio._clip_records([clip])


async def send_stages(studio: FramesToVideo, bare: Bare, count: int) -> None:
    """Let `count` stages and as many bare changes of a trait go out in turn, from the background loop."""
    from ipyveo import VeoClient, generate, sample_pictures
    from ipyveo.api.events import StatusEvent
    from ipyveo.loop import on_background
    from ipyveo.widgets.watch import Watch

    # A run that is never sent: all that is measured is the way of its events to the page.
    shot = generate(sample_pictures()[0], prompt="dusk", client=VeoClient.sandbox(), library="clips")

    async def send() -> None:
        studio._runs.watch = watch = Watch(shot)
        studio._post(watch.first())
        for _ in range(count):
            await asyncio.sleep(PAUSE_SECONDS)
            studio._follow(watch, StatusEvent(_now()))
            await asyncio.sleep(PAUSE_SECONDS)
            bare.stamp = _now()

    await on_background(send())


def _now() -> str:
    return f"{time.time() * 1000:.3f}"
