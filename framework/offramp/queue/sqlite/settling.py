"""Settling, as it runs in the writer: the outcomes of a whole group in one statement."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeAlias

from offramp.queue.protocol import Stage
from offramp.queue.sqlite.codes import CODES, as_json, clean, to_us
from offramp.queue.sqlite.records import SQL, store_records
from offramp.queue.sqlite.tallies import Changes, bucket

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from offramp.queue.protocol import Outcome
    from offramp.queue.sqlite.leases import Held

#: What an outcome says: stage, retry_at, attempted, reason, message, status.
_Verdict: TypeAlias = "tuple[Stage, float | None, bool, str, str, int | None]"
#: As many deliveries with one verdict get a statement of their own, which is twice as fast.
ENOUGH_ALIKE = 16
#: One caller's outcomes, each with the lease that it held when it called.
Settled: TypeAlias = "list[tuple[Held, Outcome]]"


class Settling:
    """Stores outcomes; lives in the writer's thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def run(self, connection: sqlite3.Connection, requests: Sequence[Settled]) -> list[None]:
        """Store the outcomes of all the requests; fencing was done by who holds the leases."""
        now = to_us(self._now())
        settled = [pair for request in requests for pair in request]
        alike: dict[_Verdict, list[Held]] = defaultdict(list)
        for held, outcome in settled:
            alike[
                outcome.stage,
                outcome.retry_at,
                outcome.attempted,
                outcome.reason,
                outcome.message,
                outcome.status,
            ].append(held)
        stored = _store(connection, alike, now)
        if stored != len(settled):
            raise LookupError(f"{len(settled)} outcomes met {stored} deliveries")
        store_records(connection, settled)
        _count(alike, now).write(connection, now)
        return [None] * len(requests)


def _store(connection: sqlite3.Connection, alike: Mapping[_Verdict, list[Held]], now: int) -> int:
    stored = 0
    rows: list[tuple[int | str | None, ...]] = []
    for (stage, retry_at, attempted, reason, message, status), helds in alike.items():
        state = CODES[stage]
        due_at = None if retry_at is None else to_us(retry_at)
        if len(helds) < ENOUGH_ALIKE:
            rows += [
                (held.row.id, state, due_at, held.row.attempts + attempted, reason, message, status)
                for held in helds
            ]
            continue
        terms = {
            "ids": as_json([held.row.id for held in helds]),
            "state": state,
            "due_at": due_at,
            "attempted": attempted,
            "reason": clean(reason),
            "message": clean(message),
            "status": status,
            "now": now,
        }
        stored += connection.execute(SQL["settle_alike"], terms).rowcount
    if rows:
        stored += connection.execute(SQL["settle"], {"rows": as_json(rows), "now": now}).rowcount
    return stored


def _count(alike: Mapping[_Verdict, list[Held]], now: int) -> Changes:
    changes = Changes()
    for (stage, _, _, reason, _, _), helds in alike.items():
        for (lane, before), n in Counter((held.row.lane, held.row.state) for held in helds).items():
            changes.states[lane, before] -= n
            changes.enter(lane, CODES[stage], reason, n)
        if stage is Stage.DELIVERED:
            # Events of one commit were accepted at one moment.
            opened = Counter((held.row.lane, held.row.opened_at) for held in helds)
            for (lane, at), n in opened.items():
                changes.latencies[lane, bucket(now - at)] += n
    return changes
