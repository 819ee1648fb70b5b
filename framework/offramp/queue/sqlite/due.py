"""Reading what is due in a subscription, in a reader's thread."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.errors import StorageDamagedError
from offramp.queue.block import positions_of, set_of, unpack_open
from offramp.queue.lease import EventHead, LeasePart
from offramp.queue.sqlite.codes import NEVER, US, as_json, to_s
from offramp.queue.sqlite.numbering import find_number
from offramp.queue.sqlite.sql import SQL
from offramp.storage import is_damage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from offramp.queue.block import Block
    from offramp.queue.sqlite.cache import BlockReader
    from offramp.storage import Damage

_log = logging.getLogger("offramp.queue")

#: Microseconds after which rows that could not be read, since a page is damaged, are tried again.
UNREADABLE_AGAIN_US = 60 * US


class DueRow(NamedTuple):
    """A delivery with a row of its own that is due; times in microseconds."""

    id: int
    event: int
    state: int
    due_at: int
    attempts: int
    #: When the retry window opened: at acceptance or at the last replay.
    opened_at: int
    accepted_at: int
    received_at: int
    source: str
    message_id: str
    type: str
    name: str
    request: int | None
    body: bytes

    def part(self) -> LeasePart:
        """The row as a part of a lease."""
        head = EventHead(self.source, self.message_id, self.type, self.name, self.received_at)
        return LeasePart(
            block=self.event,
            row=self.id,
            positions=(0,),
            bodies=(self.body,),
            attempt=self.attempts + 1,
            accepted_at=to_s(self.accepted_at),
            opened_at=to_s(self.opened_at),
            head=lambda _: head,
        )


class _OpenBlock(NamedTuple):
    """A block of which a subscription has events that are free to be leased."""

    block: int
    accepted_at: int
    free: int


@attrs.frozen
class Due:
    """What was found, oldest first, and where to look next time."""

    #: The subscription's number; 0 if nothing was ever accepted for it.
    number: int
    parts: Sequence[LeasePart]
    #: Those of the parts that have a row of their own.
    rows: Sequence[DueRow]
    #: What is free beside them in the blocks that were read: block and set.
    rest: Sequence[tuple[int, int]]
    #: The block before which nothing else waits, and when the next row comes due.
    floor: int
    due_at: int


@attrs.frozen(kw_only=True)
class DueQuery:
    """Which deliveries are wanted: up to `n` of a subscription that are due by `now`."""

    name: str
    #: Its number; 0 until it is known.
    number: int
    #: The block to begin with, and when the next row may come due.
    floor: int
    due_at: int
    now: int
    #: What is leased: block -> set, and the numbers of rows.
    taken: Mapping[int, int]
    taken_rows: Sequence[int]
    n: int
    blocks: BlockReader

    def __call__(self, connection: sqlite3.Connection) -> Due:
        """Run in a read transaction."""
        number = self.number or find_number(connection, self.name)
        if number is None:
            return Due(0, (), (), (), NEVER, NEVER)
        rows, due_at = self._read_rows(connection, number)
        opened, floor = self._read_open(connection, number)
        chosen = _choose(rows, opened, self.n)
        taken_rows = [each for each in chosen if isinstance(each, DueRow)]
        if len(taken_rows) < len(rows):
            due_at = rows[len(taken_rows)].due_at
        cut = {each.block: each.free for each in chosen if isinstance(each, _OpenBlock)}
        blocks = self.blocks.read(connection, list(cut))
        rest = []
        for block, _, free in opened:
            if block not in cut:
                floor = block
                break
            if free != cut[block] and block in blocks:
                rest.append((block, free & ~cut[block]))
        parts = []
        for each in chosen:
            if isinstance(each, DueRow):
                parts.append(each.part())
            elif each.block in blocks:
                parts.append(part_of(blocks[each.block], each.free))
        return Due(number, parts, taken_rows, rest, floor, due_at)

    def _read_rows(self, connection: sqlite3.Connection, number: int) -> tuple[list[DueRow], int]:
        if self.due_at > self.now:
            return [], self.due_at
        terms = {
            "subscription": number,
            "now": self.now,
            "held": as_json([*self.taken_rows, *self.blocks.heads.damage.rows]),
            "n": self.n,
        }
        readable = _readable_rows(connection, terms, self.blocks.heads.damage)
        if readable is None:
            return [], self.now + UNREADABLE_AGAIN_US
        rows, more = readable
        if more:
            return rows, rows[-1].due_at if rows else self.now
        (later,) = connection.execute(SQL["next_due"], terms).fetchone()
        return rows, NEVER if later is None else later

    def _read_open(
        self, connection: sqlite3.Connection, number: int
    ) -> tuple[list[_OpenBlock], int]:
        """Look up blocks until they have `n` free events; and from where on there may be more."""
        opened: list[_OpenBlock] = []
        free = 0
        terms = {"subscription": number}
        # Row by row: after each the thread waits for its turn in the interpreter.
        with closing(
            self.blocks.heads.rows_from(connection, "open_blocks", terms, self.floor)
        ) as found:
            for block, n, accepted_at, packed in found:
                bits = unpack_open(packed, n) & ~self.taken.get(block, 0)
                if bits and not self.blocks.heads.is_damaged(block):
                    opened.append(_OpenBlock(block, accepted_at, bits))
                    free += bits.bit_count()
                if free >= self.n:
                    return opened, block + 1
        return opened, NEVER


def _readable_rows(
    connection: sqlite3.Connection, terms: Mapping[str, Any], damage: Damage
) -> tuple[list[DueRow], bool] | None:
    """The rows that are due, but for those that cannot be read; and whether there are more.

    `None` if not even their ids can be read: what waits in blocks must not wait for them.
    """
    try:
        rows = connection.execute(SQL["due_rows"], terms).fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        damage.note_error(StorageDamagedError(f"deliveries cannot be read: {error}"))
    else:
        return [DueRow(*row) for row in rows], len(rows) == terms["n"]
    try:
        ids = connection.execute(SQL["due_ids"], terms).fetchall()
    except sqlite3.DatabaseError:
        return None
    rows = []
    for (number,) in ids:
        try:
            rows += connection.execute(SQL["due_row"], {"id": number}).fetchall()
        except sqlite3.DatabaseError as error:
            damage.note_row(number)
            _log.error("the delivery with the row %d cannot be read: %s", number, error)
    return [DueRow(*row) for row in rows], len(ids) == terms["n"]


def _choose(
    rows: Sequence[DueRow], opened: Sequence[_OpenBlock], n: int
) -> list[DueRow | _OpenBlock]:
    """The oldest `n` deliveries of rows and blocks; of the last block maybe only a part."""
    chosen: list[DueRow | _OpenBlock] = []
    waiting = iter(rows)
    row = next(waiting, None)
    left = n
    for block in opened:
        while left and row is not None and row.due_at <= block.accepted_at:
            chosen.append(row)
            left -= 1
            row = next(waiting, None)
        if not left:
            return chosen
        if block.free.bit_count() > left:
            return [*chosen, block._replace(free=set_of(positions_of(block.free)[:left]))]
        chosen.append(block)
        left -= block.free.bit_count()
    while left and row is not None:
        chosen.append(row)
        left -= 1
        row = next(waiting, None)
    return chosen


def part_of(block: Block, bits: int) -> LeasePart:
    """Events of a block that were not tried yet, as a part of a lease."""
    positions = positions_of(bits)
    accepted_at = to_s(block.accepted_at)
    return LeasePart(
        block=block.number,
        positions=positions,
        bodies=block.events(positions),
        accepted_at=accepted_at,
        opened_at=accepted_at,
        head=block.known.head,
    )
