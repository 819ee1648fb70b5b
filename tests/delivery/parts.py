"""A small destination, a partner that judges by content, and the pieces put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import attrs
from aiohttp import web
from tests.listening import listening

from offramp import (
    Action,
    Batch,
    Choice,
    ChoicesQuery,
    Destination,
    DynamicChoices,
    Fault,
    Idempotency,
    OutgoingRequest,
    Preset,
    Request,
    Response,
    RunningSandbox,
    Sandbox,
    _json,
    field,
    hookimpl,
    path,
    setting,
)
from offramp.config import Config, Instance, Source, Subscription
from offramp.definition import Handler
from offramp.delivery import (
    Engine,
    InstanceRuntime,
    Plan,
    Preparation,
    PreparedBatch,
    Verdict,
    compile_subscription,
    deliver_batch,
    make_runtime,
)
from offramp.delivery.limits import WaitGroup
from offramp.delivery.memory import NO_PASTS, Past
from offramp.plugins import Catalog, CatalogEntry, load_catalog, load_plugins
from offramp.queue import SqliteLedger, open_queue
from offramp.storage import Store

URL = "https://partner.example/take"
NOW = 1_700_000_000.0
SANDBOX_TOKEN = "token-of-the-sandbox"
#: After this time `takeRecent` refuses all events.
LATEST = 1_792_000_000.0


@attrs.frozen
class Settings:
    token: str = setting(type="password", label="Token")


@attrs.frozen
class Item:
    id: str = field(default=path("$.messageId"))
    kind: str | None = field(default=path("$.properties.kind"))


class Take(Action[Settings, Item]):
    """Takes many at once, all or nothing."""

    slug = "take"
    title = "Take"
    batch = Batch(max_events=100)
    dynamic_fields: ClassVar = {"kind": "kinds"}

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        await self.perform_batch(request, [payload])

    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Item]) -> None:
        await request.post(URL, json=[payload.id for payload in payloads])

    async def kinds(self, request: Request[Settings], query: ChoicesQuery) -> DynamicChoices:
        return DynamicChoices(
            choices=[Choice("new", "New", "Not used yet."), Choice("used", "Used")]
        )


class TakeOne(Action[Settings, Item]):
    """Takes one at a time."""

    slug = "takeOne"
    title = "Take one"

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        await request.post(URL, json=[payload.id])


class TakeKnown(Take):
    """Takes many at once, and knows a repeat for an hour."""

    slug = "takeKnown"
    title = "Take known"
    idempotency = Idempotency(key="id", window=timedelta(hours=1))


class TakeChecked(Take):
    """Takes many at once; its own check has a bug."""

    slug = "takeChecked"
    title = "Take checked"

    def validate(self, payload: Item, **_: object) -> list[Fault]:
        if payload.id == "breaks":
            raise ZeroDivisionError("a bug")
        return []


class TakeRecent(Take):
    """Takes what a partner would refuse once it is older than some weeks."""

    slug = "takeRecent"
    title = "Take recent"

    def validate(self, payload: Item, *, now: datetime, **_: object) -> list[Fault]:
        return [Fault("id", "is too old")] if now.timestamp() > LATEST else []


class TakeNew(Take):
    """Takes many at once; its partner answers 404 and 451 where an event is at fault."""

    slug = "takeNew"
    title = "Take new"
    content_statuses = (404, 451)


class TakeByKind(Take):
    """Takes many of one kind at once."""

    slug = "takeByKind"
    title = "Take by kind"
    batch = Batch(max_events=100, keys=("kind",))


@asynccontextmanager
async def start_sandbox() -> AsyncIterator[RunningSandbox]:
    """An emulator of the partner that keeps what it gets, as far as the token is its own."""
    received: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        received.append({"path": request.path, "ids": await request.json()})
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with listening(app) as url:
        yield RunningSandbox(url=url, received=lambda: received)


small = Destination(
    slug="small",
    name="Small (Actions)",
    settings=Settings,
    actions=[Take, TakeOne, TakeByKind, TakeChecked, TakeKnown, TakeNew, TakeRecent],
    presets=[Preset(name="Take tracks", action="take", trigger='type = "track"')],
    sandbox=Sandbox(
        label="Small emulator",
        description="Takes everything.",
        settings={"token": SANDBOX_TOKEN},
        start=start_sandbox,
    ),
)


class SmallPlugin:
    """The plugin that declares it."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [small]


def small_catalog() -> Catalog:
    """A catalog with the small destination alone."""
    return load_catalog(load_plugins(extra=[SmallPlugin()], installed=False))


Judge = Callable[[Sequence[str]], int]


@attrs.define
class Partner:
    """Answers by a judge of the ids in a request, and remembers what it took."""

    judge: Judge = lambda ids: 200
    requests: list[list[str]] = attrs.field(factory=list)
    taken: list[str] = attrs.field(factory=list)

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        ids = _json.loads(outgoing.body or b"[]")
        self.requests.append(ids)
        status = self.judge(ids)
        if status == 200:
            self.taken += ids
        return Response(status=status, headers={}, body=b"", url=outgoing.url)


def make_plan(action: str = "take", mapping: Mapping[str, Any] | None = None) -> Plan:
    entry = small_catalog()["small"]
    subscription = Subscription(
        id="small/one",
        name="one",
        instance="small",
        action=action,
        trigger='type = "track"',
        mapping=entry.action(action).default_mapping if mapping is None else mapping,
    )
    instance = Instance(name="small", source="site", destination=entry.slug)
    return compile_subscription(subscription, entry, instance=instance)


def make_small_runtime(transport: Handler, **changes: Any) -> InstanceRuntime:
    instance = Instance(name="small", source="site", destination="small", **changes)
    entry = small_catalog()["small"]
    return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=transport)


def event(message_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Item Sold",
        "messageId": message_id,
        "userId": "u1",
        "properties": properties,
    }


SUBSCRIPTION = "small/one"


PATIENCE = 10.0


def config(
    *, action: str = "take", enabled: bool = True, trigger: str = 'type = "track"', **mapping: Any
) -> Config:
    """One subscription, enabled or not."""
    entry = small_catalog()["small"]
    return Config(
        sources={"site": Source(name="site", write_key="key")},
        instances={"small": Instance(name="small", source="site", destination="small")},
        subscriptions={
            SUBSCRIPTION: Subscription(
                id=SUBSCRIPTION,
                name="one",
                instance="small",
                action=action,
                trigger=trigger,
                mapping={**entry.action(action).default_mapping, **mapping},
                enabled=enabled,
            )
        },
    )


@asynccontextmanager
async def running(folder: Path, partner: Partner) -> AsyncIterator[tuple[Engine, SqliteLedger]]:
    """An engine on a queue of its own; `partner` answers its requests."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=partner)

    async with Store.open(folder) as store, open_queue(store) as queue:
        engine = Engine(small_catalog(), queue, start)
        try:
            yield engine, SqliteLedger(store)
        finally:
            await engine.stop()


def prepare(plan: Plan, ids: Sequence[str], pasts: Mapping[int, Past] = NO_PASTS) -> PreparedBatch:
    """A batch of events with these ids."""
    made = Preparation(bodies=[_json.dumps(event(each)) for each in ids])
    plan.prepare(made, now=NOW, settings_of=None)
    return attrs.evolve(made.batches(Batch())[0], pasts=pasts)


async def attempt(
    runtime: InstanceRuntime,
    plan: Plan,
    batch: PreparedBatch,
    wait_group: WaitGroup | None = None,
) -> list[Verdict]:
    """The verdict on each event of a batch, in their order."""
    verdicts = await deliver_batch(runtime, plan, batch, wait_group)
    by_index = {index: verdict for verdict in verdicts for index in verdict.indexes}
    assert sum(len(verdict.indexes) for verdict in verdicts) == len(by_index)
    return [by_index[index] for index in range(len(batch))]


@asynccontextmanager
async def flow_into(engine: Engine) -> AsyncIterator[list[str]]:
    """Accept events all the time; gives the ids of those that were accepted so far."""
    sent: list[str] = []

    async def flow() -> None:
        while True:
            ids = [f"m{len(sent) + at}" for at in range(20)]
            await engine.accept("site", [event(each) for each in ids])
            sent.extend(ids)
            await asyncio.sleep(0.02)

    flowing = asyncio.create_task(flow())
    try:
        yield sent
    finally:
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)
