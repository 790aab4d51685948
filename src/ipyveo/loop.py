"""The background loop: one daemon thread that owns every stream, and `run`, the way in for plain code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import threading
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_WAKE_SECONDS = 0.2
_PATCHABLE_KERNEL = 6  # the ipykernel on which nest-asyncio works

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that owns every stream of this process, started when first asked for.

    Which loop a click or a cell runs on depends on the kernel, and a cell can block its own; a thread
    with its own loop delivers in every one of them.
    """
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid():  # threads do not live on in a forked child
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="ipyveo", daemon=True).start()
        return _loop


def submit(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Start a coroutine on the background loop, from any thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, background_loop())


async def on_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that must run on the background loop, from whatever loop this is."""
    if asyncio.get_running_loop() is background_loop():
        return await coroutine
    future = asyncio.wrap_future(submit(coroutine))
    try:
        # ipykernel 7 hears an interrupt only when the loop of its cells wakes up by itself.
        while not future.done():
            await asyncio.wait({future}, timeout=_WAKE_SECONDS)
    except asyncio.CancelledError:
        future.cancel()
        raise
    return future.result()


def run(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable, from a plain script or from a cell that does not await.

    Parameters
    ----------
    awaitable
        A coroutine, what `generate` or `VeoClient` returns, or a Task or Future. A Task of the loop that
        runs this very cell can be waited for only on ipykernel 6, through nest-asyncio; newer kernels
        lose queued cells that way, so it is refused there.

    Raises
    ------
    RuntimeError
        If waiting here could never end.
    TypeError
        If it cannot be awaited.
    KeyboardInterrupt
        If the kernel or script is interrupted; that stops watching, as the widget's button does.

    Examples
    --------
    >>> from ipyveo import VeoClient, run
    >>> run(VeoClient.sandbox().credits()).quota
    100
    """
    if asyncio.isfuture(awaitable) and awaitable.get_loop() is not background_loop():
        future_elsewhere: asyncio.Future[T] = awaitable
        return _wait_on_its_own_loop(future_elsewhere)
    if threading.current_thread().name == "ipyveo" and _running_loop() is background_loop():
        raise RuntimeError("run() cannot wait inside the background loop itself: await instead.")
    future = submit(_awaited(awaitable))
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wait_on_its_own_loop(future: asyncio.Future[T]) -> T:
    loop = future.get_loop()
    if not loop.is_running():
        return loop.run_until_complete(future)
    if loop is not _running_loop():
        return asyncio.run_coroutine_threadsafe(_awaited(future), loop).result()
    ipykernel = sys.modules.get("ipykernel")
    if ipykernel is None or ipykernel.version_info[0] != _PATCHABLE_KERNEL:
        raise RuntimeError(
            "run() cannot wait for a task of the loop that runs this cell. Write `await task` instead, "
            "or give run() the coroutine itself."
        )
    import nest_asyncio

    nest_asyncio.apply(loop)
    result: T = loop.run_until_complete(future)
    return result
