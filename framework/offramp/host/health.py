"""The checks of `/readyz`: whether events can be stored, and which parts do not run."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from offramp.delivery import Engine
from offramp.errors import OfframpError
from offramp.host.ops import Check
from offramp.queue import wrong_sums
from offramp.storage import Store

#: Problems of plugins contain no values of the configuration.
PLUGIN_PLACES: Final = "plugins."
CAUSE_HIDDEN: Final = "does not run, and its events wait; `offramp status` shows why"

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
        return engine.queue.full()

    return {"storage": storage, "queue": queue}


def lesser_checks(sums: Sums) -> Mapping[str, Check]:
    """Make the checks, by name, whose failure does not stop the host from accepting events."""

    async def ledger() -> str | None:
        return "; ".join(await sums()) or None

    return {"ledger": ledger}


def held_instances(engine: Engine) -> Mapping[str, str]:
    """List the instances that are held back, by place, with what to do.

    The partner's answers are left out, as callers of `/readyz` need no token.
    """
    return {
        f"instances.{name}": f"held back, {hold.code}: {hold.remedy}"
        for name, hold in engine.held.items()
    }


def public_problems(engine: Engine) -> Mapping[str, str]:
    """List what does not run, by place, without values of the configuration.

    Callers of `/readyz` need no token; `offramp status`, which needs it, shows the full causes.
    """
    tellable = engine.snapshot.of_plugins
    return {
        place: message if place in tellable or place.startswith(PLUGIN_PLACES) else CAUSE_HIDDEN
        for place, message in engine.problems.items()
    }


def quick_sums(store: Store) -> Sums:
    """Check accepted = ended + in flight for every subscription, by the counters alone."""

    async def check() -> Sequence[str]:
        return await store.read(wrong_sums)

    return check


def _something(connection: sqlite3.Connection) -> None:
    """Write a page unchanged, to notice a full disk."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {int(version)}")
