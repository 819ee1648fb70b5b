"""Extends leases while what they lend is delivered."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from offramp.errors import StorageError
from offramp.queue import Lease, Queue

log = logging.getLogger(__name__)

#: Seconds of a lease: several times the longest single request (10 s). Leases are extended.
LEASE_SECONDS: Final = 60.0
#: Leases are extended after a third of their time, so that one failed extension does no harm.
EXTENSIONS_PER_LEASE: Final = 3


class LeaseKeeper:
    """Extends the leases of one subscription that are being delivered, all of them by one timer."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._leases: set[Lease] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._extending: set[asyncio.Task[None]] = set()

    def add(self, lease: Lease) -> None:
        """Extend a lease from now on, before a third of its time is over."""
        self._leases.add(lease)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            pause = LEASE_SECONDS / EXTENSIONS_PER_LEASE
            self._timer = loop.call_later(pause, self._extend)

    def remove(self, lease: Lease) -> None:
        """Extend it no more."""
        self._leases.discard(lease)

    def _extend(self) -> None:
        self._timer = None
        for lease in {each.token: each for each in self._leases}.values():
            self.add(lease)
            task = asyncio.create_task(self._extend_one(lease), name="extend")
            self._extending.add(task)
            task.add_done_callback(self._extending.discard)

    async def _extend_one(self, lease: Lease) -> None:
        try:
            await self._queue.extend(lease, LEASE_SECONDS)
        except StorageError as error:
            log.warning("subscription %s: %s", lease.subscription, error)
