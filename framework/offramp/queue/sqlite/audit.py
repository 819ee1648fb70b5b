"""The check behind the promise: recounts all rows, and compares them with the counters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from offramp.errors import counted
from offramp.queue.protocol import Audit
from offramp.queue.sqlite.codes import FILTERED, STAGES
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

SQL = load_statements(__package__, "audit.sql")


def audit(connection: sqlite3.Connection) -> Audit:
    """Recount everything in one read transaction."""
    rows = _recount(connection)
    tallies = connection.execute(SQL["tallies"]).fetchall()
    lanes = connection.execute(SQL["accepted"]).fetchall()
    names = {lane: name for lane, name, _ in lanes}
    faults = [
        *_wrong_tallies(rows, tallies, names),
        *_wrong_sums(tallies, lanes),
        *_strays(connection),
    ]
    return Audit(deliveries=rows.total(), faults=tuple(faults))


def wrong_sums(connection: sqlite3.Connection) -> list[str]:
    """The sum rule by the counters alone: accepted = ends + in flight, in every lane."""
    tallies = connection.execute(SQL["tallies"]).fetchall()
    return list(_wrong_sums(tallies, connection.execute(SQL["accepted"]).fetchall()))


def _recount(connection: sqlite3.Connection) -> Counter[tuple[int, int]]:
    rows: Counter[tuple[int, int]] = Counter()
    for lane, state, n in connection.execute(SQL["rows"]):
        rows[lane, state] += n
    for lane, n in connection.execute(SQL["filtered"]):
        rows[lane, FILTERED] += n
    return rows


def _wrong_tallies(
    rows: Counter[tuple[int, int]],
    tallies: list[tuple[int, int, int, int]],
    names: dict[int, str],
) -> Iterator[str]:
    counted = Counter({(lane, state): kept for lane, state, _, kept in tallies})
    for lane, state in sorted({*rows, *counted}):
        found, told = rows[lane, state], counted[lane, state]
        if found != told:
            yield f"lane {names[lane]}: {found} {STAGES[state].value}, but the counter says {told}"


def _wrong_sums(
    tallies: list[tuple[int, int, int, int]], lanes: list[tuple[int, str, int]]
) -> Iterator[str]:
    sums: Counter[int] = Counter()
    for lane, _, n, _ in tallies:
        sums[lane] += n
    for lane, name, accepted in lanes:
        if accepted != sums[lane]:
            yield f"lane {name}: {accepted} accepted, but ends and in flight sum up to {sums[lane]}"


def _strays(connection: sqlite3.Connection) -> Iterator[str]:
    for exchange, refs, found in connection.execute(SQL["stray_records"]):
        yield f"exchange {exchange}: {counted(found, 'record')} of it, but the counter says {refs}"
    events, ids, leading = connection.execute(SQL["ids"]).fetchone()
    if not events == ids == leading:
        yield f"{events} events have {ids} message ids, of which {leading} lead to an event"
