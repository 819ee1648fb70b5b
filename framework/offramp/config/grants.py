"""The OAuth 2 grants of a host: kept beside the configuration, and on disk before they are used."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from offramp.config.grant_rows import Grant, put_grant, read_grant, read_rows, remove_grant
from offramp.config.model import Config
from offramp.config.store import ConfigStore
from offramp.errors import ConfigError, NotFoundError
from offramp.storage import Store

log = logging.getLogger(__name__)


class GrantStore:
    """The grants of one host. They are read once, and each change is on disk before it is used."""

    def __init__(self, store: Store, configs: ConfigStore) -> None:
        self._store = store
        self._configs = configs
        self._grants: dict[str, Grant] = {}
        #: Instance -> why its grant cannot be read.
        self.unreadable: dict[str, str] = {}
        #: Grants whose storing failed: they are stored before anything else is asked for.
        self._unstored: dict[str, Grant] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read all grants; one that cannot be read is left out, and in `unreadable`."""
        rows = await self._store.read(read_rows)
        for instance, text in rows:
            try:
                self._grants[instance] = read_grant(instance, text, self._configs.keys)
            except (ConfigError, ValueError, TypeError, KeyError) as error:
                self.unreadable[instance] = "its stored grant cannot be read"
                log.error(  # noqa: TRY400 - the message of the error says all
                    "the grant of the instance %s cannot be read: %s", instance, error,
                    extra={"action": "grant_unreadable"},
                )  # fmt: skip

    def get(self, instance: str, destination: str) -> Grant | None:
        """The grant of an instance with this destination; that of another one is not for it."""
        found = self._grants.get(instance)
        return found if found is not None and found.destination == destination else None

    @asynccontextmanager
    async def changing(self, instance: str) -> AsyncIterator[None]:
        """Hold the grant of an instance: whoever changes it is alone, and reads it within.

        Raises `StorageError` while a grant that came before cannot be stored.
        """
        async with self._locks[instance]:
            if instance in self._unstored:
                await self.put(self._unstored[instance])
            yield

    async def put(self, grant: Grant) -> None:
        """Store a grant in the place of the one before; returns once it is on disk."""
        self._unstored[grant.instance] = grant
        try:
            await self._store.write(
                partial(put_grant, grant=grant, keys=lambda: self._configs.keys)
            )
        except NotFoundError:
            self._unstored.pop(grant.instance)
            raise
        self._unstored.pop(grant.instance, None)
        self._grants[grant.instance] = grant
        self.unreadable.pop(grant.instance, None)

    async def remove(self, instance: str) -> None:
        """Forget the grant of an instance."""
        await self._store.write(lambda connection: remove_grant(connection, instance))
        self._forget(instance)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start work that is finished even if the host is told to stop."""
        task = asyncio.create_task(work, name="grant")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait for the work that was started: an answer that is not stored would be lost."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def keep(self, config: Config) -> None:
        """Forget the grants that were removed with their instances."""
        for instance in {*self._grants, *self.unreadable} - config.instances.keys():
            self._forget(instance)

    def _forget(self, instance: str) -> None:
        self._grants.pop(instance, None)
        self._unstored.pop(instance, None)
        self.unreadable.pop(instance, None)
