"""How hard an instance is driven: concurrency, breaker, pauses, rate."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from offramp.config import MAX_RETRY_AFTER_SECONDS
from offramp.delivery.breaker import (
    FAILURES,
    FAILURES_TO_OPEN,
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    RETRY_AFTER,
)
from offramp.delivery.limits import HALVES_PER_SECOND, Gate
from offramp.errors import HTTPError

#: Seconds after which a waiter counts as left waiting for ever.
PATIENCE = 10.0


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def answered(status: int, retry_after: float | None = None) -> HTTPError:
    return HTTPError(status, url="https://partner.example", retry_after=retry_after)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(now=clock)


def test_a_hold_lasts_until_a_success(gate: Gate, clock: Clock) -> None:
    """Rests, failed probes and pauses that the partner asks for again are one hold."""
    assert gate.held_for == 0
    gate.note(answered(429, retry_after=50))
    clock.seconds += 40
    assert gate.held_for == 40
    clock.seconds += 20
    assert gate.held_for == 0  # requests may be sent, and none was answered yet
    gate.note(answered(429, retry_after=50))
    assert gate.held_for == 60
    for _ in range(FAILURES_TO_OPEN):
        gate.note(answered(503))
    clock.seconds += 200
    gate.note(answered(503))
    assert gate.held_for == 260
    clock.seconds += LONGEST_REST_SECONDS
    gate.note(None)
    assert gate.held_for == 0
    gate.note(answered(429, retry_after=50))
    assert gate.held_for == 0
    clock.seconds += 1
    assert gate.held_for == 1


def test_success_adds_and_trouble_halves(gate: Gate, clock: Clock) -> None:
    """Concurrency grows by about one per round of successes and halves on 429 and 5xx."""
    start = gate.limit
    for _ in range(start * 4):
        gate.note(None)
    grown = gate.limit
    assert grown > start
    clock.seconds += 2
    gate.note(answered(429))
    assert gate.limit == grown // 2


def test_one_bad_moment_counts_once(gate: Gate, clock: Clock) -> None:
    """Many failures at the same time halve the concurrency once."""
    for _ in range(12):
        gate.note(None)
    before = gate.limit
    clock.seconds += 2
    for _ in range(4):
        gate.note(answered(500))
    assert gate.limit == before // 2


def test_a_final_answer_is_no_trouble(gate: Gate) -> None:
    """A rejected payload says that the partner is well."""
    for _ in range(FAILURES_TO_OPEN * 2):
        gate.note(answered(400))
    assert gate.state == "closed"


def test_failures_in_a_row_open_the_breaker_and_one_success_closes_it(
    gate: Gate, clock: Clock
) -> None:
    """Open after a row of failures, half-open after the rest, closed after a good probe."""
    for _ in range(FAILURES_TO_OPEN):
        gate.note(answered(503))
    assert gate.state == "open"
    assert gate.pause == FIRST_REST_SECONDS
    clock.seconds += FIRST_REST_SECONDS
    assert gate.state == "half-open"
    gate.note(None)
    assert gate.state == "closed"


def test_each_failed_probe_doubles_the_rest(gate: Gate, clock: Clock) -> None:
    """A partner that stays down is asked less and less often."""
    for _ in range(FAILURES_TO_OPEN):
        gate.note(answered(503))
    clock.seconds += gate.pause
    gate.note(answered(503))
    assert gate.pause == 2 * FIRST_REST_SECONDS


def test_throttling_does_not_open_the_breaker(gate: Gate) -> None:
    """429 slows down; it never stops an instance altogether."""
    for _ in range(FAILURES_TO_OPEN * 2):
        gate.note(answered(429))
    assert gate.state == "closed"


def test_retry_after_closes_the_gate_for_as_long(gate: Gate, clock: Clock) -> None:
    """No request of the instance leaves during a pause that the partner asked for."""
    gate.note(answered(429, retry_after=30))
    assert gate.pause == 30
    clock.seconds += 30
    assert gate.pause == 0


async def test_only_as_many_enter_as_may() -> None:
    """The one too many waits until a place is given back."""
    gate = Gate(now=asyncio.get_running_loop().time, most=2)
    await gate.enter()
    await gate.enter()
    third = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not third.done()
    gate.leave()
    await asyncio.wait_for(third, timeout=PATIENCE)


async def test_a_place_offered_to_one_who_left_goes_to_the_next() -> None:
    """A cancelled waiter takes no place with it."""
    gate = Gate(now=asyncio.get_running_loop().time, most=1)
    await gate.enter()
    first = asyncio.create_task(gate.enter())
    second = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    gate.leave()
    first.cancel()
    await asyncio.wait_for(second, timeout=PATIENCE)


async def test_while_it_rests_nobody_waits_and_then_one_event_probes() -> None:
    """Who stands at a held gate gives its events back; after the rest, one event alone passes."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, most=1)
    assert await gate.enter()
    waiting = [asyncio.create_task(gate.enter(events)) for events in (1, 100)]
    await asyncio.sleep(0)
    for _ in range(FAILURES_TO_OPEN):
        gate.note(answered(503))
    gate.leave()
    assert await asyncio.gather(*waiting) == [False, False]
    assert not await gate.enter()
    await asyncio.sleep(FIRST_REST_SECONDS + 0.1)
    assert not await gate.enter(2)
    probe, other = (asyncio.create_task(gate.enter()) for _ in range(2))
    await asyncio.sleep(0)
    assert (await probe, other.done()) == (True, False)
    gate.leave()
    gate.note(None)
    assert await asyncio.wait_for(other, timeout=PATIENCE)
    gate.leave()
    assert await gate.enter(100)


def test_answers_that_come_late_lengthen_no_rest(gate: Gate, clock: Clock) -> None:
    """Requests that were under way when the breaker opened are no probes."""
    for _ in range(4 * FAILURES_TO_OPEN):
        gate.note(answered(503))
    assert gate.pause == FIRST_REST_SECONDS
    gate.note(None, started=clock.seconds - 1)
    assert gate.state == "open"


def test_an_outage_of_weeks_is_probed_once_a_minute(gate: Gate, clock: Clock) -> None:
    """However many probes have failed, the rest is the longest."""
    for _ in range(10_000):
        clock.seconds += gate.pause
        gate.note(answered(503))
    assert gate.pause == LONGEST_REST_SECONDS


def reason(gate: Gate) -> str | None:
    return None if gate.held is None else gate.held.code


def test_whoever_holds_an_instance_says_why(gate: Gate, clock: Clock) -> None:
    """A hold stands with its reason until a probe succeeds; each failed one doubles the rest."""
    assert reason(gate) is None
    gate.hold("middleware", "the middleware `sign` raised KeyError", "mend the plugin")
    assert reason(gate) == "middleware"
    assert (gate.state, gate.pause) == ("open", FIRST_REST_SECONDS)
    gate.hold("middleware", "again, while it rests", "mend the plugin")
    assert gate.pause == FIRST_REST_SECONDS
    clock.seconds += gate.pause
    assert gate.needs_probe
    gate.hold("middleware", "the probe met it too", "mend the plugin")
    assert gate.pause == 2 * FIRST_REST_SECONDS
    clock.seconds += gate.pause
    gate.note(answered(503))
    assert (reason(gate), gate.pause) == ("middleware", 4 * FIRST_REST_SECONDS)
    clock.seconds += gate.pause
    gate.note(None)
    assert (gate.held, gate.needs_probe) == (None, False)


def test_the_reason_is_that_of_what_holds_it(gate: Gate, clock: Clock) -> None:
    """An open breaker and a `Retry-After` are told apart; the latter needs no probe."""
    gate.note(answered(429, retry_after=30))
    assert (reason(gate), gate.needs_probe) == (RETRY_AFTER, False)
    clock.seconds += 30
    assert reason(gate) is None
    for _ in range(FAILURES_TO_OPEN):
        gate.note(answered(503))
    assert reason(gate) == FAILURES
    assert gate.held is not None
    assert "answered 503" in gate.held.message


async def test_halves_keep_their_pace_and_hold_up_nobody_else() -> None:
    """Halves of failing batches go five a second; other requests pass them."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, most=1)
    started = loop.time()
    passed: list[float] = []

    async def pass_through() -> None:
        assert await gate.enter(50, half=True)
        passed.append(loop.time() - started)
        gate.leave()

    halves = [asyncio.create_task(pass_through()) for _ in range(4)]
    await asyncio.sleep(0.01)
    for _ in range(20):
        assert await gate.enter(100)
        gate.leave()
    assert loop.time() - started < 1 / HALVES_PER_SECOND
    await asyncio.gather(*halves)
    gaps = [later - earlier for earlier, later in pairwise(passed)]
    assert min(gaps) >= 1 / HALVES_PER_SECOND - 0.01


async def test_a_rate_spaces_requests() -> None:
    """Ten requests a second take a tenth of a second each."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, rate=20)
    started = loop.time()
    for _ in range(4):
        await gate.enter()
        gate.leave()
    assert loop.time() - started >= 3 / 20 - 0.01


async def test_who_leaves_while_requests_are_spaced_out_takes_no_place_along() -> None:
    """Cancelled between its turn and its request, a delivery must not block the instance."""
    gate = Gate(now=asyncio.get_running_loop().time, most=1, rate=20)
    await gate.enter()
    gate.leave()
    spaced = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    spaced.cancel()
    await asyncio.gather(spaced, return_exceptions=True)
    await asyncio.wait_for(gate.enter(), timeout=PATIENCE)


async def test_who_leaves_during_a_pause_passes_its_turn_on() -> None:
    """A waiter whose turn came just before a pause, and who then leaves, holds up nobody."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, most=1)
    await gate.enter()
    first = asyncio.create_task(gate.enter())
    second = asyncio.create_task(gate.enter())
    await asyncio.sleep(0.01)
    gate.leave()
    gate.note(None)
    gate.note(answered(429, retry_after=0.1))
    first.cancel()
    await asyncio.wait_for(second, timeout=PATIENCE)


async def test_a_pause_holds_for_those_who_are_being_spaced_out() -> None:
    """A `Retry-After` that arrives meanwhile keeps them back too."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, rate=50)
    await gate.enter()
    spaced = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    gate.note(answered(429, retry_after=0.2))
    started = loop.time()
    await spaced
    assert loop.time() - started >= 0.15


@pytest.mark.parametrize("asked", [1_795_866_402, 86_400_000])
def test_an_absurd_pause_ends_at_the_cap(gate: Gate, asked: float) -> None:
    """A partner that means an epoch or milliseconds holds up an instance for minutes only."""
    gate.note(answered(429, retry_after=asked))
    assert gate.pause == MAX_RETRY_AFTER_SECONDS


async def test_all_who_wait_have_one_timer_and_enter_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred busy subscriptions cost no timer each, and none overtakes another."""
    loop = asyncio.get_running_loop()
    gate = Gate(now=loop.time, most=1)
    gate.note(answered(429, retry_after=0.05))
    call_later = loop.call_later
    timers: list[float] = []

    def counted(delay: float, *call: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return call_later(delay, *call, **more)

    monkeypatch.setattr(loop, "call_later", counted)
    entered: list[int] = []

    async def enter(number: int) -> None:
        assert await gate.enter()
        entered.append(number)
        gate.leave()

    await asyncio.gather(*map(enter, range(100)))
    assert entered == list(range(100))
    assert len([delay for delay in timers if delay > 0]) == 1
