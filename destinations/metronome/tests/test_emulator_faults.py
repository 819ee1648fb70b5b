"""Faults happen when, where and as often as they were planned."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import metronome
import pytest
from metronome import AsyncMetronome

from offramp_metronome.emulator import Emulator, Fault, Faults

TOKEN = "made-up"
INGEST = "/v1/ingest"


def usage(*transaction_ids: str) -> Any:
    now = datetime.now(UTC).isoformat()
    return [
        {"transaction_id": name, "customer_id": "c", "event_type": "e", "timestamp": now}
        for name in transaction_ids
    ]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as running:
        yield running


def connect(emulator: Emulator, *, retries: int = 0, timeout: float = 5) -> AsyncMetronome:
    return AsyncMetronome(
        bearer_token=TOKEN, base_url=emulator.url, max_retries=retries, timeout=timeout
    )


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to pass")


def test_faults_happen_in_order_each_as_often_as_planned() -> None:
    faults = Faults()
    faults.add(Fault(status=500, times=2), Fault(status=429))
    met = [faults.strike(INGEST) for _ in range(4)]
    assert [fault.status if fault else None for fault in met] == [500, 500, 429, None]
    assert faults.waiting() == []


def test_what_waits_tells_the_times_that_are_left() -> None:
    faults = Faults()
    faults.add(Fault(status=500, times=3), Fault(status=502, probability=0.5))
    faults.strike(INGEST)
    assert [fault.times for fault in faults.waiting()] == [2, None]
    faults.clear()
    assert faults.strike(INGEST) is None


def test_a_fault_stands_at_its_own_endpoint_alone() -> None:
    faults = Faults()
    faults.add(Fault(status=500), Fault(status=503, endpoint="/v1/customers", times=None))
    assert faults.strike("/v1/events/search") is None
    statuses = [getattr(faults.strike("/v1/customers/x"), "status", None) for _ in range(2)]
    assert statuses == [503, 503]
    assert getattr(faults.strike(INGEST), "status", None) == 500


def test_a_fault_meets_only_the_bodies_that_hold_its_text() -> None:
    faults = Faults()
    faults.add(Fault(status=500, holding="bad-7", times=None))
    assert faults.strike(INGEST, b'[{"transaction_id":"good-7"}]') is None
    assert getattr(faults.strike(INGEST, b'[{"transaction_id":"bad-7"}]'), "status", None) == 500


def test_a_fault_may_come_first_and_be_taken_away() -> None:
    faults = Faults()
    outage = Fault(status=401, times=None)
    faults.add(Fault(status=500))
    faults.add(outage, first=True)
    statuses = [getattr(faults.strike(INGEST), "status", None) for _ in range(2)]
    faults.remove(outage)
    assert [*statuses, getattr(faults.strike(INGEST), "status", None)] == [401, 401, 500]


def test_chance_follows_its_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed=seed)
        faults.add(Fault(status=500, probability=0.2))
        return [faults.strike(INGEST) is not None for _ in range(1_000)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 150 < sum(run(1)) < 250


def test_chance_may_have_an_end() -> None:
    faults = Faults()
    faults.add(Fault(status=500, probability=0.5, times=3))
    assert sum(faults.strike(INGEST) is not None for _ in range(100)) == 3


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"status": 200}, "'status' must be int, 400 to 599, not 200"),
        ({"status": "500"}, "'status' must be int, 400 to 599, not '500'"),
        ({"status": 600}, "'status' must be"),
        ({"status": 500, "times": 0}, "'times' must be int, 1 or more, not 0"),
        ({"status": 500, "times": True}, "'times' must be"),
        ({"status": 500, "delay": -1}, "'delay' must be float, 0 or more, not -1"),
        ({"status": 500, "probability": 1.1}, "'probability' must be float, 0 to 1, not 1.1"),
        ({"status": 429, "retry_after": "soon"}, "'retry_after' must be"),
        ({"status": 429, "limit_type": "me"}, "'limit_type' must be in"),
        ({"ending": "explode"}, "'ending' must be in"),
        ({"store": "some"}, "'store' must be in"),
        ({"store": "none"}, "a 200 would mean that the whole batch was accepted"),
        ({"store": "part", "delay": 1}, "a 200 would mean that the whole batch was accepted"),
        ({"status": 500, "endpoint": "/_emulator"}, "'endpoint' must match"),
        ({"status": 500, "retryAfter": 1}, "a fault has no 'retryAfter'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(data: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Fault.from_json(data)


async def test_a_429_carries_metronomes_header_and_retry_after_if_wanted(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(status=429, retry_after=2, limit_type="customer"), Fault(status=429))
    async with connect(emulator) as client:
        seen = []
        for _ in range(2):
            with pytest.raises(metronome.RateLimitError) as refused:
                await client.v1.usage.ingest(usage=usage("a"))
            headers = refused.value.response.headers
            seen.append((headers["X-Metronome-Rate-Limit-Type"], headers.get("Retry-After")))
    assert seen == [("customer", "2"), ("client", None)]
    assert emulator.events == []


@pytest.mark.parametrize(
    ("seconds", "header"), [(0, "0"), (10, "10"), (1_000_000, "1000000"), (0.05, "0.05")]
)
async def test_retry_after_is_written_in_plain_digits(
    emulator: Emulator, seconds: float, header: str
) -> None:
    emulator.faults.add(Fault(status=503, retry_after=seconds))
    async with connect(emulator) as client:
        with pytest.raises(metronome.InternalServerError) as failed:
            await client.v1.usage.ingest(usage=usage("a"))
    assert failed.value.response.headers["Retry-After"] == header


async def test_the_sdk_waits_for_retry_after_and_then_succeeds(emulator: Emulator) -> None:
    emulator.faults.add(Fault(status=429, retry_after=0.05, times=2))
    async with connect(emulator, retries=2) as client:
        await client.v1.usage.ingest(usage=usage("a"))
    stats = emulator.stats()
    assert stats.answers == {INGEST: {"429": 2, "200": 1}}
    assert (stats.events_stored, stats.faults) == (1, 2)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 529, 404, 413])
async def test_any_status_can_be_asked_for_and_stores_nothing(
    emulator: Emulator, status: int
) -> None:
    emulator.faults.add(Fault(status=status))
    async with connect(emulator) as client:
        with pytest.raises(metronome.APIStatusError) as refused:
            await client.v1.usage.ingest(usage=usage("a"))
        assert refused.value.status_code == status
        assert emulator.events == []
        await client.v1.usage.ingest(usage=usage("a"))
    assert emulator.effects() == {"a": 1}


async def test_half_a_batch_may_be_stored_before_a_500_and_a_retry_bills_nothing_twice(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(status=500, store="part"))
    async with connect(emulator) as client:
        with pytest.raises(metronome.InternalServerError):
            await client.v1.usage.ingest(usage=usage("a", "b", "c"))
        assert [event.transaction_id for event in emulator.events] == ["a", "b"]
        await client.v1.usage.ingest(usage=usage("a", "b", "c"))
    assert emulator.effects() == {"a": 1, "b": 1, "c": 1}
    assert emulator.stats().duplicates == 2


async def test_an_invalid_batch_stores_nothing_whatever_else_goes_wrong(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(status=500, store="all"))
    async with connect(emulator) as client:
        with pytest.raises(metronome.InternalServerError):
            await client.v1.usage.ingest(usage=usage("a", ""))
    assert emulator.events == []
    assert emulator.stats().refusals == {"transaction_id: empty": 1}


@pytest.mark.parametrize(("store", "stored"), [("none", 0), ("all", 2)])
async def test_silence_before_or_after_storing_times_the_client_out(
    emulator: Emulator, store: Any, stored: int
) -> None:
    emulator.faults.add(Fault(ending="hang", store=store))
    async with connect(emulator, timeout=0.1) as client:
        with pytest.raises(metronome.APITimeoutError):
            await client.v1.usage.ingest(usage=usage("a", "b"))
        assert len(emulator.events) == stored
        await client.v1.usage.ingest(usage=usage("a", "b"))
    assert emulator.effects() == {"a": 1, "b": 1}
    await until(lambda: emulator.stats().answers == {INGEST: {"abandoned": 1, "200": 1}})


async def test_a_slow_answer_comes_after_the_batch_was_stored(emulator: Emulator) -> None:
    emulator.faults.add(Fault(delay=0.2))
    async with connect(emulator) as client:
        began = time.monotonic()
        sending = asyncio.create_task(client.v1.usage.ingest(usage=usage("a")))
        await until(lambda: bool(emulator.events))
        assert not sending.done()
        await sending
    assert time.monotonic() - began >= 0.2
    assert emulator.stats().answers == {INGEST: {"200": 1}}


@pytest.mark.parametrize(("store", "stored"), [("none", 0), ("part", 1), ("all", 2)])
async def test_a_connection_may_be_lost_before_or_after_storing(
    emulator: Emulator, store: Any, stored: int
) -> None:
    emulator.faults.add(Fault(ending="drop", store=store))
    async with connect(emulator) as client:
        with pytest.raises(metronome.APIConnectionError) as lost:
            await client.v1.usage.ingest(usage=usage("a", "b"))
        assert not isinstance(lost.value, metronome.APITimeoutError)
        assert len(emulator.events) == stored
        await client.v1.usage.ingest(usage=usage("a", "b"))
    assert emulator.stats().answers == {INGEST: {"dropped": 1, "200": 1}}
    assert emulator.effects() == {"a": 1, "b": 1}


async def test_a_wrong_token_uses_up_no_fault(emulator: Emulator) -> None:
    emulator.faults.add(Fault(status=500))
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{emulator.url}/v1/ingest", data=b"[]") as response,
    ):
        assert response.status == 403
    assert len(emulator.faults.waiting()) == 1


async def test_a_fault_may_stand_at_every_endpoint(emulator: Emulator) -> None:
    emulator.faults.add(Fault(status=503, endpoint="/v1/", times=None))
    async with connect(emulator) as client:
        with pytest.raises(metronome.InternalServerError):
            await client.v1.customers.list()
        with pytest.raises(metronome.InternalServerError):
            await client.v1.usage.ingest(usage=usage("a"))


async def test_under_all_faults_at_once_a_stubborn_client_bills_each_event_once(
    emulator: Emulator,
) -> None:
    emulator.faults.add(
        Fault(status=429, probability=0.2, retry_after=0.001),
        Fault(status=500, store="part", probability=0.2),
        Fault(status=503, store="all", probability=0.2),
        Fault(ending="drop", store="all", probability=0.2),
        Fault(ending="drop", probability=0.2),
    )
    names = [f"t-{number}" for number in range(60)]
    async with connect(emulator) as client:
        for start in range(0, len(names), 4):
            batch = usage(*names[start : start + 4])
            for _ in range(1_000):
                try:
                    await client.v1.usage.ingest(usage=batch)
                except metronome.APIError:
                    continue
                break
    stats = emulator.stats()
    assert Counter(emulator.effects()) == Counter(names)
    assert [event.transaction_id for event in emulator.events] == names
    assert stats.faults > 0
    assert stats.requests == 15 + stats.faults
