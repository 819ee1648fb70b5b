"""The contract of every engine: an attempt that was under way at the end of the process counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from tests.queue.conftest import ids_of

from offramp.queue import DeadLetterFilter, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

    from offramp.queue import Lease

UNKNOWN = "answer unknown: the host stopped while the request was under way"


@attrs.frozen
class Standing:
    """What an event record says of the attempts of a delivery."""

    stage: Stage
    reason: str
    attempts: int
    unknown_answers: int


async def standing(bench: Bench, message_id: str) -> Standing:
    """Where the only delivery of an event stands."""
    found = await bench.delivery(message_id)
    return Standing(found.stage, found.reason, found.attempts, found.unknown_answers)


async def send(bench: Bench, n: int = 1) -> Lease:
    """Lease so many, and let a request with all of them leave."""
    lease = await bench.take(n)
    await bench.queue.begin_request(lease)
    return lease


async def test_what_was_under_way_is_retrying_with_an_unknown_answer(bench: Bench) -> None:
    """The record counts the attempt at once, and it is due; once delivered it has both."""
    (first,) = await bench.accept(1)
    await send(bench)
    await bench.reopen()
    (found,) = [await bench.delivery(first)]
    assert (found.stage, found.reason) == (Stage.RETRYING, "ANSWER_UNKNOWN")
    assert (found.message, found.attempts, found.unknown_answers) == (UNKNOWN, 1, 1)
    assert (await bench.queue.depth("sub")).retrying == 1
    lease = await bench.take()
    assert lease.attempt(0) == 2
    assert lease.delivery(0).opened_at == lease.delivery(0).accepted_at == found.accepted_at
    assert await bench.settle(lease, Stage.DELIVERED) == []
    assert await standing(bench, first) == Standing(Stage.DELIVERED, "DELIVERED", 2, 1)


async def test_only_what_left_counts(bench: Bench) -> None:
    """Of a block that was leased as a whole, some in a request: the others were not tried."""
    ids = await bench.accept(6)
    lease = await bench.take(6)
    await bench.queue.begin_request(lease.pick([1, 4]))
    await bench.reopen()
    attempts = [(await standing(bench, each)).attempts for each in ids]
    assert attempts == [0, 1, 0, 0, 1, 0]
    assert await bench.stages(ids) == [
        Stage.RETRYING if tried else Stage.WAITING for tried in attempts
    ]


@pytest.mark.parametrize("stage", [Stage.DELIVERED, Stage.REJECTED, Stage.RETRYING])
async def test_what_was_settled_is_left_alone(bench: Bench, stage: Stage) -> None:
    """An outcome that is on disk says all; what the request had beside it counts."""
    ids = await bench.accept(3)
    lease = await send(bench, 3)
    await bench.settle(lease.pick([0, 2]), stage)
    await bench.reopen()
    settled = Standing(stage, stage.value.upper(), 1, 0)
    assert [await standing(bench, each) for each in ids] == [
        settled,
        Standing(Stage.RETRYING, "ANSWER_UNKNOWN", 1, 1),
        settled,
    ]


async def test_every_end_of_the_process_counts(bench: Bench) -> None:
    """Retried, then three times under way at an end: four attempts, three of them unknown."""
    (first,) = await bench.end(1, Stage.RETRYING, retry_at=bench.clock())
    for _ in range(3):
        await send(bench)
        await bench.reopen()
    assert await standing(bench, first) == Standing(Stage.RETRYING, "ANSWER_UNKNOWN", 4, 3)
    await bench.reopen()
    assert (await standing(bench, first)).attempts == 4


async def test_a_request_whose_lease_was_given_back_counts(bench: Bench) -> None:
    """Cancelled, or lapsed, while it was under way: the next attempt is the second, and lasting."""
    (first,) = await bench.accept(1)
    lease = await send(bench)
    await bench.queue.release(lease)
    lease = await bench.take(ttl=10)
    assert lease.attempt(0) == 2
    await bench.queue.release(lease)
    assert (await bench.take(ttl=10)).attempt(0) == 2
    bench.clock.move(11)
    await bench.reopen()
    assert (await standing(bench, first)).attempts == 1


async def test_a_lease_that_lapsed_counts_after_an_end_if_a_request_left(bench: Bench) -> None:
    """What lapsed and was sent again, and is under way at the end, had two attempts."""
    (first,) = await bench.accept(1)
    await bench.queue.begin_request(await bench.take(ttl=10))
    bench.clock.move(11)
    assert (await send(bench)).attempt(0) == 2
    await bench.reopen()
    assert await standing(bench, first) == Standing(Stage.RETRYING, "ANSWER_UNKNOWN", 2, 2)


async def test_a_replay_counts_anew(bench: Bench) -> None:
    """What was settled, then replayed, has had no attempt since; what leaves again has one."""
    (first,) = await bench.accept(1)
    await bench.settle(await send(bench), Stage.REJECTED)
    bench.clock.move(1)
    assert await bench.queue.replay(DeadLetterFilter()) == 1
    await bench.reopen()
    assert await standing(bench, first) == Standing(Stage.WAITING, "REPLAYED", 0, 0)
    await send(bench)
    await bench.reopen()
    assert await standing(bench, first) == Standing(Stage.RETRYING, "ANSWER_UNKNOWN", 1, 1)
    await bench.settle(await bench.take(), Stage.REJECTED)
    bench.clock.move(1)
    assert await bench.queue.replay(DeadLetterFilter()) == 1
    assert await standing(bench, first) == Standing(Stage.WAITING, "REPLAYED", 0, 0)


async def test_a_clock_that_was_set_back_hides_no_attempt(bench: Bench) -> None:
    """Set back after a replay, before or after the request left."""
    (first,) = await bench.end(1, Stage.REJECTED)
    await bench.queue.replay(DeadLetterFilter())
    bench.clock.step(-3_600)
    await send(bench)
    bench.clock.step(-3_600)
    await bench.reopen()
    assert (await standing(bench, first)).attempts == 1
    assert ids_of(await bench.lease(1)) == [first]


async def test_what_a_removed_subscription_had_under_way_ends_with_it(bench: Bench) -> None:
    """After the restart it waits as anything else does, and its end keeps the attempts."""
    (first,) = await bench.accept(1)
    await send(bench)
    await bench.reopen()
    assert await bench.queue.cancel("sub") == 1
    assert await standing(bench, first) == Standing(Stage.EXPIRED, "SUBSCRIPTION_REMOVED", 1, 1)
