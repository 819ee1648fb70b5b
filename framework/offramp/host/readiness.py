"""Whether events can be accepted, on which a load balancer may act, and whether the sums hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from offramp.delivery import Engine
from offramp.errors import OfframpError, counted
from offramp.host.ops import Check
from offramp.queue import wrong_sums
from offramp.storage import Store

#: Lists which sums do not hold.
Sums: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


def checks(store: Store, engine: Engine) -> Mapping[str, Check]:
    """Make the checks that accepting events needs, by name; each returns an error or `None`."""

    async def storage() -> str | None:
        try:
            await store.write(_something)
        except OfframpError as error:
            return str(error)
        return None

    async def queue() -> str | None:
        return engine.queue.full() or await engine.queue.broken()

    async def sources() -> str | None:
        lost = engine.snapshot.sources_without_keys
        if lost and not engine.snapshot.router.keys:
            return f"no write key is known, as {counted(len(lost), 'source')} cannot be read"
        return None

    return {"storage": storage, "queue": queue, "sources": sources}


def quick_sums(store: Store) -> Sums:
    """Check accepted = ended + in flight for every subscription, by the counters alone."""

    async def check() -> Sequence[str]:
        return await store.read(wrong_sums)

    return check


def _something(connection: sqlite3.Connection) -> None:
    """Write a page unchanged, to notice a full disk."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {int(version)}")
