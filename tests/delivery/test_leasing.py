"""What a worker has leased: sent in full batches, and given back where it cannot go now."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import (
    PATIENCE,
    Partner,
    Take,
    attempt,
    config,
    event,
    make_plan,
    make_small_runtime,
    prepare,
    running,
)
from tests.delivery.virtual import MemoryQueue, World, run
from tests.waiting import until

from offramp import Batch, OutgoingRequest, Response
from offramp.delivery import Engine, Plan, keeper, worker
from offramp.delivery.engine import FINISH_SECONDS
from offramp.delivery.limits import MAX_CONCURRENCY, WaitGroup
from offramp.errors import StorageError
from offramp.queue import Depth, Lease, Outcome, Reason, Stage

SUBSCRIPTION = "small/one"
#: More than any worker leases at once.
MANY = 1_000
#: Seconds that a stop takes that waits for nothing, on a machine that is busy.
AT_ONCE = FINISH_SECONDS / 4


@attrs.define
class WaitingPartner(Partner):
    """A partner whose answers wait until they are let go."""

    go: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        answer = await super().__call__(outgoing)
        await self.go.wait()
        return answer


async def depth(engine: Engine) -> Depth:
    return await engine.queue.depth(SUBSCRIPTION)


@pytest.mark.parametrize("action", ["take", "takeOne"])
async def test_a_dead_partner_does_not_hold_up_the_stop(tmp_path: Path, action: str) -> None:
    """What stood at the breaker when it opened is given back, and arrives after the start."""
    ids = [f"m{number}" for number in range(MANY)]
    dead = Partner(judge=lambda ids: 503)
    async with running(tmp_path, dead) as (engine, _):
        await engine.apply(config(action=action))
        await engine.accept("site", [event(each) for each in ids])
        gate = engine.snapshot.runtimes["small"].gate
        await until(
            lambda: gate.state == "open" and gate.pause > FINISH_SECONDS / 10, within=PATIENCE
        )
        async with asyncio.timeout(PATIENCE):
            while (await depth(engine)).leased:  # noqa: ASYNC110 - nobody signals it
                await asyncio.sleep(0.01)
        started = time.monotonic()
        await engine.stop()
        assert time.monotonic() - started < AT_ONCE
        assert (await depth(engine)).leased == 0
        tried = {each for request in dead.requests for each in request}
        assert (await depth(engine)).retrying == len(tried)
    partner = Partner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config(action=action))
        assert await engine.wait_until_idle(timeout=3 * PATIENCE)
        assert (await ledger.reconcile()).ok
    assert Counter(partner.taken) == Counter(ids)


@pytest.mark.parametrize("action", ["take", "takeOne"])
async def test_requests_under_way_are_waited_for(tmp_path: Path, action: str) -> None:
    """They end as delivered; what stood behind them is neither sent nor kept."""
    partner = WaitingPartner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config(action=action))
        await engine.accept("site", [event(f"m{number}") for number in range(MANY)])
        await until(lambda: len(partner.requests) > 1, within=PATIENCE)
        stop = asyncio.create_task(engine.stop())
        await asyncio.sleep(0.1)
        assert not stop.done()
        asked = list(partner.requests)
        assert (await depth(engine)).leased == len(partner.taken)
        partner.go.set()
        await stop
        assert partner.requests == asked
        assert await depth(engine) == Depth(waiting=MANY - len(partner.taken))
        assert (await ledger.reconcile()).ok


async def test_a_request_that_a_stop_cancels_counts_as_an_attempt(tmp_path: Path) -> None:
    """The partner may have taken what it got: the record says so after the restart."""
    partner = WaitingPartner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event("sent")])
        await until(lambda: len(partner.requests) == 1, within=PATIENCE)
        await engine.stop(within=0.1)
    async with running(tmp_path, partner) as (engine, ledger):
        [delivery] = (await ledger.event("sent"))[0].deliveries
        assert (delivery.stage, delivery.reason) == (Stage.RETRYING, Reason.ANSWER_UNKNOWN)
        partner.go.set()
        await engine.apply(config())
        assert await engine.wait_until_idle(timeout=PATIENCE)
        [delivery] = (await ledger.event("sent"))[0].deliveries
    assert len(partner.requests) == delivery.attempts == 2
    assert delivery.unknown_answers == 1


@pytest.mark.parametrize("action", ["take", "takeOne"])
async def test_a_change_gives_back_what_waits_and_sends_nothing_twice(
    tmp_path: Path, action: str
) -> None:
    """The new version delivers what the old one had leased and not begun."""
    partner = WaitingPartner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config(action=action))
        await engine.accept("site", [event(f"m{number}") for number in range(MANY)])
        await until(lambda: len(partner.requests) > 1, within=PATIENCE)
        old = set(partner.taken)
        await engine.apply(config(action=action, id={"@template": "new-{{ messageId }}"}))
        partner.go.set()
        assert await engine.wait_until_idle(timeout=3 * PATIENCE)
        assert (await ledger.reconcile()).ok
    wanted = {f"m{number}" for number in range(MANY)}
    new = {f"new-{each}" for each in wanted - old}
    assert Counter(partner.taken) == Counter(old | new)


async def test_leases_that_wait_for_their_turn_too_long_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All batches leased ahead together wait no longer than one may; they arrive later, once."""
    monkeypatch.setattr(worker, "PATIENCE_SECONDS", 0.05)
    partner = WaitingPartner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config())
        await engine.accept("site", [event(f"m{number}") for number in range(MANY)])
        await until(lambda: len(partner.requests) > 1, within=PATIENCE)
        await asyncio.sleep(0.2)
        begun = engine.snapshot.runtimes["small"].gate.limit + 1
        assert (await depth(engine)).leased <= begun * 100
        partner.go.set()
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert (await ledger.reconcile()).ok
    assert Counter(partner.taken) == Counter(f"m{number}" for number in range(MANY))


async def test_a_line_that_closes_in_a_bisection_keeps_what_was_delivered() -> None:
    """The half that arrived has its outcome, so only the other may be sent again."""
    wait_group = WaitGroup()

    def judge(ids: Sequence[str]) -> int:
        if len(ids) > 2:
            return 400
        wait_group.close()
        return 200

    partner = Partner(judge=judge)
    plan = make_plan()
    batch = prepare(plan, ["m1", "m2", "m3", "m4"])
    results = await attempt(make_small_runtime(partner), plan, batch, wait_group)
    assert partner.taken == ["m1", "m2"]
    assert [sent.held_back for sent in results] == [False, False, True, True]
    assert {sent.error for sent in results} == {None}


async def test_whoever_leaves_a_line_gives_up_the_place() -> None:
    """A closed line costs the gate nothing: the next one passes, and a cancelled one is that."""
    gate = make_small_runtime(Partner(), max_concurrency=1).gate
    wait_group, other = WaitGroup(), WaitGroup()
    assert await wait_group.enter(gate)
    waits = [
        asyncio.create_task(each.enter(gate)) for each in (wait_group, wait_group, other, other)
    ]
    await asyncio.sleep(0)
    wait_group.close()
    wait_group.close()
    assert await asyncio.gather(*waits[:2]) == [False, False]
    assert not await wait_group.enter(gate)
    waits[2].cancel()
    gate.leave()
    assert await waits[3]
    with pytest.raises(asyncio.CancelledError):
        await waits[2]


async def test_the_last_of_the_batches_leased_ahead_is_given_time_to_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that leases one batch and a half sends two full ones, if the rest comes soon."""
    monkeypatch.setattr(Take, "batch", Batch(max_events=100, linger=timedelta(seconds=1)))
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event(f"m{number}") for number in range(150)])
        await until(lambda: len(partner.requests) > 0, within=PATIENCE)
        await engine.accept("site", [event(f"n{number}") for number in range(50)])
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert [len(request) for request in partner.requests] == [100, 100]


async def test_a_stop_does_not_wait_for_a_batch_to_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given time to fill is given back, unsent."""
    monkeypatch.setattr(Take, "batch", Batch(max_events=100, linger=timedelta(minutes=10)))
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        await asyncio.sleep(0.2)
        assert (await depth(engine)).leased == 1
        started = time.monotonic()
        await engine.stop()
        assert time.monotonic() - started < AT_ONCE
        assert await depth(engine) == Depth(waiting=1)
    assert not partner.requests


async def test_many_busy_subscriptions_hold_few_events_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each prepares a batch, and more only as far as requests may be sent at once."""
    payload_of = Plan.payload_of
    prepared = 0

    def counted(self: Plan, *args: Any, **more: Any) -> Any:
        nonlocal prepared
        prepared += 1
        return payload_of(self, *args, **more)

    monkeypatch.setattr(Plan, "payload_of", counted)
    partner = WaitingPartner()
    many = 20
    [one] = config().subscriptions.values()
    names = [f"small/n{number}" for number in range(many)]
    subscriptions = {name: attrs.evolve(one, id=name, name=name[6:]) for name in names}
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(attrs.evolve(config(), subscriptions=subscriptions))
        await engine.accept("site", [event(f"m{number}") for number in range(MANY)])
        gate = engine.snapshot.runtimes["small"].gate
        await until(lambda: len(partner.requests) >= gate.limit, within=PATIENCE)
        await asyncio.sleep(0.2)
        assert many * 100 <= prepared <= (many + gate.limit + 1) * 100
        partner.go.set()
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert (await ledger.reconcile()).ok
    assert Counter(partner.taken) == Counter({f"m{number}": many for number in range(MANY)})


def test_a_request_that_takes_longer_than_a_lease_keeps_it() -> None:
    """Its events are sent once, and no other worker gets them meanwhile."""

    async def main() -> None:
        world = World(judge=lambda _: 200, latency=3 * keeper.LEASE_SECONDS)
        world.queue.accept(["m1", "m2", "m3"])
        world.start()
        await world.until(lambda: not world.queue.rows, within=4 * keeper.LEASE_SECONDS)
        assert [ids for _, ids, _ in world.requests] == [["m1", "m2", "m3"]]
        assert set(world.stages.values()) == {"delivered"}
        await world.stop()

    run(main)


@attrs.define(kw_only=True)
class SlowQueue(MemoryQueue):
    """A queue that stores outcomes once it is let go."""

    go: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def settle(
        self, lease: Lease, outcome: Outcome | None, exceptions: Mapping[int, Outcome]
    ) -> Sequence[int]:
        await self.go.wait()
        return await super().settle(lease, outcome, exceptions)


def test_requests_go_on_while_outcomes_are_stored_as_far_as_those_are_bounded() -> None:
    """What waits for the disk holds no place of a request; what waits for it stays bounded."""

    async def main() -> None:
        queue = SlowQueue()
        world = World(judge=lambda _: 200, queue=queue)
        ids = [f"m{number}" for number in range(10_000)]
        queue.accept(ids)
        world.start()
        limit = world.runtime.gate.limit
        await world.until(lambda: len(world.requests) > 2 * limit, within=10)
        await asyncio.sleep(3 * keeper.LEASE_SECONDS)
        assert len(world.requests) <= 2 * (MAX_CONCURRENCY + 1)
        queue.go.set()
        await world.until(lambda: not queue.rows, within=10)
        assert Counter(world.delivered) == Counter(ids)
        await world.stop()

    run(main)


@attrs.define(kw_only=True)
class FullQueue(MemoryQueue):
    """A queue that stores no outcome while it is full."""

    full: bool = False

    async def settle(
        self, lease: Lease, outcome: Outcome | None, exceptions: Mapping[int, Outcome]
    ) -> Sequence[int]:
        if self.full:
            raise StorageError("the disk is full")
        return await super().settle(lease, outcome, exceptions)


@attrs.define
class UnevenWorld(World):
    """No two requests that begin together are answered together."""

    _begun: Iterator[int] = attrs.field(factory=count, init=False)

    async def _answer(self, outgoing: OutgoingRequest) -> Response:
        await asyncio.sleep(0.001 * (next(self._begun) % MAX_CONCURRENCY))
        return await super()._answer(outgoing)


def test_once_it_is_known_that_no_outcome_can_be_stored_nothing_is_sent() -> None:
    """What is under way ends; after the disk has room again, the rest arrives once."""

    async def main() -> None:
        queue = FullQueue()
        world = UnevenWorld(judge=lambda _: 200, queue=queue)
        ids = [f"m{number}" for number in range(20_000)]
        queue.accept(ids)
        world.start()
        limit = MAX_CONCURRENCY // 2
        await world.until(lambda: world.runtime.gate.limit == limit, within=10, every=0.001)
        queue.full, before = True, len(world.requests)
        await asyncio.sleep(3 * keeper.LEASE_SECONDS)
        assert 0 < len(world.requests) - before <= limit + 2
        queue.full = False
        await world.until(lambda: not queue.rows, within=10)
        assert Counter(world.delivered) == Counter(ids)
        await world.stop()

    run(main)


def test_no_request_is_made_while_a_refusal_cannot_be_stored() -> None:
    """An event that is refused before it is sent has an outcome too, which waits for the disk."""

    async def main() -> None:
        queue = FullQueue(full=True)
        world = World(judge=lambda _: 200, queue=queue)
        queue.accept(["bad"])
        queue.rows["bad"].body = b"{}"
        world.start()
        await asyncio.sleep(keeper.LEASE_SECONDS)
        ids = [f"m{number}" for number in range(1_000)]
        queue.accept(ids)
        await asyncio.sleep(3 * keeper.LEASE_SECONDS)
        assert not world.requests
        queue.full = False
        await world.until(lambda: not queue.rows, within=10)
        assert Counter(world.delivered) == Counter(ids)
        await world.stop()

    run(main)


def test_what_is_stored_keeps_its_place_where_others_fill_the_instance() -> None:
    """Another batch of the subscription would be smaller, and cost a request of its own."""

    async def main() -> None:
        queue = SlowQueue()
        world = World(judge=lambda _: 200, queue=queue)
        ids = [f"m{number}" for number in range(1_000)]
        queue.accept(ids)
        world.runtime.batches = world.runtime.gate.limit  # those of other subscriptions
        world.start()
        await asyncio.sleep(3 * keeper.LEASE_SECONDS)
        sent = len(world.requests)
        assert 0 < sent <= world.runtime.gate.limit
        queue.go.set()
        await world.until(lambda: not queue.rows, within=10)
        assert Counter(world.delivered) == Counter(ids)
        await world.stop()

    run(main)
