"""When the host cannot take events now: the client hears it in time, and when to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from offramp.collector.limits import Limits, RateLimit
from offramp.errors import QueueFullError, StorageError

if TYPE_CHECKING:
    from tests.collector.conftest import Running, Start

HEADERS = {
    "Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6",
    "Origin": "https://shop.example",
}
EVENT = {"event": "A", "userId": "u"}
BATCH = {"batch": [{"type": "track", **EVENT}, {"type": "bad"}]}


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (QueueFullError("the queue is full", retry_after=12.2), "queue_full", "13"),
        (QueueFullError("the queue is full", retry_after=0), "queue_full", "1"),
        (StorageError("disk I/O error"), "storage_failed", "5"),
        (TimeoutError(), "timeout", "5"),
        (ZeroDivisionError("a bug"), "internal", "5"),
    ],
)
async def test_what_cannot_be_stored_is_to_be_sent_again(
    collector: Running,
    http: aiohttp.ClientSession,
    error: Exception,
    code: str,
    retry_after: str,
) -> None:
    """The answer is 503 with Retry-After, never 500, and nothing counts as refused for good."""
    collector.intake.error = error
    for endpoint, body in (("t", EVENT), ("b", BATCH)):
        url = f"{collector.url}/v1/{endpoint}"
        async with http.post(url, json=body, headers=HEADERS) as response:
            assert response.status == 503
            assert response.headers["Retry-After"] == retry_after
            assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
            answer = await response.json()
            assert (answer["success"], answer["code"]) == (False, code)
        status = {"endpoint": endpoint, "status": "503"}
        assert collector.metric("offramp_collector_requests_total", **status) == 1
    assert not collector.intake.refused


async def test_a_bug_is_logged_and_not_shown(
    collector: Running, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback goes to the operator, not to the client."""
    collector.intake.error = ZeroDivisionError("private detail")
    async with http.post(f"{collector.url}/v1/t", json=EVENT, headers=HEADERS) as response:
        assert "private detail" not in await response.text()
    assert "private detail" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_storing_has_a_time_limit(start: Start, http: aiohttp.ClientSession) -> None:
    """A disk that hangs makes no client hang."""
    collector = await start(limits=Limits(accept_seconds=0.05))
    collector.intake.pause = 30
    async with http.post(f"{collector.url}/v1/t", json=EVENT, headers=HEADERS) as response:
        assert response.status == 503
        assert (await response.json())["code"] == "timeout"


async def test_a_source_that_is_too_fast_is_slowed_down(
    start: Start, http: aiohttp.ClientSession
) -> None:
    """After its burst a source hears 429 and when to go on; other sources are not touched."""
    collector = await start(limits=Limits(requests_per_second=0.1, burst=2))
    statuses = []
    for _ in range(3):
        async with http.post(f"{collector.url}/v1/t", json=EVENT, headers=HEADERS) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 429]
    assert 1 <= int(response.headers["Retry-After"]) <= 10
    assert response.headers["X-RateLimit-Reset"] == response.headers["Retry-After"]
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
    body = {**EVENT, "writeKey": "write-key-of-the-app"}
    async with http.post(f"{collector.url}/v1/t", json=body) as response:
        assert response.status == 200
    assert not collector.intake.refused


def test_without_a_burst_a_second_may_come_at_once() -> None:
    """SDKs send in bursts; a rate below one a second still lets one request through."""
    limit = RateLimit(5, clock=lambda: 0.0)
    assert [limit.take("a") > 0 for _ in range(6)] == [False] * 5 + [True]
    thirds = RateLimit(3, clock=lambda: 1_234_567.1)
    assert [thirds.take("a") > 0 for _ in range(4)] == [False] * 3 + [True]
    slow = RateLimit(0.5, clock=lambda: 0.0)
    assert [slow.take("a"), slow.take("a")] == [0, 2]


def test_a_bucket_fills_at_its_rate() -> None:
    """Two a second with three saved up: the fourth waits half a second, and only once."""
    now = 100.0
    limit = RateLimit(2, 3, clock=lambda: now)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == 0.5
    assert limit.take("b") == 0
    now += 0.5
    assert limit.take("a") == 0
    assert limit.take("a") == 0.5
    now += 1000
    assert [limit.take("a") > 0 for _ in range(4)] == [False, False, False, True]
