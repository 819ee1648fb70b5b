"""Random lives of a host: pauses, disabled things, replays, clock steps, retention, restarts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import attrs
import pytest
from tests.clocks import MovedClock
from tests.delivery.parts import PATIENCE, SUBSCRIPTION, Partner, config, event, small_catalog

from offramp import OutgoingRequest, Response
from offramp.config import Config, Instance, Kind
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.plugins import CatalogEntry
from offramp.queue import (
    DeadLetterFilter,
    EventFilter,
    Retention,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.sqlite.retention import Pruner
from offramp.storage import Store

OTHER = "small/two"
SUBSCRIPTIONS = (SUBSCRIPTION, OTHER)
THINGS: Sequence[tuple[Kind, str]] = (
    ("source", "site"),
    ("instance", "small"),
    ("subscription", SUBSCRIPTION),
    ("subscription", OTHER),
)
#: Moves of one life between two starts; starts; and lives.
MOVES = 25
STARTS = 3
LIVES = 3
#: More may wait for something paused than one request has, and fewer than all.
MOST_PAUSED = 60
HOUR = 3_600.0
KEEP = Retention(delivered=24 * HOUR, dead=96 * HOUR)


def two(*, action: str = "take") -> Config:
    made = config(action=action)
    second = attrs.evolve(made.subscriptions[SUBSCRIPTION], id=OTHER, name="two")
    return attrs.evolve(made, subscriptions={**made.subscriptions, OTHER: second})


@attrs.define
class SlowPartner(Partner):
    """Takes its time, so that changes meet requests under way; refuses some, until it is told."""

    chance: random.Random = attrs.field(factory=random.Random)
    refuses: bool = True

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        await asyncio.sleep(self.chance.random() * 0.02)
        self.judge = lambda _: 422 if self.refuses and self.chance.random() < 0.1 else 200
        return await super().__call__(outgoing)


@attrs.define(kw_only=True)
class Life:
    """One host through its starts, and what it accepted."""

    folder: Path
    chance: random.Random
    partner: SlowPartner
    clock: MovedClock = attrs.field(factory=MovedClock)
    accepted: list[str] = attrs.field(factory=list)
    numbers: Iterator[int] = attrs.field(factory=count)
    config: Config = attrs.field(factory=two)
    #: Retention takes what is old; then ids do not come again.
    forgets: bool
    pruner: Pruner = attrs.field(init=False)
    engine: Engine = attrs.field(init=False)
    queue: SqliteQueue = attrs.field(init=False)
    ledger: SqliteLedger = attrs.field(init=False)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """One run of the host."""

        def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
            return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=self.partner)

        async with (
            Store.open(self.folder) as store,
            open_queue(store, clock=self.clock) as self.queue,
        ):
            self.engine = Engine(
                small_catalog(), self.queue, start, clock=self.clock, max_paused_events=MOST_PAUSED
            )
            self.ledger = SqliteLedger(store)
            self.pruner = Pruner(store, KEEP)
            try:
                await self.engine.apply(self.config)
                yield
            finally:
                await self.engine.stop()

    async def move(self) -> None:
        """Anything that may happen, in any order."""
        moves = (
            self.accept, self.accept, self.accept, self.accept,
            self.switch, self.switch, self.switch,
            self.backfill, self.replay, self.step, self.rest,
        )  # fmt: skip
        await self.chance.choice((*moves, self.prune) if self.forgets else moves)()

    async def accept(self) -> None:
        """Some events, of which some came before."""
        ids = [f"m{next(self.numbers)}" for _ in range(self.chance.choice([1, 7, 50]))]
        again = self.chance.sample(self.accepted, min(3, len(self.accepted)))
        events = [*ids, *again] if not self.forgets and self.chance.random() < 0.3 else ids
        new = await self.engine.accept("site", [event(each) for each in events])
        assert new == [each in ids for each in events]
        self.accepted.extend(ids)

    async def switch(self) -> None:
        """Pause or resume, disable or enable a thing."""
        kind, name = self.chance.choice(THINGS)
        things = dict(getattr(self.config, f"{kind}s"))
        thing = things[name]
        if self.chance.random() < 0.5:
            things[name] = attrs.evolve(thing, paused=not thing.paused)
        else:
            things[name] = attrs.evolve(thing, enabled=not thing.enabled)
        self.config = attrs.evolve(self.config, **{f"{kind}s": things})
        await self.engine.apply(self.config)

    async def backfill(self) -> None:
        """Whatever one did not get."""
        name = self.chance.choice(SUBSCRIPTIONS)
        which = EventFilter(subscription=name, stages=frozenset({Stage.FILTERED}), missing=True)
        page = await self.ledger.events(which, limit=self.chance.choice([20, 1_000]))
        await self.queue.backfill(name, [each.id for each in page.rows])
        await self.engine.end_disabled([name])

    async def replay(self) -> None:
        name = self.chance.choice(SUBSCRIPTIONS)
        await self.queue.replay(DeadLetterFilter(subscription=name))
        await self.engine.end_disabled([name])

    async def step(self) -> None:
        """The wall clock is set, and may be believed."""
        self.clock.step(self.chance.choice([-30, -2, 1, 2, 10]) * HOUR)
        if self.chance.random() < 0.5:
            self.queue._watch()
            self.clock.move(601)
            self.queue._watch()

    async def prune(self) -> None:
        """Days pass, and retention runs."""
        for _ in range(48):
            self.clock.move(HOUR)
            self.queue._watch()
        if self.clock.doubt is None:
            await self.pruner.prune(self.clock(), ago=self.clock.ago)

    async def rest(self) -> None:
        await asyncio.sleep(self.chance.random() * 0.03)

    async def settle_all(self) -> None:
        """Everything is enabled and resumed, and what ended otherwise gets another round."""
        self.partner.refuses = False
        self.config = two()
        await self.engine.apply(self.config)
        await asyncio.gather(*self.engine._retiring)
        assert await self.engine.wait_until_idle(timeout=PATIENCE)
        for name in SUBSCRIPTIONS:
            await self.queue.replay(DeadLetterFilter(subscription=name))
            which = EventFilter(subscription=name, stages=frozenset({Stage.FILTERED}))
            page = await self.ledger.events(which, limit=100_000)
            await self.queue.backfill(name, [each.id for each in page.rows])
        assert await self.engine.wait_until_idle(timeout=PATIENCE)


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("seed", range(LIVES))
async def test_every_event_is_delivered_once_whatever_was_switched(
    tmp_path: Path, seed: int, forgets: bool
) -> None:
    """Moves run at the same time; at the end each subscription delivered each event once.

    Where retention ran, it may have taken what was dead; nothing is delivered twice.
    """
    chance = random.Random(seed)
    life = Life(folder=tmp_path, chance=chance, partner=SlowPartner(chance=chance), forgets=forgets)
    for _ in range(STARTS):
        async with life.started():
            for _ in range(MOVES):
                await asyncio.gather(*(life.move() for _ in range(chance.choice([1, 1, 3]))))
            found = await life.ledger.reconcile()
            assert found.ok, found.faults
    async with life.started():
        await life.settle_all()
        assert (await life.ledger.reconcile()).ok
        stages = Counter[tuple[str, Stage]]()
        page = await life.ledger.events(EventFilter(), limit=100_000)
        for record in page.rows:
            stages.update((each.subscription, each.stage) for each in record.deliveries)
    taken = Counter(life.partner.taken)
    if forgets:
        assert max(taken.values()) <= len(SUBSCRIPTIONS)
        return
    expected = len(life.accepted)
    assert len(page.rows) == expected
    assert stages == {(name, Stage.DELIVERED): expected for name in SUBSCRIPTIONS}
    assert taken == dict.fromkeys(life.accepted, len(SUBSCRIPTIONS))
