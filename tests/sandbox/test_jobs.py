"""A job can be followed by many and from late on, and keeps nothing large once it is done."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from PIL import Image

from ipyveo.sandbox import SandboxOptions
from ipyveo.sandbox.faults import choose
from ipyveo.sandbox.jobs import Jobs, Order


@pytest.fixture
async def jobs(tmp_path):
    opened = Jobs(SandboxOptions(clip_seconds=0.1, stage_seconds=0), tmp_path)
    yield opened
    await opened.close()


def _order(picture, count=1):
    return Order("dusk", (picture,), landscape=True, count=count, uploads=True, chosen=choose(""))


async def _phases(job):
    return [moment.phase async for moment in job.moments() if moment.phase != "progress"]


async def test_every_follower_hears_everything_however_late(jobs):
    job = jobs.accept(_order(Image.new("RGB", (640, 360))))
    early = await asyncio.gather(_phases(job), _phases(job))
    assert early == [["starting", "uploading_images", "processing", "complete"]] * 2
    assert await _phases(job) == early[0]


async def test_pictures_are_let_go_when_the_job_is_done(jobs):
    picture = Image.new("RGB", (640, 360))
    kept = weakref.ref(picture)
    job = jobs.accept(_order(picture))
    del picture
    await _phases(job)
    gc.collect()
    assert kept() is None
    assert len(jobs.rows()) == 1


async def test_closing_ends_the_work_and_leaves_no_unfinished_file(tmp_path):
    jobs = Jobs(SandboxOptions(clip_seconds=60, stage_seconds=0), tmp_path)
    jobs.accept(_order(Image.new("RGB", (640, 360)), count=4))
    async with asyncio.timeout(20):
        while not list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
        await jobs.close()
        while list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
    assert jobs.rows() == []
