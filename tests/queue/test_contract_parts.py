"""The contract of every engine: a lease that is settled, extended or grown part by part."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import ids_of

from offramp.queue import Depth, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench


async def mixed(bench: Bench, subscription: str = "sub") -> list[str]:
    """Nine events due in this order: two retries, and seven of three batches."""
    start = bench.clock()
    retries = await bench.end(2, Stage.RETRYING, subscription, retry_at=start - 1)
    return retries + [one for n in (3, 1, 3) for one in await bench.accept(n, subscription)]


async def test_a_part_tells_of_its_events_what_the_lease_tells(bench: Bench) -> None:
    """Ids, bodies, attempts and heads stay with their events, however parts are cut."""
    ids = await mixed(bench)
    lease = await bench.take(9)
    assert ids_of(lease) == ids
    for positions in ([0], [8], [1, 2], [0, 2, 4, 6, 8], [3, 4, 5], list(range(9))):
        part = lease.pick(positions)
        assert (len(part), part.token) == (len(positions), lease.token)
        for inside, position in enumerate(positions):
            assert part.id(inside) == lease.id(position)
            assert part.bodies[inside] == lease.bodies[position]
            assert part.attempt(inside) == lease.attempt(position) == (2 if position < 2 else 1)
            assert part.delivery(inside) == lease.delivery(position)
    inner = lease.pick([1, 3, 5, 7]).pick([1, 2])
    assert ids_of(inner) == [ids[3], ids[5]]


@pytest.mark.parametrize("seed", range(5))
async def test_parts_are_settled_in_any_order(bench: Bench, seed: int) -> None:
    """Three requests bring three outcomes; each event stands where its own one says."""
    dice = random.Random(seed)
    ids = await mixed(bench)
    lease = await bench.take(9)
    places = dice.sample(range(9), 9)
    parts = [sorted(places[:4]), sorted(places[4:7]), sorted(places[7:])]
    stages = [Stage.DELIVERED, Stage.REJECTED, Stage.RETRYING]
    expected: dict[int, Stage] = {}
    for part, stage in zip(parts, stages, strict=True):
        assert await bench.settle(lease.pick(part), stage, reason=f"{seed}", status=seed) == []
        expected |= dict.fromkeys(part, stage)
    assert await bench.stages(ids) == [expected[position] for position in range(9)]
    assert await bench.queue.depth("sub") == Depth(retrying=2)
    await bench.reopen()
    assert await bench.stages(ids) == [expected[position] for position in range(9)]


async def test_parts_are_settled_at_once(bench: Bench) -> None:
    """A hundred requests of one lease end together: nothing is lost or doubled."""
    ids = await bench.accept(700) + await bench.accept(300)
    lease = await bench.take(1_000)
    parts = [lease.pick(range(n, 1_000, 100)) for n in range(100)]
    stages = [(Stage.DELIVERED, Stage.REJECTED, Stage.FILTERED)[n % 3] for n in range(100)]
    lost = await asyncio.gather(*map(bench.settle, parts, stages))
    assert lost == [[]] * 100
    assert await bench.queue.depth("sub") == Depth()
    for position in (*range(0, 1_000, 97), 999):
        assert await bench.stage(ids[position]) is stages[position % 100]
    assert await bench.settle(lease, Stage.DELIVERED) == list(range(1_000))


async def test_parts_that_overlap_are_settled_once(bench: Bench) -> None:
    """What another part settled before is reported as lost, by its position in this part."""
    ids = await mixed(bench)
    lease = await bench.take(9)
    assert await bench.settle(lease.pick([1, 2, 3]), Stage.DELIVERED) == []
    late = lease.pick([0, 2, 3, 4])
    assert await bench.settle(late, Stage.REJECTED, {1: Stage.EXPIRED, 3: Stage.EXPIRED}) == [1, 2]
    assert await bench.settle(lease, Stage.FILTERED) == [0, 1, 2, 3, 4]
    assert await bench.stages(ids) == [
        Stage.REJECTED,
        *[Stage.DELIVERED] * 3,
        Stage.EXPIRED,
        *[Stage.FILTERED] * 4,
    ]


async def test_parts_at_once_that_overlap_are_settled_once(bench: Bench) -> None:
    """Of two outcomes for one event that come together, one stands and one is reported as lost."""
    ids = await bench.accept(20)
    lease = await bench.take(20)
    lost = await asyncio.gather(
        bench.settle(lease.pick(range(15)), Stage.DELIVERED),
        bench.settle(lease.pick(range(5, 20)), Stage.REJECTED),
    )
    assert sum(map(len, lost)) == 10
    stages = await bench.stages(ids)
    assert stages[:5] == [Stage.DELIVERED] * 5
    assert stages[15:] == [Stage.REJECTED] * 5
    assert set(stages[5:15]) <= {Stage.DELIVERED, Stage.REJECTED}
    assert await bench.queue.depth("sub") == Depth()


async def test_releasing_a_part_gives_back_that_part(bench: Bench) -> None:
    """The rest stays with its holder, and what is given back is the same attempt again."""
    ids = await mixed(bench)
    lease = await bench.take(9)
    await bench.queue.release(lease.pick([0, 3, 8]))
    assert (await bench.queue.depth("sub")).leased == 6
    again = await bench.take(3)
    assert ids_of(again) == [ids[0], ids[3], ids[8]]
    assert [again.attempt(position) for position in range(3)] == [2, 1, 1]
    assert await bench.lease(9) is None
    assert await bench.settle(lease, Stage.DELIVERED) == [0, 3, 8]
    assert await bench.settle(again, Stage.REJECTED) == []


async def test_extending_a_part_extends_all_that_is_held(bench: Bench) -> None:
    """One heartbeat keeps the whole lease, and what is left of it once parts are settled."""
    await mixed(bench)
    lease = await bench.take(9, ttl=10)
    bench.clock.move(8)
    assert await bench.queue.extend(lease.pick([4]), 10)
    bench.clock.move(8)
    assert await bench.lease(9) is None
    await bench.settle(lease.pick([4]), Stage.DELIVERED)
    assert await bench.queue.extend(lease, 10)
    bench.clock.move(8)
    assert await bench.lease(9) is None
    bench.clock.move(3)
    assert len(await bench.take(8)) == 8
    assert not await bench.queue.extend(lease, 10)


async def test_a_late_holder_hears_which_outcomes_were_not_stored(bench: Bench) -> None:
    """What was given on is lost, the new holder's outcomes count; what is not lost is stored."""
    ids = await mixed(bench)
    late = await bench.take(9, ttl=10)
    bench.clock.move(11)
    new = await bench.take(4, ttl=10)
    assert ids_of(new) == ids[:4]
    places = [1, 3, 5, 7]
    lost = await bench.settle(late.pick(places), Stage.REJECTED)
    # An engine may free all that lapsed together, also what nobody wanted yet.
    assert {0, 1} <= set(lost) <= {0, 1, 2, 3}
    assert await bench.settle(new, Stage.DELIVERED) == []
    stored = [places[inside] for inside in range(4) if inside not in lost]
    for position, message_id in enumerate(ids):
        expected = Stage.REJECTED if position in stored else Stage.WAITING
        assert await bench.stage(message_id) is (Stage.DELIVERED if position < 4 else expected)
    assert ids_of(await bench.lease(9)) == [
        ids[position] for position in range(4, 9) if position not in stored
    ]


async def test_what_was_given_on_and_settled_is_lost(bench: Bench) -> None:
    """Even if nobody holds it any more, and even if it waits for another attempt."""
    await bench.accept(3)
    late = await bench.take(3, ttl=10)
    bench.clock.move(11)
    new = await bench.take(2, ttl=10)
    await bench.settle(new, Stage.DELIVERED, {1: Stage.RETRYING})
    assert set(await bench.settle(late.pick([0, 1]), Stage.EXPIRED)) == {0, 1}
    bench.clock.move(60)
    again = await bench.take(2)
    # The late holder may have made an attempt of each.
    assert sorted(again.attempt(position) for position in range(2)) == [2, 3]
    assert await bench.settle(late, Stage.EXPIRED) == [0, 1, 2]


async def test_a_lease_grows_under_its_token(bench: Bench) -> None:
    """What is borrowed onto a lease stands behind its own, and is settled with it."""
    ids = await mixed(bench)
    first = await bench.take(4)
    grown = await bench.queue.lease("sub", 3, ttl=60, onto=first)
    assert grown is not None
    assert (ids_of(grown), grown.token) == (ids[:7], first.token)
    assert list(grown.bodies) == [f'{{"messageId":"{one}"}}'.encode() for one in ids[:7]]
    assert [grown.attempt(position) for position in range(7)] == [2, 2, 1, 1, 1, 1, 1]
    assert (await bench.queue.depth("sub")).leased == 7
    assert await bench.settle(grown.pick([3, 4]), Stage.REJECTED) == []
    assert await bench.settle(first, Stage.DELIVERED) == [3]
    assert await bench.settle(grown, Stage.DELIVERED) == [0, 1, 2, 3, 4]
    assert ids_of(await bench.lease(9)) == ids[7:]


async def test_a_lease_that_grew_runs_as_one(bench: Bench) -> None:
    """All of it expires a new time after it grew; each kept, extended or lapsed together."""
    ids = await bench.accept(2)
    first = await bench.take(1, ttl=10)
    bench.clock.move(8)
    grown = await bench.queue.lease("sub", 1, ttl=10, onto=first)
    assert grown is not None
    bench.clock.move(8)
    assert await bench.lease(2) is None
    assert await bench.queue.extend(first, 10)
    bench.clock.move(8)
    assert await bench.lease(2) is None
    bench.clock.move(3)
    assert ids_of(await bench.lease(2)) == ids
    assert await bench.settle(grown, Stage.REJECTED) == [0, 1]


async def test_a_lease_grows_once_something_comes(bench: Bench) -> None:
    """Waiting for more ends empty-handed or with more, and either way the lease holds."""
    ids = await bench.accept(1)
    first = await bench.take(1)
    assert await bench.queue.lease("sub", 5, ttl=60, wait=0.02, onto=first) is None
    growing = asyncio.create_task(bench.queue.lease("sub", 5, ttl=60, wait=5, onto=first))
    await asyncio.sleep(0.02)
    ids += await bench.accept(2)
    async with asyncio.timeout(2):
        grown = await growing
    assert grown is not None
    assert ids_of(grown) == ids
    assert await bench.settle(grown, Stage.DELIVERED) == []


async def test_releasing_what_grew_gives_all_back(bench: Bench) -> None:
    """In the old order, each once."""
    ids = await mixed(bench)
    first = await bench.take(2)
    grown = await bench.queue.lease("sub", 9, ttl=60, onto=first)
    assert grown is not None
    await bench.queue.release(grown)
    assert ids_of(await bench.lease(20)) == ids
    assert await bench.settle(first, Stage.DELIVERED) == [0, 1]


async def test_settling_a_part_leaves_other_subscriptions_alone(bench: Bench) -> None:
    """Two subscriptions settle odd and even events of one block in turns."""
    ids = await bench.accept(10, "a", "b")
    left, right = await bench.take(10, "a"), await bench.take(10, "b")
    await bench.settle(left.pick(range(0, 10, 2)), Stage.DELIVERED)
    await bench.settle(right.pick(range(1, 10, 2)), Stage.DELIVERED)
    await bench.settle(left.pick(range(1, 10, 2)), Stage.REJECTED)
    await bench.queue.release(right)
    assert ids_of(await bench.lease(10, "b")) == ids[::2]
    for n, message_id in enumerate(ids):
        assert await bench.stage(message_id, "a") is (Stage.REJECTED if n % 2 else Stage.DELIVERED)
        assert await bench.stage(message_id, "b") is (Stage.DELIVERED if n % 2 else Stage.WAITING)
