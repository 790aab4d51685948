"""A job can be followed by many and from late on, and keeps nothing large once it is done."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace

import cv2
import pytest
from PIL import Image

from ipyveo.engine import render
from ipyveo.media.clip import measure_video
from ipyveo.sandbox import SandboxOptions
from ipyveo.sandbox.faults import choose
from ipyveo.sandbox.jobs import Jobs, Order
from ipyveo.sandbox.laid_aside import LaidAside


@pytest.fixture
async def jobs(tmp_path):
    opened = Jobs(SandboxOptions(clip_seconds=0.1, stage_seconds=0), tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def order(tmp_path):
    """Make an order whose picture lies aside."""

    def ordered(count=1):
        picture = LaidAside(Image.new("RGB", (640, 360)), tmp_path)
        return Order("dusk", (picture,), landscape=True, count=count, uploads=True, chosen=choose(""))

    return ordered


async def _phases(job):
    return [moment.phase async for moment in job.moments() if moment.phase != "progress"]


async def test_every_follower_hears_everything_however_late(jobs, order):
    job = jobs.accept(order())
    early = await asyncio.gather(_phases(job), _phases(job))
    assert early == [["starting", "uploading_images", "processing", "complete"]] * 2
    assert await _phases(job) == early[0]


async def test_pictures_are_let_go_when_the_job_is_done(jobs, order, tmp_path):
    job = jobs.accept(order())
    assert list(tmp_path.glob("*.rgb"))
    await _phases(job)
    assert not list(tmp_path.glob("*.rgb"))
    assert len(jobs.rows()) == 1


async def test_closing_ends_the_work_and_leaves_no_unfinished_file(tmp_path, order):
    jobs = Jobs(SandboxOptions(clip_seconds=60, stage_seconds=0), tmp_path)
    jobs.accept(order(count=4))
    async with asyncio.timeout(60):
        while not list(tmp_path.glob("*.mp4*")):
            await asyncio.sleep(0.01)
        await jobs.close()
        while list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
    assert jobs.rows() == []


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("out of memory"), ValueError("odd")])
async def test_a_renderer_that_fails_is_an_error_event_and_the_next_job_is_drawn(
    jobs, monkeypatch, error, order
):
    def fail(*_, **__):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(render, "stage", fail)
        failed = jobs.accept(order())
        assert (await _phases(failed))[-1] == "failed"
    assert (jobs.ledger.charged, jobs.ledger.refunded) == (1, 1)
    assert (await _phases(jobs.accept(order())))[-1] == "complete"


@pytest.mark.parametrize(("cores", "most"), [(1, 1), (2, 1), (5, 2)])
async def test_renders_share_the_cores(tmp_path, monkeypatch, cores, most, order):
    together, drawing, counts, never = threading.Barrier(most), set(), [], threading.Event()

    def draw(path, *_, **__):
        drawing.add(path)
        counts.append(len(drawing))
        together.wait(60)  # so many do come, however long a busy machine takes
        never.wait(0.1)  # in which one too many would
        drawing.remove(path)
        path.write_bytes(b"")

    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(render, "render_clip", draw)
    jobs = Jobs(SandboxOptions(clip_seconds=0.1, stage_seconds=0), tmp_path)
    await asyncio.gather(*(_phases(jobs.accept(order())) for _ in range(6)))
    await jobs.close()
    assert max(counts) == most


async def test_percentages_are_the_share_of_frames_that_are_drawn(tmp_path, order):
    jobs = Jobs(SandboxOptions(clip_seconds=1, clip_height=360, stage_seconds=0), tmp_path)
    job = jobs.accept(order(count=2))
    told = [moment.percentage async for moment in job.moments() if moment.phase == "progress"]
    await jobs.close()
    assert told == [100 * frame // 48 for frame in range(1, 49)]


@pytest.mark.parametrize(("height", "size"), [(720, (1280, 720)), (360, (640, 360))])
async def test_clips_have_the_height_of_the_options(tmp_path, height, size, order):
    jobs = Jobs(SandboxOptions(clip_seconds=0.1, clip_height=height, stage_seconds=0), tmp_path)
    await _phases(jobs.accept(order()))
    await jobs.close()
    (path,) = tmp_path.glob("*.mp4")
    measured = measure_video(path)
    assert (measured.width, measured.height) == size


async def test_files_of_drafts_do_not_heap_up(tmp_path, monkeypatch, order):
    monkeypatch.setattr(render, "render_clip", lambda path, *_, **__: path.write_bytes(b""))
    jobs = Jobs(SandboxOptions(clip_seconds=0.1, stage_seconds=0), tmp_path)
    for draft in (True, False):
        chosen = choose("ends-unheard" if draft else "")
        for _ in range(30):
            await _phases(jobs.accept(replace(order(), chosen=chosen)))
    await jobs.close()
    assert len(list(tmp_path.iterdir())) == 20 + 30
