"""Reading blocks: mostly without their bodies, and never a damaged one."""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import TYPE_CHECKING

from offramp.queue.block import DamagedBlockError, read_block, read_heads
from offramp.queue.sqlite.codes import as_json
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from offramp.queue.block import Block

    #: What `read_heads` takes, and `read_block`.
    HeadsRow: TypeAlias = tuple[int, int, int, int, bytes, bytes]
    BlockRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes | None]

_log = logging.getLogger("offramp.queue")


class HeadReader:
    """Reads blocks; leaves damaged ones out, and logs each once. May be used in any thread."""

    def __init__(self) -> None:
        self._damaged: set[int] = set()

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

    def of_events(
        self, connection: sqlite3.Connection, events: Sequence[int]
    ) -> dict[int, Block | None]:
        """The block of each event, without its body; none where that is gone or damaged."""
        rows = connection.execute(SQL["heads_of_events"], {"events": as_json(events)})
        blocks = sorted(self.read(rows), key=lambda block: block.number)
        numbers = [block.number for block in blocks]
        found: dict[int, Block | None] = {}
        for event in events:
            place = bisect_right(numbers, event) - 1
            holds = place >= 0 and event < numbers[place] + blocks[place].n
            found[event] = blocks[place] if holds else None
        return found

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
        return block in self._damaged

    def _with_body(self, connection: sqlite3.Connection, block: Block) -> Block:
        row = connection.execute(SQL["blocks"], {"blocks": as_json([block.number])}).fetchone()
        return self.read_whole(row) or block

    def _note(self, error: DamagedBlockError) -> None:
        if error.number not in self._damaged:
            self._damaged.add(error.number)
            _log.error("%s; what is damaged is left out", error)
