"""Segment's engine for the tests: installed once, one process for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.segment import Segment, install, running


@pytest.fixture(scope="session")
def segment() -> Iterator[Segment]:
    """Segment's engine, in a process of Node.js; its packages are installed at the first time."""
    with running(install()) as engine:
        yield engine
