"""A collector that listens, with an intake that keeps everything in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import aiohttp
import attrs
import pytest
from prometheus_client import CollectorRegistry
from tests.listening import listening

from offramp import _json
from offramp.collector.limits import Limits
from offramp.delivery.incoming import Incoming
from offramp.delivery.router import make_router
from offramp.host.app import make_app
from offramp.queue import Clock

WRITE_KEY = "write-key-of-the-web"


class MemoryIntake:
    """Keeps what it accepts; `error` and `pause` (seconds) make it fail or dawdle."""

    def __init__(self) -> None:
        self.sources = {WRITE_KEY: "web", "write-key-of-the-app": "app"}
        #: Those that have been disabled for too long.
        self.closed: dict[str, str] = {}
        #: Those whose events may ask for deletions.
        self.server_side: set[str] = set()
        #: Sources, and the JSON of their events as it is stored.
        self.bodies: list[tuple[str, bytes]] = []
        self.refused: Counter[tuple[str | None, str]] = Counter()
        self.seen: set[str] = set()
        self.error: Exception | None = None
        self.pause = 0.0
        self.called = asyncio.Event()
        #: Whether the event loop ran since an event was read; a new configuration may have come.
        self.is_stale = False

    @property
    def accepted(self) -> list[tuple[str, dict[str, Any]]]:
        """Sources and their events."""
        return [(source, _json.loads(body)) for source, body in self.bodies]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events without their sources."""
        return [event for _, event in self.accepted]

    def closed_source_of(self, write_key: str) -> str | None:
        return self.closed.get(write_key)

    def source_of(self, write_key: str) -> str | None:
        """Look it up."""
        self.is_stale = False
        return self.sources.get(write_key)

    def open(self, source: str, *, allow_deletes: bool = False) -> Incoming:
        """Gather as the engine does, with a router for a source without triggers."""
        asyncio.get_running_loop().call_soon(setattr, self, "is_stale", True)
        return Incoming(
            make_router([], {}).of(source),
            partial(self.keep, source),
            allow_deletes=allow_deletes or source in self.server_side,
        )

    async def keep(self, source: str, incoming: Incoming) -> Sequence[bool]:
        """Keep events as they are stored, or fail as told."""
        assert not self.is_stale
        self.called.set()
        if self.pause:
            await asyncio.sleep(self.pause)
        if self.error is not None:
            raise self.error
        fresh = []
        batch = incoming.batch(source, 0.0)
        for message_id, body in zip(batch.message_ids, batch.bodies, strict=True):
            fresh.append(message_id not in self.seen)
            self.seen.add(message_id)
            self.bodies.append((source, body))
        return fresh

    def refuse(self, source: str | None, reason: str, count: int = 1) -> None:
        """Count."""
        self.refused[source, str(reason)] += count


@attrs.frozen(kw_only=True)
class Running:
    """A running collector, and what became of the events sent to it."""

    url: str
    intake: MemoryIntake
    registry: CollectorRegistry
    #: What the readiness check `queue` answers; a test may change it.
    checks: dict[str, str | None]

    def metric(self, name: str, **labels: str) -> float | None:
        """Read one figure; `None` if it is not there."""
        return self.registry.get_sample_value(name, labels)


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start collectors, each with its own options, and stop them after the test."""
    async with AsyncExitStack() as stack:

        async def start_one(
            *,
            limits: Limits | None = None,
            public_url: str | None = None,
            proxies: int = 0,
            host: str = "127.0.0.1",
            clock: Clock | None = None,
        ) -> Running:
            intake, registry = MemoryIntake(), CollectorRegistry()
            checks: dict[str, str | None] = {}

            async def queue() -> str | None:
                return checks.get("queue")

            app = make_app(
                intake=intake,
                registry=registry,
                readiness={"queue": queue},
                limits=limits,
                public_url=public_url,
                proxies=proxies,
                clock=clock,
            )
            url = await stack.enter_async_context(listening(app, host, 0, shutdown_seconds=0.5))
            return Running(url=url, intake=intake, registry=registry, checks=checks)

        yield start_one


@pytest.fixture
async def collector(start: Start) -> Running:
    """One collector with all defaults."""
    return await start()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that sends what it is told to."""
    async with aiohttp.ClientSession(auto_decompress=True) as session:
        yield session
