"""`run` in the kernels people have, and nest-asyncio only where it is safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

HERE = Path(__file__).parent
THREE_TIMES = """
from ipyveo import VeoClient, generate, run, sample_pictures
import json, urllib.request
day, night = sample_pictures({folder!r})
def client():
    return VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
def posts():
    address = one.base_url.removesuffix("/api/v1") + "/sandbox/ledger"
    return json.load(urllib.request.urlopen(address))["received_posts"]
one = client()
before = posts()
for each in ({clients}):
    clips = run(generate(day, night, prompt="dusk", client=each, library={folder!r}))
    assert len(clips) == 1 and clips[0].path.exists()
print("POSTS", posts() - before)
"""


def is_6(kernel) -> bool:
    return kernel.do("import ipykernel; print(ipykernel.version_info[0])") == "6"


def test_a_kernel_is_of_the_packages_its_set_names_and_runs_this_checkout(kernel):
    lines = (HERE / f"{kernel.name}.txt").read_text("utf-8").splitlines()
    asked = [Requirement(line) for line in lines if not line.startswith("#")]
    answer = json.loads(
        kernel.do(f"""
        import importlib.metadata, ipyveo, json
        names = {[requirement.name for requirement in asked]!r}
        print(json.dumps([ipyveo.__file__, *map(importlib.metadata.version, names)]))
        """)
    )
    assert Path(answer[0]) == HERE.parents[1] / "src" / "ipyveo" / "__init__.py"
    for requirement, version in zip(asked, answer[1:], strict=True):
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("clients", ["one, one, one", "client(), client(), client()"])
def test_three_runs_in_a_row_are_three_requests(kernel, tmp_path, clients):
    assert kernel.do(THREE_TIMES.format(folder=str(tmp_path), clients=clients)) == "POSTS 3"


def test_a_cell_may_also_await_and_mix_both(kernel, tmp_path):
    said = kernel.do(f"""
        from ipyveo import VeoClient, generate, run, sample_pictures
        day, night = sample_pictures({str(tmp_path)!r})
        client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
        how = dict(prompt="dusk", client=client, library={str(tmp_path)!r})
        first = await generate(day, night, **how)
        second = run(generate(day, night, **how))
        left = await client.credits()
        same = run(client.credits())
        videos = run(client.frames_to_video(day, prompt="dusk"))
        print(len(first), len(second), left == same, videos[0].ok)
        """)
    assert said == "1 1 True True"


TASKS = """
import asyncio
from ipyveo import VeoClient, generate, run, sample_pictures
loop = asyncio.get_running_loop()
def patched():
    return hasattr(loop, "_nest_patched")
def tried(future):
    try:
        return run(future)
    except RuntimeError as error:
        return str(error)
def soon(value):
    future = loop.create_future()
    loop.call_later(0.01, future.set_result, value)
    return future
async def clips():
    day, night = sample_pictures({folder!r})
    client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
    return len(await generate(day, night, prompt="dusk", client=client, library={folder!r}))
print(run(asyncio.sleep(0, "slept")), patched())
"""


def test_a_task_of_the_kernels_own_loop_is_waited_for_on_ipykernel_6_and_refused_on_7(kernel, tmp_path):
    assert kernel.do(TASKS.format(folder=str(tmp_path))) == "slept False"
    # Two cells are queued behind the one that waits: none may be lost, nor be run inside of it.
    cells = [
        kernel.begin(source)
        for source in (
            'order = ["in"]; task = loop.create_task(asyncio.sleep(0.05, "slept"))\n'
            'print(tried(task)); print(tried(soon("came"))); made = loop.create_task(clips())\n'
            'print(tried(made)); order.append("out")',
            'order.append("second"); print(await task, await made, patched())',
            'print(*order, await asyncio.sleep(0, "awaits"), run(asyncio.sleep(0, "runs")))',
        )
    ]
    kernel.until(lambda: cells[-1].over)
    assert [cell.trouble for cell in cells] == ["", "", ""]
    first, second, third = (cell.text.splitlines() for cell in cells)
    if is_6(kernel):
        assert first == ["slept", "came", "1"]
        assert second == ["slept 1 True"]
    else:
        assert all("Write `await task` instead" in line for line in first)
        assert len(first) == 3
        assert second == ["slept 1 False"]
    assert third == ["in out second awaits runs"]


@pytest.mark.parametrize("wait", ["await shot", "run(shot)"])
def test_interrupting_a_cell_is_stop_watching(kernel, tmp_path, wait):
    cell = kernel.begin(f"""
        from ipyveo import VeoClient, generate, run, sample_pictures
        day, night = sample_pictures({str(tmp_path)!r})
        client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
        shot = generate(day, night, prompt="dusk [sandbox: stall@starting]", client=client, library={str(tmp_path)!r})
        shot.listen(lambda event: print("BEGUN", flush=True))
        {wait}
        """)
    kernel.until(lambda: "BEGUN" in cell.text)
    kernel.manager.interrupt_kernel()
    kernel.until(lambda: cell.over)
    assert "KeyboardInterrupt" in cell.trouble or "CancelledError" in cell.trouble
    assert kernel.do("print(shot.outcome)") == "stopped"
