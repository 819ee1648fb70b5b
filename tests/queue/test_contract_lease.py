"""The contract of every engine: what `lease`, `extend`, `release` and `close` promise."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import ids_of

from offramp.queue import Depth, Lease, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

#: Seconds within which "at once" has to be: far above a few milliseconds, for a busy machine.
AT_ONCE = 0.4


async def wait_for_lease(bench: Bench) -> tuple[Lease | None, float]:
    """Lease one with a long wait; tells how long that took, in seconds."""
    began = time.monotonic()
    lease = await bench.queue.lease("sub", 1, ttl=60, wait=5)
    return lease, time.monotonic() - began


async def test_oldest_first_and_no_more_than_asked_for(bench: Bench) -> None:
    """Events leave in the order in which they came."""
    ids = []
    for _ in range(5):
        ids += await bench.accept(2)
        bench.clock.move(1)
    assert ids_of(await bench.lease(7)) == ids[:7]
    assert await bench.lease(0) is None
    assert ids_of(await bench.lease(7)) == ids[7:]
    assert await bench.lease(7) is None


async def test_what_is_leased_is_not_leased_again(bench: Bench) -> None:
    """Concurrent callers share a subscription out among themselves, each with its own token."""
    ids = await bench.accept(50) + await bench.accept(50)
    shares = await asyncio.gather(*[bench.lease(10) for _ in range(12)])
    leased = [message_id for share in shares for message_id in ids_of(share)]
    assert sorted(leased) == sorted(ids)
    tokens = [share.token for share in shares if share is not None]
    assert len(set(tokens)) == len(tokens) == 10


async def test_subscriptions_do_not_see_each_other(bench: Bench) -> None:
    """One with a long backlog leaves the others alone."""
    await bench.accept(500, "busy")
    (calm,) = await bench.accept(1, "calm")
    assert ids_of(await bench.lease(10, "calm")) == [calm]
    assert await bench.lease(10, "unknown") is None


async def test_waiting_ends_without_anything_to_do(bench: Bench) -> None:
    """An empty answer comes after the wait, not before."""
    began = time.monotonic()
    assert await bench.queue.lease("sub", 1, ttl=60, wait=0.1) is None
    assert 0.09 < time.monotonic() - began < 0.1 + AT_ONCE


async def test_waiting_wakes_for_an_accept(bench: Bench) -> None:
    """An event is on its way milliseconds after it was accepted."""
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    ids = await bench.accept(1)
    lease, took = await waiting
    assert (ids_of(lease), took < 0.05 + AT_ONCE) == (ids, True)


async def test_waiting_wakes_for_a_retry_that_comes_due(bench: Bench) -> None:
    """A retry comes at its time, neither before nor much later."""
    bench.clock.run()
    ids = await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 0.2)
    lease, took = await wait_for_lease(bench)
    assert ids_of(lease) == ids
    assert 0.15 < took < 0.2 + AT_ONCE


async def test_waiting_wakes_for_a_lease_that_lapses(bench: Bench) -> None:
    """What a hung holder had is lent to the next one by itself."""
    bench.clock.run()
    ids = await bench.accept(1)
    await bench.lease(1, ttl=0.2)
    lease, took = await wait_for_lease(bench)
    assert ids_of(lease) == ids
    assert 0.15 < took < 0.2 + AT_ONCE


async def test_waiting_wakes_for_a_release(bench: Bench) -> None:
    """What is given back is lent again at once, as the same attempt."""
    await bench.accept(1)
    first = await bench.take()
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    await bench.queue.release(first)
    again, took = await waiting
    assert again is not None
    assert (again.id(0), again.attempt(0)) == (first.id(0), 1)
    assert again.token != first.token
    assert took < 0.05 + AT_ONCE
    assert await bench.settle(first, Stage.DELIVERED) == [0]


async def test_waiting_wakes_for_a_clock_that_jumps_ahead(bench: Bench) -> None:
    """After a machine slept, what came due meanwhile is found soon."""
    ids = await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 3_600)
    waiting = asyncio.create_task(wait_for_lease(bench))
    await asyncio.sleep(0.05)
    bench.clock.move(3_600)
    lease, took = await waiting
    assert ids_of(lease) == ids
    assert took < 1 + AT_ONCE


async def test_waiting_callers_each_get_their_own(bench: Bench) -> None:
    """Ten who wait are served by ten events."""
    waiting = [asyncio.create_task(wait_for_lease(bench)) for _ in range(10)]
    await asyncio.sleep(0.05)
    ids = await bench.accept(10)
    served = [one for lease, _ in await asyncio.gather(*waiting) for one in ids_of(lease)]
    assert sorted(served) == sorted(ids)


async def test_a_cancelled_wait_takes_nothing_with_it(bench: Bench) -> None:
    """Whoever leaves holds no lease."""
    await bench.accept(1)
    for _ in range(20):
        call = asyncio.create_task(bench.lease(1))
        await asyncio.sleep(0)
        call.cancel()
        (lease,) = await asyncio.gather(call, return_exceptions=True)
        if isinstance(lease, Lease):
            await bench.queue.release(lease)
    assert len(await bench.take()) == 1


async def test_a_fresh_event_passes_two_thousand_delayed_ones(bench: Bench) -> None:
    """What waits for its time stands in nobody's way."""
    await bench.end(2_000, Stage.RETRYING, retry_at=bench.clock() + 3_600)
    (fresh,) = await bench.accept(1)
    assert ids_of(await bench.lease(10)) == [fresh]


async def test_a_retry_that_is_due_stands_in_line(bench: Bench) -> None:
    """Its place is by when it came due, so that neither it nor fresh events starve."""
    (retried,) = await bench.end(1, Stage.RETRYING, retry_at=bench.clock() + 10)
    before = await bench.accept(2)
    bench.clock.move(20)
    after = await bench.accept(2)
    assert ids_of(await bench.lease(10)) == [*before, retried, *after]


async def test_a_lease_lapses_and_is_given_on(bench: Bench) -> None:
    """The late holder is fenced off: the outcome that counts is the new holder's."""
    await bench.accept(1)
    late = await bench.take(ttl=10)
    bench.clock.move(9)
    assert await bench.lease(1) is None
    bench.clock.move(2)
    new = await bench.take(ttl=10)
    assert (new.id(0), new.token != late.token) == (late.id(0), True)
    assert await bench.settle(late, Stage.REJECTED) == [0]
    assert await bench.settle(new, Stage.DELIVERED) == []
    assert await bench.stages(ids_of(new)) == [Stage.DELIVERED]


@pytest.mark.parametrize("stage", [Stage.DELIVERED, Stage.REJECTED, Stage.RETRYING])
async def test_a_story_tells_the_attempts_of_leases_that_lapsed(bench: Bench, stage: Stage) -> None:
    """Nobody knows whether their holder sent anything: each counts as an attempt."""
    ids = await bench.accept(4)
    await bench.take(3, ttl=10)
    bench.clock.move(11)
    await bench.take(2, ttl=10)
    bench.clock.move(11)
    last = await bench.take(4, ttl=10)
    assert [last.attempt(position) for position in range(4)] == [3, 3, 2, 1]
    assert await bench.settle(last, stage) == []
    tried = [(await bench.delivery(each)).attempts for each in ids]
    assert tried == [3, 3, 2, 1]
    if stage is Stage.RETRYING:
        bench.clock.move(61)
        assert await bench.settle(await bench.take(4), Stage.DELIVERED) == []
        tried = [(await bench.delivery(each)).attempts for each in ids]
        assert tried == [4, 4, 3, 2]


async def test_extending_keeps_a_lease(bench: Bench) -> None:
    """A long call that beats its heart is not given on, and lapses once it stops."""
    await bench.accept(1)
    lease = await bench.take(ttl=10)
    for _ in range(5):
        bench.clock.move(8)
        assert await bench.queue.extend(lease, 10)
        assert await bench.lease(1) is None
    bench.clock.move(11)
    assert len(await bench.take()) == 1
    assert not await bench.queue.extend(lease, 10)


async def test_a_lost_lease_cannot_be_extended_or_released(bench: Bench) -> None:
    """Once settled, the lease is nobody's."""
    await bench.accept(1)
    lease = await bench.take()
    await bench.settle(lease, Stage.DELIVERED)
    assert not await bench.queue.extend(lease, 10)
    await bench.queue.release(lease)
    assert await bench.lease(1) is None


async def test_leases_of_another_run_are_lost(bench: Bench) -> None:
    """A lease does not survive the process that granted it."""
    await bench.accept(1)
    old = await bench.take()
    await bench.reopen()
    new = await bench.take()
    assert not await bench.queue.extend(old, 60)
    assert await bench.settle(old, Stage.REJECTED) == [0]
    assert await bench.settle(new, Stage.DELIVERED) == []


async def test_closing_gives_leases_back_and_ends_waiting(bench: Bench) -> None:
    """After a restart everything unsettled is due at once, without waiting for a lapse."""
    ids = await bench.accept(3)
    held = await bench.take(2, ttl=3_600)
    waiting = asyncio.create_task(bench.queue.lease("other", 1, ttl=60, wait=60))
    await asyncio.sleep(0.01)
    await bench.queue.close()
    async with asyncio.timeout(AT_ONCE):
        assert await waiting is None
    assert await bench.settle(held, Stage.DELIVERED) == [0, 1]
    await bench.reopen()
    assert ids_of(await bench.lease(10)) == ids


async def test_closing_lets_writes_arrive(bench: Bench) -> None:
    """What was on its way when the close began is on disk after it."""
    calls = [asyncio.create_task(bench.send(bench.event())) for _ in range(50)]
    await asyncio.sleep(0)
    await bench.queue.close()
    assert await asyncio.gather(*calls) == [[True]] * 50
    await bench.reopen()
    assert len(await bench.take(50)) == 50


@pytest.mark.parametrize("back", [1, 3_600, 31_536_000], ids=["second", "hour", "year"])
async def test_a_clock_set_back_blocks_nothing(bench: Bench, back: float) -> None:
    """What waits is due, retries keep their delay, leases lapse, whatever the clock was."""
    fresh = await bench.accept(3)
    leased = await bench.take(1, ttl=30)
    retried = await bench.end(1, Stage.RETRYING, "slow", retry_at=bench.clock() + 60)
    bench.clock.step(-back)
    async with asyncio.timeout(5):
        found = await bench.queue.lease("sub", 10, ttl=300, wait=5)
    assert ids_of(found) == fresh[1:]
    assert await bench.lease(1, "slow") is None
    bench.clock.move(31)
    async with asyncio.timeout(5):
        again = await bench.queue.lease("sub", 1, ttl=30, wait=5)
    assert ids_of(again) == ids_of(leased)
    bench.clock.move(30)
    async with asyncio.timeout(5):
        retry = await bench.queue.lease("slow", 1, ttl=30, wait=5)
    assert ids_of(retry) == retried


@pytest.mark.parametrize("step", [75, 7_200, 36 * 86_400, -75, -7_200], ids=str)
async def test_a_step_of_the_clock_changes_no_wait(bench: Bench, step: float) -> None:
    """What is to be tried in 15 minutes is tried then: not at once, and not later."""
    bench.clock.run()
    ids = await bench.end(2_500, Stage.RETRYING, retry_at=bench.clock() + 900)
    bench.clock.step(step)
    assert await bench.lease(1) is None
    # Then the clock is believed.
    bench.clock.move(610)
    assert await bench.lease(1) is None
    assert bench.clock.doubt is None
    bench.clock.move(270)
    assert await bench.lease(1) is None
    # One that was set back is followed with the whole wait.
    bench.clock.move(30 if step > 0 else 900)
    async with asyncio.timeout(5):
        found: list[str] = []
        while len(found) < len(ids):
            found += ids_of(await bench.queue.lease("sub", len(ids), ttl=30, wait=5))
    assert sorted(found) == sorted(ids)


async def test_a_clock_set_back_while_it_was_off_blocks_nothing(bench: Bench) -> None:
    """The same, if the process was not running when the clock was set."""
    ids = await bench.accept(2)
    bench.clock.step(-86_400)
    await bench.reopen()
    async with asyncio.timeout(5):
        found = await bench.queue.lease("sub", 10, ttl=30, wait=5)
    assert ids_of(found) == ids


async def test_retries_and_fresh_events_stand_in_one_line(bench: Bench) -> None:
    """Whatever is a row of its own and whatever is not: by when it came due, then by acceptance."""
    early = await bench.accept(4)
    start = bench.clock()
    lease = await bench.take(4)
    retry = [bench.outcome(Stage.RETRYING, retry_at=start + at) for at in (25, 5, 15, 15)]
    await bench.settle(lease, Stage.DELIVERED, dict(enumerate(retry)))
    fresh = []
    for _ in range(3):
        bench.clock.move(10)
        fresh += await bench.accept(2)
    found = await bench.take(10)
    expected = [early[1], *fresh[:2], early[2], early[3], *fresh[2:4], early[0], *fresh[4:]]
    assert ids_of(found) == expected
    attempts = {message_id: 2 if message_id in early else 1 for message_id in expected}
    assert [found.attempt(n) for n in range(10)] == list(attempts.values())
    assert [body.decode() for body in found.bodies] == [
        f'{{"messageId":"{message_id}"}}' for message_id in expected
    ]


async def test_a_line_is_kept_however_it_is_cut_up(bench: Bench) -> None:
    """Leased two at a time, over the ends of blocks and past rows of their own, none is skipped."""
    start = bench.clock()
    early = await bench.accept(3)
    retry = [bench.outcome(Stage.RETRYING, retry_at=start + 10 * n + 5) for n in range(3)]
    await bench.settle(await bench.take(3), Stage.DELIVERED, dict(enumerate(retry)))
    fresh = []
    for _ in range(3):
        fresh.append(await bench.accept(3))
        bench.clock.move(10)
    line = [one for n in range(3) for one in (*fresh[n], early[n])]
    found: list[str] = []
    while lease := await bench.lease(2):
        assert len(lease) <= 2
        found += ids_of(lease)
    assert found == line


async def test_a_lease_spans_blocks(bench: Bench) -> None:
    """What one lease takes of three batches is settled as one, and the rest stays."""
    ids = [one for _ in range(3) for one in await bench.accept(4)]
    await bench.settle(await bench.take(2), Stage.DELIVERED)
    lease = await bench.take(8)
    assert ids_of(lease) == ids[2:10]
    assert len({lease.id(position) for position in range(8)}) == 8
    assert await bench.settle(lease, Stage.REJECTED, {3: Stage.FILTERED}) == []
    assert ids_of(await bench.lease(10)) == ids[10:]
    stages = [Stage.DELIVERED] * 2 + [Stage.REJECTED] * 8 + [Stage.WAITING] * 2
    stages[5] = Stage.FILTERED
    assert await bench.stages(ids) == stages


async def test_subscriptions_share_a_block_but_nothing_else(bench: Bench) -> None:
    """Each takes, loses, settles and retries its events as if the others were not there."""
    ids = await bench.accept(6, "a", "b", "c")
    left, right = await bench.take(4, "a"), await bench.take(6, "b")
    assert await bench.settle(left, Stage.DELIVERED, {0: Stage.RETRYING}) == []
    assert await bench.settle(right, Stage.REJECTED) == []
    assert ids_of(await bench.lease(9, "a")) == ids[4:]
    assert ids_of(await bench.lease(9, "b")) == []
    assert await bench.queue.depths() == {
        "a": Depth(waiting=2, retrying=1, leased=2),
        "b": Depth(),
        "c": Depth(waiting=6),
    }
    bench.clock.move(60)
    assert ids_of(await bench.lease(1, "a")) == ids[4:5]
    assert ids_of(await bench.lease(9, "c")) == ids
