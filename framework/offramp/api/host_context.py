"""The running host as the control API sees it: its queue, ledger, configuration and tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from offramp.config import Config, ConfigStore
from offramp.delivery import Engine
from offramp.plugins import Catalog
from offramp.queue import Ledger, Queue

T = TypeVar("T")


async def _no_faults() -> Sequence[str]:
    return ()


class Background:
    """Tasks that go on after their request was answered, and are stopped with the host."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let work go on by itself; it tells its own failures."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all of it and wait for its end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@attrs.frozen(kw_only=True, eq=False)
class HostContext:
    """One running host; `clock` gives epoch seconds."""

    engine: Engine
    queue: Queue
    ledger: Ledger
    configs: ConfigStore
    #: The quick check of the sum rule: what is wrong, from counters alone.
    sums: Callable[[], Awaitable[Sequence[str]]] = _no_faults
    clock: Callable[[], float] = time.time
    started_at: float = attrs.field(factory=time.time)
    #: Held by whoever changes the configuration, so that callers do not overtake each other.
    changing: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _computing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    #: To be closed with the host.
    background: Background = attrs.field(factory=Background)

    @property
    def catalog(self) -> Catalog:
        """What the plugins declare."""
        return self.engine.catalog

    @property
    def config(self) -> Config:
        """The configuration that runs, write keys resolved."""
        return self.engine.snapshot.config

    @property
    def problems(self) -> Mapping[str, str]:
        """What does not run, and why; plugins that could not be used among it."""
        return self.engine.problems

    async def compute(self, work: Callable[[], T]) -> T:
        """What a computation over a whole configuration answers, while the event loop goes on.

        One runs at a time: two threads beside the loop's would leave it a third of the time.
        """
        async with self._computing:
            return await asyncio.to_thread(work)
