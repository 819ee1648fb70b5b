"""From rows and blocks to what the ledger answers: deliveries, and events with their deliveries."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import unpack_open
from offramp.queue.lease import delivery_id
from offramp.queue.sqlite.codes import FILTERED, STAGES, WAITING, as_json, optional_s, to_s
from offramp.queue.sqlite.exceptions import ExceptionColumns
from offramp.queue.sqlite.numbering import subscription_names
from offramp.queue.sqlite.requests import read_results
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Delivery, EventRecord, Reason, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from offramp.queue.block import Block
    from offramp.queue.lease import EventHead
    from offramp.queue.sqlite.heads import HeadReader


class EventPlace(NamedTuple):
    """An event with its block, without the body; none where only rows of their own are left."""

    event: int
    block: Block | None


class ExceptionRow(ExceptionColumns, frozen=True):
    """A delivery with a row of its own, as it is read."""

    unknown_answers: int
    #: These three only where they were asked for.
    payload: bytes | None
    body: bytes | None
    exchange: bytes | None

    def delivery(self, names: Mapping[int, str]) -> Delivery:
        """What the ledger tells of it."""
        return Delivery(
            id=delivery_id(self.event, self.subscription),
            subscription=names[self.subscription],
            source=self.source,
            message_id=self.message_id,
            type=self.type,
            name=self.name,
            stage=STAGES[self.state],
            reason=self.reason,
            message=self.message,
            status=self.status,
            attempts=self.attempts,
            unknown_answers=self.unknown_answers,
            accepted_at=to_s(self.accepted_at),
            updated_at=to_s(self.updated_at),
            due_at=optional_s(self.due_at),
            replayed_at=optional_s(self.replayed_at),
            payload=self.payload,
            exchange=self.exchange,
        )


class RequestRow(NamedTuple):
    """What deliveries ended with that have no row of their own; `at` in microseconds."""

    request: int
    state: int
    at: int
    reason: str
    message: str
    status: int | None
    #: Only where it was asked for.
    exchange: bytes | None


class _InBlock(NamedTuple):
    """What the row of a block and a subscription says."""

    open: int
    #: Requests and the sets that they ended.
    results: Sequence[tuple[int, int]]

    def request(self, position: int) -> int | None:
        """The request that ended an event's delivery."""
        return next((number for number, bits in self.results if bits >> position & 1), None)


@attrs.frozen
class _Known:
    """What the tables say of some events, besides their blocks."""

    names: Mapping[int, str]
    #: Event -> subscription -> row.
    rows: Mapping[int, Mapping[int, ExceptionRow]]
    #: (block, subscription) -> row.
    in_blocks: Mapping[tuple[int, int], _InBlock]
    requests: Mapping[int, RequestRow]

    def deliveries(self, place: EventPlace, only: int | None = None) -> Iterator[Delivery]:
        """All deliveries of an event, or that of one subscription."""
        rows = dict(self.rows.get(place.event, {}))
        if place.block is not None:
            for subscription, filtered in _routes(place.block, place.event):
                # A row of its own overrides the block.
                row = rows.pop(subscription, None)
                if only in {None, subscription}:
                    delivery = (
                        self._from_block(place.block, place.event, subscription, filtered)
                        if row is None
                        else row.delivery(self.names)
                    )
                    if delivery is not None:
                        yield delivery
        for subscription, row in rows.items():
            if only in {None, subscription}:
                yield row.delivery(self.names)

    def _from_block(
        self, block: Block, event: int, subscription: int, filtered: str | None
    ) -> Delivery | None:
        position = event - block.number
        head = block.head(position)
        in_block = self.in_blocks.get((block.number, subscription))
        number = None if in_block is None else in_block.request(position)
        request = None if number is None else self.requests.get(number)
        if request is not None:
            stage, reason, updated_at = STAGES[request.state], request.reason, request.at
        elif number is None and filtered is not None:
            stage, reason, updated_at = STAGES[FILTERED], filtered, block.accepted_at
        elif in_block is not None and in_block.open >> position & 1:
            stage, reason, updated_at = STAGES[WAITING], Reason.ACCEPTED.value, block.accepted_at
        else:
            return None
        return Delivery(
            id=delivery_id(event, subscription),
            subscription=self.names[subscription],
            source=head.source,
            message_id=head.message_id,
            type=head.type,
            name=head.name,
            stage=stage,
            reason=reason,
            message="" if request is None else request.message,
            status=None if request is None else request.status,
            # What expired in its block was never tried.
            attempts=0 if request is None or stage is Stage.EXPIRED else 1,
            accepted_at=to_s(block.accepted_at),
            updated_at=to_s(updated_at),
            due_at=None if stage.ended else to_s(block.accepted_at),
            exchange=None if request is None else request.exchange,
        )


def _routes(block: Block, event: int) -> Iterator[tuple[int, str | None]]:
    """The subscriptions that an event was matched against: why one did not get it, or nothing."""
    route = block.heads.route(event - block.number)
    for subscription in route.subscriptions:
        yield subscription, None
    for reason, subscriptions in route.filtered.items():
        for subscription in subscriptions:
            yield subscription, reason


def deliveries_of_rows(connection: sqlite3.Connection, ids: Sequence[int]) -> tuple[Delivery, ...]:
    """Deliveries with rows of their own, in the order of these rows' ids."""
    rows = connection.execute(SQL["exceptions_by_id"], {"ids": as_json(ids)})
    names = subscription_names(connection)
    return tuple(ExceptionRow(*row).delivery(names) for row in rows)


def deliveries_of_events(
    connection: sqlite3.Connection, reader: HeadReader, events: Sequence[int], subscription: int
) -> tuple[Delivery, ...]:
    """The deliveries of events to one subscription, in the order of the events."""
    blocks = reader.of_events(connection, events)
    places = [EventPlace(event, blocks[event]) for event in events]
    known = _read_known(connection, places)
    return tuple(delivery for place in places for delivery in known.deliveries(place, subscription))


def event_records(
    connection: sqlite3.Connection,
    reader: HeadReader,
    places: Sequence[EventPlace],
    *,
    bodies: bool = False,
    full: bool = False,
) -> tuple[EventRecord, ...]:
    """Events with all their deliveries; `full` adds bodies, payloads and exchanges.

    With `bodies`, those whose bodies are damaged are left out; with `full`, only these bodies.
    """
    known = _read_known(connection, places, bodies=bodies or full, full=full)
    read = _bodies(connection, reader, places) if bodies or full else {}
    return tuple(
        _record(place, known, read.get(place.event))
        for place in places
        # Ids may outlive their event.
        if place.block is not None or place.event in known.rows
        if not bodies or place.block is None or not reader.is_damaged(place.block.number)
    )


def _record(place: EventPlace, known: _Known, body: bytes | None) -> EventRecord:
    rows = known.rows.get(place.event, {}).values()
    if body is None:
        body = next((row.body for row in rows if row.body is not None), None)
    head: EventHead | ExceptionRow
    if place.block is None:
        head = row = next(iter(rows))
        accepted_at = row.accepted_at
    else:
        head = place.block.head(place.event - place.block.number)
        accepted_at = place.block.accepted_at
    return EventRecord(
        id=str(place.event),
        source=head.source,
        message_id=head.message_id,
        type=head.type,
        name=head.name,
        received_at=to_s(head.received_at),
        accepted_at=to_s(accepted_at),
        body=body,
        deliveries=tuple(known.deliveries(place)),
    )


def _bodies(
    connection: sqlite3.Connection, reader: HeadReader, places: Iterable[EventPlace]
) -> dict[int, bytes | None]:
    return {
        event: block.event(event - block.number)
        for event, block in reader.with_bodies(connection, places)
    }


def _read_known(
    connection: sqlite3.Connection,
    places: Sequence[EventPlace],
    *,
    bodies: bool = False,
    full: bool = False,
) -> _Known:
    terms = {"events": as_json([place.event for place in places]), "bodies": bodies, "full": full}
    rows: defaultdict[int, dict[int, ExceptionRow]] = defaultdict(dict)
    for columns in connection.execute(SQL["exceptions_of_events"], terms):
        row = ExceptionRow(*columns)
        rows[row.event][row.subscription] = row
    blocks = {place.block.number: place.block for place in places if place.block is not None}
    in_blocks = _read_in_blocks(connection, blocks)
    asked = {
        number
        for event, block in places
        if block is not None
        for subscription, _ in _routes(block, event)
        if (in_block := in_blocks.get((block.number, subscription)))
        if (number := in_block.request(event - block.number))
    }
    terms = {"requests": as_json(sorted(asked)), "full": full}
    requests = [RequestRow(*row) for row in connection.execute(SQL["requests_by_number"], terms)]
    return _Known(
        names=subscription_names(connection),
        rows=dict(rows),
        in_blocks=in_blocks,
        requests={request.request: request for request in requests},
    )


def _read_in_blocks(
    connection: sqlite3.Connection, blocks: Mapping[int, Block]
) -> dict[tuple[int, int], _InBlock]:
    rows = connection.execute(SQL["deliveries_of_blocks"], {"blocks": as_json(list(blocks))})
    return {
        (block, subscription): _InBlock(unpack_open(opened, blocks[block].n), read_results(results))
        for block, subscription, opened, results in rows
    }
