"""The limit of delivering: aiohttp posting ready-made bodies, so many at once, as a process."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import aiohttp
import uvloop

from benchmarks.data import make_event
from benchmarks.peers.emulator import TOKEN
from offramp import _json


def make_bodies(request: dict[str, Any]) -> list[bytes]:
    """Bodies of `/v1/ingest` with `batch` events each, `count` events in all."""
    now = datetime.fromisoformat(request["now"])
    bodies = []
    for start in range(request["start"], request["start"] + request["count"], request["batch"]):
        events = (make_event(n, now=now) for n in range(start, start + request["batch"]))
        bodies.append(_json.dumps([_payload(event) for event in events]))
    return bodies


def _payload(event: dict[str, Any]) -> dict[str, Any]:
    used = event["properties"]
    return {
        "transaction_id": event["messageId"],
        "customer_id": used["cid"],
        "timestamp": used["ts"],
        "event_type": used["t"],
        "properties": used["data"],
    }


async def _post(bodies: list[bytes], request: dict[str, Any]) -> float:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    waiting: Iterator[bytes] = iter(bodies)
    url = f"http://127.0.0.1:{request['port']}/v1/ingest"
    async with aiohttp.ClientSession(headers=headers) as session:

        async def connection() -> None:
            for body in waiting:
                async with session.post(url, data=body) as answer:
                    await answer.read()
                    answer.raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(connection() for _ in range(request["concurrency"])))
        return time.perf_counter() - began


def main() -> None:
    """Answer questions: each tells how many events to send, and where."""
    for line in sys.stdin.buffer:
        request = _json.loads(line)
        seconds = uvloop.run(_post(make_bodies(request), request))
        sys.stdout.buffer.write(
            _json.dumps({"count": request["count"], "seconds": seconds}) + b"\n"
        )
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
