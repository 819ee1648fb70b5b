"""The contract of every engine: what `settle` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from offramp.queue import Counted, Delivery, Depth, Outcome, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench


async def only_delivery(bench: Bench, message_id: str) -> Delivery:
    (story,) = await bench.ledger.event(message_id)
    (delivery,) = story.deliveries
    return delivery


async def test_each_event_of_a_batch_has_its_own_outcome(bench: Bench) -> None:
    """One call settles a mixed batch; each delivery stands where its outcome says."""
    stages = [Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED, Stage.RETRYING]
    ids = await bench.accept(len(stages) * 8)
    leases = await bench.lease(100)
    outcomes = [
        Outcome(
            lease=lease,
            stage=stage,
            reason=f"R{n}",
            message=f"message {n}",
            status=200 + n,
            retry_at=bench.clock() + n if stage is Stage.RETRYING else None,
        )
        for n, (lease, stage) in enumerate(zip(leases, stages * 8, strict=True))
    ]
    bench.clock.move(5)
    assert await bench.queue.settle(outcomes) == [True] * len(ids)
    for n, message_id in enumerate(ids):
        told = await only_delivery(bench, message_id)
        assert (told.stage, told.reason, told.message) == (stages[n % 5], f"R{n}", f"message {n}")
        assert (told.status, told.attempts, told.updated_at) == (200 + n, 1, bench.clock())
    assert (await bench.queue.depth("lane")).retrying == 8


async def test_settling_twice_counts_once(bench: Bench) -> None:
    """The first outcome stands, within one call and across calls."""
    (message_id,) = await bench.accept(1)
    (lease,) = await bench.lease(1)
    delivered = Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK")
    rejected = Outcome(lease=lease, stage=Stage.REJECTED, reason="NO")
    assert await bench.queue.settle([delivered, rejected]) == [True, False]
    assert await bench.queue.settle([rejected]) == [False]
    assert await bench.stage(message_id) is Stage.DELIVERED


async def test_settling_nothing_is_fine(bench: Bench) -> None:
    """An empty batch has no results."""
    assert await bench.queue.settle([]) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stage": Stage.WAITING}, "release its lease instead"),
        ({"stage": Stage.RETRYING}, "retrying needs that time"),
        ({"retry_at": 1.0}, "no other stage has it"),
        ({"reason": ""}, "without a reason"),
    ],
)
async def test_an_outcome_that_makes_no_sense_is_refused(
    bench: Bench, changes: dict[str, Any], told: str
) -> None:
    """The whole call is refused with the delivery's name, and the leases hold on."""
    ids = await bench.accept(2)
    good, other = (
        Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK") for lease in await bench.lease(2)
    )
    with pytest.raises(ValueError, match=f"delivery of {ids[1]} in lane .*{told}"):
        await bench.queue.settle([good, attrs.evolve(other, **changes)])
    assert await bench.queue.settle([good, other]) == [True, True]


async def test_a_retry_comes_back_at_its_time_with_its_count(bench: Bench) -> None:
    """Not before, not lost by a restart, and as attempt 2, 3, 4."""
    (message_id,) = await bench.accept(1)
    for attempt in (1, 2, 3):
        lease = await bench.lease_one()
        assert lease.attempt == attempt
        await bench.settle([lease], Stage.RETRYING, retry_at=bench.clock() + 60)
        bench.clock.move(59)
        await bench.reopen()
        assert await bench.lease(1) == []
        bench.clock.move(1)
    lease = await bench.lease_one()
    assert (lease.attempt, lease.message_id) == (4, message_id)
    assert lease.opened_at == lease.accepted_at == pytest.approx(bench.clock() - 180)


async def test_without_an_attempt_the_count_stays(bench: Bench) -> None:
    """A delivery that was put off before it was sent has not been tried."""
    (message_id,) = await bench.accept(1)
    await bench.settle(
        [await bench.lease_one()], Stage.RETRYING, retry_at=bench.clock() + 1, attempted=False
    )
    bench.clock.move(1)
    lease = await bench.lease_one()
    assert lease.attempt == 1
    await bench.settle([lease], Stage.DELIVERED)
    assert (await only_delivery(bench, message_id)).attempts == 1


async def test_a_retry_in_the_past_is_due_at_once(bench: Bench) -> None:
    """It is found even behind the place that the lane has reached."""
    first, second = await bench.accept(2)
    leases = await bench.lease(2)
    await bench.settle(leases[:1], Stage.RETRYING, retry_at=bench.clock() - 1_000)
    assert [lease.message_id for lease in await bench.lease(5)] == [first]
    await bench.settle(leases[1:], Stage.RETRYING, retry_at=bench.clock())
    assert [lease.message_id for lease in await bench.lease(5)] == [second]


async def test_a_caller_who_leaves_does_not_undo_the_outcome(bench: Bench) -> None:
    """A shutdown in the middle of settling loses no result."""
    (message_id,) = await bench.accept(1)
    leases = await bench.lease(1)
    call = asyncio.create_task(bench.settle(leases, Stage.DELIVERED))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await bench.queue.close()
    assert await bench.stage(message_id) is Stage.DELIVERED
    await bench.reopen()
    assert await bench.lease(1) == []


async def test_what_is_settled_is_never_leased_again(bench: Bench) -> None:
    """However leasing and settling race, each event is lent once."""
    await bench.accept(3_000)
    seen: list[str] = []

    async def consume() -> None:
        while leases := await bench.lease(7):
            seen.extend(lease.message_id for lease in leases)
            await bench.settle(leases, Stage.DELIVERED)

    await asyncio.gather(*[consume() for _ in range(16)])
    assert (len(seen), len(set(seen))) == (3_000, 3_000)
    assert (await bench.queue.depths())["lane"] == Depth()


async def test_records_are_kept_while_they_are_of_use(bench: Bench) -> None:
    """The last payload and exchange stay, `None` keeps the one before, delivered drops both."""
    (message_id,) = await bench.accept(1)

    async def attempt(stage: Stage, **changes: Any) -> tuple[bytes | None, bytes | None]:
        lease = await bench.lease_one()
        await bench.settle([lease], stage, **changes)
        bench.clock.move(60)
        told = await only_delivery(bench, message_id)
        return told.payload, told.exchange

    assert await attempt(Stage.RETRYING, payload=b"p1", exchange=b"503") == (b"p1", b"503")
    assert await attempt(Stage.RETRYING) == (b"p1", b"503")
    assert await attempt(Stage.RETRYING, exchange=b"429") == (b"p1", b"429")
    assert await attempt(Stage.RETRYING, payload=b"") == (b"", b"429")
    assert await attempt(Stage.DELIVERED) == (None, None)


async def test_a_delivered_record_can_be_kept(bench: Bench) -> None:
    """If the outcome brings one along, it takes the place of the failed attempt's."""
    (message_id,) = await bench.end(1, Stage.RETRYING, payload=b"p", exchange=b"503")
    bench.clock.move(60)
    await bench.settle([await bench.lease_one()], Stage.DELIVERED, exchange=b"200")
    told = await only_delivery(bench, message_id)
    assert (told.payload, told.exchange) == (None, b"200")


async def test_a_batch_shares_its_exchange(bench: Bench) -> None:
    """Each delivery of a batch tells the same exchange, until it has one of its own."""
    first, second, third = await bench.accept(3)
    await bench.settle(await bench.lease(3), Stage.RETRYING, exchange=b"batch")
    bench.clock.move(60)
    leases = await bench.lease(3)
    await bench.settle(leases[:1], Stage.REJECTED, exchange=b"alone")
    await bench.settle(leases[1:2], Stage.DELIVERED)
    await bench.settle(leases[2:], Stage.EXPIRED)
    told = [(await only_delivery(bench, one)).exchange for one in (first, second, third)]
    assert told == [b"alone", None, b"batch"]


async def test_depth_follows_every_move(bench: Bench) -> None:
    """Waiting, retrying and leased are exact at every step, and after a restart."""
    await bench.accept(5)
    assert await bench.queue.depth("lane") == Depth(waiting=5)
    leases = await bench.lease(4)
    assert await bench.queue.depth("lane") == Depth(waiting=5, leased=4)
    await bench.settle(leases[:2], Stage.RETRYING)
    await bench.settle(leases[2:3], Stage.DELIVERED)
    assert await bench.queue.depth("lane") == Depth(waiting=2, retrying=2, leased=1)
    await bench.queue.release(leases[3:])
    assert await bench.queue.depth("lane") == Depth(waiting=2, retrying=2)
    await bench.reopen()
    assert await bench.queue.depths() == {"lane": Depth(waiting=2, retrying=2)}
    assert await bench.queue.depth("unknown") == Depth()


async def test_every_settle_is_counted(bench: Bench) -> None:
    """Each entry into a stage is one count of its minute, with its reason."""
    await bench.end(2, Stage.DELIVERED, reason="OK")
    await bench.end(1, Stage.REJECTED, reason="400")
    await bench.end(3, Stage.RETRYING, reason="503", retry_at=bench.clock() + 60)
    minute = int(bench.clock() // 60 * 60)
    bench.clock.move(60)
    await bench.settle(await bench.lease(3), Stage.DELIVERED, reason="OK")
    counts = await bench.ledger.counts(0, bench.clock() + 60, lane="lane")
    assert [(one.minute, one.counted, one.reason, one.n) for one in counts] == [
        (minute, Counted.ACCEPTED, "", 6),
        (minute, Counted.DELIVERED, "OK", 2),
        (minute, Counted.REJECTED, "400", 1),
        (minute, Counted.RETRYING, "503", 3),
        (minute + 60, Counted.DELIVERED, "OK", 3),
    ]
