"""A whole host: store, queue, engine, collector, wired together and taken down in order."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from prometheus_client import CollectorRegistry

from offramp.cli.story import tell
from offramp.config import Config, HostSettings, Instance, resolve_settings, resolve_write_keys
from offramp.delivery import Engine, InstanceRuntime, StartInstance, make_runtime
from offramp.http import aiohttp_transport, open_session
from offramp.plugins import Catalog, CatalogEntry
from offramp.queue import Ledger, Queue, Retention, SqliteLedger, open_queue
from offramp.queue import Limits as QueueLimits
from offramp.server import Check, Limits, make_app, serve
from offramp.storage import Store

DAY_SECONDS: Final = 86_400.0


@attrs.frozen(kw_only=True, eq=False)
class Host:
    """A running host, as the command line and the commands of plugins see it."""

    url: str
    engine: Engine
    queue: Queue
    ledger: Ledger

    async def settled(self, *, within: float) -> bool:
        """Wait until nothing is on its way any more; False after `within` seconds."""
        return await self.engine.settled(within=within)

    async def story(self, message_id: str) -> Mapping[str, Any] | None:
        """All that the host knows of one event, or nothing."""
        stories = await self.ledger.event(message_id)
        return tell(stories[0]) if stories else None

    async def explain(self, subscription: str, event: dict[str, Any]) -> Mapping[str, Any]:
        """One event through one subscription, nothing sent."""
        return await self.engine.explain(subscription, event)

    async def status(self) -> Mapping[str, Any]:
        """Counts by outcome, and the sum that must hold."""
        audit = await self.ledger.audit()
        depths = await self.queue.depths()
        return {
            "deliveries": audit.deliveries,
            "faults": list(audit.faults),
            "in_flight": {lane: depth.total for lane, depth in depths.items()},
        }


def start_instances(catalog: Catalog, *, clock: Callable[[], float] = time.time) -> StartInstance:
    """How an instance gets its settings, its connections and its middleware."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = resolve_settings(instance, entry.settings)
        session = open_session()
        return make_runtime(
            instance,
            entry,
            settings,
            transport=aiohttp_transport(session),
            middleware=catalog.plugins.middleware(entry.destination),
            close=session.close,
            clock=clock,
        )

    return start


@asynccontextmanager
async def run_host(
    config: Config, catalog: Catalog, settings: HostSettings, *, folder: Path
) -> AsyncIterator[Host]:
    """Start a host and stop it: first the doors, then what is on its way, then the disk."""
    async with (
        Store.open(folder) as store,
        open_queue(store, limits=_queue_limits(settings), retention=_retention(settings)) as queue,
    ):
        engine = Engine(catalog, queue, start_instances(catalog))
        ledger = SqliteLedger(store)
        try:
            await engine.apply(resolve_write_keys(config))
            app = make_app(
                intake=engine,
                registry=CollectorRegistry(),
                readiness={"configuration": _runs(engine)},
                limits=_collector_limits(settings),
            )
            async with serve(app, settings.host, settings.port) as url:
                yield Host(url=url, engine=engine, queue=queue, ledger=ledger)
        finally:
            await engine.stop()


def _runs(engine: Engine) -> Check:
    async def check() -> str | None:
        problems = engine.snapshot.problems
        return "; ".join(f"{place}: {told}" for place, told in problems.items()) or None

    return check


def _queue_limits(settings: HostSettings) -> QueueLimits:
    given = {
        "max_in_flight": settings.max_in_flight,
        "min_free_bytes": settings.min_free_bytes,
    }
    return QueueLimits(**{key: value for key, value in given.items() if value is not None})


def _retention(settings: HostSettings) -> Retention:
    given = {"delivered": settings.keep_delivered_days, "dead": settings.keep_dead_days}
    return Retention(**{key: days * DAY_SECONDS for key, days in given.items() if days is not None})


def _collector_limits(settings: HostSettings) -> Limits:
    return Limits(
        event_bytes=settings.event_bytes,
        batch_bytes=settings.batch_bytes,
        batch_events=settings.batch_events,
        requests_per_second=settings.requests_per_second,
    )
