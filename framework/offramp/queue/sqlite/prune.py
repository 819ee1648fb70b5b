"""What retention takes in one write: rows of blocks, rows of their own, and whole blocks."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import pack_set
from offramp.queue.limits import CHUNK
from offramp.queue.sqlite.codes import FILTERED, as_json, digest
from offramp.queue.sqlite.counters import Changes
from offramp.queue.sqlite.ids import INDEXED, period_of
from offramp.queue.sqlite.marks import read_mark
from offramp.queue.sqlite.requests import (
    FORGOTTEN,
    Result,
    pack,
    read_results,
    unpack_parts,
    unref,
)
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from offramp.queue.block import Block
    from offramp.queue.sqlite.heads import HeadReader

#: Rows of blocks of one write: those of single events, which are read one by one.
ROWS = 500


class _BlockRow(NamedTuple):
    """A row of a block in which nothing waits."""

    block: int
    subscription: int
    results: Sequence[tuple[int, int]]


class _RowOfBlock(NamedTuple):
    """A delivery with a row of its own, and the row of its block."""

    event: int
    block: int
    subscription: int
    results: bytes | None


class _OwnRow(NamedTuple):
    event: int
    subscription: int
    request: int | None


@attrs.frozen
class DropDeliveries:
    """Forgets a chunk of rows of blocks whose latest delivery ended before `until` (µs)."""

    reader: HeadReader
    until: int
    blocks_until: int
    now: int

    def __call__(self, connection: sqlite3.Connection) -> int | None:
        """Run in the writer; answers how many deliveries, `None` when all is done."""
        rows = self._read(connection)
        if not rows:
            return None
        pairs = [(row.block, row.subscription) for row in rows]
        connection.execute(SQL["drop_deliveries"], {"pairs": as_json(pairs)})
        changes = Changes()
        dropped = self._count(connection, rows, changes)
        unref(connection, Counter(number for row in rows for number, _ in row.results if number))
        _drop_parts(connection, rows)
        changes.write(connection, self.now)
        blocks = sorted({row.block for row in rows})
        DropBlocks(self.reader, blocks, self.blocks_until, self.now)(connection)
        return dropped

    def _read(self, connection: sqlite3.Connection) -> list[_BlockRow]:
        rows = []
        left = CHUNK
        asked = {"until": self.until, "n": ROWS}
        for block, subscription, packed in connection.execute(SQL["prunable_deliveries"], asked):
            if left <= 0:
                break
            row = _BlockRow(block, subscription, read_results(packed))
            left -= 1 + sum(bits.bit_count() for _, bits in row.results)
            rows.append(row)
        return rows

    def _count(
        self, connection: sqlite3.Connection, rows: Sequence[_BlockRow], changes: Changes
    ) -> int:
        numbers = sorted({number for row in rows for number, _ in row.results})
        asked = {"requests": as_json(numbers)}
        states = dict(connection.execute(SQL["states_of_requests"], asked))
        for row in rows:
            for number, bits in row.results:
                # What was forgotten by itself has been counted; a request that is gone is a fault
                # that reconciliation names.
                if number in states:
                    changes.pruned[row.subscription, states[number]] += bits.bit_count()
        return changes.pruned.total()


def _drop_parts(connection: sqlite3.Connection, rows: Iterable[_BlockRow]) -> None:
    """Take blocks out of those requests that others still refer to."""
    blocks = defaultdict(set)
    for row in rows:
        for number, _ in row.results:
            blocks[number].add(row.block)
    asked = {"requests": as_json(sorted(blocks))}
    for number, packed in connection.execute(SQL["parts_of_requests"], asked).fetchall():
        parts = [part for part in unpack_parts(packed) if part.block not in blocks[number]]
        terms = {"request": number, "parts": pack(parts) if parts else None}
        connection.execute(SQL["set_parts"], terms)


@attrs.frozen
class DropRows:
    """Forgets rows of their own that still stand at a state since before `until` (µs)."""

    ids: Sequence[int]
    state: int
    until: int
    now: int

    def __call__(self, connection: sqlite3.Connection) -> int:
        """Run in the writer; answers how many."""
        terms = {"ids": as_json(self.ids), "state": self.state, "until": self.until}
        rows = [_OwnRow(*row) for row in connection.execute(SQL["drop_rows"], terms)]
        self._forget(connection, rows)
        unref(connection, Counter(row.request for row in rows if row.request is not None))
        changes = Changes()
        changes.pruned.update((row.subscription, self.state) for row in rows)
        changes.write(connection, self.now)
        return len(rows)

    def _forget(self, connection: sqlite3.Connection, rows: Iterable[_OwnRow]) -> None:
        """Note in the rows of blocks, where they are left, that there is nothing more to find."""
        pairs = as_json([(row.event, row.subscription) for row in rows])
        found = connection.execute(SQL["rows_of_blocks"], {"pairs": pairs}).fetchall()
        sets: dict[tuple[int, int], int] = defaultdict(int)
        packed = {}
        for row in (_RowOfBlock(*columns) for columns in found):
            key = row.block, row.subscription
            sets[key] |= 1 << row.event - row.block
            packed[key] = row.results
        for (block, subscription), bits in sets.items():
            results = dict(read_results(packed[block, subscription]))
            results[FORGOTTEN] = results.get(FORGOTTEN, 0) | bits
            stored = pack([Result(number, pack_set(each)) for number, each in results.items()])
            terms = {"block": block, "subscription": subscription, "results": stored}
            connection.execute(SQL["set_results"], terms)


@attrs.frozen
class DropBlocks:
    """Forgets those blocks that no delivery needs: bodies at once, all after `until` (µs)."""

    reader: HeadReader
    blocks: Sequence[int]
    until: int
    now: int

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Run in the writer. A damaged block stays: nobody can tell what it counts for."""
        terms = {"blocks": as_json(self.blocks), "until": self.until}
        rows = connection.execute(SQL["idle_blocks"], terms).fetchall()
        idle = list(self.reader.read(rows))
        changes = Changes()
        indexed = read_mark(connection, INDEXED) or 0
        for block in idle:
            self._drop(connection, block, changes, indexed)
        numbers = as_json([block.number for block in idle])
        connection.execute(SQL["drop_blocks"], {"blocks": numbers})
        connection.execute(SQL["drop_bodies"], terms)
        changes.write(connection, self.now)

    def _drop(
        self, connection: sqlite3.Connection, block: Block, changes: Changes, indexed: int
    ) -> None:
        """Count what the block filtered; let rows that stay be found without it."""
        span = {"low": block.number, "below": block.number + block.n}
        rows = connection.execute(SQL["rows_of_block"], span).fetchall()
        own = {(event, subscription) for event, subscription, _ in rows}
        heads = block.heads
        for index, n in Counter(heads.route_of or [0] * block.n).items():
            for numbers in heads.routes[index].filtered.values():
                changes.pruned.update({(number, FILTERED): n for number in numbers})
        for event, number in own:
            route = heads.route(event - block.number)
            if route.filters(number):
                # Its own row counts instead.
                changes.pruned[number, FILTERED] -= 1
        if rows and block.number + block.n > indexed:
            ids = {event: digest(message_id) for event, _, message_id in rows}
            terms = {"period": period_of(self.now), "rows": as_json(ids)}
            connection.execute(SQL["index_ids"], terms)
