"""`run` in the kernels people have, and nest-asyncio only where it is safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

HERE = Path(__file__).parent


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


@pytest.mark.parametrize("clients", ["[client] * 3", "[copy.copy(client) for _ in range(3)]"])
def test_three_runs_in_a_row_are_three_requests(kernel, setup, client, ledger, clients):
    book = ledger(client)
    said = kernel.do(
        setup
        + f"""
import copy
for client in {clients}:
    clips = run(shot())
    print(len(clips), clips[0].path.exists())
"""
    )
    assert said == "1 True\n1 True\n1 True"
    assert (book.received_posts, book.charged) == (3, 3)


def test_the_sandbox_comes_with_the_kernel_and_a_cell_may_await_and_run_in_turn(kernel, setup):
    said = kernel.do(
        setup
        + """
client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0)
first = await shot()
second = run(shot())
left = await client.credits()
same = run(client.credits())
videos = run(client.frames_to_video(day, prompt="dusk"))
print(len(first), len(second), left == same, videos[0].ok)
"""
    )
    assert said == "1 1 True True"


TASKS = """
import asyncio
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
    return len(await shot())
print(run(asyncio.sleep(0, "slept")), run(clips()), patched())
"""
WAITS = """
order = ["in"]
task = loop.create_task(asyncio.sleep(0.05, "slept"))
print(tried(task))
print(tried(soon("came")))
made = loop.create_task(clips())
print(tried(made))
order.append("out")
"""
SECOND = """
order.append("second")
print(await task, await made, patched())
"""
THIRD = 'print(*order, await asyncio.sleep(0, "awaits"), run(asyncio.sleep(0, "runs")))'


def test_a_task_of_the_kernels_own_loop_is_waited_for_on_ipykernel_6_and_refused_on_7(kernel, setup):
    assert kernel.do(setup + TASKS) == "slept 1 False"
    # Two cells are queued behind the one that waits: none may be lost, nor be run inside of it.
    cells = [kernel.begin(source) for source in (WAITS, SECOND, THIRD)]
    kernel.until(lambda: cells[-1].over)
    assert [cell.trouble for cell in cells] == ["", "", ""]
    first, second, third = (cell.text.splitlines() for cell in cells)
    if is_6(kernel):
        assert first == ["slept", "came", "1"]
        assert second == ["slept 1 True"]
    else:
        assert len(first) == 3
        assert all("Write `await task` instead" in line for line in first)
        assert second == ["slept 1 False"]
    assert third == ["in out second awaits runs"]


@pytest.mark.parametrize("wait", ["await going", "run(going)"])
def test_interrupting_a_cell_is_stop_watching(kernel, setup, client, ledger, wait):
    book = ledger(client)
    cell = kernel.begin(
        setup
        + f"""
going = shot("dusk [sandbox: stall@starting]")
{wait}
"""
    )
    kernel.until(lambda: book.accepted_posts == 1)
    kernel.manager.interrupt_kernel()
    kernel.until(lambda: cell.over)
    assert "KeyboardInterrupt" in cell.trouble or "CancelledError" in cell.trouble
    later = """
from ipyveo import InterruptedGenerationError
try:
    run(going)
except InterruptedGenerationError:
    print(going.outcome)
"""
    after = kernel.begin(later)
    kernel.until(lambda: after.text.strip() == "stopped")
