"""Data folders with blocks of events, and ways to damage them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from offramp.queue import EventBatch, Route, open_queue
from offramp.storage import DATABASE_FILE, Store

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096
BLOCKS, SIZE = 40, 5
NOW = 1_800_000_000.0
SUBSCRIPTION = "billing/Usage"


def batch(number: int) -> EventBatch:
    """Events that fill a page."""
    return EventBatch(
        source="web",
        received_at=NOW,
        message_ids=[f"{number}-{each}" for each in range(SIZE)],
        types=["track"] * SIZE,
        names=["usage"] * SIZE,
        bodies=[b'{"n":"%s"}' % (b"x" * 700)] * SIZE,
        routes=[Route(subscriptions=(SUBSCRIPTION,))],
        route_of=[0] * SIZE,
    )


async def fill(folder: Path) -> None:
    """Store blocks of events that wait, and close the folder in good order."""
    async with Store.open(folder) as store, open_queue(store) as queue:
        for number in range(BLOCKS):
            await queue.accept(batch(number))


def overwrite(folder: Path, name: str, kind: str = "leaf") -> None:
    """Overwrite the middle page of a table or an index."""
    path = folder / DATABASE_FILE
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path", (name, kind)
        ).fetchall()
    [number] = pages[len(pages) // 2]
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(random.Random(number).randbytes(PAGE))


def flip(folder: Path) -> None:
    """Change a byte of an event, which SQLite cannot notice."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute(
            "UPDATE blocks SET body = CAST(replace(body, 'xxx', 'xyx') AS BLOB) "
            "WHERE block = (SELECT block FROM blocks ORDER BY block LIMIT 1 OFFSET 7)"
        )
