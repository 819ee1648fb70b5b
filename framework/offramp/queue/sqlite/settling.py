"""Settling, as it runs in the writer: the outcomes of a whole group in one statement."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from offramp.queue.protocol import Stage
from offramp.queue.sqlite.codes import CODES, as_json, to_us
from offramp.queue.sqlite.records import SQL, store_records
from offramp.queue.sqlite.tallies import Changes, bucket

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from offramp.queue.protocol import Outcome
    from offramp.queue.sqlite.leases import Held

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
        rows = [_row(held, outcome) for held, outcome in settled]
        stored = connection.execute(SQL["settle"], {"rows": as_json(rows), "now": now})
        if stored.rowcount != len(rows):
            raise LookupError(f"{len(rows)} outcomes met {stored.rowcount} deliveries")
        store_records(connection, settled)
        _count(settled, now).write(connection, now)
        return [None] * len(requests)


def _row(held: Held, outcome: Outcome) -> tuple[int | str | None, ...]:
    return (
        held.id,
        CODES[outcome.stage],
        None if outcome.retry_at is None else to_us(outcome.retry_at),
        held.attempts + outcome.attempted,
        outcome.reason,
        outcome.message,
        outcome.status,
    )


def _count(settled: Settled, now: int) -> Changes:
    changes = Changes()
    moves = Counter(
        (held.number, held.state, CODES[outcome.stage], outcome.reason) for held, outcome in settled
    )
    for (lane, before, after, reason), n in moves.items():
        changes.states[lane, before] -= n
        changes.enter(lane, after, reason, n)
    changes.latencies.update(
        (held.number, bucket(now - held.opened_at))
        for held, outcome in settled
        if outcome.stage is Stage.DELIVERED
    )
    return changes
