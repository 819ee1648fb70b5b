"""What one request makes the host hold and store is bounded, before memory is spent."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import aiohttp
import pytest

from offramp.collector.limits import Limits

if TYPE_CHECKING:
    from tests.collector.conftest import Running, Start

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}
MB = 1024 * 1024
EVENT = b'{"type":"track","event":"usage","userId":"u"}'
#: Bodies of a few hundred bytes to 500 KB, and how their shared parts multiply.
ATTACKS = {
    "a long text in the context": b'"context":{"a":"%s"}' % (b"b" * 32_000),
    "a long text in the integrations": b'"integrations":{"a":"%s"}' % (b"b" * 32_000),
    "many keys": b'"context":{%s"z":1}' % b"".join(b'"%d":1,' % key for key in range(3_000)),
    "many lists": b'"context":{"a":[%s0]}' % (b"[]," * 10_000),
    "lists in lists": b'"context":{"a":[%s0]}' % (b"[" * 50 + b"]" * 50 + b","),
    "a sentAt that is no time": b'"sentAt":"%s"' % (b"x" * 32_000),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_a_batch_shares_does_not_multiply_without_end(
    collector: Running, http: aiohttp.ClientSession, attack: str
) -> None:
    """Neither what is stored nor what is held meanwhile; the events that fit are taken."""
    body = b'{"batch":[%s],%s}' % (b",".join([EVENT] * 2_500), ATTACKS[attack])
    tracemalloc.start()
    try:
        async with http.post(
            f"{collector.url}/v1/b",
            data=gzip.compress(body),
            headers={**HEADERS, "Content-Encoding": "gzip"},
        ) as response:
            answer = await response.json()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    stored = sum(len(body) for _, body in collector.intake.bodies)
    assert peak < 48 * MB
    assert stored < 6 * MB
    accepted = len(collector.intake.bodies)
    assert accepted == answer.get("accepted", 2_500) > 0
    if accepted < 2_500:
        assert {row["reason"] for row in answer["rejected"]} == {"expanded_too_large"}
        assert collector.intake.refused == {("web", "expanded_too_large"): 2_500 - accepted}


async def test_a_batch_that_shares_nothing_is_bounded_by_its_body_alone(
    start: Start, http: aiohttp.ClientSession
) -> None:
    """Also where an operator allows larger bodies than the bound of the sum."""
    collector = await start(limits=Limits(stored_bytes=10))
    body = b'{"batch":[%s]}' % b",".join([EVENT] * 50)
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert await response.json() == {"success": True}


async def test_the_sum_counts_what_is_added(start: Start, http: aiohttp.ClientSession) -> None:
    """To the byte: two events fit, the third does not."""
    added = b'{"a":"%s"}' % (b"b" * 92)
    each = len(EVENT) + len(added)
    collector = await start(
        limits=Limits(max_batch_bytes=2 * each + 50, stored_bytes=2 * each + 50)
    )
    body = b'{"batch":[%s],"context":%s}' % (b",".join([EVENT] * 3), added)
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        answer = await response.json()
    assert [row["index"] for row in answer["rejected"]] == [2]
    assert "adds 100 bytes to each event" in answer["rejected"][0]["message"]
