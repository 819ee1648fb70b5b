"""No poison: bad events are found in what fails, and hold up no others."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.delivery.parts import attempt, make_plan, prepare
from tests.delivery.virtual import MemoryQueue, World, run

from offramp.delivery.bisection import CONTENT_STATUSES, is_halved
from offramp.delivery.failures import PluginFailedError
from offramp.delivery.limits import HALVES_PER_SECOND
from offramp.errors import (
    ConnectionFailedError,
    DeliveryError,
    HTTPError,
    RejectedError,
    RequestTimeoutError,
    RetryableError,
)

#: Good events have arrived by then, whatever their neighbours.
FIVE_MINUTES = 300.0
HOUR = 3_600.0

NEVER = (False, False, False)
AGAIN = (False, True, True)


def answered(status: int) -> DeliveryError:
    return HTTPError(status, url="https://partner.example")


@pytest.mark.parametrize(
    ("error", "halved"),
    [
        *((answered(status), (True, True, True)) for status in (400, 409, 413, 422)),
        *((answered(status), AGAIN) for status in (500, 502, 503, 504, 529)),
        (PluginFailedError("a bug"), AGAIN),
        (RetryableError("not now"), AGAIN),
        *((answered(status), AGAIN) for status in (401, 403)),
        (RequestTimeoutError("late"), (False, False, True)),
        (answered(408), (False, False, True)),
        (ConnectionFailedError("reset"), NEVER),
        *((answered(status), NEVER) for status in (301, 404, 410, 423, 429, 501)),
        (RejectedError("no", status=403), NEVER),
        (RejectedError("no", status=500), NEVER),
        (RetryableError("wait", status=400), NEVER),
    ],
    ids=lambda each: f"{type(each).__name__}-{each.status}" if hasattr(each, "status") else None,
)
def test_what_is_halved(error: DeliveryError, halved: tuple[bool, bool, bool]) -> None:
    """By error: at the first time, again without an idempotency key, again with one."""
    judge = partial(is_halved, error, content_statuses=CONTENT_STATUSES)
    first = judge(again=False, idempotent=True)
    again = [judge(again=True, idempotent=each) for each in (False, True)]
    assert (first, *again) == halved


EVEN = {f"m{number}" for number in range(50, 2_000, 100)}
RANDOM = {f"m{number}" for number in Random(7).sample(range(2_000), 60)}


@pytest.mark.parametrize("bad", [EVEN, RANDOM], ids=["1 in 100", "3 in 100"])
def test_of_2000_events_the_good_ones_arrive_within_five_minutes(bad: set[str]) -> None:
    """A partner that answers 500 to every batch with a bad event gets the others all the same."""

    async def main() -> None:
        world = World(judge=lambda ids: 500 if bad & set(ids) else 200)
        ids = [f"m{number}" for number in range(2_000)]
        world.queue.accept(ids)
        world.start()
        good = set(ids) - bad
        await world.until(lambda: set(world.delivered) == good, within=FIVE_MINUTES)
        assert Counter(world.delivered) == Counter(good)
        await world.stop()
        assert set(world.queue.rows) == bad

    run(main)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), total=st.integers(1, 250), status=st.sampled_from([500, 503, "bug"]))
def test_for_any_bad_events_all_good_ones_arrive_once(
    data: st.DataObject, total: int, status: int | str
) -> None:
    """The bad ones end alone, in a bounded number of requests, at the pace of halves."""
    ids = [f"m{number}" for number in range(total)]
    bad = set(data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=total // 10)))
    failure = KeyError("a bug") if isinstance(status, str) else status

    async def main() -> None:
        world = World(judge=lambda got: failure if bad & set(got) else 200)
        world.queue.accept(ids)
        world.start()
        good = set(ids) - bad
        await world.until(lambda: set(world.delivered) == good, within=FIVE_MINUTES)
        assert Counter(world.delivered) == Counter(good)
        requests = len(world.requests)
        halvings = 2 * len(bad) * math.ceil(math.log2(100))
        # Each event twice in a batch of its own, and the probes of an open breaker, beside them.
        assert requests <= 4 * (total // 100 + 1) + 3 * halvings
        await asyncio.sleep(HOUR)
        assert world.queue.rows.keys() == bad
        late = [got for at, got, _ in world.requests[requests:] if at > FIVE_MINUTES]
        assert all(len(got) == 1 for got in late)
        await world.stop()

    run(main)


def paced(requests: Sequence[tuple[float, list[str], int]]) -> None:
    """Requests go no faster than halves may."""
    for (earlier, *_), (later, *_) in pairwise(requests):
        assert later - earlier >= 1 / HALVES_PER_SECOND - 1e-6


def test_the_bad_ones_keep_their_pace_and_open_no_breaker() -> None:
    """What remains of 60 bad events fails alone, for hours, and a new one passes at once."""

    async def main() -> None:
        world = World(judge=lambda ids: 500 if RANDOM & set(ids) else 200)
        world.queue.accept([f"m{number}" for number in range(2_000)])
        world.start()
        await asyncio.sleep(2 * FIVE_MINUTES)
        assert len(world.queue.rows) == len(RANDOM)
        known = len(world.requests)
        await asyncio.sleep(HOUR)
        paced(world.requests[known:])
        assert world.runtime.gate.held is None
        before = world.elapsed
        world.queue.accept(["new"])
        await world.until(lambda: "new" in world.delivered, within=1)
        assert world.elapsed - before < 1
        await world.stop()

    run(main)


def test_singles_that_fail_for_ever_open_no_breaker() -> None:
    """Where an action takes one event at a time, ten bad ones hold up no good one either."""
    bad = {f"m{number}" for number in range(0, 100, 10)}

    async def main() -> None:
        world = World(judge=lambda ids: 500 if bad & set(ids) else 200, action="takeOne")
        world.queue.accept([f"m{number}" for number in range(100)])
        world.start()
        await asyncio.sleep(FIVE_MINUTES)
        assert world.queue.rows.keys() == bad
        for number in range(20):
            world.queue.accept([f"new{number}"])
            await world.until(lambda n=number: f"new{n}" in world.delivered, within=1)  # type: ignore[misc]
            await asyncio.sleep(30)
        await world.stop()

    run(main)


def test_an_outage_is_taken_for_no_poison() -> None:
    """A partner that is down is asked by one event a minute, and gets full batches afterwards."""
    down = True

    async def main() -> None:
        nonlocal down
        world = World(judge=lambda ids: 503 if down else 200)
        ids = [f"m{number}" for number in range(5_000)]
        world.queue.accept(ids)
        world.start()
        await asyncio.sleep(2 * HOUR)
        asked = len(world.requests)
        assert asked < 200
        assert all(len(got) == 1 for _, got, _ in world.requests[-100:])
        assert world.runtime.gate.held is not None
        down = False
        await world.until(lambda: len(world.delivered) == len(ids), within=13 * 60)
        assert Counter(world.delivered) == Counter(ids)
        assert len(world.requests) - asked < 2 * len(ids) / 100 + 150
        await world.stop()

    run(main)


@pytest.mark.parametrize(
    ("action", "status", "requests"),
    [("take", 500, 15), ("takeKnown", 500, 15), ("take", 408, 1), ("takeKnown", 408, 15)],
)
def test_what_failed_twice_is_halved_where_that_counts_nothing_twice(
    action: str, status: int, requests: int
) -> None:
    """A time-out may have been taken: without an idempotency key halves would count twice."""

    async def main() -> None:
        world = World(judge=lambda ids: status if "m7" in ids else 200, action=action)
        plan = make_plan(action)
        ids = [f"m{number}" for number in range(100)]

        first = await attempt(world.runtime, plan, prepare(plan, ids))
        assert len(world.requests) == 1
        pasts = {at: verdict.past for at, verdict in enumerate(first) if verdict.past}
        await attempt(world.runtime, plan, prepare(plan, ids, pasts))
        assert len(world.requests) == 1 + requests

    run(main)


def test_halving_holds_up_no_other_subscription_of_the_instance() -> None:
    """While a hundred bad events are looked for, another subscription delivers at full speed."""

    async def main() -> None:
        world = World(judge=lambda ids: 500 if any(each.startswith("bad") for each in ids) else 200)
        world.queue.accept([f"{'bad' if n % 10 == 0 else 'm'}{n}" for n in range(1_000)])
        world.start()
        await asyncio.sleep(20)
        other = MemoryQueue()
        world.start(queue=other)
        slowest = 0.0
        for number in range(100):
            began = world.elapsed
            other.accept([f"o{number}"])
            await world.until(lambda: not other.rows, within=5)
            slowest = max(slowest, world.elapsed - began)
            await asyncio.sleep(0.5)
        assert slowest < 3
        await world.stop()

    run(main)


@pytest.mark.parametrize(("action", "bound"), [("take", HOUR / 2), ("takeOne", FIVE_MINUTES)])
def test_old_poison_alone_holds_up_no_event_for_long(action: str, bound: float) -> None:
    """After a restart nothing is known of 160 bad events, and little else is due.

    They hold the instance, as nothing succeeds. A new event is the next probe all the same, and a
    good one among them has its turn; in a batch, after waits of up to ten minutes for each failure.
    """

    async def main() -> None:
        world = World(
            judge=lambda ids: 500 if any(each.startswith("bad") for each in ids) else 200,
            action=action,
        )
        world.queue.accept([*(f"bad{n}" for n in range(160)), "good"])
        for row in world.queue.rows.values():
            row.attempt = 10
        world.start()
        await asyncio.sleep(60)
        world.queue.accept(["new"])
        await world.until(lambda: "new" in world.delivered, within=5)
        await world.until(lambda: "good" in world.delivered, within=bound)
        await world.stop()

    run(main)


def test_an_outage_is_probed_once_a_minute_while_events_come_in() -> None:
    """Fresh events are the probes, so that the rests grow, however many were tried before."""

    async def main() -> None:
        world = World(judge=lambda _: 503)
        world.queue.accept([f"m{n}" for n in range(500)])
        world.start()
        for number in range(600):
            world.queue.accept([f"new{number}"])
            await asyncio.sleep(3)
        late = [at for at, _, _ in world.requests if at > 600]
        assert len(late) <= (1_800 - 600) / 60 + 1
        await world.stop()

    run(main)


@pytest.mark.parametrize(("attempt", "times"), [(1, 1), (2, 20)])
def test_only_after_its_first_attempt_a_batch_waits_together(attempt: int, times: int) -> None:
    """Then it may share a request again; later each waits by itself, as one may be the cause.

    So the good events beside a bad one need not wait for it, also where a restart forgot which one
    it is.
    """

    async def main() -> None:
        world = World(judge=lambda _: 500)
        world.queue.accept([f"m{n}" for n in range(20)])
        for row in world.queue.rows.values():
            row.attempt = attempt
        world.start()
        await world.until(lambda: len(world.queue.outcomes) >= 20, within=5)
        assert len({outcome.retry_at for outcome in world.queue.outcomes[:20]}) == times
        await world.stop()

    run(main)


def test_a_stop_ends_the_halving_at_once_and_loses_nothing() -> None:
    """What was not sent is given back; what was, is noted once."""

    async def main() -> None:
        bad = {f"m{number}" for number in range(0, 400, 20)}
        world = World(judge=lambda ids: 500 if bad & set(ids) else 200)
        ids = [f"m{number}" for number in range(400)]
        world.queue.accept(ids)
        world.start()
        await world.until(lambda: any(len(got) < 50 for _, got, _ in world.requests), within=60)
        before = world.elapsed
        await world.stop()
        assert world.elapsed - before < 1
        assert all(row.lent_until is None for row in world.queue.rows.values())
        assert set(world.delivered) == set(world.stages)
        world.start()
        await world.until(lambda: world.queue.rows.keys() == bad, within=FIVE_MINUTES)
        assert Counter(world.delivered) == Counter(set(ids) - bad)
        await world.stop()

    run(main)
