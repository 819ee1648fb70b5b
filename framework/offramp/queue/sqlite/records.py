"""What attempts sent and got: payloads per delivery, exchanges shared by a batch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from offramp.queue.protocol import Stage
from offramp.queue.sqlite.codes import as_json, joined
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from offramp.queue.protocol import Outcome
    from offramp.queue.sqlite.leases import Held

SQL = load_statements(__package__, "settle.sql")


def store_records(connection: sqlite3.Connection, settled: list[tuple[Held, Outcome]]) -> None:
    """Store what outcomes bring along, and drop what it takes the place of."""
    dropped = []
    unused: Counter[int] = Counter()
    brought = []
    for held, outcome in settled:
        delivered = held.row.recorded and outcome.stage is Stage.DELIVERED
        if delivered:
            dropped.append(held.row.id)
        if held.row.exchange is not None and (delivered or outcome.exchange is not None):
            unused[held.row.exchange] += 1
        if outcome.payload is not None or outcome.exchange is not None:
            brought.append((held.row.id, outcome))
    if dropped:
        connection.execute(SQL["drop_records"], {"ids": as_json(dropped)})
    if brought:
        _add(connection, brought)
    unref(connection, unused)


def unref(connection: sqlite3.Connection, unused: Counter[int]) -> None:
    """Take references from exchanges (number -> how many); the unused ones go."""
    if unused:
        rows = as_json(list(unused.items()))
        connection.execute(SQL["unref_exchanges"], {"rows": rows})
        connection.execute(SQL["drop_exchanges"], {"rows": rows})


def _add(connection: sqlite3.Connection, brought: list[tuple[int, Outcome]]) -> None:
    exchanges = _add_exchanges(connection, (outcome.exchange for _, outcome in brought))
    rows: list[tuple[int | None, ...]] = []
    payloads = []
    start = 0
    for delivery, outcome in brought:
        exchange = None if outcome.exchange is None else exchanges[outcome.exchange]
        if outcome.payload is None:
            rows.append((delivery, exchange, None, None))
        else:
            rows.append((delivery, exchange, start, len(outcome.payload)))
            payloads.append(outcome.payload)
            start += len(outcome.payload)
    connection.execute(SQL["add_records"], {"rows": as_json(rows), "payloads": joined(payloads)})


def _add_exchanges(
    connection: sqlite3.Connection, bodies: Iterable[bytes | None]
) -> dict[bytes, int]:
    refs = Counter(body for body in bodies if body is not None)
    if not refs:
        return {}
    (first,) = connection.execute(SQL["next_exchange"]).fetchone()
    numbers = {}
    for number, (body, n) in enumerate(refs.items(), first):
        connection.execute(SQL["add_exchange"], {"exchange": number, "refs": n, "body": body})
        numbers[body] = number
    return numbers
