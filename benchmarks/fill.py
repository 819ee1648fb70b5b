"""Puts events into the queue of a host that does not run.

This file alone knows the queue's interface. `benchmarks.host.fill_queue` runs it as a process of
the measured tree, so that a commit fills its own queue; `fill` keeps its parameters for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.data import make_event
from benchmarks.host import SOURCE
from offramp import _json
from offramp.queue import EventBatch, Route, open_queue
from offramp.storage import Store

#: Events of one write.
WRITE_EVENTS: Final = 1_000


def fill(
    folder: Path, count: int, *, now: datetime, start: int, subscriptions: Sequence[str]
) -> None:
    """Put `count` events from number `start` on into a host's folder, for subscriptions in turn."""
    asyncio.run(_fill(folder, range(start, start + count), now, subscriptions))


async def _fill(folder: Path, numbers: range, now: datetime, subscriptions: Sequence[str]) -> None:
    routes = [Route(subscriptions=(subscription,)) for subscription in subscriptions]
    async with Store.open(folder / "data") as store, open_queue(store) as queue:
        for first in range(numbers.start, numbers.stop, WRITE_EVENTS):
            some = range(first, min(first + WRITE_EVENTS, numbers.stop))
            events = [make_event(number, now=now, names=len(routes)) for number in some]
            batch = EventBatch(
                source=SOURCE,
                received_at=now.timestamp(),
                message_ids=[event["messageId"] for event in events],
                types=["track"] * len(events),
                names=[event["event"] for event in events],
                bodies=[_json.dumps(event) for event in events],
                routes=routes,
                route_of=[number % len(routes) for number in some],
            )
            await queue.accept(batch)
