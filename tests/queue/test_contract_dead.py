"""The contract of every engine: what `dead`, `replay` and `cancel` promise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from offramp.queue import Counted, DeadFilter, Depth, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench


async def dead_ids(bench: Bench, which: DeadFilter) -> list[str]:
    page = await bench.queue.dead(which, limit=1_000)
    assert page.cursor is None
    return [delivery.message_id for delivery in page.rows]


async def test_dead_are_the_rejected_and_the_expired(bench: Bench) -> None:
    """Latest end first, of all lanes, with reason and status; nothing else is among them."""
    await bench.end(2, Stage.DELIVERED)
    await bench.end(2, Stage.FILTERED)
    (rejected,) = await bench.end(1, Stage.REJECTED, "a", reason="400", status=400)
    bench.clock.move(1)
    (expired,) = await bench.end(1, Stage.EXPIRED, "b", reason="RETRY_WINDOW", message="24 h")
    await bench.end(1, Stage.RETRYING)
    await bench.accept(1)
    page = await bench.queue.dead(DeadFilter())
    told = [
        (one.message_id, one.lane, one.stage, one.reason, one.status, one.message)
        for one in page.rows
    ]
    assert told == [
        (expired, "b", Stage.EXPIRED, "RETRY_WINDOW", None, "24 h"),
        (rejected, "a", Stage.REJECTED, "400", 400, ""),
    ]
    assert page.cursor is None


async def test_pages_of_dead_ones_join_up(bench: Bench) -> None:
    """Page after page shows each once, though many ended in one moment and more come meanwhile."""
    ids = []
    for lane in ("a", "b") * 3:
        ids += await bench.end(7, Stage.REJECTED, lane)
        bench.clock.move(0.5)
    seen: list[str] = []
    cursor = None
    while True:
        page = await bench.queue.dead(DeadFilter(), limit=4, cursor=cursor)
        assert len(page.rows) <= 4
        seen += [delivery.message_id for delivery in page.rows]
        await bench.end(1, Stage.REJECTED)
        if page.cursor is None:
            break
        cursor = page.cursor
    assert (sorted(seen), len(seen)) == (sorted(ids), 42)


async def test_dead_ones_are_found_by_what_is_known_of_them(bench: Bench) -> None:
    """Lane, reason, time, stage and id, alone and together; `until` is out, `since` is in."""
    start = bench.clock()
    (first,) = await bench.end(1, Stage.REJECTED, "a", reason="400")
    bench.clock.move(10)
    (second,) = await bench.end(1, Stage.EXPIRED, "a", reason="503")
    bench.clock.move(10)
    (third,) = await bench.end(1, Stage.REJECTED, "b", reason="400")
    rows = (await bench.queue.dead(DeadFilter())).rows
    key = {delivery.message_id: delivery.id for delivery in rows}
    rejected = frozenset({Stage.REJECTED})
    for which, expected in [
        (DeadFilter(lane="a"), [second, first]),
        (DeadFilter(lane="unknown"), []),
        (DeadFilter(reason="400"), [third, first]),
        (DeadFilter(reason="400", lane="b"), [third]),
        (DeadFilter(since=start + 10), [third, second]),
        (DeadFilter(until=start + 10), [first]),
        (DeadFilter(since=start + 10, until=start + 20), [second]),
        (DeadFilter(stages=rejected), [third, first]),
        (DeadFilter(ids=(key[first], key[second])), [second, first]),
        (DeadFilter(ids=(key[first], key[second]), stages=rejected), [first]),
        (DeadFilter(ids=(key[first],), lane="b"), []),
        (DeadFilter(ids=("no such id", "999999")), []),
        (DeadFilter(ids=()), []),
    ]:
        assert await dead_ids(bench, which) == expected, which


async def test_a_cursor_that_is_none_is_refused(bench: Bench) -> None:
    """The message shows it."""
    with pytest.raises(ValueError, match="cursor 'x-1': give the cursor of a page"):
        await bench.queue.dead(DeadFilter(), cursor="x-1")


async def test_a_replay_opens_a_new_retry_window(bench: Bench) -> None:
    """It is due at once, as a first attempt, and its age counts from the replay."""
    (message_id,) = await bench.end(1, Stage.REJECTED, payload=b"p", exchange=b"400")
    accepted_at = bench.clock()
    bench.clock.move(100_000)
    assert await bench.queue.replay(DeadFilter()) == 1
    lease = await bench.lease_one()
    assert (lease.message_id, lease.attempt) == (message_id, 1)
    assert (lease.accepted_at, lease.opened_at) == (accepted_at, bench.clock())
    assert lease.body
    (story,) = await bench.ledger.event(message_id)
    (told,) = story.deliveries
    assert (told.stage, told.reason, told.replayed_at) == (
        Stage.WAITING,
        "REPLAYED",
        bench.clock(),
    )
    assert (told.payload, told.exchange, told.status) == (b"p", b"400", None)
    await bench.settle([lease], Stage.DELIVERED)
    assert await bench.stage(message_id) is Stage.DELIVERED


async def test_a_replay_takes_what_is_asked_for(bench: Bench) -> None:
    """Only the dead ones that the filter means, and each once."""
    await bench.end(3, Stage.REJECTED, "a", reason="400")
    await bench.end(2, Stage.REJECTED, "b", reason="400")
    await bench.end(2, Stage.DELIVERED, "a")
    (one, *_) = (await bench.queue.dead(DeadFilter(lane="a"))).rows
    assert await bench.queue.replay(DeadFilter(ids=(one.id, one.id))) == 1
    assert await bench.queue.replay(DeadFilter(ids=(one.id,))) == 0
    assert await bench.queue.replay(DeadFilter(lane="a", reason="401")) == 0
    assert await bench.queue.replay(DeadFilter(lane="a")) == 2
    assert await bench.queue.depth("a") == Depth(waiting=3)
    assert await bench.queue.replay(DeadFilter()) == 2
    assert len(await bench.lease(10, "a")) == 3


async def test_a_replay_wakes_whoever_waits(bench: Bench) -> None:
    """The dispatcher of the lane gets it at once."""
    (message_id,) = await bench.end(1, Stage.EXPIRED)
    waiting = asyncio.create_task(bench.queue.lease("lane", 1, ttl=60, wait=5))
    await asyncio.sleep(0.02)
    assert await bench.queue.replay(DeadFilter()) == 1
    async with asyncio.timeout(2):
        assert [lease.message_id for lease in await waiting] == [message_id]


async def test_a_replay_that_fails_again_is_not_replayed_again(bench: Bench) -> None:
    """While thousands are replayed, what ends anew is left alone."""
    await bench.end(4_500, Stage.REJECTED)
    tried = 0

    async def reject() -> None:
        nonlocal tried
        while leases := await bench.queue.lease("lane", 100, ttl=60, wait=0.3):
            tried += len(leases)
            await bench.settle(leases, Stage.REJECTED)

    rejecting = asyncio.create_task(reject())
    assert await bench.queue.replay(DeadFilter()) == 4_500
    await rejecting
    assert tried == 4_500


async def test_a_replay_is_counted(bench: Bench) -> None:
    """Accepted and replayed together are what ended and what is in flight."""
    await bench.end(3, Stage.REJECTED)
    await bench.queue.replay(DeadFilter())
    await bench.settle(await bench.lease(2), Stage.DELIVERED)
    counts = await bench.ledger.counts(0, bench.clock() + 60, lane="lane")
    assert {count.counted: count.n for count in counts} == {
        Counted.ACCEPTED: 3,
        Counted.REJECTED: 3,
        Counted.REPLAYED: 3,
        Counted.DELIVERED: 2,
    }


async def test_a_cancelled_lane_ends_with_its_reason(bench: Bench) -> None:
    """Waiting and retrying ones expire; other lanes, ended and leased ones stay."""
    await bench.end(1, Stage.DELIVERED)
    await bench.end(2, Stage.RETRYING, payload=b"p")
    await bench.accept(3, "lane", "other")
    (leased,) = await bench.lease(1)
    assert await bench.queue.cancel("lane", message="deleted by ops") == 4
    assert await bench.queue.depths() == {
        "lane": Depth(waiting=1, leased=1),
        "other": Depth(waiting=3),
    }
    page = await bench.queue.dead(DeadFilter(lane="lane"))
    assert {(one.stage, one.reason, one.message) for one in page.rows} == {
        (Stage.EXPIRED, "SUBSCRIPTION_REMOVED", "deleted by ops")
    }
    assert sorted(one.attempts for one in page.rows) == [0, 0, 1, 1]
    assert await bench.settle([leased], Stage.DELIVERED) == [True]
    assert await bench.lease(10) == []


async def test_a_long_lane_is_cancelled_whole(bench: Bench) -> None:
    """Thousands end, in more than one write, while others go on."""
    await bench.accept(4_100)
    cancelling = asyncio.create_task(bench.queue.cancel("lane"))
    await bench.accept(1, "other")
    assert await cancelling == 4_100
    assert (await bench.queue.depth("lane")).total == 0
    assert await bench.queue.cancel("lane") == 0
    assert await bench.queue.cancel("unknown") == 0


async def test_a_cancelled_one_can_be_replayed(bench: Bench) -> None:
    """A subscription that was switched off by mistake loses nothing."""
    ids = await bench.accept(3)
    await bench.queue.cancel("lane")
    assert await bench.queue.replay(DeadFilter(reason="SUBSCRIPTION_REMOVED")) == 3
    assert sorted(lease.message_id for lease in await bench.lease(9)) == ids


async def test_a_caller_who_leaves_does_not_upset_the_counters(bench: Bench) -> None:
    """Cancelling the call to cancel or replay leaves depths as they are on disk."""
    await bench.end(50, Stage.REJECTED)
    await bench.accept(50)
    for call in (bench.queue.cancel("lane"), bench.queue.replay(DeadFilter())):
        task = asyncio.ensure_future(call)
        await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await bench.queue.close()
    told = await bench.queue.depths()
    await bench.reopen()
    assert await bench.queue.depths() == told
