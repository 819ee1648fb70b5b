"""Segment's engine for the tests: installed once, one process for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.conformance.segment import Segment, install, missing, running


@pytest.fixture(scope="session")
def segment() -> Iterator[Segment]:
    """Segment's engine; without Node.js its tests are skipped, except where CI=true."""
    if reason := missing():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{reason}; CI must compare the two engines")
        pytest.skip(reason)
    install()
    with running() as engine:
        yield engine
