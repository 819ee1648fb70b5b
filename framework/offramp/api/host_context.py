"""The parts of the running host that the control API uses: queue, configuration, tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import attrs

from offramp.api.connects import Connects
from offramp.api.logins import RefusedLogins
from offramp.api.sessions import Sessions
from offramp.api.times import write_time
from offramp.api.tokens import Tokens
from offramp.config import Config, ConfigStore, GrantStore
from offramp.delivery import Engine, Sandboxes
from offramp.delivery.save_hooks import KeptOutputs
from offramp.plugins import Catalog
from offramp.queue import Backups, Clock, DamagedDeliveries, Ledger, Queue, RestoredDeliveries
from offramp.storage import Damage
from offramp.web.health import FindDegraded, PausedShape, nothing_degraded
from offramp.web.unknown_paths import UnknownPaths

T = TypeVar("T")


class TakeEvent(Protocol):
    """Stores one event of a source, given as JSON, as the tracking API does."""

    async def __call__(
        self, source: str, text: bytes, *, allow_deletes: bool = False
    ) -> tuple[dict[str, Any], bool]:
        """Return the event, completed, and whether it is new.

        Raises `EventError` for what the tracking API refuses.
        """
        ...


async def _no_faults() -> Sequence[str]:
    return ()


class Background:
    """Tasks that continue after their request was answered; they are stopped with the host."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task; it must report its own errors."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all tasks and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@attrs.frozen(kw_only=True, eq=False)
class HostContext:
    """One running host."""

    engine: Engine
    queue: Queue
    ledger: Ledger
    configs: ConfigStore
    #: What partners granted to instances by OAuth 2.
    grants: GrantStore
    #: The data folder.
    folder: Path
    backups: Backups
    restored: RestoredDeliveries
    take_event: TakeEvent
    #: The URL by which senders and browsers reach the host, if it is behind a proxy.
    public_url: str | None = None
    damaged: DamagedDeliveries
    #: The sandboxes of the destinations; stopped with the host.
    sandboxes: Sandboxes = attrs.field()
    #: The quick check of the sums, from counters alone; lists what is wrong.
    sums: Callable[[], Awaitable[Sequence[str]]] = _no_faults
    #: What is known to be damaged in the file.
    damage: Damage = attrs.field(factory=Damage)
    #: Lists what does not run.
    degraded: FindDegraded = nothing_degraded
    #: Who may use the control API; by default nobody.
    tokens: Tokens = attrs.field(factory=Tokens)
    logins: RefusedLogins = attrs.field(factory=RefusedLogins)
    #: Where the console is: at its own URL, with the collector (`True`) or nowhere.
    console: bool | str = False
    clock: Clock = attrs.field()
    #: Who is signed in.
    sessions: Sessions = attrs.field()
    #: OAuth 2 connects that wait for a person at the partner.
    connects: Connects = attrs.field()
    #: Epoch seconds.
    started_at: float = attrs.field()
    #: Held during a change of the configuration, so that changes are made one after another.
    changing: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    #: Requests to paths that no endpoint has.
    unknown_paths: UnknownPaths = attrs.field()
    #: What save hooks gave in changes that were not saved.
    kept_outputs: KeptOutputs = attrs.field(factory=KeptOutputs)
    _computing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    #: Closed with the host.
    background: Background = attrs.field(factory=Background)

    @started_at.default
    def _started_now(self) -> float:
        return self.clock()

    @sandboxes.default
    def _own_sandboxes(self) -> Sandboxes:
        return Sandboxes(self.engine.catalog)

    @sessions.default
    def _nobody_signed_in(self) -> Sessions:
        return Sessions(self.tokens, clock=self.clock)

    @connects.default
    def _no_connects(self) -> Connects:
        return Connects(self.clock)

    @unknown_paths.default
    def _no_unknown_paths(self) -> UnknownPaths:
        return UnknownPaths(clock=self.clock)

    @clock.default
    def _default_clock(self) -> Clock:
        return self.engine.clock

    @property
    def catalog(self) -> Catalog:
        """The catalog of what the plugins declare."""
        return self.engine.catalog

    @property
    def config(self) -> Config:
        """The running configuration, write keys resolved."""
        return self.engine.snapshot.config

    @property
    def problems(self) -> Mapping[str, str]:
        """Place -> why it does not run; includes plugins that could not be used."""
        return self.engine.problems

    async def paused(self) -> list[PausedShape]:
        """List what is paused, since when, and how much waits for it."""
        depths = await self.queue.depths()
        return [
            {
                "kind": each.kind,
                "id": each.id,
                "since": write_time(each.since),
                "waiting": sum(depths[s].total for s in each.subscriptions if s in depths),
            }
            for each in self.engine.snapshot.paused
        ]

    async def compute(self, work: Callable[[], T]) -> T:
        """Run a computation over a whole configuration in a thread, and return its result.

        One runs at a time: two busy threads would leave the event loop a third of the time.
        """
        async with self._computing:
            return await asyncio.to_thread(work)
