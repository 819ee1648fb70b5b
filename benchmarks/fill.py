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
from offramp.queue import NewItem, open_queue
from offramp.storage import Store

#: Events of one write.
WRITE_EVENTS: Final = 1_000


def fill(
    folder: Path, count: int, *, now: datetime, start: int, subscriptions: Sequence[str]
) -> None:
    """Put `count` events from number `start` on into a host's folder, for subscriptions in turn."""
    asyncio.run(_fill(folder, range(start, start + count), now, subscriptions))


async def _fill(folder: Path, numbers: range, now: datetime, subscriptions: Sequence[str]) -> None:
    async with Store.open(folder / "data") as store, open_queue(store) as queue:
        for first in range(numbers.start, numbers.stop, WRITE_EVENTS):
            some = range(first, min(first + WRITE_EVENTS, numbers.stop))
            await queue.accept([_item(number, now, subscriptions) for number in some])


def _item(number: int, now: datetime, subscriptions: Sequence[str]) -> NewItem:
    event = make_event(number, now=now, names=len(subscriptions))
    return NewItem(
        source=SOURCE,
        message_id=event["messageId"],
        type="track",
        name=event["event"],
        received_at=now.timestamp(),
        body=_json.dumps(event),
        lanes=(subscriptions[number % len(subscriptions)],),
    )
