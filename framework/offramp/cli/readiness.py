"""What `/readyz` asks: can the disk be written, does every part run, do the sums hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from offramp.delivery import Engine
from offramp.errors import OfframpError
from offramp.queue import wrong_sums
from offramp.server import Check
from offramp.storage import Store

Sums: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


def checks(store: Store, engine: Engine, sums: Sums) -> Mapping[str, Check]:
    """The checks by name; each answers what is wrong, or nothing."""

    async def configuration() -> str | None:
        problems = engine.snapshot.problems
        return "; ".join(f"{place}: {told}" for place, told in problems.items()) or None

    async def storage() -> str | None:
        try:
            await store.write(_something)
        except OfframpError as error:
            return str(error)
        return None

    async def queue() -> str | None:
        return engine.queue.full()

    async def ledger() -> str | None:
        return "; ".join(await sums()) or None

    return {"configuration": configuration, "storage": storage, "queue": queue, "ledger": ledger}


def quick_sums(store: Store) -> Sums:
    """The sum rule by the counters alone: accepted = ends + in flight, in every lane."""

    async def check() -> Sequence[str]:
        return await store.read(wrong_sums)

    return check


def _something(connection: sqlite3.Connection) -> None:
    """Write a page as it is, so that a disk without any room left is noticed."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {int(version)}")
