"""What every test stands on: pictures drawn by code, a sandbox of its own, and no key in reach."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ipyveo import VeoClient, sample_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = {"clip_seconds": 0.25, "stage_seconds": 0.0, "quota": 100_000}


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path_factory):
    """Nobody pays by testing, and no test writes into the working directory."""
    for name in ("GENAIPRO_API_KEY", "GENAIPRO_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IPYVEO_LIBRARY", str(tmp_path_factory.mktemp("library")))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> tuple[Path, Path]:
    return sample_pictures(tmp_path_factory.mktemp("pictures"))


@dataclass
class Ledger:
    """What a sandbox has accepted, seen from outside, since the ledger was opened."""

    client: VeoClient
    before: dict[str, int]

    def __getattr__(self, name: str) -> int:
        return _read_ledger(self.client)[name] - self.before[name]


def _read_ledger(client: VeoClient) -> dict[str, int]:
    address = client.base_url.removesuffix("/api/v1") + "/sandbox/ledger"
    with urllib.request.urlopen(address, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture
def client() -> VeoClient:
    """A client of a sandbox whose clips take a moment; faults are asked for in the prompt."""
    return VeoClient.sandbox(**QUICK)


@pytest.fixture
def ledger() -> Callable[[VeoClient], Ledger]:
    return lambda client: Ledger(client, _read_ledger(client))
