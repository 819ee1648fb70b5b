"""The workers of a host: those without a network, and those of destinations that need their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from offramp import RetryableError
from offramp_segment.node import make_command
from offramp_segment.pool import Pool

log = logging.getLogger(__name__)

#: By whether their workers may use the network.
KINDS: Final = {False: "workers", True: "workers with a network"}


class Pools:
    """Two pools, of which each is started if it has something to do.

    Args:
        workers: Processes of each.
        environment: Partner credentials, by the name of the variable.
        own_network: Directories of destinations that may open connections of their own.
    """

    def __init__(
        self, workers: int, environment: Mapping[str, str], own_network: Sequence[str]
    ) -> None:
        self._workers = workers
        self._environment = environment
        self._own_network = own_network
        self._running: dict[bool, Pool] = {}

    @asynccontextmanager
    async def run(self, *, isolated: bool) -> AsyncIterator[None]:
        """Hold the workers open; those without a network only if something is `isolated`."""
        needed = {False: isolated, True: bool(self._own_network)}
        async with AsyncExitStack() as stack:
            stack.callback(self._running.clear)
            for network in filter(needed.get, needed):
                command = await asyncio.to_thread(make_command, network=network)
                own_network = list(self._own_network) if network else []
                hello = {"environment": self._environment, "own_network": own_network}
                pool = Pool(command, hello, self._workers)
                await stack.enter_async_context(pool.run())
                self._running[network] = pool
                count, kind = self._workers, KINDS[network]
                log.info("%s of Segment's destinations: %d; %s", kind, count, command)
            yield

    def find(self, *, network: bool) -> Pool:
        """The running pool; raises `RetryableError` while there is none."""
        if network not in self._running:
            message = "the workers of Segment's destinations are not running"
            raise RetryableError(message, code="NO_WORKER", status=503)
        return self._running[network]
