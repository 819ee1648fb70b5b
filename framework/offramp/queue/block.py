"""A block: the events that one commit accepted, as the few values that are stored of them."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise

import msgspec

from offramp.errors import StorageError
from offramp.queue.lease import EventHead

#: The array type of offsets: unsigned, 32 bits.
OFFSET = "I"
#: The bits of a CRC-32, all of them set, and the one that is the sign in a signed number.
CRC_BITS = 32
CRC_MASK = (1 << CRC_BITS) - 1
SIGN = 1 << CRC_BITS - 1


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Neighbouring events of a block that one request brought."""

    source: str
    #: When the collector got them, in epoch microseconds.
    received_at: int
    n: int


class Kind(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What many events of a block have in common: their type, and their or their page's name."""

    type: str
    name: str


class NumberedRoute(msgspec.Struct, frozen=True, array_like=True):
    """A `Route` with the engine's numbers of the subscriptions."""

    subscriptions: list[int]
    #: Reason -> subscriptions.
    filtered: dict[str, list[int]]

    def filters(self, subscription: int) -> bool:
        """Whether a subscription does not get the events, for a reason."""
        return any(subscription in numbers for numbers in self.filtered.values())


class Heads(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the events of a block without their bodies, column by column.

    `kind_of` and `route_of` are indexes, one for each event; empty where all of them are 0.
    """

    runs: list[Run]
    message_ids: list[str]
    kinds: list[Kind]
    kind_of: list[int]
    routes: list[NumberedRoute]
    route_of: list[int]

    def route(self, position: int) -> NumberedRoute:
        """The route of the event at a position."""
        return self.routes[self.route_of[position] if self.route_of else 0]

    def kind(self, position: int) -> Kind:
        """Type and name of the event at a position."""
        return self.kinds[self.kind_of[position] if self.kind_of else 0]

    def run(self, position: int) -> Run:
        """The request that brought the event at a position."""
        end = 0
        for run in self.runs:
            end += run.n
            if position < end:
                return run
        raise IndexError(position)


_encode = msgspec.msgpack.Encoder().encode
#: Reads heads as they are stored.
decode_heads = msgspec.msgpack.Decoder(Heads).decode


class PackedHeads:
    """The heads of a block as they are stored, unpacked once they are asked for.

    Who has leased a few events keeps this, and not the bodies of all the others.
    """

    __slots__ = ("__dict__", "packed")

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    @cached_property
    def heads(self) -> Heads:
        """What is known of the events without their bodies."""
        return decode_heads(self.packed)

    def head(self, position: int) -> EventHead:
        """What is known of the event at a position."""
        kind, run = self.heads.kind(position), self.heads.run(position)
        return EventHead(
            source=run.source,
            message_id=self.heads.message_ids[position],
            type=kind.type,
            name=kind.name,
            received_at=run.received_at,
        )


class Block:
    """A block as it was read or made; its events have the numbers `number` and following."""

    __slots__ = ("accepted_at", "body", "ends", "known", "n", "number")

    def __init__(  # noqa: PLR0913, PLR0917 - the columns of its row
        self,
        number: int,
        n: int,
        accepted_at: int,
        packed_heads: bytes,
        packed_ends: bytes,
        body: bytes | None,
    ) -> None:
        self.number = number
        self.n = n
        #: In epoch microseconds.
        self.accepted_at = accepted_at
        self.known = PackedHeads(packed_heads)
        self.ends = unpack_ends(packed_ends)
        #: The events' JSON, one behind the other; `None` once retention has dropped it.
        self.body = body

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, near enough."""
        return len(self.known.packed) + len(self.ends) * self.ends.itemsize + len(self.body or b"")

    @property
    def heads(self) -> Heads:
        """What is known of the events without their bodies."""
        return self.known.heads

    def head(self, position: int) -> EventHead:
        """What is known of the event at a position."""
        return self.known.head(position)

    def event(self, position: int) -> bytes | None:
        """The JSON of the event at a position."""
        if self.body is None:
            return None
        return self.body[self.ends[position - 1] if position else 0 : self.ends[position]]

    def events(self, positions: Sequence[int]) -> list[bytes]:
        """The JSON of the events at some positions, of a block that still has its body."""
        body, ends = self.body or b"", self.ends
        if not isinstance(positions, range):
            return [body[ends[place - 1] if place else 0 : ends[place]] for place in positions]
        first = positions.start
        start = ends[first - 1] if first else 0
        bounds = pairwise([start, *ends[first : positions.stop]])
        return [body[begin:end] for begin, end in bounds]


def pack_heads(heads: Heads) -> bytes:
    """Heads as they are stored."""
    return _encode(heads)


def pack_ends(bodies: Iterable[bytes]) -> bytes:
    """Where each event ends in the body of a block, as little-endian numbers."""
    ends = array(OFFSET, accumulate(map(len, bodies)))
    if sys.byteorder == "big":
        ends.byteswap()
    return ends.tobytes()


def unpack_ends(packed: bytes) -> array[int]:
    """The inverse of `pack_ends`."""
    ends = array(OFFSET)
    ends.frombytes(packed)
    if sys.byteorder == "big":
        ends.byteswap()
    return ends


def checksum(heads: bytes, ends: bytes, body: bytes | None) -> int:
    """Two CRC-32 as one signed number of 64 bits: a changed byte on the disk shows.

    The low half is of heads and ends, so that listings check what they read without the body;
    the high half is of the body: without a body it is 0.
    """
    of_body = zlib.crc32(body or b"")
    return ((of_body ^ SIGN) - SIGN) << CRC_BITS | _heads_checksum(heads, ends)


def _heads_checksum(heads: bytes, ends: bytes) -> int:
    return zlib.crc32(ends, zlib.crc32(heads))


def read_heads(row: tuple[int, int, int, int, bytes, bytes]) -> Block:
    """Make a block without its body of its row: number, n, accepted_at, checksum, heads, ends.

    Raises `DamagedBlockError` if these are not what was written; the body may still be damaged.
    """
    number, n, accepted_at, expected, heads, ends = row
    if _heads_checksum(heads, ends) != expected & CRC_MASK:
        raise DamagedBlockError(number, n)
    return Block(number, n, accepted_at, heads, ends, None)


def read_block(row: tuple[int, int, int, int, bytes, bytes, bytes | None]) -> Block:
    """Make a block of its row: number, n, accepted_at, checksum, heads, ends, body.

    Raises `DamagedBlockError` if the row is not what was written.
    """
    number, n, accepted_at, expected, heads, ends, body = row
    if checksum(heads, ends, body) != expected:
        raise DamagedBlockError(number, n)
    return Block(number, n, accepted_at, heads, ends, body)


class DamagedBlockError(StorageError):
    """The disk gave back other bytes than were written."""

    def __init__(self, number: int, n: int) -> None:
        super().__init__(
            f"the block of events {number} to {number + n - 1} is damaged on disk: its checksum "
            "is wrong; restore the data folder from a backup, and check the disk"
        )
        self.number = number
        self.n = n


#: Bytes of the number of empty bytes that a stored set begins with: for blocks of 500,000 events.
_EMPTY_BYTES = 2

# Sets of positions are integers whose bit at a position says whether it is in the set: they are
# joined and cut by one operation, however many positions there are.


def all_of(n: int) -> int:
    """The set of the first `n` positions."""
    return (1 << n) - 1


def set_of(positions: Sequence[int]) -> int:
    """The set of some positions, ascending."""
    if not positions:
        return 0
    first, last = positions[0], positions[-1]
    if last - first + 1 == len(positions):
        return all_of(len(positions)) << first
    bits = bytearray(last // 8 + 1)
    for position in positions:
        bits[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(bits, "little")


def positions_of(bits: int) -> Sequence[int]:
    """The positions of a set, ascending."""
    if not bits:
        return ()
    first = (bits & -bits).bit_length() - 1
    n = bits.bit_count()
    if bits == all_of(n) << first:
        return range(first, first + n)
    return [place for place, bit in enumerate(f"{bits:b}"[::-1]) if bit == "1"]


def pack_set(bits: int) -> bytes:
    """A set as it is stored: how many empty bytes come first, then the others, little-endian.

    So one position of a large block takes three bytes. No positions are stored as no bytes.
    """
    if not bits:
        return b""
    empty = ((bits & -bits).bit_length() - 1) // 8
    rest = bits >> 8 * empty
    return empty.to_bytes(_EMPTY_BYTES, "little") + rest.to_bytes(
        (rest.bit_length() + 7) // 8, "little"
    )


def unpack_set(packed: bytes) -> int:
    """The inverse of `pack_set`."""
    empty = int.from_bytes(packed[:_EMPTY_BYTES], "little")
    return int.from_bytes(packed[_EMPTY_BYTES:], "little") << 8 * empty


def unpack_open(packed: bytes | None, n: int) -> int:
    """The set of what waits in a block of `n`: an empty blob stands for all, null for none."""
    if packed is None:
        return 0
    return unpack_set(packed) or all_of(n)
