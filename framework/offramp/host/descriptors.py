"""Reports when the process has no file descriptor left, as connections are reset then."""

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

#: Seconds between two checks; a check takes two system calls.
LOOK_SECONDS: Final = 1.0
#: Seconds between two lines in the log while no descriptor is left.
REPORT_SECONDS: Final = 60.0
_OPEN_FILES: Final = Path("/proc/self/fd")
_NONE_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE})

_log = logging.getLogger(__name__)


class Descriptors(Collector):
    """Checks whether a file can be opened, as a new connection needs a descriptor too."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.exhausted = 0
        self._reported_at: float | None = None
        registry.register(self)

    def look(self, now: float) -> bool:
        """Check once; `now` is monotonic, in seconds. Return whether a descriptor was left."""
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
                "no file descriptor of %d is left: connections are reset, and requests to partners "
                "fail; raise the limit (ulimit -n, LimitNOFILE), or let fewer clients connect",
                limit,
            )
        return False

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; without the open descriptors if the system does not list them."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield GaugeMetricFamily(
            "offramp_file_descriptors_limit", "File descriptors that the process may open.", limit
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
    """Check every second while the block runs."""
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
