"""What `/readyz` asks: can events be stored; and what it lists: parts that do not run."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from offramp.delivery import Engine
from offramp.errors import OfframpError
from offramp.host.ops import Check
from offramp.queue import wrong_sums
from offramp.storage import Store

#: What is wrong with a plugin quotes nothing of the configuration.
PLUGIN_PLACES: Final = "plugins."
CAUSE_HIDDEN: Final = "does not run, and its events wait; `offramp status` tells why"

Sums: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


def checks(store: Store, engine: Engine) -> Mapping[str, Check]:
    """What accepting events needs, by name; each answers what is wrong, or nothing."""

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
    """What is wrong if it fails, while events are accepted all the same; by name."""

    async def ledger() -> str | None:
        return "; ".join(await sums()) or None

    return {"ledger": ledger}


def held_instances(engine: Engine) -> Mapping[str, str]:
    """The instances that are held back, by their places, and what to do.

    What a partner answered is left out, as whoever asks shows no token.
    """
    return {
        f"instances.{name}": f"held back, {hold.code}: {hold.remedy}"
        for name, hold in engine.held.items()
    }


def public_problems(engine: Engine) -> Mapping[str, str]:
    """What does not run, by place, for an endpoint without a token: no value of the configuration.

    Causes are told in full to whoever has the token: by `offramp status`.
    """
    tellable = engine.snapshot.of_plugins
    return {
        place: message if place in tellable or place.startswith(PLUGIN_PLACES) else CAUSE_HIDDEN
        for place, message in engine.problems.items()
    }


def quick_sums(store: Store) -> Sums:
    """The sum rule by the counters alone: accepted = ends + in flight, for every subscription."""

    async def check() -> Sequence[str]:
        return await store.read(wrong_sums)

    return check


def _something(connection: sqlite3.Connection) -> None:
    """Write a page as it is, so that a disk without any room left is noticed."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {int(version)}")
