"""Notices when the process has no file descriptor left: senders are then reset unheard."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: Seconds between two looks; a look takes two system calls.
LOOK_SECONDS: Final = 1.0
#: Seconds between two lines in the log while there is none left.
REPORT_SECONDS: Final = 60.0
_OPEN_FILES: Final = Path("/proc/self/fd")
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE})

_log = logging.getLogger(__name__)


class Descriptors(Collector):
    """Looks whether a file can be opened, as a connection that comes in would need it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.exhausted = 0
        self._reported_at: float | None = None
        registry.register(self)

    def look(self, now: float) -> bool:
        """Look once, at a monotonic time in seconds; whether there was a descriptor left."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
        else:
            return True
        self.exhausted += 1
        if self._reported_at is None or now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            _log.error(
                "no file descriptor is left of %d: connections are reset, and requests to partners "
                "fail; raise the limit (ulimit -n, LimitNOFILE), or let fewer clients connect",
                limit,
            )
        return False

    def collect(self) -> Iterator[Metric]:
        """The metrics; where the system does not tell what is open, the limit alone."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield GaugeMetricFamily(
            "offramp_file_descriptors_limit", "File descriptors that the process may have.", limit
        )
        with contextlib.suppress(OSError):
            opened = sum(1 for _ in _OPEN_FILES.iterdir())
            yield GaugeMetricFamily(
                "offramp_file_descriptors_open", "File descriptors that are open.", opened
            )
        yield CounterMetricFamily(
            "offramp_file_descriptors_exhausted",
            "Seconds in which no file descriptor was left.",
            self.exhausted,
        )


@contextlib.asynccontextmanager
async def watch_descriptors(registry: CollectorRegistry) -> AsyncIterator[Descriptors]:
    """Look every second, as long as the block runs."""
    watched = Descriptors(registry)

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            watched.look(loop.time())
            await asyncio.sleep(LOOK_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
