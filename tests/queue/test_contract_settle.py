"""The contract of every engine: what `settle` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.queue.conftest import ids_of

from offramp.queue import Counted, Depth, Outcome, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

STAGES = (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED, Stage.RETRYING)


async def test_each_event_can_have_its_own_outcome(bench: Bench) -> None:
    """One call settles a mixed batch; each delivery stands where its outcome says."""
    ids = await bench.accept(len(STAGES) * 8)
    lease = await bench.take(len(ids))
    outcomes = [
        bench.outcome(
            STAGES[n % 5],
            reason=f"R{n}",
            message=f"message {n}",
            status=200 + n,
            retry_at=bench.clock() + n if STAGES[n % 5] is Stage.RETRYING else None,
        )
        for n in range(len(ids))
    ]
    bench.clock.move(5)
    assert await bench.queue.settle(lease, None, dict(enumerate(outcomes))) == []
    for n, message_id in enumerate(ids):
        delivery = await bench.delivery(message_id)
        assert (delivery.stage, delivery.reason, delivery.message) == (
            STAGES[n % 5],
            f"R{n}",
            f"message {n}",
        )
        assert (delivery.status, delivery.attempts, delivery.updated_at) == (
            200 + n,
            1,
            bench.clock(),
        )
    assert (await bench.queue.depth("sub")).retrying == 8


@pytest.mark.parametrize("usual", STAGES)
@pytest.mark.parametrize("different", STAGES)
async def test_exceptions_are_named_by_position(
    bench: Bench, usual: Stage, different: Stage
) -> None:
    """Most share one outcome and two differ: over batches and rows of their own."""
    await bench.end(2, Stage.RETRYING, retry_at=bench.clock() - 1)
    await bench.accept(3)
    await bench.accept(3)
    lease = await bench.take(8)
    one = bench.outcome(different, reason="OTHER", status=400, message="differs")
    assert await bench.settle(lease, usual, {1: one, 4: one}, reason="USUAL", status=200) == []
    for position, message_id in enumerate(ids_of(lease)):
        delivery = await bench.delivery(message_id)
        expected = (
            (different, "OTHER", 400, "differs")
            if position in {1, 4}
            else (usual, "USUAL", 200, "")
        )
        assert (delivery.stage, delivery.reason, delivery.status, delivery.message) == expected
        assert delivery.attempts == (2 if position < 2 else 1)
        assert (delivery.due_at is None) is delivery.stage.ended
    n = 6 * (usual is Stage.RETRYING) + 2 * (different is Stage.RETRYING)
    assert await bench.queue.depth("sub") == Depth(retrying=n)


async def test_an_outcome_for_all_is_needed_unless_all_are_named(bench: Bench) -> None:
    """Nothing is settled by guess: the call is refused, and the lease holds on."""
    await bench.accept(3)
    lease = await bench.take(3)
    ok = bench.outcome(Stage.DELIVERED)
    with pytest.raises(ValueError, match="outcome"):
        await bench.queue.settle(lease, None, {0: ok, 2: ok})
    assert (await bench.queue.depth("sub")).leased == 3
    assert await bench.queue.settle(lease, None, {0: ok, 1: ok, 2: ok}) == []


async def test_settling_twice_counts_once(bench: Bench) -> None:
    """The first outcome stands, across calls and of calls that come together."""
    ids = await bench.accept(2)
    lease = await bench.take(2)
    assert await bench.settle(lease, Stage.DELIVERED, reason="OK") == []
    assert await bench.settle(lease, Stage.REJECTED, reason="NO") == [0, 1]
    assert await bench.stages(ids) == [Stage.DELIVERED] * 2
    ids = await bench.accept(2)
    lease = await bench.take(2)
    lost = await asyncio.gather(*[bench.settle(lease, Stage.DELIVERED) for _ in range(5)])
    assert sorted(lost) == [[], *[[0, 1]] * 4]
    counts = await bench.ledger.counts(0, bench.clock() + 60, subscription="sub")
    assert sum(one.n for one in counts if one.counted is Counted.DELIVERED) == 4


async def test_settling_nothing_is_fine(bench: Bench) -> None:
    """An empty part has no positions to lose."""
    await bench.accept(1)
    lease = await bench.take(1)
    assert await bench.settle(lease.pick([]), Stage.DELIVERED) == []
    assert await bench.settle(lease, Stage.DELIVERED) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": Stage.WAITING}, "release its lease instead"),
        ({"stage": Stage.RETRYING}, "retrying needs that time"),
        ({"retry_at": 1.0}, "no other stage has it"),
        ({"reason": ""}, "without a reason"),
    ],
)
@pytest.mark.parametrize("place", ["for all", "exception"])
async def test_an_outcome_that_makes_no_sense_is_refused(
    bench: Bench, changes: dict[str, Any], message: str, place: str
) -> None:
    """The whole call is refused, with the subscription's name, and the lease holds on."""
    await bench.accept(2)
    lease = await bench.take(2)
    good = Outcome(stage=Stage.DELIVERED, reason="OK")
    bad = Outcome(**{"stage": Stage.DELIVERED, "reason": "OK"} | changes)
    usual, different = (bad, good) if place == "for all" else (good, bad)
    with pytest.raises(ValueError, match=message) as refused:
        await bench.queue.settle(lease, usual, {1: different})
    assert "sub" in str(refused.value)
    assert await bench.queue.settle(lease, good) == []


@pytest.mark.parametrize("position", [-1, 2, 99])
async def test_an_exception_for_nobody_is_refused(bench: Bench, position: int) -> None:
    """A position that the lease does not have is a mistake, and the lease holds on."""
    await bench.accept(2)
    lease = await bench.take(2)
    with pytest.raises(ValueError, match=f"position {position} .* sub"):
        await bench.settle(lease, Stage.DELIVERED, {position: Stage.REJECTED})
    assert (await bench.queue.depth("sub")).leased == 2
    assert await bench.settle(lease, Stage.DELIVERED) == []


async def test_a_retry_comes_back_at_its_time_with_its_count(bench: Bench) -> None:
    """Not before, not lost by a restart, and as attempt 2, 3, 4."""
    ids = await bench.accept(1)
    for attempt in (1, 2, 3):
        lease = await bench.take()
        assert lease.attempt(0) == attempt
        await bench.settle(lease, Stage.RETRYING, retry_at=bench.clock() + 60)
        bench.clock.move(59)
        await bench.reopen()
        assert await bench.lease(1) is None
        bench.clock.move(1)
    lease = await bench.take()
    leased = lease.delivery(0)
    assert ([leased.message_id], leased.attempt) == (ids, 4)
    assert leased.opened_at == leased.accepted_at == pytest.approx(bench.clock() - 180)


async def test_without_an_attempt_the_count_stays(bench: Bench) -> None:
    """A delivery that was put off before it was sent has not been tried."""
    (message_id,) = await bench.accept(1)
    await bench.settle(
        await bench.take(), Stage.RETRYING, retry_at=bench.clock() + 1, attempted=False
    )
    bench.clock.move(1)
    lease = await bench.take()
    assert lease.attempt(0) == 1
    await bench.settle(lease, Stage.DELIVERED)
    assert (await bench.delivery(message_id)).attempts == 1


async def test_without_an_attempt_an_end_has_none(bench: Bench) -> None:
    """What ends before anything was sent says so, whatever its end."""
    ids = await bench.accept(4)
    ends = [bench.outcome(stage, attempted=False) for stage in STAGES[:4]]
    await bench.queue.settle(await bench.take(4), None, dict(enumerate(ends)))
    assert [(await bench.delivery(one)).attempts for one in ids] == [0] * 4


async def test_a_retry_in_the_past_is_due_at_once(bench: Bench) -> None:
    """It is found even behind the place that the subscription has reached."""
    first, second = await bench.accept(2)
    lease = await bench.take(2)
    await bench.settle(lease.pick([0]), Stage.RETRYING, retry_at=bench.clock() - 1_000)
    assert ids_of(await bench.lease(5)) == [first]
    await bench.settle(lease.pick([1]), Stage.RETRYING, retry_at=bench.clock())
    assert ids_of(await bench.lease(5)) == [second]


async def test_a_caller_who_leaves_does_not_undo_the_outcome(bench: Bench) -> None:
    """A shutdown in the middle of settling loses no result."""
    ids = await bench.accept(2)
    lease = await bench.take(2)
    call = asyncio.create_task(bench.settle(lease, Stage.DELIVERED, {1: Stage.REJECTED}))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await bench.queue.close()
    assert await bench.stages(ids) == [Stage.DELIVERED, Stage.REJECTED]
    await bench.reopen()
    assert await bench.lease(1) is None


async def test_what_is_settled_is_never_leased_again(bench: Bench) -> None:
    """However leasing and settling race, each event is lent once."""
    await bench.accept(3_000)
    seen: list[str] = []

    async def consume(n: int) -> None:
        while lease := await bench.lease(n):
            seen.extend(ids_of(lease))
            await bench.settle(lease, Stage.DELIVERED)

    await asyncio.gather(*[consume(3 + n) for n in range(16)])
    assert (len(seen), len(set(seen))) == (3_000, 3_000)
    assert (await bench.queue.depths())["sub"] == Depth()


async def test_records_are_kept_while_they_are_of_use(bench: Bench) -> None:
    """The last payload and exchange stay, `None` keeps the one before, delivered drops both."""
    (message_id,) = await bench.accept(1)

    async def attempt(stage: Stage, **changes: Any) -> tuple[bytes | None, bytes | None]:
        await bench.settle(await bench.take(), stage, **changes)
        bench.clock.move(60)
        delivery = await bench.delivery(message_id)
        return delivery.payload, delivery.exchange

    assert await attempt(Stage.RETRYING, payload=b"p1", exchange=b"503") == (b"p1", b"503")
    assert await attempt(Stage.RETRYING) == (b"p1", b"503")
    assert await attempt(Stage.RETRYING, exchange=b"429") == (b"p1", b"429")
    assert await attempt(Stage.RETRYING, payload=b"") == (b"", b"429")
    assert await attempt(Stage.DELIVERED) == (None, None)


async def test_a_delivered_record_can_be_kept(bench: Bench) -> None:
    """If the outcome brings one along, it takes the place of the failed attempt's."""
    (message_id,) = await bench.end(1, Stage.RETRYING, payload=b"p", exchange=b"503")
    bench.clock.move(60)
    await bench.settle(await bench.take(), Stage.DELIVERED, exchange=b"200")
    delivery = await bench.delivery(message_id)
    assert (delivery.payload, delivery.exchange) == (None, b"200")
    ids = await bench.end(3, Stage.DELIVERED, exchange=b"201")
    assert [(await bench.delivery(one)).exchange for one in ids] == [b"201"] * 3


async def test_a_batch_shares_its_exchange(bench: Bench) -> None:
    """Each delivery of a batch tells the same exchange, until it has one of its own."""
    ids = await bench.accept(3)
    await bench.settle(await bench.take(3), Stage.RETRYING, exchange=b"batch")
    bench.clock.move(60)
    lease = await bench.take(3)
    await bench.settle(lease.pick([0]), Stage.REJECTED, exchange=b"alone")
    await bench.settle(lease.pick([1]), Stage.DELIVERED)
    await bench.settle(lease.pick([2]), Stage.EXPIRED)
    exchanges = [(await bench.delivery(one)).exchange for one in ids]
    assert exchanges == [b"alone", None, b"batch"]


async def test_one_exchange_serves_several_outcomes(bench: Bench) -> None:
    """A request that took some events and refused others is shown with each of them."""
    ids = await bench.accept(6)
    exchange = b"207"
    named = {
        position: bench.outcome(stage, exchange=exchange)
        for position, stage in enumerate(STAGES[1:], start=1)
    }
    lease = await bench.take(6)
    await bench.settle(lease, Stage.DELIVERED, named, exchange=exchange)
    assert [(await bench.delivery(one)).exchange for one in ids] == [exchange] * 6
    bench.clock.move(60)
    await bench.settle(await bench.take(1), Stage.DELIVERED, exchange=b"200")
    exchanges = [(await bench.delivery(one)).exchange for one in ids]
    assert exchanges == [exchange] * 4 + [b"200", exchange]


async def test_depth_follows_every_move(bench: Bench) -> None:
    """Waiting, retrying and leased are exact at every step, and after a restart."""
    await bench.accept(5)
    assert await bench.queue.depth("sub") == Depth(waiting=5)
    lease = await bench.take(4)
    assert await bench.queue.depth("sub") == Depth(waiting=5, leased=4)
    await bench.settle(lease.pick([0, 1]), Stage.RETRYING)
    await bench.settle(lease.pick([2]), Stage.DELIVERED)
    assert await bench.queue.depth("sub") == Depth(waiting=2, retrying=2, leased=1)
    await bench.queue.release(lease.pick([3]))
    assert await bench.queue.depth("sub") == Depth(waiting=2, retrying=2)
    await bench.reopen()
    assert await bench.queue.depths() == {"sub": Depth(waiting=2, retrying=2)}
    assert await bench.queue.depth("unknown") == Depth()


async def test_every_settle_is_counted(bench: Bench) -> None:
    """Each entry into a stage is one count of its minute, with its reason."""
    await bench.end(2, Stage.DELIVERED, reason="OK")
    await bench.end(1, Stage.REJECTED, reason="400")
    await bench.end(3, Stage.RETRYING, reason="503", retry_at=bench.clock() + 60)
    minute = int(bench.clock() // 60 * 60)
    bench.clock.move(60)
    await bench.settle(await bench.take(3), Stage.DELIVERED, reason="OK")
    counts = await bench.ledger.counts(0, bench.clock() + 60, subscription="sub")
    assert [(one.minute, one.counted, one.reason, one.n) for one in counts] == [
        (minute, Counted.ACCEPTED, "", 6),
        (minute, Counted.DELIVERED, "OK", 2),
        (minute, Counted.REJECTED, "400", 1),
        (minute, Counted.RETRYING, "503", 3),
        (minute + 60, Counted.DELIVERED, "OK", 3),
    ]
