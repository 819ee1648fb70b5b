"""The contract of every engine: what `lease`, `extend`, `release` and `close` promise."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from offramp.queue import Lease, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

#: Seconds within which "at once" has to be: far above a few milliseconds, for a busy machine.
AT_ONCE = 0.4


async def wait_for_lease(bench: Bench) -> tuple[list[Lease], float]:
    """Lease one with a long wait; tells how long that took, in seconds."""
    began = time.monotonic()
    leases = await bench.queue.lease("lane", 1, ttl=60, wait=5)
    return leases, time.monotonic() - began


async def test_oldest_first_and_no_more_than_asked_for(bench: Bench) -> None:
    """Events leave in the order in which they came."""
    ids = []
    for _ in range(5):
        ids += await bench.accept(2)
        bench.clock.move(1)
    assert [lease.message_id for lease in await bench.lease(7)] == ids[:7]
    assert [lease.message_id for lease in await bench.lease(7)] == ids[7:]
    assert await bench.lease(7) == []
    assert await bench.lease(0) == []


async def test_what_is_leased_is_not_leased_again(bench: Bench) -> None:
    """Concurrent callers share a lane out among themselves."""
    ids = await bench.accept(100)
    shares = await asyncio.gather(*[bench.lease(10) for _ in range(12)])
    leased = [lease.message_id for share in shares for lease in share]
    assert sorted(leased) == sorted(ids)
    tokens = {lease.token for share in shares for lease in share}
    assert len(tokens) == 100


async def test_lanes_do_not_see_each_other(bench: Bench) -> None:
    """A lane with a long backlog leaves the others alone."""
    await bench.accept(500, "busy")
    (calm,) = await bench.accept(1, "calm")
    assert [lease.message_id for lease in await bench.lease(10, "calm")] == [calm]
    assert await bench.lease(10, "unknown") == []


async def test_waiting_ends_without_anything_to_do(bench: Bench) -> None:
    """An empty answer comes after the wait, not before."""
    began = time.monotonic()
    assert await bench.queue.lease("lane", 1, ttl=60, wait=0.1) == []
    assert 0.09 < time.monotonic() - began < 0.1 + AT_ONCE


async def test_waiting_wakes_for_an_accept(bench: Bench) -> None:
    """An event is on its way milliseconds after it was accepted."""
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    ids = await bench.accept(1)
    leases, took = await waiting
    assert ([lease.message_id for lease in leases], took < 0.05 + AT_ONCE) == (ids, True)


async def test_waiting_wakes_for_a_retry_that_comes_due(bench: Bench) -> None:
    """A retry comes at its time, neither before nor much later."""
    bench.clock.run()
    await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 0.2)
    leases, took = await wait_for_lease(bench)
    assert len(leases) == 1
    assert 0.15 < took < 0.2 + AT_ONCE


async def test_waiting_wakes_for_a_lease_that_lapses(bench: Bench) -> None:
    """What a hung holder had is lent to the next one by itself."""
    bench.clock.run()
    ids = await bench.accept(1)
    await bench.lease(1, ttl=0.2)
    leases, took = await wait_for_lease(bench)
    assert [lease.message_id for lease in leases] == ids
    assert 0.15 < took < 0.2 + AT_ONCE


async def test_waiting_wakes_for_a_release(bench: Bench) -> None:
    """What is given back is lent again at once, as the same attempt."""
    await bench.accept(1)
    first = await bench.lease(1)
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    await bench.queue.release(first)
    (again,), took = await waiting
    assert (again.id, again.attempt) == (first[0].id, 1)
    assert again.token != first[0].token
    assert took < 0.05 + AT_ONCE
    assert await bench.settle(first, Stage.DELIVERED) == [False]


async def test_waiting_wakes_for_a_clock_that_jumps_ahead(bench: Bench) -> None:
    """After a machine slept, what came due meanwhile is found soon."""
    await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 3_600)
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    bench.clock.move(3_600)
    leases, took = await waiting
    assert len(leases) == 1
    assert took < 1 + AT_ONCE


async def test_waiting_callers_of_a_lane_each_get_their_own(bench: Bench) -> None:
    """Ten who wait are served by ten events."""
    waiting = [asyncio.create_task(wait_for_lease(bench)) for _ in range(10)]
    await asyncio.sleep(0.05)
    ids = await bench.accept(10)
    served = [lease.message_id for leases, _ in await asyncio.gather(*waiting) for lease in leases]
    assert sorted(served) == sorted(ids)


async def test_a_cancelled_wait_takes_nothing_with_it(bench: Bench) -> None:
    """Whoever leaves holds no lease."""
    await bench.accept(1)
    for _ in range(20):
        call = asyncio.create_task(bench.lease(1))
        await asyncio.sleep(0)
        call.cancel()
        leases = await asyncio.gather(call, return_exceptions=True)
        for lease in leases[0] if isinstance(leases[0], list) else ():
            await bench.queue.release([lease])
    assert len(await bench.lease(1)) == 1


async def test_a_fresh_event_passes_two_thousand_delayed_ones(bench: Bench) -> None:
    """What waits for its time stands in nobody's way."""
    await bench.end(2_000, Stage.RETRYING, retry_at=bench.clock() + 3_600)
    (fresh,) = await bench.accept(1)
    assert [lease.message_id for lease in await bench.lease(10)] == [fresh]


async def test_a_retry_that_is_due_stands_in_line(bench: Bench) -> None:
    """Its place is by when it came due, so that neither it nor fresh events starve."""
    (retried,) = await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 10)
    before = await bench.accept(2)
    bench.clock.move(20)
    after = await bench.accept(2)
    leases = await bench.lease(10)
    assert [lease.message_id for lease in leases] == [*before, retried, *after]


async def test_a_lease_lapses_and_is_given_on(bench: Bench) -> None:
    """The late holder is fenced off: the outcome that counts is the new holder's."""
    await bench.accept(1)
    late = await bench.lease_one(ttl=10)
    bench.clock.move(9)
    assert await bench.lease(1) == []
    bench.clock.move(2)
    new = await bench.lease_one(ttl=10)
    assert (new.id, new.token != late.token) == (late.id, True)
    assert await bench.settle([late], Stage.REJECTED) == [False]
    assert await bench.settle([new], Stage.DELIVERED) == [True]
    assert await bench.stage(new.message_id) is Stage.DELIVERED


async def test_extending_keeps_a_lease(bench: Bench) -> None:
    """A long call that beats its heart is not given on, and lapses once it stops."""
    await bench.accept(1)
    lease = await bench.lease_one(ttl=10)
    for _ in range(5):
        bench.clock.move(8)
        assert await bench.queue.extend([lease], 10) == [True]
        assert await bench.lease(1) == []
    bench.clock.move(11)
    assert len(await bench.lease(1)) == 1
    assert await bench.queue.extend([lease], 10) == [False]


async def test_a_lost_lease_cannot_be_extended_or_released(bench: Bench) -> None:
    """Once settled, the lease is nobody's."""
    await bench.accept(1)
    leases = await bench.lease(1)
    await bench.settle(leases, Stage.DELIVERED)
    assert await bench.queue.extend(leases, 10) == [False]
    await bench.queue.release(leases)
    assert await bench.lease(1) == []


async def test_leases_of_another_run_are_lost(bench: Bench) -> None:
    """A lease does not survive the process that granted it."""
    await bench.accept(1)
    old = await bench.lease_one()
    await bench.reopen()
    new = await bench.lease_one()
    assert await bench.settle([old], Stage.REJECTED) == [False]
    assert await bench.settle([new], Stage.DELIVERED) == [True]


async def test_closing_gives_leases_back_and_ends_waiting(bench: Bench) -> None:
    """After a restart everything unsettled is due at once, without waiting for a lapse."""
    ids = await bench.accept(3)
    held = await bench.lease(2, ttl=3_600)
    waiting = asyncio.create_task(bench.queue.lease("other", 1, ttl=60, wait=60))
    await asyncio.sleep(0.01)
    await bench.queue.close()
    async with asyncio.timeout(AT_ONCE):
        assert await waiting == []
    assert await bench.settle(held, Stage.DELIVERED) == [False, False]
    await bench.reopen()
    assert [lease.message_id for lease in await bench.lease(10)] == ids


async def test_closing_lets_writes_arrive(bench: Bench) -> None:
    """What was on its way when the close began is on disk after it."""
    calls = [asyncio.create_task(bench.queue.accept([bench.item()])) for _ in range(50)]
    await asyncio.sleep(0)
    await bench.queue.close()
    assert await asyncio.gather(*calls) == [[True]] * 50
    await bench.reopen()
    assert len(await bench.lease(100)) == 50


@pytest.mark.parametrize("back", [1, 3_600, 31_536_000], ids=["second", "hour", "year"])
async def test_a_clock_set_back_blocks_nothing(bench: Bench, back: float) -> None:
    """What waits is due, retries keep their delay, leases lapse, whatever the clock was."""
    fresh = await bench.accept(3)
    (leased,) = await bench.lease(1, ttl=30)
    (retried,) = await bench.end(1, Stage.RETRYING, lane="slow", retry_at=bench.clock() + 60)
    bench.clock.move(-back)
    async with asyncio.timeout(5):
        found = await bench.queue.lease("lane", 10, ttl=300, wait=5)
    assert [lease.message_id for lease in found] == fresh[1:]
    assert await bench.lease(1, "slow") == []
    bench.clock.move(31)
    async with asyncio.timeout(5):
        (again,) = await bench.queue.lease("lane", 1, ttl=30, wait=5)
    assert again.message_id == leased.message_id
    bench.clock.move(30)
    async with asyncio.timeout(5):
        (retry,) = await bench.queue.lease("slow", 1, ttl=30, wait=5)
    assert retry.message_id == retried


async def test_a_clock_set_back_while_it_was_off_blocks_nothing(bench: Bench) -> None:
    """The same, if the process was not running when the clock was set."""
    ids = await bench.accept(2)
    bench.clock.move(-86_400)
    await bench.reopen()
    async with asyncio.timeout(5):
        found = await bench.queue.lease("lane", 10, ttl=30, wait=5)
    assert [lease.message_id for lease in found] == ids
