"""The GenAIPro API on this machine, with a real renderer and every known fault; nothing heavy until used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyveo.sandbox.faults import FAULTS
    from ipyveo.sandbox.options import SandboxOptions
    from ipyveo.sandbox.process import EmbeddedSandbox, SandboxAddress, shared
    from ipyveo.sandbox.serving import serve

__all__ = ["FAULTS", "EmbeddedSandbox", "SandboxAddress", "SandboxOptions", "serve", "shared"]

_HOMES = {
    "FAULTS": "faults",
    "SandboxOptions": "options",
    "EmbeddedSandbox": "process",
    "SandboxAddress": "process",
    "shared": "process",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one hook for every name above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
