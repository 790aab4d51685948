"""The far end of a widget, without a browser."""

from __future__ import annotations

import asyncio


class Page:
    """Says to a widget what a page says, and keeps what it is told."""

    def __init__(self, studio, monkeypatch) -> None:
        self.studio = studio
        self.said: list[dict] = []
        monkeypatch.setattr(studio, "_tell", lambda message, _: self.said.append(dict(message)))

    def say(self, **message) -> None:
        self.studio._hear(self.studio, message, [])

    async def until(self, true) -> None:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.01)
