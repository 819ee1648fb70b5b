"""A process that has no file descriptor left says so."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from offramp.host import descriptors
from offramp.host.descriptors import Descriptors, watch_descriptors


@pytest.fixture
def none_left() -> Iterator[None]:
    """No further file can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)  # the lowest that is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_last_descriptor_is_noticed(none_left: None, caplog: pytest.LogCaptureFixture) -> None:
    """In the figures each time, in the log once a minute, with what to do."""
    registry = CollectorRegistry()
    watched = Descriptors(registry)
    with caplog.at_level(logging.ERROR):
        assert [watched.look(now) for now in (0.0, 1.0, 59.0, 61.0)] == [False] * 4
    assert len(caplog.records) == 2
    assert "ulimit -n" in caplog.text
    assert registry.get_sample_value("offramp_file_descriptors_exhausted_total") == 4
    limit = registry.get_sample_value("offramp_file_descriptors_limit")
    assert limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def test_the_watch_runs_with_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks again and again, and ends with the block."""
    looks: list[float] = []
    often = asyncio.Event()

    def look(_: Descriptors, now: float) -> None:
        looks.append(now)
        if len(looks) > 2:
            often.set()

    monkeypatch.setattr(descriptors, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(Descriptors, "look", look)
    registry = CollectorRegistry()
    async with watch_descriptors(registry):
        await asyncio.wait_for(often.wait(), 5)
    seen = len(looks)
    await asyncio.sleep(0.01)
    assert len(looks) == seen
    assert (registry.get_sample_value("offramp_file_descriptors_open") or 0) > 0
