"""Settled requests: how a batch ended, and what was sent and answered; shared by its deliveries."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import msgspec

from offramp.queue.block import pack_set, unpack_set
from offramp.queue.sqlite.codes import CODES, as_json, clean_text
from offramp.queue.sqlite.rows import insert_rows
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from offramp.queue.values import Outcome


class RequestPart(msgspec.Struct, frozen=True, array_like=True):
    """Deliveries of one block that stand at a request's stage: a packed set."""

    block: int
    positions: bytes


class Result(msgspec.Struct, frozen=True, array_like=True):
    """Deliveries of a block's row that ended with one request: a packed set."""

    request: int
    positions: bytes


pack = msgspec.msgpack.Encoder().encode
unpack_parts = msgspec.msgpack.Decoder(list[RequestPart]).decode
unpack_results = msgspec.msgpack.Decoder(list[Result]).decode
#: In place of a request's number: those that ended, got rows of their own, and were forgotten.
FORGOTTEN = 0


def read_results(packed: bytes | None) -> list[tuple[int, int]]:
    """The requests that ended events of a block, each with their set."""
    if packed is None:
        return []
    return [(result.request, unpack_set(result.positions)) for result in unpack_results(packed)]


@attrs.define
class _New:
    subscription: int
    outcome: Outcome
    parts: list[RequestPart] = attrs.field(factory=list)
    refs: int = 0


class NewRequests:
    """The requests of one write; outcomes that share an exchange share a row where they can."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._first: int = connection.execute(SQL["next_request"]).fetchone()[0]
        self._new: list[_New] = []
        self._by_exchange: dict[int, int] = {}

    def ended(self, subscription: int, outcome: Outcome, sets: Sequence[tuple[int, int]]) -> int:
        """Number the request by which sets of events, (block, set), ended."""
        joined: dict[int, int] = {}
        for block, bits in sets:
            joined[block] = joined.get(block, 0) | bits
        parts = [RequestPart(block, pack_set(bits)) for block, bits in joined.items()]
        return self._add(_New(subscription, outcome, parts, refs=len(parts)))

    def exchange(self, subscription: int, outcome: Outcome) -> int | None:
        """Number the request of a delivery with a row of its own, if its exchange is kept."""
        if outcome.exchange is None:
            return None
        number = self._by_exchange.get(id(outcome.exchange))
        if number is None:
            number = self._add(_New(subscription, outcome))
        self._new[number - self._first].refs += 1
        return number

    def write(self, connection: sqlite3.Connection, now: int) -> None:
        """Store them."""
        rows = [
            (
                number,
                new.subscription,
                CODES[new.outcome.stage],
                now,
                new.refs,
                clean_text(new.outcome.reason),
                clean_text(new.outcome.message),
                new.outcome.status,
                pack(new.parts) if new.parts else None,
                new.outcome.exchange,
            )
            for number, new in enumerate(self._new, self._first)
        ]
        insert_rows(connection, "add_requests", rows)

    def _add(self, new: _New) -> int:
        number = self._first + len(self._new)
        self._new.append(new)
        if new.outcome.exchange is not None:
            self._by_exchange.setdefault(id(new.outcome.exchange), number)
        return number


def unref(connection: sqlite3.Connection, unused: Counter[int]) -> None:
    """Take references from requests (number -> how many); the unused ones go."""
    if unused:
        rows = as_json(list(unused.items()))
        connection.execute(SQL["unref_requests"], {"rows": rows})
        connection.execute(SQL["drop_requests"], {"rows": rows})
