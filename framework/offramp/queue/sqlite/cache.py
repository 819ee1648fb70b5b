"""The blocks that were accepted or read last, shared by all subscriptions that want them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from offramp.queue.sqlite.heads import HeadReader

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from offramp.queue.block import Block
    from offramp.storage import Damage

#: Bytes of blocks that are kept: those of some tenths of a second at full speed.
CACHE_BYTES = 16 * 1024 * 1024


class BlockReader:
    """Reads blocks, and keeps the last ones; may be used in any thread."""

    def __init__(self, most: int = CACHE_BYTES, *, damage: Damage | None = None) -> None:
        #: Knows the damaged ones.
        self.heads = HeadReader(damage)
        self._most = most
        self._lock = threading.Lock()
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._bytes = 0

    def get(self, number: int) -> Block | None:
        """The block, if it is kept."""
        with self._lock:
            block = self._blocks.get(number)
            if block is not None:
                self._blocks.move_to_end(number)
            return block

    def keep(self, block: Block) -> None:
        """Keep a block that has its body; those that were used least recently go."""
        with self._lock:
            if block.number in self._blocks:
                return
            self._blocks[block.number] = block
            self._bytes += block.size
            while self._bytes > self._most and len(self._blocks) > 1:
                _, oldest = self._blocks.popitem(last=False)
                self._bytes -= oldest.size

    def read(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, Block]:
        """Read blocks; damaged ones are left out."""
        found = {number: block for number in numbers if (block := self.get(number)) is not None}
        missing = [number for number in numbers if number not in found]
        if missing:
            for row in self.heads.rows_of(connection, missing):
                whole = self.heads.read_whole(row)
                if whole is not None:
                    found[whole.number] = whole
                    self.keep(whole)
        return found
