"""The emulator starts, stops and is steered over HTTP, also as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from offramp_metronome.emulator import Emulator, Fault

TOKEN = "made-up"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as running:
        yield running


async def ask(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.request(method, url + path, json=body) as response,
    ):
        text = await response.read()
        return response.status, (await response.json() if text else None)


def usage(*transaction_ids: str) -> Any:
    now = datetime.now(UTC).isoformat()
    return [
        {"transaction_id": name, "customer_id": "c", "event_type": "e", "timestamp": now}
        for name in transaction_ids
    ]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to pass")


async def test_faults_are_planned_seen_and_cleared_over_http(emulator: Emulator) -> None:
    status, answer = await ask(
        emulator.url, "POST", "/_emulator/faults", {"status": 429, "retry_after": 0.5, "times": 2}
    )
    assert status == 200
    assert answer["data"][0] == {
        "status": 429,
        "ending": "answer",
        "store": "none",
        "delay": 0,
        "retry_after": 0.5,
        "limit_type": "client",
        "probability": 1,
        "times": 2,
        "endpoint": "/v1/ingest",
        "holding": "",
    }
    assert (await ask(emulator.url, "POST", "/v1/ingest", usage("a")))[0] == 429
    assert (await ask(emulator.url, "GET", "/_emulator/faults"))[1]["data"][0]["times"] == 1
    assert await ask(emulator.url, "DELETE", "/_emulator/faults") == (200, {"data": []})
    assert (await ask(emulator.url, "POST", "/v1/ingest", usage("a")))[0] == 200


async def test_several_faults_come_at_once_and_a_wrong_one_refuses_all(
    emulator: Emulator,
) -> None:
    status, answer = await ask(
        emulator.url, "POST", "/_emulator/faults", [{"status": 500}, {"status": 99}]
    )
    assert (status, answer) == (400, {"message": "'status' must be int, 400 to 599, not 99"})
    assert (await ask(emulator.url, "POST", "/_emulator/faults", [1]))[0] == 400
    assert emulator.faults.waiting() == []
    await ask(emulator.url, "POST", "/_emulator/faults", [{"status": 500}, {"ending": "drop"}])
    assert emulator.faults.waiting() == [Fault(status=500), Fault(ending="drop")]


async def test_events_and_stats_are_read_over_http(emulator: Emulator) -> None:
    await ask(emulator.url, "POST", "/v1/ingest", usage("a", "b/c", "a"))
    _, listed = await ask(emulator.url, "GET", "/_emulator/events?offset=1&limit=5")
    assert listed["total"] == 2
    assert [event["transaction_id"] for event in listed["data"]] == ["b/c"]
    _, one = await ask(emulator.url, "GET", "/_emulator/events/a")
    assert one["effects"] == 1
    assert [copy["is_duplicate"] for copy in one["copies"]] == [False, True]
    assert (await ask(emulator.url, "GET", "/_emulator/events/b/c"))[1]["effects"] == 1
    assert (await ask(emulator.url, "GET", "/_emulator/events/z"))[1] == {
        "effects": 0,
        "copies": [],
    }
    assert (await ask(emulator.url, "GET", "/_emulator/stats"))[1] == {
        "requests": 1,
        "answers": {"/v1/ingest": {"200": 1}},
        "faults": 0,
        "events_stored": 2,
        "duplicates": 1,
        "events_refused": 0,
        "refusals": {},
        "repeated": {},
        "customers": 0,
    }


async def test_events_alone_or_everything_can_be_forgotten_over_http(emulator: Emulator) -> None:
    await ask(emulator.url, "POST", "/v1/ingest", usage("a"))
    await ask(emulator.url, "POST", "/v1/customers", {"name": "Acme"})
    assert await ask(emulator.url, "DELETE", "/_emulator/events") == (200, {"data": [], "total": 0})
    assert emulator.stats().customers == 1
    assert emulator.stats().requests == 2
    assert (await ask(emulator.url, "DELETE", "/_emulator"))[0] == 200
    assert (emulator.stats().customers, emulator.stats().requests) == (0, 0)


async def test_an_outage_can_be_played_by_a_stop_and_a_start_on_the_same_port(
    emulator: Emulator,
) -> None:
    url = emulator.url
    await ask(emulator.url, "POST", "/v1/ingest", usage("a"))
    await emulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(emulator.url, "POST", "/v1/ingest", usage("b"))
    await emulator.start()
    assert emulator.url == url
    await ask(emulator.url, "POST", "/v1/ingest", usage("a", "b"))
    assert emulator.effects() == {"a": 1, "b": 1}


async def test_a_stop_ends_what_hangs(emulator: Emulator) -> None:
    emulator.faults.add(Fault(ending="hang"), Fault(delay=60))
    hanging = asyncio.create_task(ask(emulator.url, "POST", "/v1/ingest", usage("a")))
    await until(lambda: len(emulator.faults.waiting()) == 1)
    slow = asyncio.create_task(ask(emulator.url, "POST", "/v1/ingest", usage("b")))
    await until(lambda: not emulator.faults.waiting())
    async with asyncio.timeout(2):
        await emulator.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging
        assert (await slow)[0] == 200
    assert emulator.stats().answers == {"/v1/ingest": {"hung": 1, "200": 1}}


async def test_an_address_that_is_taken_is_an_error_and_leaves_nothing_behind(
    emulator: Emulator,
) -> None:
    port = int(emulator.url.rpartition(":")[2])
    second = Emulator(token=TOKEN, port=port)
    with pytest.raises(OSError, match="address"):
        await second.start()
    await second.stop()


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(Emulator(token=TOKEN))


def test_an_ipv6_address_stands_in_brackets_in_the_url() -> None:
    assert Emulator(token=TOKEN, host="::1", port=7070).url == "http://[::1]:7070"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_of_its_own_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    code = f"from offramp_metronome.emulator import run_emulator as r; r(port=0, token={TOKEN!r})"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        greeting = (await process.stdout.readline()).decode()
        url = greeting.split()[5]
        assert url.startswith("http://127.0.0.1:")
        assert (await ask(url, "POST", "/v1/ingest", usage("a", "b")))[0] == 200
        process.send_signal(number)
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert '"events_stored": 2' in rest
