"""A whole host: store, queue, engine, collector, wired together and taken down in order."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from prometheus_client import CollectorRegistry

from offramp.config import Config, HostSettings, Instance, resolve_settings
from offramp.delivery import Engine, InstanceRuntime, StartInstance, make_runtime
from offramp.http import aiohttp_transport, open_session
from offramp.plugins import Catalog, CatalogEntry
from offramp.queue import SqliteQueue
from offramp.server import Limits, make_app, serve
from offramp.storage import Store

TOKEN_BYTES: Final = 32


@attrs.frozen(kw_only=True, eq=False)
class Host:
    """A running host, as the command line and the commands of plugins see it."""

    url: str
    token: str = attrs.field(repr=False)
    engine: Engine
    queue: SqliteQueue

    async def settled(self, *, within: float) -> bool:
        """Wait until nothing is on its way any more; False after `within` seconds."""
        return await self.engine.settled(within=within)

    async def story(self, message_id: str) -> Mapping[str, Any] | None:
        """All that the host knows of one event, or nothing."""
        stories = await self.queue.ledger.event(message_id)
        return attrs.asdict(stories[0]) if stories else None

    async def explain(self, subscription: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """One event through one subscription, nothing sent."""
        return await self.engine.explain(subscription, event)

    async def status(self) -> Mapping[str, Any]:
        """Counts by outcome, and the sum that must hold."""
        audit = await self.queue.ledger.audit()
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
    async with Store.open(folder) as store:
        queue = await SqliteQueue.open(store, now=time.time)
        engine = Engine(catalog, queue, start_instances(catalog))
        try:
            await engine.apply(config)
            app = make_app(
                intake=engine,
                registry=CollectorRegistry(),
                readiness={},
                limits=Limits(),
            )
            async with serve(app, settings.host, settings.port) as url:
                token = secrets.token_urlsafe(TOKEN_BYTES)
                yield Host(url=url, token=token, engine=engine, queue=queue)
        finally:
            await engine.stop()
            await queue.close()
