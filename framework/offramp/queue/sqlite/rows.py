"""From rows to the values of the ledger: deliveries, and events with their deliveries."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs

from offramp.queue.protocol import Delivery, Reason, Stage, Story
from offramp.queue.sqlite.codes import (
    POSITION_BITS,
    STAGES,
    as_json,
    decode,
    optional_s,
    to_s,
)
from offramp.storage import load_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SQL = load_statements(__package__, "ledger.sql")


def deliveries_by_id(
    connection: sqlite3.Connection, ids: list[int], *, records: bool = False
) -> tuple[Delivery, ...]:
    """Read deliveries in the order of their ids, with payload and exchange if asked for."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    found = tuple(
        _delivery(row) for row in cursor.execute(SQL["deliveries"], {"ids": as_json(ids)})
    )
    if records:
        return found
    return tuple(attrs.evolve(delivery, payload=None, exchange=None) for delivery in found)


def stories_by_seq(
    connection: sqlite3.Connection, seqs: list[int], *, full: bool = False
) -> tuple[Story, ...]:
    """Read events in the order of their seqs; `full` adds bodies, payloads and exchanges."""
    asked = {"seqs": as_json(seqs)}
    ids = [number for (number,) in connection.execute(SQL["delivery_ids"], asked)]
    by_seq = defaultdict(list)
    for number, delivery in zip(ids, deliveries_by_id(connection, ids, records=full), strict=True):
        by_seq[number >> POSITION_BITS].append(delivery)
    names = dict(connection.execute(SQL["lane_names"]))
    stories = []
    for seq, *columns in connection.execute(SQL["events"], asked).fetchall():
        body = connection.execute(SQL["body"], {"seq": seq}).fetchone()[0] if full else None
        stories.append(_story(columns, body, by_seq[seq], names))
    return tuple(stories)


def _story(
    columns: list[Any], body: bytes | None, deliveries: list[Delivery], names: Mapping[int, str]
) -> Story:
    source, message_id, kind, name, received_at, accepted_at, filtered = columns
    story = Story(
        source=source,
        message_id=message_id,
        type=kind,
        name=name,
        received_at=to_s(received_at),
        accepted_at=to_s(accepted_at),
        body=body,
        deliveries=tuple(deliveries),
    )
    if filtered is None:
        return story
    return attrs.evolve(story, deliveries=(*deliveries, *_filtered(story, decode(filtered), names)))


def _filtered(
    story: Story, reasons: Mapping[str, list[int]], names: Mapping[int, str]
) -> Iterator[Delivery]:
    for reason, lanes in reasons.items():
        for lane in lanes:
            yield Delivery(
                id="",
                lane=names[lane],
                source=story.source,
                message_id=story.message_id,
                type=story.type,
                name=story.name,
                stage=Stage.FILTERED,
                reason=reason,
                accepted_at=story.accepted_at,
                updated_at=story.accepted_at,
            )


def _delivery(row: sqlite3.Row) -> Delivery:
    stage = STAGES[row["state"]]
    # Fresh deliveries have no reason on disk, where there may be a million of them.
    reason = row["reason"] or (Reason.ACCEPTED if stage is Stage.WAITING else "")
    return Delivery(
        id=str(row["id"]),
        lane=row["lane"],
        source=row["source"],
        message_id=row["message_id"],
        type=row["type"],
        name=row["name"],
        stage=stage,
        reason=reason,
        message=row["message"],
        status=row["status"],
        attempts=row["attempts"],
        accepted_at=to_s(row["accepted_at"]),
        updated_at=to_s(row["updated_at"]),
        due_at=optional_s(row["due_at"]),
        replayed_at=optional_s(row["replayed_at"]),
        payload=row["payload"],
        exchange=row["exchange"],
    )
