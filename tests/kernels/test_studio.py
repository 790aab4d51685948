"""The widget in the kernels people have, told and heard as its page does it, while cells run and not."""

from __future__ import annotations

import hashlib
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from ipyveo import Library

FORM = {"type": "generate", "aspect_ratio": "16:9", "number_of_videos": 1}
STAGES = ["waiting", "starting", "uploading_images", "processing", "downloading", "complete"]
BUSY = """
import pathlib, time
print("BUSY", flush=True)
{first}
while not pathlib.Path({flag!r}).exists():
    time.sleep(0.01)
print(studio.status, len(studio.clips))
"""


@pytest.fixture
def busy(kernel, tmp_path):
    """Keep the kernel in a cell of `time.sleep` until the test lets it go."""
    flag = tmp_path / "go on"

    def begin(first=""):
        cell = kernel.begin(BUSY.format(first=first, flag=str(flag)))
        kernel.until(lambda: "BUSY" in cell.text)
        return cell

    yield begin, flag.touch
    flag.touch()


PART_BYTES = 512 * 1024
EMPTY = """
from ipyveo import FramesToVideo, VeoClient
client = VeoClient.sandbox()
studio = FramesToVideo(client=client, library={folder!r})
"""
HAS = """
import hashlib
print(hashlib.sha256(studio.start_image.original()[0]).hexdigest())
"""


def send_picture(kernel, model, data: bytes) -> None:
    """Send a picture as a page does, four parts ahead of what the kernel has."""

    def heard(kind: str) -> list[dict]:
        return [said for said in model.said if said["type"] == kind]

    kernel.say(model, type="upload", id="a", slot="start", name="noise.bmp", size=len(data))
    kernel.until(lambda: heard("upload_at"))
    for number, offset in enumerate(range(0, len(data), PART_BYTES)):
        part = data[offset : offset + PART_BYTES]
        kernel.until(lambda: len(heard("uploaded")) > number - 4)  # noqa: B023 - called before the next turn
        kernel.say(model, part, type="chunk", id="a", offset=offset, crc=zlib.crc32(part))
    kernel.until(lambda: heard("upload_done"))


def test_a_large_picture_arrives_in_small_parts(kernel, tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (2000, 2000, 3), np.uint8)
    picture = io.BytesIO()
    Image.fromarray(noise).save(picture, "BMP")
    model = kernel.shown(EMPTY.format(folder=str(tmp_path)))
    kernel.say(model, type="hello", view="tab")
    send_picture(kernel, model, picture.getvalue())
    assert kernel.do(HAS) == hashlib.sha256(picture.getvalue()).hexdigest()


def saved(folder):
    """Give the state of each run in the journal, with what lies in the library."""
    return [entry.state for entry in Library(folder).generations()], len(list(folder.glob("*.mp4")))


def test_a_click_becomes_a_clip_also_when_the_tab_is_closed_meanwhile(
    kernel, setup, client, ledger, tmp_path
):
    book = ledger(client)
    model = kernel.shown(setup + "studio = widget()")
    assert model.state["prompt"] == "dusk falls"
    kernel.say(model, type="hello", view="tab")
    kernel.until(lambda: {"type": "beat"} in model.said)
    kernel.say(model, **FORM, prompt="dusk falls")
    kernel.say(model, type="bye", view="tab")
    kernel.until(lambda: model.state["status"] == "complete" and model.state["_clips"])
    assert [status for index, status in enumerate(model.seen) if status not in model.seen[:index]] == STAGES
    assert saved(tmp_path) == (["saved"], 1)
    assert book.received_posts == 1


def test_a_run_goes_on_and_ends_while_a_cell_sleeps(kernel, setup, busy, tmp_path):
    begin, let_go = busy
    model = kernel.shown(setup + "studio = widget()")
    kernel.say(model, type="hello", view="tab")
    cell = begin("studio.generate()")
    kernel.until(lambda: model.state["status"] == "complete" and model.state["_clips"])
    # Its poster comes unasked, since not every kernel hears a question now.
    kernel.until(lambda: any(said["type"] == "poster" for said in model.said))
    assert not cell.over
    assert saved(tmp_path) == (["saved"], 1)
    let_go()
    kernel.until(lambda: cell.over)
    assert cell.text.split() == ["BUSY", "complete", "1"]


def test_clicks_while_a_cell_sleeps_are_heard_at_once_where_the_kernel_has_subshells_else_after_it(
    kernel, setup, busy, client, ledger
):
    begin, let_go = busy
    book = ledger(client)
    model = kernel.shown(setup + "studio = widget()")
    kernel.say(model, type="hello", view="tab")
    cell = begin()
    kernel.say(model, **FORM, prompt="dusk [sandbox: stall@starting]")
    if not kernel.has_subshells:
        let_go()
        kernel.until(lambda: cell.over)
        assert cell.text.split() == ["BUSY", "idle", "0"]
    kernel.until(lambda: "starting" in model.seen)
    kernel.say(model, type="stop")
    kernel.until(lambda: model.state["status"] == "stopped")
    if kernel.has_subshells:
        assert not cell.over
        let_go()
        kernel.until(lambda: cell.over)
        assert cell.text.split() == ["BUSY", "stopped", "0"]
    assert book.received_posts == 1


def test_a_cell_that_is_run_again_shows_the_run_that_goes_and_pays_once(
    kernel, setup, client, ledger, tmp_path
):
    book = ledger(client)
    prompt = "dusk [sandbox: stall@starting]"
    model = kernel.shown(setup + f"studio = widget({prompt!r})")
    kernel.say(model, type="hello", view="tab")
    kernel.say(model, **FORM, prompt=prompt)
    kernel.until(lambda: "starting" in model.seen)
    again = kernel.shown(f"first = studio.generate(); studio.close(); studio = widget({prompt!r})")
    kernel.say(again, type="hello", view="tab")
    kernel.until(lambda: "starting" in again.seen)
    assert kernel.do("print(studio.generate() is first)") == "True"
    kernel.say(again, type="stop")
    kernel.until(lambda: again.state["status"] == "stopped")
    assert kernel.do("print(len(await recover(client=client, library=folder, wait=30)))") == "1"
    assert saved(tmp_path) == (["saved"], 1)
    assert book.received_posts == 1


def test_a_widget_leaves_no_thread_and_goes_when_it_is_closed(kernel, setup):
    said = kernel.do(
        setup
        + """
import gc, threading, time, weakref
from ipyveo.widgets.player import ClipPlayer
before = set(threading.enumerate())
studio = widget()
del studio
gc.collect()
print({thread.name for thread in set(threading.enumerate()) - before} <= {"ipyveo"})
studio = widget()
clips = run(studio.generate())
player = ClipPlayer(clips[0])
gone = [weakref.ref(studio), weakref.ref(player)]
studio.close(), player.close()
del studio, player, clips
ends = time.monotonic() + 20  # a run's last look at the account may still be on its way
while any(ref() for ref in gone) and time.monotonic() < ends:
    gc.collect()
    time.sleep(0.01)
print([ref() for ref in gone])
"""
    )
    assert said == "True\n[None, None]"
