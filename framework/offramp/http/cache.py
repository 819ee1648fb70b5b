"""The cache of one instance in memory: bounded, entries expire, and one call makes each value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import attrs

from offramp.definition import dumps

T = TypeVar("T")

#: Most entries of one instance. With what Python needs for each, the cache stays below 10 MB.
MAX_CACHE_ENTRIES: Final = 10_000
#: Most bytes of the keys and values of one instance, as JSON.
MAX_CACHE_BYTES: Final = 4 * 2**20


@attrs.frozen
class _Entry:
    value: Any
    size: int
    expires_at: float


@attrs.frozen(eq=False)
class _Making:
    """A value that is being made: the task that makes it, and where the others wait for it."""

    task: asyncio.Task[Any] | None
    future: asyncio.Future[Any]


@attrs.define(eq=False)
class MemoryCache:
    """See `offramp.Cache`. When it is full, the entry that was not used for longest goes first."""

    #: The time in seconds, by which entries expire.
    clock: Callable[[], float] = time.time
    max_entries: int = attrs.field(default=MAX_CACHE_ENTRIES, kw_only=True)
    max_bytes: int = attrs.field(default=MAX_CACHE_BYTES, kw_only=True)
    #: The least recently used first. Not in the repr, as values may be secrets.
    _entries: dict[str, _Entry] = attrs.field(factory=dict, init=False, repr=False)
    _bytes: int = attrs.field(default=0, init=False)
    _making: dict[str, _Making] = attrs.field(factory=dict, init=False, repr=False)

    def get(self, key: str) -> Any:
        """Return the value of a key; None if there is none, or if it has expired."""
        entry = self._find(key)
        return None if entry is None else entry.value

    def set(self, key: str, value: Any, *, expires: timedelta) -> None:
        """Keep a value; raises `TypeError` unless it is JSON data or bytes."""
        self.delete(key)
        size = len(key.encode()) + _size(value)
        seconds = expires.total_seconds()
        if size > self.max_bytes or seconds <= 0:
            return
        self._entries[key] = _Entry(value, size, self.clock() + seconds)
        self._bytes += size
        while len(self._entries) > self.max_entries or self._bytes > self.max_bytes:
            self._drop(next(iter(self._entries)))

    def delete(self, key: str) -> None:
        """Forget a key, also what is being made for it at the moment."""
        self._making.pop(key, None)
        if key in self._entries:
            self._drop(key)

    async def get_or_make(
        self, key: str, make: Callable[[], Awaitable[T]], *, expires: timedelta
    ) -> T:
        """Return the value of a key, or make it: once for all who ask for it meanwhile.

        What `make` raises reaches all of them. If its caller is cancelled, another makes it.
        """
        while (entry := self._find(key)) is None:
            making = self._making.get(key)
            if making is None:
                return await self._make(key, make, expires)
            if making.task is asyncio.current_task():
                raise RuntimeError(f"making the value of {key!r} asks the cache for {key!r}")
            await asyncio.wait([making.future])
            if not making.future.cancelled():
                made: T = making.future.result()
                return made
        found: T = entry.value
        return found

    def copy(self) -> MemoryCache:
        """Make a cache with the same entries: changes of one are not seen in the other."""
        other = MemoryCache(self.clock, max_entries=self.max_entries, max_bytes=self.max_bytes)
        other._entries = dict(self._entries)
        other._bytes = self._bytes
        return other

    async def _make(self, key: str, make: Callable[[], Awaitable[T]], expires: timedelta) -> T:
        future = asyncio.get_running_loop().create_future()
        making = self._making[key] = _Making(asyncio.current_task(), future)
        try:
            value = await make()
            if self._making.get(key) is making:  # not deleted or set meanwhile
                self.set(key, value, expires=expires)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # otherwise Python warns where nobody else waits
            raise
        else:
            future.set_result(value)
            return value
        finally:
            future.cancel()  # unless it is done: somebody who waits makes it instead
            if self._making.get(key) is making:
                del self._making[key]

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self.clock():
            self._drop(key)
            return None
        self._entries[key] = self._entries.pop(key)  # now the most recently used
        return entry

    def _drop(self, key: str) -> None:
        self._bytes -= self._entries.pop(key).size


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    try:
        return len(dumps(value))
    except TypeError as error:
        message = f"a cache holds JSON data and bytes, not {type(value).__name__}: {error}"
        raise TypeError(message) from error
