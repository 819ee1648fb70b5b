"""The queue's life: started, kept tidy while it runs, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from offramp.queue.limits import Retention
from offramp.queue.sqlite.engine import SqliteQueue
from offramp.queue.sqlite.retention import Pruner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from offramp.queue.limits import Limits
    from offramp.storage import Store

_log = logging.getLogger("offramp.queue")

#: Seconds between two rounds of forgetting what is past its time.
PRUNE_EVERY_S = 60.0


@contextlib.asynccontextmanager
async def open_queue(
    store: Store,
    *,
    now: Callable[[], float] = time.time,
    limits: Limits | None = None,
    retention: Retention | None = None,
) -> AsyncIterator[SqliteQueue]:
    """Open the queue of a store, apply the retention every minute, close it at the end.

    `now` answers epoch seconds; it is called in the writer's thread too.
    """
    queue = SqliteQueue(store, now=now, limits=limits)
    await queue.start()
    pruner = Pruner(store, retention or Retention())
    tidying = asyncio.create_task(_tidy(pruner, now), name="offramp-queue-retention")
    try:
        yield queue
    finally:
        tidying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tidying
        await queue.close()


async def _tidy(pruner: Pruner, now: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(PRUNE_EVERY_S)
        try:
            dropped = await pruner.prune(now())
        except Exception:  # noqa: BLE001 - whatever is wrong with one round, the next is due
            _log.exception("what is past its time could not be forgotten; the next round tries")
        else:
            _log.debug("forgot %d deliveries that were past their time", dropped)
