"""The contract of every engine: what `backfill` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from tests.queue.conftest import FILTERED, ids_of

from offramp.queue import Counted, DeadLetterFilter, Depth, EventFilter, Reason, Stage, event_of

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

NO = {"TRIGGER_FALSE": ["sub"]}


async def numbers(bench: Bench, message_ids: list[str]) -> list[str]:
    """The ids of the events' records."""
    return [(await bench.ledger.event(one))[0].id for one in message_ids]


async def filtered(bench: Bench, n: int) -> list[str]:
    """Accept so many that `other` gets and `sub` does not; tell their message ids."""
    events = [bench.event("", "other", filtered=NO) for _ in range(n)]
    assert await bench.send(*events) == [True] * n
    return [event.message_id for event in events]


async def test_what_was_filtered_becomes_due(bench: Bench) -> None:
    """The events asked for are leased as first attempts, with their bodies; others stay so."""
    ids = await filtered(bench, 4)
    accepted_at = bench.clock()
    bench.clock.move(100_000)
    assert await bench.queue.backfill("sub", await numbers(bench, ids[1:3])) == 2
    assert await bench.queue.depth("sub") == Depth(waiting=2)
    lease = await bench.take(2)
    assert ids_of(lease) == ids[1:3]
    assert list(lease.bodies) == [f'{{"messageId":"{one}"}}'.encode() for one in ids[1:3]]
    leased = lease.delivery(0)
    assert (leased.attempt, leased.accepted_at, leased.opened_at) == (1, accepted_at, bench.clock())
    one = await bench.delivery(ids[1], "sub")
    assert (one.stage, one.reason, one.replayed_at) == (
        Stage.WAITING,
        Reason.REPLAYED,
        bench.clock(),
    )
    assert one.id == lease.id(0)
    assert [await bench.stage(message_id, "sub") for message_id in ids] == [
        Stage.FILTERED,
        Stage.WAITING,
        Stage.WAITING,
        Stage.FILTERED,
    ]
    assert [await bench.stage(message_id, "other") for message_id in ids] == [Stage.WAITING] * 4
    assert await bench.settle(lease, Stage.DELIVERED, {1: Stage.REJECTED}) == []
    assert await bench.stage(ids[1], "sub") is Stage.DELIVERED
    page = await bench.queue.dead_letters(DeadLetterFilter(subscription="sub"))
    assert [letter.message_id for letter in page.rows] == [ids[2]]


async def test_what_came_before_a_subscription_becomes_due(bench: Bench) -> None:
    """A new subscription gets events that never knew it, and they count as accepted by it."""
    ids = await bench.accept(3, "old")
    assert await bench.queue.backfill("new", await numbers(bench, ids)) == 3
    assert ids_of(await bench.lease(5, "new")) == ids
    assert (await bench.queue.depth("new")).waiting == 3
    counts = await bench.ledger.counts(0, bench.clock() + 60, subscription="new")
    assert [(one.counted, one.n) for one in counts] == [(Counted.ACCEPTED, 3)]
    (record,) = await bench.ledger.event(ids[0])
    assert {one.subscription: one.stage for one in record.deliveries} == {
        "old": Stage.WAITING,
        "new": Stage.WAITING,
    }


@pytest.mark.parametrize("stage", Stage)
async def test_what_is_in_flight_or_ended_is_left_alone(bench: Bench, stage: Stage) -> None:
    """Delivering twice is never a backfill's doing; dead letters are replayed instead.

    Filtered is here what was leased and ended so.
    """
    if stage is Stage.WAITING:
        ids = await bench.accept(2)
    else:
        ids = await bench.end(2, stage)
    before = await bench.queue.depth("sub")
    assert await bench.queue.backfill("sub", await numbers(bench, ids)) == 0
    assert await bench.stages(ids) == [stage] * 2
    assert await bench.queue.depth("sub") == before


async def test_an_event_is_backfilled_once(bench: Bench) -> None:
    """Named twice, asked for twice, or by two callers at once: one delivery."""
    ids = await numbers(bench, await filtered(bench, 2))
    answers = await asyncio.gather(
        bench.queue.backfill("sub", [*ids, ids[0]]), bench.queue.backfill("sub", ids)
    )
    assert sum(answers) == 2
    assert await bench.queue.backfill("sub", ids) == 0
    assert await bench.queue.depth("sub") == Depth(waiting=2)


async def test_unknown_events_are_left_out(bench: Bench) -> None:
    """Ids that no event has, or that are none, are not an error."""
    ids = await numbers(bench, await filtered(bench, 1))
    assert await bench.queue.backfill("sub", ["999999999", *ids, "", "no such id", "-1"]) == 1
    assert await bench.queue.backfill("sub", []) == 0


async def test_a_backfill_wakes_whoever_waits(bench: Bench) -> None:
    """The worker of the subscription gets it at once."""
    ids = await filtered(bench, 1)
    waiting = asyncio.create_task(bench.queue.lease("sub", 1, ttl=60, wait=5))
    await asyncio.sleep(0.02)
    assert await bench.queue.backfill("sub", await numbers(bench, ids)) == 1
    async with asyncio.timeout(2):
        assert ids_of(await waiting) == ids


async def test_a_backfill_survives_a_restart(bench: Bench) -> None:
    """It is on disk like any delivery, among what waits for its time."""
    ids = await filtered(bench, 2)
    await bench.queue.backfill("sub", await numbers(bench, ids))
    fresh = await bench.accept(1)
    await bench.reopen()
    assert await bench.queue.depth("sub") == Depth(waiting=3)
    assert ids_of(await bench.lease(5)) == [*ids, *fresh]


async def test_a_backfill_is_counted(bench: Bench) -> None:
    """A filtered event that becomes due is a replay in the sums."""
    ids = await filtered(bench, 3)
    await bench.queue.backfill("sub", await numbers(bench, ids[:2]))
    await bench.settle(await bench.take(2), Stage.DELIVERED)
    counts = await bench.ledger.counts(0, bench.clock() + 60, subscription="sub")
    assert {one.counted: one.n for one in counts} == {
        Counted.ACCEPTED: 3,
        Counted.FILTERED: 3,
        Counted.REPLAYED: 2,
        Counted.DELIVERED: 2,
    }


async def test_thousands_are_backfilled(bench: Bench) -> None:
    """In more than one write; all that a listing of filtered events names."""
    ids = await filtered(bench, 2_600)
    found = [
        record.id
        for record in await bench.records(EventFilter(subscription="sub", stages=FILTERED))
    ]
    assert len(found) == 2_600
    assert await bench.queue.backfill("sub", found[::-1]) == 2_600
    assert await bench.records(EventFilter(subscription="sub", stages=FILTERED)) == []
    assert ids_of(await bench.take(2_600)) == ids


async def test_a_caller_who_leaves_does_not_upset_the_counters(bench: Bench) -> None:
    """Cancelling the call leaves depths as they are on disk."""
    ids = await numbers(bench, await filtered(bench, 50))
    task = asyncio.create_task(bench.queue.backfill("sub", ids))
    await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bench.queue.close()
    before = await bench.queue.depths()
    await bench.reopen()
    assert (await bench.queue.depths()).get("sub", Depth()) == before.get("sub", Depth())


@pytest.mark.parametrize("digits", [30, 5_000])
async def test_a_number_that_no_event_can_have_is_none(bench: Bench, digits: int) -> None:
    """An id that is too long for any engine is an unknown event, as any other is."""
    await bench.accept()
    assert await bench.queue.backfill("sub", ["9" * digits]) == 0


async def test_a_dead_letter_becomes_due_in_another_subscription(bench: Bench) -> None:
    """The event of a dead letter is due in another subscription, once, and stays where it was."""
    ids = await bench.end(2, Stage.REJECTED, "gone")
    page = await bench.queue.dead_letters(DeadLetterFilter(subscription="gone"))
    events = [event for letter in page.rows if (event := event_of(letter.id)) is not None]
    assert await bench.queue.backfill("other", events) == 2
    assert await bench.queue.backfill("other", events) == 0
    lease = await bench.take(2, "other")
    assert ids_of(lease) == ids
    await bench.settle(lease, Stage.DELIVERED)
    assert [await bench.stage(one, "gone") for one in ids] == [Stage.REJECTED] * 2
    assert [await bench.stage(one, "other") for one in ids] == [Stage.DELIVERED] * 2


async def test_what_a_subscription_was_never_asked_about_is_found(bench: Bench) -> None:
    """A search for a backfill names what was filtered and what is missing, and nothing else."""
    await bench.accept(1, "old")
    filtered_id = (await filtered(bench, 1))[0]
    mine = await bench.accept(1, "sub")
    which = EventFilter(subscription="sub", stages=FILTERED, missing=True)
    records = await bench.records(which)
    assert len(records) == 2
    assert records[0].message_id == filtered_id
    assert mine[0] not in {record.message_id for record in records}
    only_reason = attrs.evolve(which, missing=False, reason="TRIGGER_FALSE")
    assert [record.message_id for record in await bench.records(only_reason)] == [filtered_id]
    assert await bench.records(attrs.evolve(only_reason, reason="OTHER")) == []
    new = EventFilter(subscription="new", stages=FILTERED, missing=True)
    assert len(await bench.records(new)) == 3
