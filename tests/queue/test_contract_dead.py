"""The contract of every engine: what `dead_letters`, `replay` and `cancel` promise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import ids_of

from offramp.queue import Counted, DeadLetterFilter, Depth, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench


async def dead_ids(bench: Bench, which: DeadLetterFilter) -> list[str]:
    page = await bench.queue.dead_letters(which, limit=1_000)
    assert page.cursor is None
    return [delivery.message_id for delivery in page.rows]


async def test_dead_are_the_rejected_and_the_expired(bench: Bench) -> None:
    """Latest end first, of all subscriptions, with reason and status, and nothing else."""
    await bench.end(2, Stage.DELIVERED)
    await bench.end(2, Stage.FILTERED)
    (rejected,) = await bench.end(1, Stage.REJECTED, "a", reason="400", status=400)
    bench.clock.move(1)
    (expired,) = await bench.end(1, Stage.EXPIRED, "b", reason="RETRY_WINDOW", message="24 h")
    await bench.end(1, Stage.RETRYING)
    await bench.accept(1)
    page = await bench.queue.dead_letters(DeadLetterFilter())
    shown = [
        (one.message_id, one.subscription, one.stage, one.reason, one.status, one.message)
        for one in page.rows
    ]
    assert shown == [
        (expired, "b", Stage.EXPIRED, "RETRY_WINDOW", None, "24 h"),
        (rejected, "a", Stage.REJECTED, "400", 400, ""),
    ]
    assert page.cursor is None


async def test_pages_of_dead_ones_join_up(bench: Bench) -> None:
    """Page after page shows each once, though many ended in one moment and more come meanwhile."""
    ids = []
    for subscription in ("a", "b") * 3:
        ids += await bench.end(7, Stage.REJECTED, subscription)
        bench.clock.move(0.5)
    seen: list[str] = []
    cursor = None
    while True:
        page = await bench.queue.dead_letters(DeadLetterFilter(), limit=4, cursor=cursor)
        assert len(page.rows) <= 4
        seen += [delivery.message_id for delivery in page.rows]
        await bench.end(1, Stage.REJECTED)
        if page.cursor is None:
            break
        cursor = page.cursor
    assert (sorted(seen), len(seen)) == (sorted(ids), 42)


async def test_dead_ones_are_found_by_what_is_known_of_them(bench: Bench) -> None:
    """Subscription, reason, time, stage, id, alone and together; `until` is out, `since` is in."""
    start = bench.clock()
    (first,) = await bench.end(1, Stage.REJECTED, "a", reason="400")
    bench.clock.move(10)
    (second,) = await bench.end(1, Stage.EXPIRED, "a", reason="503")
    bench.clock.move(10)
    (third,) = await bench.end(1, Stage.REJECTED, "b", reason="400")
    rows = (await bench.queue.dead_letters(DeadLetterFilter())).rows
    key = {delivery.message_id: delivery.id for delivery in rows}
    rejected = frozenset({Stage.REJECTED})
    for which, expected in [
        (DeadLetterFilter(subscription="a"), [second, first]),
        (DeadLetterFilter(subscription="unknown"), []),
        (DeadLetterFilter(reason="400"), [third, first]),
        (DeadLetterFilter(reason="400", subscription="b"), [third]),
        (DeadLetterFilter(since=start + 10), [third, second]),
        (DeadLetterFilter(until=start + 10), [first]),
        (DeadLetterFilter(since=start + 10, until=start + 20), [second]),
        (DeadLetterFilter(stages=rejected), [third, first]),
        (DeadLetterFilter(ids=(key[first], key[second])), [second, first]),
        (DeadLetterFilter(ids=(key[first], key[second]), stages=rejected), [first]),
        (DeadLetterFilter(ids=(key[first],), subscription="b"), []),
        (DeadLetterFilter(ids=("no such id", "999999")), []),
        (DeadLetterFilter(ids=()), []),
    ]:
        assert await dead_ids(bench, which) == expected, which


async def test_a_cursor_that_is_none_is_refused(bench: Bench) -> None:
    """The message shows it."""
    with pytest.raises(ValueError, match="cursor 'x-1': give the cursor of a page"):
        await bench.queue.dead_letters(DeadLetterFilter(), cursor="x-1")


async def test_a_replay_opens_a_new_retry_window(bench: Bench) -> None:
    """It is due at once, as a first attempt, and its age counts from the replay."""
    (message_id,) = await bench.end(1, Stage.REJECTED, payload=b"p", exchange=b"400")
    accepted_at = bench.clock()
    bench.clock.move(100_000)
    assert await bench.queue.replay(DeadLetterFilter()) == 1
    lease = await bench.take(1)
    leased = lease.delivery(0)
    assert (leased.message_id, leased.attempt) == (message_id, 1)
    assert (leased.accepted_at, leased.opened_at) == (accepted_at, bench.clock())
    assert lease.bodies[0] == bench.event(message_id).body
    delivery = await bench.delivery(message_id)
    assert (delivery.stage, delivery.reason, delivery.replayed_at) == (
        Stage.WAITING,
        "REPLAYED",
        bench.clock(),
    )
    assert (delivery.payload, delivery.exchange, delivery.status) == (b"p", b"400", None)
    await bench.settle(lease, Stage.DELIVERED)
    assert await bench.stage(message_id) is Stage.DELIVERED


async def test_a_replay_takes_what_is_asked_for(bench: Bench) -> None:
    """Only the dead ones that the filter means, and each once."""
    await bench.end(3, Stage.REJECTED, "a", reason="400")
    await bench.end(2, Stage.REJECTED, "b", reason="400")
    await bench.end(2, Stage.DELIVERED, "a")
    (one, *_) = (await bench.queue.dead_letters(DeadLetterFilter(subscription="a"))).rows
    assert await bench.queue.replay(DeadLetterFilter(ids=(one.id, one.id))) == 1
    assert await bench.queue.replay(DeadLetterFilter(ids=(one.id,))) == 0
    assert await bench.queue.replay(DeadLetterFilter(subscription="a", reason="401")) == 0
    assert await bench.queue.replay(DeadLetterFilter(subscription="a")) == 2
    assert await bench.queue.depth("a") == Depth(waiting=3)
    assert await bench.queue.replay(DeadLetterFilter()) == 2
    await bench.take(3, "a")
    assert await bench.lease(1, "a") is None


async def test_a_replay_wakes_whoever_waits(bench: Bench) -> None:
    """The worker of the subscription gets it at once."""
    (message_id,) = await bench.end(1, Stage.EXPIRED)
    waiting = asyncio.create_task(bench.queue.lease("sub", 1, ttl=60, wait=5))
    await asyncio.sleep(0.02)
    assert await bench.queue.replay(DeadLetterFilter()) == 1
    async with asyncio.timeout(2):
        assert ids_of(await waiting) == [message_id]


async def test_a_replay_that_fails_again_is_not_replayed_again(bench: Bench) -> None:
    """While thousands are replayed, what ends anew is left alone."""
    await bench.end(4_500, Stage.REJECTED)
    tried = 0

    async def reject() -> None:
        nonlocal tried
        while lease := await bench.queue.lease("sub", 100, ttl=60, wait=0.3):
            tried += len(lease)
            await bench.settle(lease, Stage.REJECTED)

    rejecting = asyncio.create_task(reject())
    reported: list[int] = []
    assert await bench.queue.replay(DeadLetterFilter(), report=reported.append) == 4_500
    assert sum(reported) == 4_500
    await rejecting
    assert tried == 4_500


async def test_a_replay_is_counted(bench: Bench) -> None:
    """Accepted and replayed together are what ended and what is in flight."""
    await bench.end(3, Stage.REJECTED)
    await bench.queue.replay(DeadLetterFilter())
    await bench.settle(await bench.take(2), Stage.DELIVERED)
    counts = await bench.ledger.counts(0, bench.clock() + 60, subscription="sub")
    assert {count.counted: count.n for count in counts} == {
        Counted.ACCEPTED: 3,
        Counted.REJECTED: 3,
        Counted.REPLAYED: 3,
        Counted.DELIVERED: 2,
    }


async def test_a_cancelled_subscription_ends_with_its_reason(bench: Bench) -> None:
    """Waiting and retrying ones expire; other subscriptions, ended and leased ones stay."""
    await bench.end(1, Stage.DELIVERED)
    await bench.end(2, Stage.RETRYING, payload=b"p")
    await bench.accept(3, "sub", "other")
    leased = await bench.take(1)
    assert await bench.queue.cancel("sub", message="deleted by ops") == 4
    assert await bench.queue.depths() == {
        "sub": Depth(waiting=1, leased=1),
        "other": Depth(waiting=3),
    }
    page = await bench.queue.dead_letters(DeadLetterFilter(subscription="sub"))
    assert {(one.stage, one.reason, one.message) for one in page.rows} == {
        (Stage.EXPIRED, "SUBSCRIPTION_REMOVED", "deleted by ops")
    }
    assert sorted(one.attempts for one in page.rows) == [0, 0, 1, 1]
    assert await bench.settle(leased, Stage.DELIVERED) == []
    assert await bench.lease(10) is None


async def test_a_long_queue_is_cancelled_whole(bench: Bench) -> None:
    """Thousands end, in more than one write, while others go on."""
    await bench.accept(4_100)
    cancelling = asyncio.create_task(bench.queue.cancel("sub"))
    await bench.accept(1, "other")
    assert await cancelling == 4_100
    assert (await bench.queue.depth("sub")).total == 0
    assert await bench.queue.cancel("sub") == 0
    assert await bench.queue.cancel("unknown") == 0


async def test_a_cancelled_one_can_be_replayed(bench: Bench) -> None:
    """A subscription that was switched off by mistake loses nothing."""
    ids = await bench.accept(3)
    await bench.queue.cancel("sub")
    assert await bench.queue.replay(DeadLetterFilter(reason="SUBSCRIPTION_REMOVED")) == 3
    assert sorted(ids_of(await bench.take(3))) == ids


async def test_a_caller_who_leaves_does_not_upset_the_counters(bench: Bench) -> None:
    """Cancelling the call to cancel or replay leaves depths as they are on disk."""
    await bench.end(50, Stage.REJECTED)
    await bench.accept(50)
    for call in (bench.queue.cancel("sub"), bench.queue.replay(DeadLetterFilter())):
        task = asyncio.ensure_future(call)
        await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await bench.queue.close()
    depths = await bench.queue.depths()
    await bench.reopen()
    assert await bench.queue.depths() == depths


async def test_a_letter_names_its_delivery(bench: Bench) -> None:
    """Its id is that of the lease and of the record, and finds it again."""
    ids = await bench.accept(3)
    lease = await bench.take(3)
    await bench.settle(lease, Stage.DELIVERED, {1: Stage.REJECTED})
    (letter,) = (await bench.queue.dead_letters(DeadLetterFilter())).rows
    assert (letter.message_id, letter.id) == (ids[1], lease.id(1))
    assert (await bench.delivery(ids[1])).id == letter.id
    assert await dead_ids(bench, DeadLetterFilter(ids=(lease.id(0), letter.id))) == [ids[1]]


async def test_one_event_may_be_dead_in_many_subscriptions(bench: Bench) -> None:
    """Pages tell each of its letters once, though all ended in one moment."""
    (message_id,) = await bench.accept(1, "a", "b", "c")
    for name in ("a", "b", "c"):
        await bench.settle(await bench.take(1, name), Stage.REJECTED)
    seen = []
    cursor = None
    while True:
        page = await bench.queue.dead_letters(DeadLetterFilter(), limit=1, cursor=cursor)
        seen += [(one.message_id, one.subscription) for one in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(seen) == [(message_id, "a"), (message_id, "b"), (message_id, "c")]
