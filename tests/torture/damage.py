"""Damages stored events on the disk of a host that does not run, and tells which ones."""

from __future__ import annotations

import mmap
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from offramp.queue.block import Block

#: A body of so many pages has one of its own in the middle, whatever else shares the others.
PAGES: Final = 4
#: Bytes of a body that are searched for in the file; they hold a message id.
SAMPLE_BYTES: Final = 256


def damage_block(file: Path, rng: random.Random, *, whole_page: bool) -> set[str]:
    """Flip a byte of a block's events, or overwrite a page of them; returns their message ids.

    The host must not run. Nothing is done, and no id returned, where no block is large enough.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        rows = connection.execute(
            "SELECT block FROM blocks WHERE length(body) > ? ORDER BY block DESC LIMIT 50",
            (PAGES * page_bytes,),
        ).fetchall()
        if not rows:
            return set()
        (number,) = rng.choice(rows)
        block = Block(
            *connection.execute(
                "SELECT block, n, accepted_at, heads, ends, body FROM blocks WHERE block = ?",
                (number,),
            ).fetchone()
        )
    assert block.body is not None
    middle = len(block.body) // 2
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as view:
        at = view.find(block.body[middle : middle + SAMPLE_BYTES])
        if at < 0:  # the sample is not on one page
            return set()
        if whole_page:
            start = at - at % page_bytes
            view[start : start + page_bytes] = rng.randbytes(page_bytes)
        else:
            view[at] ^= 1 << rng.randrange(8)
    return set(block.heads.message_ids)
