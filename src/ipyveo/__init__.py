"""Two pictures and a sentence become a video, inside a notebook cell."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipyveo.api.account import Credits, HistoryPage
    from ipyveo.api.client import VeoClient
    from ipyveo.api.events import CompleteEvent, StatusEvent, UnknownEvent, Video
    from ipyveo.errors import (
        AuthenticationError,
        BudgetError,
        ContentRejectedError,
        DownloadError,
        FrameError,
        GatewayError,
        GenerationFailedError,
        InterruptedGenerationError,
        InvalidRequestError,
        OutOfCreditsError,
        RateLimitError,
        VeoError,
    )
    from ipyveo.generations.cost import Budget
    from ipyveo.generations.generate import generate
    from ipyveo.generations.preview import preview
    from ipyveo.generations.recovery import recover
    from ipyveo.library.library import Library
    from ipyveo.loop import run
    from ipyveo.media.clip import Clip
    from ipyveo.media.frame import Frame
    from ipyveo.media.samples import sample_pictures
    from ipyveo.widgets.studio import FramesToVideo

# Each name is loaded when it is first used, so that `import ipyveo` costs next to nothing.
_HOMES = {
    "ipyveo.api.account": ("Credits", "HistoryPage"),
    "ipyveo.api.client": ("VeoClient",),
    "ipyveo.api.events": ("CompleteEvent", "StatusEvent", "UnknownEvent", "Video"),
    "ipyveo.errors": (
        "AuthenticationError",
        "BudgetError",
        "ContentRejectedError",
        "DownloadError",
        "FrameError",
        "GatewayError",
        "GenerationFailedError",
        "InterruptedGenerationError",
        "InvalidRequestError",
        "OutOfCreditsError",
        "RateLimitError",
        "VeoError",
    ),
    "ipyveo.loop": ("run",),
    "ipyveo.generations.cost": ("Budget",),
    "ipyveo.generations.generate": ("generate",),
    "ipyveo.generations.preview": ("preview",),
    "ipyveo.generations.recovery": ("recover",),
    "ipyveo.library.library": ("Library",),
    "ipyveo.media.clip": ("Clip",),
    "ipyveo.media.frame": ("Frame",),
    "ipyveo.media.samples": ("sample_pictures",),
    "ipyveo.widgets.studio": ("FramesToVideo",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AuthenticationError",
    "Budget",
    "BudgetError",
    "Clip",
    "CompleteEvent",
    "ContentRejectedError",
    "Credits",
    "DownloadError",
    "Frame",
    "FrameError",
    "FramesToVideo",
    "GatewayError",
    "GenerationFailedError",
    "HistoryPage",
    "InterruptedGenerationError",
    "InvalidRequestError",
    "Library",
    "OutOfCreditsError",
    "RateLimitError",
    "StatusEvent",
    "UnknownEvent",
    "VeoClient",
    "VeoError",
    "Video",
    "generate",
    "preview",
    "recover",
    "run",
    "sample_pictures",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("ipyveo")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ipyveo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
