"""Deliveries with a row of their own: retrying, rejected, expired, replayed, and their ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from offramp.queue.sqlite.codes import CODES, as_json, clean_text, joined, to_us
from offramp.queue.sqlite.requests import unref
from offramp.queue.sqlite.rows import insert_rows
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from offramp.queue.lease import EventHead
    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.requests import NewRequests
    from offramp.queue.values import Outcome


class ExceptionColumns(msgspec.Struct, frozen=True):
    """What every row of a delivery of its own has: columns of the table; times in microseconds."""

    event: int
    subscription: int
    state: int
    due_at: int | None
    attempts: int
    updated_at: int
    replayed_at: int | None
    reason: str
    message: str
    status: int | None
    source: str
    message_id: str
    type: str
    name: str
    received_at: int
    accepted_at: int


class NewException(ExceptionColumns, frozen=True):
    """A delivery that gets a row of its own: the columns of the table, in its order."""

    request: int | None
    payload: bytes | None
    body: bytes | None


def new_exception(  # noqa: PLR0913 - what is known of a delivery
    *,
    event: int,
    subscription: int,
    outcome: Outcome,
    attempts: int | None = None,
    head: EventHead,
    accepted_at: int,
    now: int,
    request: int | None,
    body: bytes,
) -> NewException:
    """The row of a delivery that was waiting in its block; times in microseconds."""
    return NewException(
        event=event,
        subscription=subscription,
        state=CODES[outcome.stage],
        due_at=None if outcome.retry_at is None else to_us(outcome.retry_at),
        attempts=int(outcome.attempted) if attempts is None else attempts,
        updated_at=now,
        replayed_at=None,
        reason=outcome.reason,
        message=outcome.message,
        status=outcome.status,
        source=head.source,
        message_id=head.message_id,
        type=head.type,
        name=head.name,
        received_at=head.received_at,
        accepted_at=accepted_at,
        request=request,
        payload=outcome.payload,
        body=None if outcome.stage is Stage.DELIVERED else body,
    )


def add_exceptions(connection: sqlite3.Connection, rows: Sequence[NewException]) -> None:
    """Store rows."""
    insert_rows(connection, "add_exceptions", list(map(msgspec.structs.astuple, rows)))


def settle_rows(
    connection: sqlite3.Connection,
    settled: Iterable[tuple[int, DueRow, Outcome]],
    requests: NewRequests,
    now: int,
) -> None:
    """Store outcomes of deliveries that have a row already, each with its subscription's number."""
    rows: list[tuple[int | str | None, ...]] = []
    payloads: list[bytes] = []
    unused: Counter[int] = Counter()
    start = 0
    for subscription, row, outcome in settled:
        request = requests.exchange(subscription, outcome)
        if request is None and outcome.stage is not Stage.DELIVERED:
            request = row.request
        if row.request is not None and request != row.request:
            unused[row.request] += 1
        payload = None if outcome.payload is None else len(outcome.payload)
        rows.append(
            (
                row.id,
                CODES[outcome.stage],
                None if outcome.retry_at is None else to_us(outcome.retry_at),
                row.attempts + outcome.attempted,
                clean_text(outcome.reason),
                clean_text(outcome.message),
                outcome.status,
                request,
                start,
                payload,
            )
        )
        if outcome.payload is not None:
            payloads.append(outcome.payload)
            start += len(outcome.payload)
    if rows:
        terms = {"rows": as_json(rows), "payloads": joined(payloads), "now": now}
        stored = connection.execute(SQL["settle_rows"], terms).rowcount
        if stored != len(rows):
            raise LookupError(f"{len(rows)} outcomes met {stored} deliveries")
    unref(connection, unused)
