"""The engine is tested as the sandbox runs it."""

from __future__ import annotations

import cv2
import pytest


@pytest.fixture(autouse=True)
def one_thread():
    """Draw as the sandbox does, where each renderer brings its own threads."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)
