"""The engine on SQLite against a model in plain dicts, through random lives with restarts."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from offramp.queue import (
    Counted,
    DeadFilter,
    Depth,
    Lease,
    NewItem,
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
    from collections.abc import Coroutine

DAY = 86_400
TTL = 100
LANES = ("a", "b", "c")
IDS = [f"m{n}" for n in range(12)]
ENDS = (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED)


@attrs.define(eq=False)
class Entry:
    """One delivery of the model."""

    message_id: str
    lane: str
    order: int
    due_at: float
    stage: Stage = Stage.WAITING
    attempts: int = 0
    lease: Lease | None = None
    expires_at: float = 0

    @property
    def in_flight(self) -> bool:
        return not self.stage.ended


class QueueLife(RuleBasedStateMachine):
    """Random calls; after each of them the depths and all sums must be the model's."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.now = 1_790_000_000.0
        self.accepted_at: dict[str, float] = {}
        self.entries: list[Entry] = []
        self.lost: list[Lease] = []
        self.filtered = dict.fromkeys(LANES, 0)
        self.replayed = dict.fromkeys(LANES, 0)
        self.queue: SqliteQueue
        self.store: Store

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    @initialize()
    def start(self) -> None:
        async def opened() -> None:
            store = Store.open(Path(self.folder.name))
            self.store = await self.stack.enter_async_context(store)
            queue = open_queue(self.store, now=lambda: self.now)
            self.queue = await self.stack.enter_async_context(queue)

        self.run(opened())

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(
        calls=st.lists(
            st.lists(
                st.tuples(st.sampled_from(IDS), st.sets(st.sampled_from(LANES))),
                min_size=1,
                max_size=6,
            ),
            min_size=1,
            max_size=3,
        )
    )
    def accept(self, calls: list[list[tuple[str, set[str]]]]) -> None:
        """Several callers at once, with ids that come again and again."""
        expected = []
        items = []
        for call in calls:
            expected.append([self._is_new(message_id, lanes) for message_id, lanes in call])
            items.append([self._item(message_id, lanes) for message_id, lanes in call])

        async def together() -> list[list[bool]]:
            return await asyncio.gather(*[self.queue.accept(call) for call in items])

        assert self.run(together()) == expected

    def _is_new(self, message_id: str, lanes: set[str]) -> bool:
        if self.accepted_at.get(message_id, 0) > self.now - DAY:
            return False
        self.accepted_at[message_id] = self.now
        for lane in LANES:
            if lane in lanes:
                self.entries.append(Entry(message_id, lane, len(self.entries), self.now))
            else:
                self.filtered[lane] += 1
        return True

    def _item(self, message_id: str, lanes: set[str]) -> NewItem:
        others = [lane for lane in LANES if lane not in lanes]
        return NewItem(
            source="s",
            message_id=message_id,
            type="track",
            received_at=self.now,
            body=message_id.encode(),
            lanes=tuple(lane for lane in LANES if lane in lanes),
            filtered={"TRIGGER_FALSE": others} if others else {},
        )

    @rule(lanes=st.lists(st.sampled_from(LANES), min_size=1, max_size=3), n=st.integers(1, 5))
    def lease(self, lanes: list[str], n: int) -> None:
        """Those due that nobody holds, by when they came due."""
        for lane in lanes:
            self._lease(lane, n)

    def _lease(self, lane: str, n: int) -> None:
        for entry in self.entries:
            if entry.lane == lane and entry.lease and entry.expires_at <= self.now:
                self._lose(entry)
        free = [
            entry
            for entry in self.entries
            if entry.lane == lane
            and entry.in_flight
            and entry.lease is None
            and entry.due_at <= self.now
        ]
        expected = sorted(free, key=lambda entry: (entry.due_at, entry.order))[:n]
        leases = self.run(self.queue.lease(lane, n, ttl=TTL))
        assert [(one.message_id, one.attempt) for one in leases] == [
            (entry.message_id, entry.attempts + 1) for entry in expected
        ]
        for entry, lease in zip(expected, leases, strict=True):
            assert lease.body == entry.message_id.encode()
            entry.lease, entry.expires_at = lease, self.now + TTL

    def _lose(self, entry: Entry) -> None:
        if entry.lease is not None:
            self.lost.append(entry.lease)
            entry.lease = None

    @rule(lane=st.sampled_from(LANES), n=st.integers(1, 5), data=st.data())
    def deliver(self, lane: str, n: int, data: st.DataObject) -> None:
        """Some more are leased, and a mixed batch is settled, with lost leases among it."""
        self._lease(lane, n)
        held = [entry for entry in self.entries if entry.lease]
        if not held:
            return
        chosen = data.draw(st.lists(st.sampled_from(held), min_size=1, max_size=6, unique=True))
        late = [
            Outcome(lease=lease, stage=Stage.DELIVERED, reason="LATE") for lease in self.lost[-2:]
        ]
        outcomes = []
        for entry in chosen:
            stage = data.draw(st.sampled_from((*ENDS, Stage.RETRYING)))
            delay = data.draw(st.sampled_from([-50, 0, 1, 300, 2 * DAY]))
            outcomes.append(self._outcome(entry, stage, self.now + delay))
        settled = self.run(self.queue.settle([*late, *outcomes]))
        assert settled == [False] * len(late) + [True] * len(outcomes)

    def _outcome(self, entry: Entry, stage: Stage, retry_at: float) -> Outcome:
        assert entry.lease is not None
        retries = stage is Stage.RETRYING
        outcome = Outcome(
            lease=entry.lease,
            stage=stage,
            reason=stage.value.upper(),
            retry_at=retry_at if retries else None,
            payload=b"p" if entry.order % 2 else None,
            exchange=b"shared" if entry.order % 3 else None,
        )
        self._lose(entry)
        entry.stage = stage
        entry.attempts += 1
        entry.due_at = retry_at
        return outcome

    @rule(data=st.data())
    def release_or_extend(self, data: st.DataObject) -> None:
        """Some leases are given back, others run on."""
        for entry in [entry for entry in self.entries if entry.lease]:
            assert entry.lease is not None
            if data.draw(st.booleans()):
                self.run(self.queue.release([entry.lease]))
                self._lose(entry)
            elif data.draw(st.booleans()):
                assert self.run(self.queue.extend([entry.lease], TTL)) == [True]
                entry.expires_at = self.now + TTL

    @rule(seconds=st.sampled_from([0.5, 30, TTL, 400, DAY / 2, 2 * DAY]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds

    @rule(
        what=st.sampled_from(["cancel", "replay", "replay rejected", "restart", "forget"]),
        lane=st.sampled_from(LANES),
    )
    def upkeep(self, what: str, lane: str) -> None:
        """What comes along now and then."""
        match what:
            case "cancel":
                self._cancel(lane)
            case "replay":
                self._replay(None, {Stage.REJECTED, Stage.EXPIRED})
            case "replay rejected":
                self._replay(lane, {Stage.REJECTED})
            case "restart":
                self._restart()
            case _:
                # What was delivered or filtered goes after a day; the model keeps all ends.
                pruner = Pruner(self.store, Retention(delivered=DAY, dead=10_000 * DAY))
                self.run(pruner.prune(self.now))

    def _cancel(self, lane: str) -> None:
        # What is leased stays with its holder.
        ended = [
            entry
            for entry in self.entries
            if entry.lane == lane and entry.in_flight and entry.lease is None
        ]
        assert self.run(self.queue.cancel(lane)) == len(ended)
        for entry in ended:
            entry.stage = Stage.EXPIRED

    def _replay(self, lane: str | None, stages: set[Stage]) -> None:
        again = [
            entry for entry in self.entries if entry.stage in stages and lane in {entry.lane, None}
        ]
        which = DeadFilter(lane=lane, stages=frozenset(stages))
        assert self.run(self.queue.replay(which)) == len(again)
        for entry in again:
            entry.stage, entry.attempts, entry.due_at = Stage.WAITING, 0, self.now
            self.replayed[entry.lane] += 1

    def _restart(self) -> None:
        # All leases are lost; everything else is as before.
        self.run(self.stack.aclose())
        for entry in self.entries:
            self._lose(entry)
        self.start()

    @invariant()
    def depths_are_exact(self) -> None:
        depths = self.run(self.queue.depths())
        for lane in LANES:
            entries = [entry for entry in self.entries if entry.lane == lane and entry.in_flight]
            retrying = sum(entry.stage is Stage.RETRYING for entry in entries)
            leased = sum(entry.lease is not None for entry in entries)
            expected = Depth(waiting=len(entries) - retrying, retrying=retrying, leased=leased)
            assert depths.get(lane, Depth()) == expected

    @invariant()
    def sums_hold(self) -> None:
        audit = self.run(SqliteLedger(self.store).audit())
        assert audit.faults == ()

    @invariant()
    def everything_is_counted(self) -> None:
        """Accepted and replayed are what ended and what is in flight, in the counts too."""
        for lane in LANES:
            counts = self.run(SqliteLedger(self.store).counts(0, self.now + 60, lane=lane))
            total = dict.fromkeys(Counted, 0)
            for count in counts:
                total[count.counted] += count.n
            entries = [entry for entry in self.entries if entry.lane == lane]
            assert total[Counted.ACCEPTED] == len(entries) + self.filtered[lane]
            assert total[Counted.REPLAYED] == self.replayed[lane]
            ends = sum(total[Counted(stage.value)] for stage in ENDS)
            in_flight = sum(entry.in_flight for entry in entries)
            assert total[Counted.ACCEPTED] + total[Counted.REPLAYED] == ends + in_flight


QueueLife.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestQueueLife = QueueLife.TestCase
