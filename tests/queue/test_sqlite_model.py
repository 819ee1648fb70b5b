"""The engine on SQLite against a model in plain values, through random lives with restarts."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.clocks import clock_of
from tests.queue.conftest import Event, batch_of

from offramp.queue import (
    DEAD,
    Counted,
    DeadLetterFilter,
    Depth,
    EventRecord,
    Lease,
    Outcome,
    Retention,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.sqlite.retention import Pruner
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

DAY = 86_400
TTL = 100
SUBSCRIPTIONS = ("a", "b", "c")
SOURCES = ("web", "server")
IDS = [f"m{n}" for n in range(9)]
ENDS = (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED)
#: What an event is to a subscription that does not get it.
FILTERED, UNKNOWN = "filtered", "unknown"

#: One event of a request: its id, and what it is to each subscription.
EVENTS = st.tuples(
    st.sampled_from(IDS),
    st.tuples(*[st.sampled_from(["matched", "matched", FILTERED, UNKNOWN])] * len(SUBSCRIPTIONS)),
)
#: One request: its source, and its events.
REQUESTS = st.tuples(st.sampled_from(SOURCES), st.lists(EVENTS, min_size=1, max_size=7))


@attrs.define(eq=False)
class Known:
    """One accepted event of the model."""

    source: str
    message_id: str
    accepted_at: float
    order: int
    body: bytes
    #: The subscriptions whose trigger it did not match, and which were not backfilled since.
    filtered: set[str]
    entries: dict[str, Entry] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Entry:
    """One delivery of the model."""

    event: Known
    subscription: str
    due_at: float
    stage: Stage = Stage.WAITING
    attempts: int = 0
    #: Leases that lapsed since the last outcome: each may have been an attempt.
    lapsed: int = 0
    updated_at: float = 0
    #: Whether it was never settled, replayed or backfilled.
    fresh: bool = True
    holder: Holder | None = None

    @property
    def in_flight(self) -> bool:
        return not self.stage.ended


@attrs.define(eq=False)
class Holder:
    """Whoever has leased deliveries, by position."""

    lease: Lease
    entries: list[Entry]
    expires_at: float

    def holds(self, position: int) -> bool:
        return self.entries[position].holder is self

    @property
    def held(self) -> list[int]:
        return [position for position in range(len(self.entries)) if self.holds(position)]


class QueueLife(RuleBasedStateMachine):
    """Random calls; after each of them the depths and all sums must be the model's."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.now = 1_790_000_000.0
        self.clock = clock_of(lambda: self.now)
        self.events: list[Known] = []
        self.latest: dict[tuple[str, str], float] = {}
        self.holders: list[Holder] = []
        self.accepted: Counter[str] = Counter()
        self.replayed: Counter[str] = Counter()
        #: Since when retention may have taken what was delivered or filtered before.
        self.forgotten_until = 0.0
        self.queue: SqliteQueue
        self.ledger: SqliteLedger
        self.store: Store

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    @initialize()
    def start(self) -> None:
        async def opened() -> None:
            store = Store.open(Path(self.folder.name))
            self.store = await self.stack.enter_async_context(store)
            queue = open_queue(self.store, clock=self.clock)
            self.queue = await self.stack.enter_async_context(queue)
            self.ledger = SqliteLedger(self.store)

        self.run(opened())

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def entries(self, subscription: str | None = None) -> list[Entry]:
        """The deliveries, by acceptance; of one subscription or of all."""
        return [
            entry
            for event in self.events
            for entry in event.entries.values()
            if subscription in {None, entry.subscription}
        ]

    @rule(requests=st.lists(REQUESTS, min_size=1, max_size=3))
    def accept(self, requests: list[tuple[str, list[tuple[str, Sequence[str]]]]]) -> None:
        """Several callers at once, with ids that come again and again."""
        expected = []
        batches = []
        for source, events in requests:
            expected.append([self._is_new(source, *event) for event in events])
            sent = [_event(*event) for event in events]
            batches.append(batch_of(*sent, source=source, received_at=self.now))

        async def together() -> list[list[bool]]:
            return [list(new) for new in await asyncio.gather(*map(self.queue.accept, batches))]

        assert self.run(together()) == expected

    def _is_new(self, source: str, message_id: str, ways: Sequence[str]) -> bool:
        if self.latest.get((source, message_id), 0) > self.clock.ago(DAY):
            return False
        self.latest[source, message_id] = self.now
        by_way = dict(zip(SUBSCRIPTIONS, ways, strict=True))
        filtered = {name for name, way in by_way.items() if way == FILTERED}
        body = _body(message_id, ways)
        event = Known(source, message_id, self.now, len(self.events), body, filtered)
        for name, way in by_way.items():
            self.accepted[name] += way != UNKNOWN
            if way == "matched":
                event.entries[name] = Entry(event, name, self.now)
        self.events.append(event)
        return True

    @rule(
        subscriptions=st.lists(st.sampled_from(SUBSCRIPTIONS), min_size=1, max_size=3),
        n=st.integers(1, 9),
    )
    def lease(self, subscriptions: list[str], n: int) -> None:
        """Those due that nobody holds, by when they came due."""
        for subscription in subscriptions:
            self._lease(subscription, n)

    def _lease(self, subscription: str, n: int, onto: Holder | None = None) -> None:
        for holder in self.holders:
            # All that lapsed is free from the next lease on.
            if holder.lease.subscription == subscription and not self._runs(holder):
                self._lapse(holder)
        free = {
            (entry.event.source, entry.event.message_id, entry.event.accepted_at): entry
            for entry in self.entries(subscription)
            if entry.in_flight and self._is_free(entry) and entry.due_at <= self.now
        }
        expected = sorted(entry.due_at for entry in free.values())[:n]
        lease = self.run(
            self.queue.lease(subscription, n, ttl=TTL, onto=None if onto is None else onto.lease)
        )
        if lease is None:
            assert expected == []
            return
        before = [] if onto is None else onto.entries
        assert len(lease) == len(before) + len(expected)
        found = []
        for position in range(len(before), len(lease)):
            leased = lease.delivery(position)
            entry = free.pop((leased.source, leased.message_id, leased.accepted_at))
            assert (leased.attempt, lease.bodies[position]) == (
                entry.attempts + entry.lapsed + 1,
                entry.event.body,
            )
            found.append(entry)
        assert [entry.due_at for entry in found] == expected
        self._check_order(found)
        holder = Holder(lease, [*before, *found], self.now + TTL)
        if onto is not None:
            assert lease.token == onto.lease.token
            self.holders.remove(onto)
            found += [entry for entry in before if entry.holder is onto]
        for entry in found:
            entry.holder = holder
        self.holders.append(holder)

    @staticmethod
    def _lapse(holder: Holder) -> None:
        for position in holder.held:
            holder.entries[position].holder = None
            holder.entries[position].lapsed += 1

    def _is_free(self, entry: Entry) -> bool:
        return entry.holder is None or entry.holder.expires_at <= self.now

    @staticmethod
    def _check_order(found: list[Entry]) -> None:
        """Events of which nothing became yet leave in the order in which they came."""
        fresh = [entry.event.order for entry in found if entry.fresh]
        assert fresh == sorted(fresh)

    @rule(data=st.data(), n=st.integers(1, 4))
    def grow(self, data: st.DataObject, n: int) -> None:
        """More is borrowed under the token of a lease that runs."""
        running = [holder for holder in self.holders if holder.held and self._runs(holder)]
        if running:
            # Of what was given back, one delivery may be borrowed again under the same token.
            part = self._narrow(data.draw(st.sampled_from(running)))
            self._lease(part.lease.subscription, n, part)

    def _narrow(self, holder: Holder) -> Holder:
        """The part of a lease that is still held takes the place of the whole."""
        entries = [holder.entries[position] for position in holder.held]
        part = Holder(holder.lease.pick(holder.held), entries, holder.expires_at)
        for entry in entries:
            entry.holder = part
        self.holders[self.holders.index(holder)] = part
        return part

    def _runs(self, holder: Holder) -> bool:
        return holder.expires_at > self.now

    @rule(subscription=st.sampled_from(SUBSCRIPTIONS), n=st.integers(1, 9), data=st.data())
    def settle(self, subscription: str, n: int, data: st.DataObject) -> None:
        """Some more are leased; then parts of several leases are settled together."""
        self._lease(subscription, n)
        calls = []
        expected = []
        for _ in range(data.draw(st.integers(1, 3))):
            if not self.holders:
                return
            holder = data.draw(st.sampled_from(self.holders[-6:]))
            places = data.draw(st.sets(st.sampled_from(range(len(holder.entries))), min_size=1))
            positions = sorted(places)
            usual = self._outcome(data)
            exceptions = {
                inside: self._outcome(data)
                for inside in range(len(positions))
                if data.draw(st.integers(0, 3)) == 0
            }
            expected.append(
                [inside for inside, place in enumerate(positions) if not holder.holds(place)]
            )
            for inside, place in enumerate(positions):
                if holder.holds(place):
                    self._settled(holder.entries[place], exceptions.get(inside, usual))
            calls.append((holder.lease.pick(positions), usual, exceptions))

        async def together() -> list[list[int]]:
            lost = await asyncio.gather(*[self.queue.settle(*call) for call in calls])
            return [list(each) for each in lost]

        assert self.run(together()) == expected

    def _outcome(self, data: st.DataObject) -> Outcome:
        stage = data.draw(st.sampled_from((Stage.DELIVERED, *ENDS, Stage.RETRYING)))
        delay = data.draw(st.sampled_from([-50, 0, 1, 300, 2 * DAY]))
        return Outcome(
            stage=stage,
            reason=stage.value.upper(),
            retry_at=self.now + delay if stage is Stage.RETRYING else None,
            payload=data.draw(st.sampled_from([None, b"p"])),
            exchange=data.draw(st.sampled_from([None, b"shared"])),
        )

    def _settled(self, entry: Entry, outcome: Outcome) -> None:
        entry.holder = None
        entry.fresh = False
        entry.stage = outcome.stage
        entry.attempts += entry.lapsed + 1
        entry.lapsed = 0
        entry.updated_at = self.now
        if outcome.retry_at is not None:
            entry.due_at = outcome.retry_at

    @rule(data=st.data())
    def release_or_extend(self, data: st.DataObject) -> None:
        """Some leases are given back, whole or in part, others run on."""
        for holder in [holder for holder in self.holders if holder.held]:
            if data.draw(st.booleans()):
                places = data.draw(st.sets(st.sampled_from(range(len(holder.entries)))))
                self._release(holder, sorted(places))
            elif data.draw(st.booleans()) and self._runs(holder):
                part = holder.lease.pick(holder.held[:1])
                assert self.run(self.queue.extend(part, TTL))
                holder.expires_at = self.now + TTL

    def _release(self, holder: Holder, places: Sequence[int]) -> None:
        self.run(self.queue.release(holder.lease.pick(places)))
        for place in places:
            if holder.holds(place):
                holder.entries[place].holder = None

    @rule(seconds=st.sampled_from([0.5, 30, TTL, 400, DAY / 2, 2 * DAY]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds

    @rule(
        what=st.sampled_from(["cancel", "replay", "replay rejected", "restart", "forget"]),
        subscription=st.sampled_from(SUBSCRIPTIONS),
    )
    def upkeep(self, what: str, subscription: str) -> None:
        """What comes along now and then."""
        match what:
            case "cancel":
                self._cancel(subscription)
            case "replay":
                self._replay(None, DEAD)
            case "replay rejected":
                self._replay(subscription, frozenset({Stage.REJECTED}))
            case "restart":
                self._restart()
            case _:
                # What was delivered or filtered goes after a day; dead letters stay.
                pruner = Pruner(self.store, Retention(delivered=DAY, dead=10_000 * DAY))
                self.run(pruner.prune(self.now))
                self.forgotten_until = self.now - DAY

    def _cancel(self, subscription: str) -> None:
        # Whether a lease that lapsed still counts as one is nobody's promise.
        for holder in self.holders:
            if holder.lease.subscription == subscription and not self._runs(holder):
                self._release(holder, range(len(holder.entries)))
        ended = [
            entry
            for entry in self.entries(subscription)
            if entry.in_flight and entry.holder is None
        ]
        assert self.run(self.queue.cancel(subscription)) == len(ended)
        for entry in ended:
            entry.stage, entry.updated_at = Stage.EXPIRED, self.now
            entry.attempts, entry.lapsed = entry.attempts + entry.lapsed, 0

    def _replay(self, subscription: str | None, stages: frozenset[Stage]) -> None:
        again = [entry for entry in self.entries(subscription) if entry.stage in stages]
        which = DeadLetterFilter(subscription=subscription, stages=stages)
        assert self.run(self.queue.replay(which)) == len(again)
        for entry in again:
            self._replayed(entry)

    def _replayed(self, entry: Entry) -> None:
        entry.stage, entry.attempts, entry.due_at = Stage.WAITING, 0, self.now
        entry.updated_at, entry.fresh = self.now, False
        self.replayed[entry.subscription] += 1

    def _restart(self) -> None:
        # All leases are lost; everything else is as before.
        self.run(self.stack.aclose())
        for entry in self.entries():
            entry.holder, entry.lapsed = None, 0
        self.start()

    @rule(subscription=st.sampled_from(SUBSCRIPTIONS), data=st.data())
    def backfill(self, subscription: str, data: st.DataObject) -> None:
        """Events of any kind are asked for: only those that were filtered or unknown come due."""
        if not self.events:
            return
        events = data.draw(st.lists(st.sampled_from(self.events), max_size=6, unique=True))
        chosen = {}
        for event in events:
            record = self._record(event)
            if record is not None:
                chosen[record.id] = (event, record.body is not None)
        expected = [
            event for event, whole in chosen.values() if whole and _backfills(event, subscription)
        ]
        assert self.run(self.queue.backfill(subscription, list(chosen))) == len(expected)
        for event in expected:
            if subscription in event.filtered:
                event.filtered.remove(subscription)
                self.replayed[subscription] += 1
            else:
                self.accepted[subscription] += 1
            event.entries[subscription] = Entry(event, subscription, self.now, fresh=False)

    def _record(self, event: Known) -> EventRecord | None:
        records = self.run(self.ledger.event(event.message_id, source=event.source))
        found = [record for record in records if record.accepted_at == event.accepted_at]
        assert len(found) <= 1
        return found[0] if found else None

    def _may_be_gone(self, entry: Entry) -> bool:
        ended = entry.stage in {Stage.DELIVERED, Stage.FILTERED}
        return ended and entry.updated_at <= self.forgotten_until

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """What the ledger tells of an event is what became of it."""
        if not self.events:
            return
        event = data.draw(st.sampled_from(self.events))
        record = self._record(event)
        entries = event.entries.values()
        if record is None:
            assert event.accepted_at <= self.forgotten_until
            assert all(map(self._may_be_gone, entries))
            return
        assert record.body in {event.body, None}
        deliveries = {each.subscription: each for each in record.deliveries}
        for entry in entries:
            found = deliveries.pop(entry.subscription, None)
            if found is None:
                assert self._may_be_gone(entry)
                continue
            assert (found.stage, found.attempts) == (entry.stage, entry.attempts)
            assert (found.due_at is None) is entry.stage.ended
            assert found.due_at in {None, entry.due_at}
        assert set(deliveries) <= event.filtered
        assert all(each.stage is Stage.FILTERED for each in deliveries.values())
        if event.accepted_at > self.forgotten_until:
            assert set(deliveries) == event.filtered

    @invariant()
    def depths_are_exact(self) -> None:
        depths = self.run(self.queue.depths())
        for name in SUBSCRIPTIONS:
            found = depths.get(name, Depth())
            entries = [entry for entry in self.entries(name) if entry.in_flight]
            retrying = sum(entry.stage is Stage.RETRYING for entry in entries)
            assert (found.waiting, found.retrying) == (len(entries) - retrying, retrying)
            held = [entry for entry in entries if entry.holder is not None]
            running = sum(not self._is_free(entry) for entry in held)
            assert running <= found.leased <= len(held)

    @invariant()
    def dead_letters_are_exact(self) -> None:
        page = self.run(self.queue.dead_letters(DeadLetterFilter(), limit=10_000))
        assert page.cursor is None
        listed = Counter((one.subscription, one.message_id, one.stage) for one in page.rows)
        dead = [entry for entry in self.entries() if entry.stage in DEAD]
        assert listed == Counter(
            (entry.subscription, entry.event.message_id, entry.stage) for entry in dead
        )

    @invariant()
    def sums_hold(self) -> None:
        assert self.run(self.ledger.reconcile()).faults == ()

    @invariant()
    def everything_is_counted(self) -> None:
        """Accepted and replayed are what ended and what is in flight, in the counts too."""
        for name in SUBSCRIPTIONS:
            counts = self.run(self.ledger.counts(0, self.now + 60, subscription=name))
            total: Counter[Counted] = Counter()
            for count in counts:
                total[count.counted] += count.n
            assert total[Counted.ACCEPTED] == self.accepted[name]
            assert total[Counted.REPLAYED] == self.replayed[name]
            ends = sum(total[Counted(stage.value)] for stage in ENDS)
            in_flight = sum(entry.in_flight for entry in self.entries(name))
            assert total[Counted.ACCEPTED] + total[Counted.REPLAYED] == ends + in_flight


def _body(message_id: str, ways: Sequence[str]) -> bytes:
    """A body that tells events with one id apart; empty ones among them."""
    return f"{message_id} {ways}".encode() if message_id != IDS[0] else b""


def _event(message_id: str, ways: Sequence[str]) -> Event:
    by_way = dict(zip(SUBSCRIPTIONS, ways, strict=True))
    others = [name for name, way in by_way.items() if way == FILTERED]
    return Event(
        message_id,
        tuple(name for name, way in by_way.items() if way == "matched"),
        filtered={"TRIGGER_FALSE": others} if others else {},
        body=_body(message_id, ways),
    )


def _backfills(event: Known, subscription: str) -> bool:
    """Whether a backfill makes the event due: its trigger filtered it, or never saw it."""
    return subscription not in event.entries


QueueLife.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestQueueLife = QueueLife.TestCase
