"""The contract of every engine: listings agree with the records of single events."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import attrs
import pytest

from offramp.queue import DEAD, IN_FLIGHT, DeadLetterFilter, EventFilter, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

    from offramp.queue import Delivery, EventRecord

SUBSCRIPTIONS = ("sub", "x", "y")
STAGES = tuple(stage for stage in Stage if stage is not Stage.WAITING)
#: What searches ask for: all, one end, what is in flight, or what is dead.
ASKED_STAGES = (None, *(frozenset({stage}) for stage in Stage), IN_FLIGHT, DEAD)


@attrs.define
class Life:
    """Random deeds on a bench, and the message ids of all that was accepted."""

    bench: Bench
    random: random.Random
    ids: list[tuple[str, str]] = attrs.field(factory=list)

    async def act(self) -> None:
        """Do one thing, and let some time pass or none."""
        deed = self.random.choice((self.accept, self.accept, self.settle, self.settle, self.again))
        await deed()
        self.bench.clock.move(self.random.choice((0, 0, 1, 30)))

    async def accept(self) -> None:
        """Some events of one request, each going its own way."""
        source = self.random.choice(("web", "server"))
        events = []
        for _ in range(self.random.randint(1, 12)):
            got = [one for one in SUBSCRIPTIONS if self.random.random() < 0.6]
            rest = [one for one in SUBSCRIPTIONS if one not in got and self.random.random() < 0.8]
            kind = self.random.choice((("track", "Order"), ("track", "Visit"), ("page", "Home")))
            event = self.bench.event("", filtered={"NO": rest} if rest else {})
            events.append(attrs.evolve(event, subscriptions=tuple(got), type=kind[0], name=kind[1]))
        await self.bench.send(*events, source=source)
        self.ids += [(event.message_id, source) for event in events]

    async def settle(self) -> None:
        """A batch of one subscription, with one outcome and exceptions."""
        lease = await self.bench.lease(self.random.randint(1, 9), self.random.choice(SUBSCRIPTIONS))
        if lease is not None:
            others = {
                place: self.random.choice(STAGES)
                for place in range(len(lease))
                if self.random.random() < 0.3
            }
            most = self.random.choice((Stage.DELIVERED, Stage.DELIVERED, *STAGES))
            await self.bench.settle(lease, most, others, exchange=b"{}")

    async def again(self) -> None:
        """A replay of some dead letters, or a backfill."""
        name = self.random.choice(SUBSCRIPTIONS)
        if self.random.random() < 0.5:
            page = await self.bench.queue.dead_letters(DeadLetterFilter(subscription=name), limit=3)
            ids = tuple(letter.id for letter in page.rows)
            await self.bench.queue.replay(DeadLetterFilter(ids=ids))
        else:
            records = await self.bench.records()
            some = self.random.sample(records, min(3, len(records)))
            await self.bench.queue.backfill(name, [record.id for record in some])

    async def records(self) -> list[EventRecord]:
        """The record of each event, asked for one by one, latest first."""
        found = []
        for message_id, source in reversed(self.ids):
            (record,) = await self.bench.ledger.event(message_id, source=source)
            found.append(record)
        return found

    def limit(self) -> int:
        return self.random.choice((1, 3, 10, 200))


def without_large(record: EventRecord) -> EventRecord:
    deliveries = (attrs.evolve(one, payload=None, exchange=None) for one in record.deliveries)
    return attrs.evolve(record, body=None, deliveries=tuple(deliveries))


def meets(record: EventRecord, which: EventFilter) -> bool:
    mine = [one for one in record.deliveries if which.subscription in {None, one.subscription}]
    meant = [
        one
        for one in mine
        if (which.stages is None or one.stage in which.stages)
        and which.reason in {None, one.reason}
    ]
    asked = {which.subscription, which.stages, which.reason} != {None}
    return (
        which.source in {None, record.source}
        and which.type in {None, record.type}
        and which.name in {None, record.name}
        and (which.since is None or record.accepted_at >= which.since)
        and (which.until is None or record.accepted_at < which.until)
        and (bool(meant) or not asked or (which.missing and not mine))
        and (which.where is None or (record.body is not None and which.where(record.body)))
    )


def has_an_even_digit(body: bytes) -> bool:
    """A condition on the JSON of an event: its message id has such a digit."""
    return any(digit in body for digit in b"02468")


async def check_events(life: Life, records: list[EventRecord]) -> None:
    """Listings of events, with conditions drawn at random."""
    for _ in range(24):
        at = life.random.choice(records).accepted_at
        which = EventFilter(
            source=life.random.choice((None, "web")),
            type=life.random.choice((None, None, "page")),
            name=life.random.choice((None, None, "Order")),
            since=life.random.choice((None, at)),
            until=life.random.choice((None, at + 60)),
            subscription=(subscription := life.random.choice((None, "sub", "x", "unknown"))),
            stages=life.random.choice(ASKED_STAGES),
            reason=life.random.choice((None, None, "NO", "ACCEPTED", "FILTERED", "REPLAYED")),
            missing=subscription is not None and life.random.random() < 0.5,
            where=life.random.choice((None, has_an_even_digit)),
        )
        listed = await life.bench.records(which, limit=life.limit())
        expected = [without_large(one) for one in records if meets(one, which)]
        assert listed == expected, which


async def check_recent(life: Life, records: list[EventRecord]) -> None:
    """Listings of a subscription's deliveries, of each stage and of all but filtered."""
    for name in SUBSCRIPTIONS:
        deliveries = [
            one
            for record in map(without_large, records)
            for one in record.deliveries
            if one.subscription == name
        ]
        for stage in (None, *Stage):
            listed = await recent(life, name, stage)
            expected = [
                one
                for one in deliveries
                if (one.stage is stage if stage else one.stage is not Stage.FILTERED)
            ]
            if stage is not Stage.FILTERED:
                # The records come latest first, and sorting keeps their order within one time.
                expected.sort(key=lambda one: one.due_at or one.updated_at, reverse=True)
            assert listed == expected, (name, stage)


async def recent(life: Life, name: str, stage: Stage | None) -> list[Delivery]:
    seen: list[Delivery] = []
    cursor = None
    limit = life.limit()
    while True:
        page = await life.bench.ledger.recent(name, stage=stage, limit=limit, cursor=cursor)
        seen += page.rows
        cursor = page.cursor
        if cursor is None:
            return seen


@pytest.mark.parametrize("seed", range(6))
async def test_listings_agree_with_records(bench: Bench, seed: int) -> None:
    """Whatever happened: each event and delivery is listed once, in order, as its record has it."""
    life = Life(bench, random.Random(seed))
    await life.accept()
    for _ in range(4):
        for _ in range(15):
            await life.act()
        records = await life.records()
        await check_events(life, records)
        await check_recent(life, records)
