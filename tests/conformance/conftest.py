"""Segment's engine for the tests: installed once, one process for all of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.segment import Segment, install, running
from tests.once import one_at_a_time


@pytest.fixture(scope="session")
def segment() -> Iterator[Segment]:
    """Segment's engine, in a process of Node.js; its packages are installed at the first time."""
    with one_at_a_time("conformance"):
        node = install()
    with running(node) as engine:
        yield engine
