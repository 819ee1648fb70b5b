"""The queue's life: started, kept tidy while it runs, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from offramp.queue.clock import Clock
from offramp.queue.limits import Retention
from offramp.queue.sqlite.check import checking
from offramp.queue.sqlite.engine import SqliteQueue
from offramp.queue.sqlite.retention import Pruner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from offramp.queue.limits import Limits
    from offramp.storage import Store

_log = logging.getLogger("offramp.queue")

#: Seconds between two rounds of forgetting what is past its time.
PRUNE_EVERY_S = 60.0


@contextlib.asynccontextmanager
async def open_queue(
    store: Store,
    *,
    clock: Clock | None = None,
    limits: Limits | None = None,
    retention: Retention | None = None,
) -> AsyncIterator[SqliteQueue]:
    """Open the queue of a store, apply the retention every minute, close it at the end.

    The whole file is checked in the background after an unclean end, and once a day.
    The clock begins here: what is stored tells whether it can be right.
    """
    clock = clock or Clock()
    queue = SqliteQueue(store, clock=clock, limits=limits)
    await queue.start()
    pruner = Pruner(store, retention or Retention())
    tidying = asyncio.create_task(_tidy(pruner, clock), name="offramp-queue-retention")
    try:
        async with checking(store, clock):
            yield queue
    finally:
        tidying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tidying
        await queue.close()


async def _tidy(pruner: Pruner, clock: Clock) -> None:
    while True:
        await asyncio.sleep(PRUNE_EVERY_S)
        if clock.doubt is not None:
            continue
        try:
            dropped = await pruner.prune(clock(), ago=clock.ago)
        except Exception:  # noqa: BLE001 - whatever is wrong with one round, the next is due
            _log.exception("what is past its time could not be forgotten; the next round tries")
        else:
            _log.debug("forgot %d deliveries that were past their time", dropped)
