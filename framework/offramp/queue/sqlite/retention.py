"""Forgetting what ended long ago, in chunks that let others write in between."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from offramp.queue.limits import DEDUPE_WINDOW_S
from offramp.queue.protocol import DEAD, Stage
from offramp.queue.sqlite.codes import (
    CODES,
    FILTERED,
    POSITION_BITS,
    as_json,
    decode,
    digest,
    to_us,
)
from offramp.queue.sqlite.records import SQL as RECORDS_SQL
from offramp.queue.sqlite.records import unref
from offramp.queue.sqlite.tallies import Changes
from offramp.queue.sqlite.upkeep import CHUNK, SQL

if TYPE_CHECKING:
    import sqlite3

    from offramp.queue.limits import Retention
    from offramp.storage import Store


class Pruner:
    """Applies a `Retention` to a store."""

    def __init__(self, store: Store, keep: Retention) -> None:
        self._store = store
        self._keep = keep
        #: Up to this seq, each event without deliveries has been forgotten.
        self._swept = 0

    async def prune(self, now: float) -> int:
        """Forget all that is past its time at `now`; answers how many deliveries."""
        dropped = 0
        for stage in Stage:
            if stage.ended:
                kept = self._keep.dead if stage in DEAD else self._keep.delivered
                dropped += await self._prune_state(CODES[stage], now - kept, now)
        await self._sweep(now)
        counted = round(now - self._keep.counts)
        while await self._store.write(lambda connection: _drop_counts(connection, counted)):
            pass
        return dropped

    def _events_until(self, now: float) -> int:
        return to_us(now - max(self._keep.delivered, DEDUPE_WINDOW_S))

    async def _prune_state(self, state: int, until: float, now: float) -> int:
        chunk = PruneDeliveries(state, to_us(until), self._events_until(now), to_us(now))
        dropped = 0
        while n := await self._store.write(chunk):
            dropped += n
        return dropped

    async def _sweep(self, now: float) -> None:
        """Forget old events that have no deliveries, as those that matched nothing."""
        until = self._events_until(now)
        while True:
            old = await self._store.read(self._old_events)
            seqs = [seq for seq, accepted_at in old if accepted_at < until]
            if not seqs:
                return
            await self._store.write(PruneEvents(seqs, until, to_us(now)))
            self._swept = seqs[-1]

    def _old_events(self, connection: sqlite3.Connection) -> list[tuple[int, int]]:
        terms = {"seq": self._swept, "n": CHUNK}
        return connection.execute(SQL["old_events"], terms).fetchall()


@attrs.frozen
class PruneDeliveries:
    """Forgets a chunk of deliveries that ended in a state before `until`; times in µs."""

    state: int
    until: int
    events_until: int
    now: int

    def __call__(self, connection: sqlite3.Connection) -> int:
        """Run in the writer; answers how many, 0 when all is done."""
        asked = {"state": self.state, "until": self.until, "n": CHUNK}
        found = connection.execute(SQL["prunable"], asked).fetchall()
        if found:
            ids = as_json([number for number, _, _, _ in found])
            connection.execute(SQL["drop_deliveries"], {"ids": ids})
            connection.execute(RECORDS_SQL["drop_records"], {"ids": ids})
            unref(connection, Counter(row[3] for row in found if row[3] is not None))
            changes = Changes()
            changes.pruned.update((lane, state) for _, lane, state, _ in found)
            changes.write(connection, self.now)
            seqs = sorted({number >> POSITION_BITS for number, _, _, _ in found})
            PruneEvents(seqs, self.events_until, self.now)(connection)
        return len(found)


@attrs.frozen
class PruneEvents:
    """Forgets those events that no delivery needs: the body at once, the id after `until` (µs)."""

    seqs: list[int]
    until: int
    now: int

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Run in the writer."""
        idle = connection.execute(SQL["idle"], {"seqs": as_json(self.seqs)}).fetchall()
        bare = [seq for seq, _, accepted_at, _ in idle if accepted_at >= self.until]
        if bare:
            connection.execute(SQL["drop_bodies"], {"seqs": as_json(bare)})
        old = [row for row in idle if row[2] < self.until]
        if not old:
            return
        seqs = as_json([row[0] for row in old])
        connection.execute(SQL["drop_events"], {"seqs": seqs})
        connection.execute(SQL["drop_recent_digests"], {"seqs": seqs})
        digests = [(digest(message_id), seq) for seq, message_id, _, _ in old]
        connection.execute(SQL["drop_digests"], {"rows": as_json(digests)})
        changes = Changes()
        for _, _, _, filtered in old:
            for lanes in decode(filtered).values() if filtered else ():
                changes.pruned.update((lane, FILTERED) for lane in lanes)
        changes.write(connection, self.now)


def _drop_counts(connection: sqlite3.Connection, until: int) -> bool:
    connection.execute(SQL["drop_latencies"], {"until": until})
    return connection.execute(SQL["drop_counts"], {"until": until}).rowcount > 0
