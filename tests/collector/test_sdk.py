"""Segment's own Python SDK, unchanged, against a running collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from segment.analytics.client import Client

from offramp.errors import QueueFullError

if TYPE_CHECKING:
    from tests.collector.conftest import Running

WRITE_KEY = "write-key-of-the-web"


@pytest.fixture
async def errors() -> list[Any]:
    """What the SDK reports through `on_error`."""
    return []


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
async def sdk(
    request: pytest.FixtureRequest, collector: Running, errors: list[Any]
) -> AsyncIterator[Client]:
    """The SDK with its thread, plain and zipped."""
    client = make_client(collector, WRITE_KEY, errors, gzip=request.param)
    yield client
    await asyncio.to_thread(client.join)


def make_client(collector: Running, key: str, errors: list[Any], **options: Any) -> Client:
    return Client(
        key,
        host=collector.url,
        upload_interval=0.05,
        max_retries=1,
        on_error=lambda error, _: errors.append(error),
        **options,
    )


async def test_all_calls_of_the_sdk_arrive(
    collector: Running, sdk: Client, errors: list[Any]
) -> None:
    """Each call becomes one event of its type, with the id that the SDK gave it."""
    sdk.track("u", "Signed Up", {"plan": "pro"}, context={"groupId": "g"})
    sdk.identify("u", {"name": "Ann"})
    sdk.page("u", "Docs", "Home")
    sdk.screen("u", "App", "Home")
    sdk.group("u", "g", {"name": "Acme"})
    sdk.alias("anonymous", "u")
    await asyncio.to_thread(sdk.flush)
    types = [event["type"] for event in collector.intake.events]
    assert types == ["track", "identify", "page", "screen", "group", "alias"]
    assert len({event["messageId"] for event in collector.intake.events}) == 6
    track = collector.intake.events[0]
    assert track["context"]["groupId"] == "g"
    assert track["context"]["library"]["name"] == "analytics-python"
    assert track["properties"] == {"plan": "pro"}
    assert errors == []


async def test_a_time_that_the_caller_sets_is_kept(collector: Running, sdk: Client) -> None:
    """SDK and collector share a clock here, so the correction is the transport's moment."""
    then = datetime.now(UTC) - timedelta(days=3)
    sdk.track("u", "Old", timestamp=then)
    await asyncio.to_thread(sdk.flush)
    [event] = collector.intake.events
    assert abs(datetime.fromisoformat(event["timestamp"]) - then) < timedelta(seconds=5)
    assert event["originalTimestamp"][:19] == then.isoformat()[:19]


async def test_many_events_all_arrive(collector: Running, sdk: Client, errors: list[Any]) -> None:
    """Batches of the SDK's own size, in order."""
    for number in range(250):
        sdk.track("u", "Counted", {"number": number})
    await asyncio.to_thread(sdk.flush)
    numbers = [event["properties"]["number"] for event in collector.intake.events]
    assert numbers == list(range(250))
    assert errors == []


async def test_a_property_that_is_nan_costs_only_its_event(
    collector: Running, sdk: Client, errors: list[Any]
) -> None:
    """Python writes NaN, which is not JSON; the events around it arrive."""
    for value in (1.5, float("nan"), 2.5):
        sdk.track("u", "Measured", {"value": value})
    await asyncio.to_thread(sdk.flush)
    values = [str(event["properties"]["value"]) for event in collector.intake.events]
    assert values == ["1.5", "2.5"]
    assert collector.intake.refused == {("web", "not_json"): 1}
    assert errors == []


async def test_a_wrong_write_key_is_reported_by_the_sdk(
    collector: Running, errors: list[Any]
) -> None:
    """`on_error` hears code and message, after one attempt."""
    client = make_client(collector, "key-of-nobody-at-all", errors)
    client.track("u", "Lost")
    await asyncio.to_thread(client.flush)
    await asyncio.to_thread(client.join)
    [error] = errors
    assert (error.status, error.code) == (401, "unknown_source")
    assert "no source has the write key ...-all" in error.message
    assert collector.metric("offramp_collector_requests_total", endpoint="batch", status="401") == 1


async def test_the_sdk_comes_back_when_the_host_could_not_take_it(
    collector: Running, errors: list[Any]
) -> None:
    """A 503 costs nothing: the SDK waits as told, and the event arrives once."""
    collector.intake.error = QueueFullError("full", retry_after=1)
    client = make_client(collector, WRITE_KEY, errors)
    client.track("u", "Patient")
    async with asyncio.timeout(5):
        await collector.intake.called.wait()
        collector.intake.called.clear()
        # The failing call raises before this task runs on; the next one succeeds.
        collector.intake.error = None
        await collector.intake.called.wait()
    await asyncio.to_thread(client.flush)
    await asyncio.to_thread(client.join)
    assert collector.metric("offramp_collector_requests_total", endpoint="batch", status="503") == 1
    assert [event["event"] for event in collector.intake.events] == ["Patient"]
    assert errors == []
