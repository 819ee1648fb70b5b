"""Reading blocks: mostly without their bodies, and never a damaged one."""

from __future__ import annotations

import logging
import sqlite3
from bisect import bisect_right
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from offramp.queue.block import DamagedBlockError, read_block, read_heads
from offramp.queue.sqlite.codes import NEVER, as_json
from offramp.queue.sqlite.sql import SQL
from offramp.queue.sqlite.unreadable import end_of_damage, read_around
from offramp.storage import Damage, is_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from offramp.queue.block import Block

    #: What `read_heads` takes, and `read_block`.
    HeadsRow: TypeAlias = tuple[int, int, int, int, bytes, bytes]
    BlockRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes | None]

_log = logging.getLogger("offramp.queue")

#: Blocks that one statement reads where a page is damaged; some may be large.
BLOCKS_AT_ONCE = 16
#: For a statement that is to find all of a range.
ALL = {"n": NEVER}
#: Why events cannot be read, as people are told it.
CHECKSUM = "the checksum of their block is wrong"
PAGE = "a page of the file that holds them makes no sense"


class HeadReader:
    """Reads blocks; leaves damaged ones out, and logs each once. May be used in any thread."""

    def __init__(self, damage: Damage | None = None) -> None:
        #: Shared by all readers of a store: what one of them meets, all of them leave out.
        self.damage = Damage() if damage is None else damage

    def read(self, rows: Iterable[HeadsRow]) -> Iterator[Block]:
        """Make blocks without their bodies of rows."""
        for row in rows:
            try:
                yield read_heads(row)
            except DamagedBlockError as error:
                self._note(error)

    def read_whole(self, row: BlockRow) -> Block | None:
        """Make a block with its body of its row; none if it is damaged."""
        try:
            return read_block(row)
        except DamagedBlockError as error:
            self._note(error)
            return None

    def rows_of(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> Iterator[BlockRow]:
        """The rows of blocks, but for those that cannot be read."""
        numbers = self._readable(numbers)
        try:
            yield from connection.execute(SQL["blocks"], {"blocks": as_json(numbers)}).fetchall()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            for number in numbers:
                try:
                    terms = {"blocks": as_json([number])}
                    yield from connection.execute(SQL["blocks"], terms).fetchall()
                except sqlite3.DatabaseError as alone:
                    self.note_unreadable(connection, alone, number, number + 1)

    def rows_between(
        self,
        connection: sqlite3.Connection,
        statement: str,
        terms: Mapping[str, Any],
        low: int,
        below: int,
    ) -> list[Any]:
        """The rows that a statement finds from :low to before :below, but for unreadable ones.

        They begin with a block and its number of events, ascending, :n of them at most. What is
        known to be unreadable is not read again. Raises the error if nothing at all can be read.
        """

        def read(text: str, start: int, end: int, n: int = terms["n"]) -> list[Any]:
            asked = {**terms, "low": start, "below": end, "n": n}
            return connection.execute(text, asked).fetchall()

        found: list[Any] = []
        for start, end in self._sound(low, below):
            try:
                found += read(SQL[statement], start, end)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                slowly = partial(read, SQL.get(f"{statement}_unindexed", SQL[statement]))
                found += self._around(connection, slowly, start, end, error)
            if len(found) >= terms["n"]:
                break
        return found

    def rows_from(
        self,
        connection: sqlite3.Connection,
        statement: str,
        terms: Mapping[str, Any],
        floor: int,
    ) -> Generator[Any]:
        """The rows that a statement finds from `floor` on, row by row, but for unreadable ones."""
        if not self.damage.ranges:
            asked = {**terms, "low": floor, "below": NEVER, "n": NEVER}
            try:
                with closing(connection.execute(SQL[statement], asked)) as found:
                    for row in found:
                        floor = row[0] + row[1]
                        yield row
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
            else:
                return
        asked = {**terms, "n": BLOCKS_AT_ONCE}
        while floor < NEVER:
            page = self.rows_between(connection, statement, asked, floor, NEVER)
            yield from page
            floor = NEVER if len(page) < BLOCKS_AT_ONCE else page[-1][0] + page[-1][1]

    def _around(
        self,
        connection: sqlite3.Connection,
        read: Callable[..., list[Any]],
        low: int,
        below: int,
        error: sqlite3.DatabaseError,
    ) -> list[Any]:
        (next_event,) = connection.execute(SQL["next_event"]).fetchone()
        parts = list(read_around(read, low, min(below, next_event)))
        if not any(isinstance(part, list) for part in parts):
            raise error
        found: list[Any] = []
        for part in parts:
            if isinstance(part, list):
                found += part
            else:
                # A statement for several rows reads the next page too: the first is read alone.
                found += _first_row(read, *part)
                # Only the numbers behind the last block that was read are damaged.
                sound = found[-1][0] + found[-1][1] if found else low
                if sound < part[1]:
                    self.note_unreadable(connection, error, max(part[0], sound), part[1])
        return found

    def of_events(
        self, connection: sqlite3.Connection, events: Sequence[int]
    ) -> dict[int, Block | None]:
        """The block of each event, without its body; none where that is gone or damaged."""
        blocks = sorted(self.heads_of(connection, events), key=lambda block: block.number)
        numbers = [block.number for block in blocks]
        found: dict[int, Block | None] = {}
        for event in events:
            place = bisect_right(numbers, event) - 1
            holds = place >= 0 and event < numbers[place] + blocks[place].n
            found[event] = blocks[place] if holds else None
        return found

    def heads_of(self, connection: sqlite3.Connection, events: Sequence[int]) -> list[Block]:
        """The blocks of some events, without their bodies, but for those that cannot be read."""
        events = self._readable(events)
        try:
            return self._heads_of(connection, events)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        found: dict[int, Block] = {}
        for event in events:
            try:
                found.update((block.number, block) for block in self._heads_of(connection, [event]))
            except sqlite3.DatabaseError as alone:
                self.note_unreadable(connection, alone, event, event + 1)
        return list(found.values())

    def with_bodies(
        self, connection: sqlite3.Connection, places: Iterable[tuple[int, Block | None]]
    ) -> Iterator[tuple[int, Block]]:
        """Each event that has a block, with its block and the body, if that is there and sound.

        Neighbours share their block, and only one is in memory at a time.
        """
        whole: Block | None = None
        for event, block in places:
            if block is not None:
                if whole is None or whole.number != block.number:
                    whole = self._with_body(connection, block)
                yield event, whole

    def is_damaged(self, block: int) -> bool:
        """Whether a block was found to be damaged."""
        return self.damage.range_of(block) is not None

    def _readable(self, numbers: Sequence[int]) -> list[int]:
        """Those not known to be on a damaged page; a transaction that reads one cannot write."""
        found = {number: self.damage.range_of(number) for number in numbers}
        return [number for number, known in found.items() if known is None or known.cause != PAGE]

    def note_unreadable(
        self, connection: sqlite3.Connection, error: sqlite3.DatabaseError, first: int, end: int
    ) -> None:
        """Note that SQLite could not read some events; raises any other error again."""
        if not is_damage(error):
            raise error
        end = _end_of_events(connection, first, end)
        if self.damage.note_events(first, end, PAGE):
            _log.error("the events %d to %d cannot be read: %s; %s", first, end - 1, PAGE, error)

    def _sound(self, low: int, below: int) -> Iterator[tuple[int, int]]:
        """The ranges between those that are known to be damaged."""
        for each in self.damage.ranges:
            if each.cause == PAGE and each.end > low and each.first < below:
                if low < each.first:
                    yield low, each.first
                low = each.end
        if low < below:
            yield low, below

    def _heads_of(self, connection: sqlite3.Connection, events: Sequence[int]) -> list[Block]:
        rows = connection.execute(SQL["heads_of_events"], {"events": as_json(events)})
        return list(self.read(rows))

    def _with_body(self, connection: sqlite3.Connection, block: Block) -> Block:
        row = next(self.rows_of(connection, [block.number]), None)
        return (None if row is None else self.read_whole(row)) or block

    def _note(self, error: DamagedBlockError) -> None:
        if self.damage.note_events(error.number, error.number + error.n, CHECKSUM):
            _log.error("%s; what is damaged is left out", error)


def _first_row(read: Callable[..., list[Any]], start: int, end: int) -> list[Any]:
    """The first row of a range that cannot be read as a whole, if that alone can be read."""
    try:
        return read(start, end, 1)
    except sqlite3.DatabaseError:
        return []


def _end_of_events(connection: sqlite3.Connection, first: int, end: int) -> int:
    """The first event behind blocks that cannot be read, of which the last begins before `end`.

    Maybe only a body cannot be read, which lies on pages of its own: then its size is known.
    """

    def read(start: int, below: int) -> list[Any]:
        terms = {"low": start, "below": below, "n": 1}
        return connection.execute(SQL["block_times"], terms).fetchall()

    if end == first + 1:
        alone = _first_row(lambda *bounds: read(*bounds[:2]), first, end)
        if alone:
            return first + int(alone[0][1])
    (next_event,) = connection.execute(SQL["next_event"]).fetchone()
    end = max(end, end_of_damage(read, first, next_event))
    following = read(end, next_event)
    return int(following[0][0] if following else next_event)
