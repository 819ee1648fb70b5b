"""A destination that does whatever a test tells it to, and a host that runs it."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.delivery.parts import Item, Settings, event

from offramp import Action, Destination, Idempotency, OutgoingRequest, Response, hookimpl
from offramp.config import Config, Instance, Source, Subscription
from offramp.definition import Handler, Middleware
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.plugins import Catalog, CatalogEntry, load_catalog, load_plugins
from offramp.queue import Delivery, SqliteLedger, Stage, open_queue
from offramp.storage import Store

SUBSCRIPTION = "wild/one"
TOKEN = "s3cr3t-token"
URL = "https://partner.example/take"
PATIENCE = 10.0


def wild(  # noqa: PLR0913 - each thing that an action or a destination may do
    *,
    perform: Callable[[Any, Item], Any] | None = None,
    perform_batch: Callable[[Any, Sequence[Item]], Any] | None = None,
    validate: Callable[..., Any] | None = None,
    observe: Callable[[Any], None] | None = None,
    settings: type[Any] = Settings,
    may_send_nothing: bool = True,
    idempotency: Idempotency | None = None,
    **more: Any,
) -> Catalog:
    """A catalog with one destination, of one action that behaves as given."""
    body: dict[str, Any] = {"slug": "wild", "title": "Wild", "may_send_nothing": may_send_nothing}
    body["idempotency"] = idempotency
    if perform is not None:
        body["perform"] = lambda self, request, payload: perform(request, payload)
    if perform_batch is not None:
        body["perform_batch"] = lambda self, request, payloads: perform_batch(request, payloads)
    if validate is not None:
        body["validate"] = lambda self, payload, **known: validate(payload, **known)
    action = types.new_class("Wild", (Action[settings, Item],), {}, lambda ns: ns.update(body))  # type: ignore[valid-type]
    declared = Destination(slug="wild", name="Wild", settings=settings, actions=[action], **more)

    class Plugin:
        @hookimpl
        def offramp_destinations(self) -> list[Destination]:
            return [declared]

    class Observer:
        @hookimpl
        def offramp_settled(self, outcomes: Any) -> None:
            if observe is not None:
                observe(outcomes)

    return load_catalog(load_plugins(extra=[Plugin(), Observer()], installed=False))


def config(catalog: Catalog, *subscriptions: str, **mapping: Any) -> Config:
    """A subscription for each id (or one) of one instance."""
    defaults = catalog["wild"].action("wild").default_mapping
    return Config(
        sources={"site": Source(name="site", write_key="key")},
        instances={"wild": Instance(name="wild", source="site", destination="wild")},
        subscriptions={
            each: Subscription(
                id=each,
                name=each.partition("/")[2],
                instance="wild",
                action="wild",
                trigger='type = "track"',
                mapping={**defaults, **mapping},
            )
            for each in subscriptions or (SUBSCRIPTION,)
        },
    )


async def well(outgoing: OutgoingRequest) -> Response:
    """A partner that takes everything."""
    return Response(status=200, headers={}, body=b"", url=outgoing.url)


@asynccontextmanager
async def running(
    folder: Path,
    catalog: Catalog,
    *,
    transport: Handler = well,
    middleware: Sequence[Middleware] = (),
    token: str = TOKEN,
) -> AsyncIterator[tuple[Engine, SqliteLedger]]:
    """An engine on a real queue."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(
            instance, entry, {"token": token}, transport=transport, middleware=middleware
        )

    async with Store.open(folder) as store, open_queue(store) as queue:
        engine = Engine(catalog, queue, start)
        try:
            yield engine, SqliteLedger(store)
        finally:
            await engine.stop(within=0.1)


async def deliveries_of(ledger: SqliteLedger, *ids: str) -> list[Delivery]:
    """The first delivery of each event, once it was tried and its outcome is on disk."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [(await ledger.event(each))[0].deliveries[0] for each in ids]
            if all(each.stage is not Stage.WAITING for each in found):
                return found
            await asyncio.sleep(0.01)


async def outcomes(
    folder: Path, catalog: Catalog, *ids: str, **parts: Any
) -> list[tuple[str, str, str]]:
    """Deliver events; stage, reason and message of each after the first attempt."""
    async with running(folder, catalog, **parts) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event(each) for each in ids])
        return [
            (each.stage.value, each.reason, each.message)
            for each in await deliveries_of(ledger, *ids)
        ]
