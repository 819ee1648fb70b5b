"""A lease: deliveries of one subscription lent to one holder, as one value."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

import attrs
import msgspec

from offramp.queue.values import LeasedDelivery

#: Digits of a number in an id at most: what any engine can store.
MAX_DIGITS = 18


class EventHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event is known by without its body."""

    source: str
    message_id: str
    type: str
    name: str
    #: When the collector got it, in epoch microseconds.
    received_at: int


class LeasePart(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Deliveries of a lease that were accepted together and have been tried equally often."""

    #: Where the engine keeps them: a block, or a delivery that has a row of its own.
    block: int
    row: int | None = None
    #: Their places in the block, ascending.
    positions: Sequence[int]
    bodies: Sequence[bytes]
    #: The number of the attempt that the holder is about to make, from 1.
    attempt: int = 1
    accepted_at: float
    #: When the retry window opened: at acceptance, or at the last replay.
    opened_at: float
    #: Reads what is known of the event at a position of the block.
    head: Callable[[int], EventHead]


@attrs.frozen(kw_only=True, eq=False)
class Lease:
    """Deliveries lent to one holder; a part of it is a `Lease` with its token.

    Its positions count from 0 over all parts. When it lapses, only the engine knows, which measures
    that by a clock of its own.
    """

    subscription: str
    #: The engine's number of the subscription, which stands in the ids of its deliveries.
    number: int
    #: Proof of holding: deliveries that lapsed and were leased again have another.
    token: str
    parts: tuple[LeasePart, ...]
    #: The events as JSON, in order of position.
    bodies: Sequence[bytes] = attrs.field(init=False, repr=False)
    _ends: tuple[int, ...] = attrs.field(init=False, repr=False)

    @bodies.default
    def _default_bodies(self) -> Sequence[bytes]:
        if len(self.parts) == 1:
            return self.parts[0].bodies
        return [body for part in self.parts for body in part.bodies]

    @_ends.default
    def _default_ends(self) -> tuple[int, ...]:
        if len(self.parts) == 1:
            return (len(self.parts[0].positions),)
        return tuple(accumulate(len(part.positions) for part in self.parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def spans(self) -> Iterator[tuple[range, LeasePart]]:
        """Each part with its positions in the lease."""
        start = 0
        for end, part in zip(self._ends, self.parts, strict=True):
            yield range(start, end), part
            start = end

    def locate(self, position: int) -> tuple[LeasePart, int]:
        """The part of a position, and the position in that part."""
        index = bisect_right(self._ends, position)
        return self.parts[index], position - (self._ends[index - 1] if index else 0)

    def events(self) -> Iterator[int]:
        """The engine's number of each event, in order of position."""
        for part in self.parts:
            for place in part.positions:
                yield part.block + place

    def event(self, position: int) -> int:
        """The engine's number of an event."""
        part, inside = self.locate(position)
        return part.block + part.positions[inside]

    def id(self, position: int) -> str:
        """The id of a delivery."""
        return delivery_id(self.event(position), self.number)

    def attempt(self, position: int) -> int:
        """The number of the attempt that the holder is about to make, from 1."""
        return self.locate(position)[0].attempt

    def delivery(self, position: int) -> LeasedDelivery:
        """All that is known of one delivery."""
        part, inside = self.locate(position)
        head = part.head(part.positions[inside])
        return LeasedDelivery(
            id=self.id(position),
            source=head.source,
            message_id=head.message_id,
            type=head.type,
            name=head.name,
            attempt=part.attempt,
            accepted_at=part.accepted_at,
            opened_at=part.opened_at,
        )

    def pick(self, positions: Sequence[int]) -> Lease:
        """The part of the lease at some positions, ascending; they are counted anew from 0."""
        if len(positions) == len(self):
            return self
        picked = []
        found = 0
        for span, part in self.spans():
            first = found
            found = bisect_left(positions, span.stop, first)
            if found > first:
                picked.append(_narrow(part, positions[first:found], span.start))
        return Lease(
            subscription=self.subscription,
            number=self.number,
            token=self.token,
            parts=tuple(picked),
        )

    def without(self, positions: Iterable[int]) -> Lease:
        """The part of the lease at all other positions; they are counted anew from 0."""
        left_out = set(positions)
        return self.pick([at for at in range(len(self)) if at not in left_out])


def delivery_id(event: int, subscription: int) -> str:
    """The id of an event's delivery to a subscription, of the engine's numbers of both."""
    return f"{event}-{subscription}"


def split_delivery_id(text: str) -> tuple[int, int] | None:
    """The numbers of an event and a subscription that make a delivery's id; none if it is none."""
    first, _, last = text.partition("-")
    event, subscription = event_number(first), event_number(last)
    return None if event is None or subscription is None else (event, subscription)


def event_of(delivery: str) -> str | None:
    """The id of the event, as `EventRecord` has it, of a delivery by its id; none if it is none."""
    numbers = split_delivery_id(delivery)
    return None if numbers is None else str(numbers[0])


def event_number(text: str) -> int | None:
    """The engine's number that an id is; none if it is none."""
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


def _narrow(part: LeasePart, picked: Sequence[int], start: int) -> LeasePart:
    """The deliveries of a part at some positions, which are counted from `start`."""
    if len(picked) == len(part.positions):
        return part
    first, last = picked[0] - start, picked[-1] - start
    if last - first + 1 == len(picked):
        positions: Sequence[int] = part.positions[first : last + 1]
        bodies: Sequence[bytes] = part.bodies[first : last + 1]
    else:
        positions = [part.positions[position - start] for position in picked]
        bodies = [part.bodies[position - start] for position in picked]
    return msgspec.structs.replace(part, positions=positions, bodies=bodies)
