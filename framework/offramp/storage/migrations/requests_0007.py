"""The requests that `blocks_0007` makes of what ended alike, and of exchanges that were shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs
import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

#: What deliveries of one request share: subscription, state, updated_at, reason, message, status,
#: exchange.
Key: TypeAlias = tuple[int, int, int, str, str, int | None, int | None]
#: A request's number, and the set of positions that refer to it, as it is stored.
Result: TypeAlias = tuple[int, bytes]
#: Requests that are kept in memory until nothing more joins them, with the blocks they refer to;
#: what joins one that has been written begins another, with a copy of the exchange.
KEPT = 5_000

ADD_REQUEST = """
INSERT INTO requests (
  subscription, state, at, reason, message, status, exchange, request, refs, parts
) VALUES (?, ?, ?, ?, ?, ?, (SELECT body FROM exchanges WHERE exchange = ?), ?, ?, ?)
"""

#: An exchange that nothing refers to any more goes at once: what is new takes its room in the file.
DROP_EXCHANGE = "DELETE FROM exchanges WHERE exchange = ? AND refs <= ?"

_pack = msgspec.msgpack.Encoder().encode


@attrs.define
class _Request:
    number: int
    key: Key
    refs: int = 0
    #: Deliveries that had its exchange.
    deliveries: int = 0
    #: Blocks with their sets.
    parts: list[tuple[int, bytes]] = attrs.field(factory=list)


class Requests:
    """Makes requests, and writes them once they are old."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next = 1
        #: By what they share; in the order in which they were made.
        self._by_key: dict[Key, _Request] = {}
        #: By subscription and exchange.
        self._by_exchange: dict[tuple[int, int | None], _Request] = {}
        self._kept = 0

    def settle(self, key: Key, block: int, positions: Sequence[int]) -> Result:
        """Add deliveries of a block that have no row of their own; what they refer to."""
        packed = pack_set(positions)
        request = self._by_key.get(key)
        if request is None:
            request = self._bare(key) or self._new(key)
        request.refs += 1
        request.deliveries += len(positions)
        request.parts.append((block, packed))
        self._kept += 1
        return request.number, packed

    def refer(self, key: Key) -> int | None:
        """Add a delivery that has a row of its own; the request's number, if it had an exchange."""
        subscription, exchange = key[0], key[-1]
        if exchange is None:
            return None
        request = self._by_exchange.get((subscription, exchange)) or self._new(key)
        request.refs += 1
        request.deliveries += 1
        return request.number

    def trim(self) -> None:
        """Write the older half, if there are too many."""
        if self._kept > KEPT:
            self._write(KEPT // 2)

    def write_all(self) -> None:
        """Write what is left."""
        self._write(0)

    def _new(self, key: Key) -> _Request:
        request = _Request(self._next, key)
        self._next += 1
        self._kept += 1
        self._by_key[key] = request
        self._by_exchange.setdefault((key[0], key[-1]), request)
        return request

    def _bare(self, key: Key) -> _Request | None:
        """A request of the same exchange to which only rows of their own refer, so far."""
        if key[-1] is None:
            return None
        request = self._by_exchange.get((key[0], key[-1]))
        if request is None or request.parts:
            return None
        del self._by_key[request.key]
        request.key = key
        self._by_key[key] = request
        return request

    def _write(self, kept: int) -> None:
        taken = list(self._take(kept))
        rows = (
            (
                *each.key,
                each.number,
                each.refs,
                _pack(each.parts) if each.parts else None,
            )
            for each in taken
        )
        self._connection.executemany(ADD_REQUEST, rows)
        used = ((each.key[-1], each.deliveries) for each in taken if each.key[-1] is not None)
        self._connection.executemany(DROP_EXCHANGE, used)

    def _take(self, kept: int) -> Iterator[_Request]:
        for request in list(self._by_key.values()):
            if self._kept <= kept:
                return
            del self._by_key[request.key]
            exchange = request.key[0], request.key[-1]
            if self._by_exchange.get(exchange) is request:
                del self._by_exchange[exchange]
            self._kept -= 1 + len(request.parts)
            yield request


def pack_set(positions: Sequence[int]) -> bytes:
    """A set of positions, ascending, as it is stored.

    Two bytes say how many empty bytes come first, then the others follow: one bit each, and all
    little-endian.
    """
    empty = positions[0] // 8
    bits = bytearray(positions[-1] // 8 + 1)
    for position in positions:
        bits[position >> 3] |= 1 << (position & 7)
    return empty.to_bytes(2, "little") + bytes(bits[empty:])
