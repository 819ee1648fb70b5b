"""Forgetting what ended long ago, in chunks that let others write in between."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from offramp.queue.limits import CHUNK, DAY_S, DEDUPE_WINDOW_S
from offramp.queue.sqlite.codes import CODES, as_json, to_us
from offramp.queue.sqlite.heads import HeadReader
from offramp.queue.sqlite.ids import PERIOD_US
from offramp.queue.sqlite.prune import DropBlocks, DropDeliveries, DropRows
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import DEAD, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from offramp.queue.limits import Retention
    from offramp.storage import Store

#: Message ids that one read looks at, so that none keeps a reader's thread for long.
IDS_AT_ONCE = 20_000
#: Below any digest, which is a signed number of 64 bits.
LOWEST_DIGEST = -1 << 63


class _EndedRow(NamedTuple):
    id: int
    updated_at: int
    #: Whether it stays, since the block would bring back what it replaced.
    stays: bool


class _OldBlock(NamedTuple):
    block: int
    n: int
    accepted_at: int


class _Id(NamedTuple):
    digest: int
    event: int
    #: Whether there is neither a block nor a row of its own.
    leads_nowhere: bool


class Pruner:
    """Applies a `Retention` to a store."""

    def __init__(self, store: Store, keep: Retention) -> None:
        self._store = store
        self._keep = keep
        self._reader = HeadReader(store.damage)
        self._ago: Callable[[float], float]
        #: Up to this block, each without deliveries has been forgotten.
        self._swept = -1
        #: Periods of message ids -> the day (of `now`) on which they were last looked through.
        self._looked_through: dict[int, float] = {}

    async def prune(self, now: float, *, ago: Callable[[float], float] | None = None) -> int:
        """Forget all that is past its time at `now`; answers how many deliveries.

        `ago` tells the time so many seconds before, if that is not simply the difference.
        """
        self._ago = ago or (lambda seconds: now - seconds)
        dropped = await self._prune_deliveries(now)
        for stage in Stage:
            if stage.ended:
                kept = self._keep.dead if stage in DEAD else self._keep.delivered
                dropped += await self._prune_rows(CODES[stage], to_us(self._ago(kept)), to_us(now))
        await self._sweep(now)
        await self._prune_ids(now)
        counted = round(self._ago(self._keep.counts))
        while await self._store.write(lambda connection: _drop_counts(connection, counted)):
            pass
        return dropped

    def _blocks_until(self) -> int:
        return to_us(self._ago(max(self._keep.delivered, DEDUPE_WINDOW_S)))

    async def _prune_deliveries(self, now: float) -> int:
        until = to_us(self._ago(self._keep.delivered))
        chunk = DropDeliveries(self._reader, until, self._blocks_until(), to_us(now))
        dropped = 0
        while (n := await self._store.write(chunk)) is not None:
            dropped += n
        return dropped

    async def _prune_rows(self, state: int, until: int, now: int) -> int:
        """Forget rows of their own that ended in a state before `until` (µs)."""
        counted = await self._store.read(
            lambda connection: connection.execute(
                SQL["counted_states"], {"state": state}
            ).fetchall()
        )
        dropped = 0
        for (subscription,) in counted:
            after = _EndedRow(0, 0, stays=False)
            while True:
                page = partial(
                    _ended_rows, subscription=subscription, state=state, until=until, after=after
                )
                rows = await self._store.read(page)
                if not rows:
                    break
                after = rows[-1]
                ids = [row.id for row in rows if not row.stays]
                if ids:
                    dropped += await self._store.write(DropRows(ids, state, until, now))
        return dropped

    async def _sweep(self, now: float) -> None:
        """Forget old blocks that have no deliveries, as those that matched nothing."""
        until = self._blocks_until()
        while True:
            blocks = await self._store.read(partial(_blocks_after, block=self._swept))
            old = [block.block for block in blocks if block.accepted_at < until]
            if not old:
                return
            await self._store.write(DropBlocks(self._reader, old, until, to_us(now)))
            self._swept = old[-1]

    async def _prune_ids(self, now: float) -> None:
        """Forget message ids of old periods that lead nowhere; each is looked through once a day.

        A period holds what was accepted on its day or before, and is deleted in its own order.
        """
        periods = await self._store.read(
            lambda connection: connection.execute(SQL["id_periods"]).fetchall()
        )
        today = now // DAY_S
        for (period,) in periods:
            old = (period + 1) * PERIOD_US < self._blocks_until()
            if old and self._looked_through.get(period) != today:
                self._looked_through[period] = today
                await self._prune_period(period)

    async def _prune_period(self, period: int) -> None:
        after = _Id(LOWEST_DIGEST, -1, leads_nowhere=False)
        while True:
            rows = await self._store.read(partial(_ids_after, period=period, after=after))
            if not rows:
                return
            after = rows[-1]
            dead = [row[:2] for row in rows if row.leads_nowhere]
            for start in range(0, len(dead), CHUNK):
                chunk = {"period": period, "rows": as_json(dead[start : start + CHUNK])}
                await self._store.write(partial(_drop_ids, chunk=chunk))


def _ended_rows(
    connection: sqlite3.Connection, *, subscription: int, state: int, until: int, after: _EndedRow
) -> list[_EndedRow]:
    terms = {
        "subscription": subscription,
        "state": state,
        "until": until,
        "after": after.updated_at,
        "id": after.id,
        "n": CHUNK,
    }
    return [_EndedRow(*row) for row in connection.execute(SQL["prunable_rows"], terms)]


def _blocks_after(connection: sqlite3.Connection, block: int) -> list[_OldBlock]:
    """The next blocks, of some `CHUNK` events together."""
    found = []
    left = CHUNK
    for row in connection.execute(SQL["next_blocks"], {"block": block, "n": CHUNK}).fetchall():
        if left <= 0:
            break
        found.append(_OldBlock(*row))
        left -= found[-1].n
    return found


def _ids_after(connection: sqlite3.Connection, period: int, after: _Id) -> list[_Id]:
    terms = {"period": period, "digest": after.digest, "event": after.event, "n": IDS_AT_ONCE}
    return [_Id(*row) for row in connection.execute(SQL["next_ids"], terms)]


def _drop_ids(connection: sqlite3.Connection, chunk: dict[str, object]) -> None:
    connection.execute(SQL["drop_ids"], chunk)


def _drop_counts(connection: sqlite3.Connection, until: int) -> bool:
    connection.execute(SQL["drop_latencies"], {"until": until})
    return connection.execute(SQL["drop_counts"], {"until": until}).rowcount > 0
