"""Deliveries of events that are damaged on disk: named, and ended once a person decides so."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from offramp.queue.block import (
    DamagedBlockError,
    positions_of,
    read_heads,
    unpack_open,
)
from offramp.queue.limits import CHUNK
from offramp.queue.sqlite.codes import EXPIRED, WAITING, as_json
from offramp.queue.sqlite.counters import Changes
from offramp.queue.sqlite.marks import read_marks, set_mark
from offramp.queue.sqlite.numbering import find_number, subscription_names
from offramp.queue.sqlite.requests import NewRequests
from offramp.queue.sqlite.settle import ChangedRow, write_block_rows
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Outcome, Reason, Stage
from offramp.storage import is_damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from offramp.queue.sqlite.engine import SqliteQueue
    from offramp.storage import Damage, DamagedRange, Store

#: The names of the marks of what a person has decided about: this, and the number of the first
#: event of the range. Their values are the number behind its last one.
DECIDED: Final = "damaged."
#: Message ids of one range that are listed; a search for its events lists all.
MESSAGE_IDS: Final = 1_000
EXPIRED_MESSAGE: Final = (
    "its event was damaged on disk, so it could not be sent; a person decided to expire it"
)


@attrs.frozen(kw_only=True)
class DamagedInFlight:
    """What waits in one subscription of a range of damaged events."""

    subscription: str
    waiting: int
    #: The numbers of the first and of the last event that wait.
    first: int
    last: int


@attrs.frozen(kw_only=True)
class DamagedEvents:
    """A range of damaged events: numbers from `first` to `last`."""

    first: int
    last: int
    cause: str
    #: Whether a person has expired what waited in it.
    decided: bool
    in_flight: tuple[DamagedInFlight, ...]
    #: Of the events that wait, those whose message id can still be read, by number; `MESSAGE_IDS`
    #: at most.
    message_ids: Mapping[int, str]


@attrs.frozen(kw_only=True)
class ExpiredDamaged:
    """What was ended in one subscription, and what could not be since it is being sent."""

    subscription: str
    expired: int
    leased: int


class DamagedDeliveries:
    """Lists what waits for damaged events, and expires it."""

    def __init__(self, store: Store, queue: SqliteQueue) -> None:
        self._store = store
        self._queue = queue

    async def load(self) -> None:
        """Remember what was decided before this start."""
        marks = await self._store.read(partial(read_marks, prefix=DECIDED))
        for name, end in marks.items():
            self._store.damage.note_decided(int(name.removeprefix(DECIDED)), end)

    async def list(self) -> Sequence[DamagedEvents]:
        """All ranges that are known to be damaged, ascending."""
        return await self._store.read(partial(_read, damage=self._store.damage))

    async def expire(self, first: int) -> Sequence[ExpiredDamaged]:
        """End what waits in the range that begins with an event; raises `LookupError` for none.

        What is being sent is left: it ends by itself, or can be expired later.
        """
        found = self._store.damage.range_of(first)
        if found is None:
            raise LookupError(f"event {first} is not damaged")
        read = partial(_waiting, damage=self._store.damage, found=found)
        waiting = await self._store.read(read)
        ended = {name: await self._expire(name, blocks) for name, blocks in waiting.items()}
        left = await self._store.read(read)
        if not left:
            mark = f"{DECIDED}{found.first}"
            await self._store.write(partial(set_mark, name=mark, value=found.end))
            self._store.damage.note_decided(found.first, found.end)
        return [
            ExpiredDamaged(
                subscription=name,
                expired=n,
                leased=sum(bits.bit_count() for bits in left.get(name, {}).values()),
            )
            for name, n in ended.items()
        ]

    async def _expire(self, subscription: str, waiting: Mapping[int, int]) -> int:
        blocks = sorted(waiting.items())
        return sum(
            [
                await self._queue.expire_damaged(subscription, blocks[start : start + CHUNK])
                for start in range(0, len(blocks), CHUNK)
            ]
        )


@attrs.frozen(kw_only=True)
class ExpireDamaged:
    """Ends what waits in damaged blocks, but for what is leased; run in the writer.

    It needs no body, and reads no row of a block, whose page may make no sense.
    """

    name: str
    #: Blocks, and the set of what waits in each, as it was read before.
    waiting: Sequence[tuple[int, int]]
    #: What is leased: block -> set.
    taken: Mapping[int, int]
    now: int

    def __call__(self, connection: sqlite3.Connection) -> int:
        """Run in the writer; answers how many deliveries."""
        number = find_number(connection, self.name)
        if number is None:
            return 0
        ending = self._ending(connection, number)
        sets = [(block, bits) for block, (_, bits, _) in ending.items()]
        if not sets:
            return 0
        requests = NewRequests(connection)
        outcome = Outcome(
            stage=Stage.EXPIRED, reason=Reason.DAMAGED, message=EXPIRED_MESSAGE, attempted=False
        )
        request = requests.ended(number, outcome, sets)
        requests.write(connection, self.now)
        changed = (
            ChangedRow(block, number, waiting & ~bits, results, {request: bits})
            for block, (waiting, bits, results) in ending.items()
        )
        write_block_rows(connection, changed, self.now)
        changes = Changes()
        n = sum(bits.bit_count() for _, bits in sets)
        changes.states[number, WAITING] -= n
        changes.enter(number, EXPIRED, Reason.DAMAGED, n)
        changes.write(connection, self.now)
        return n

    def _ending(
        self, connection: sqlite3.Connection, number: int
    ) -> dict[int, tuple[int, int, bytes | None]]:
        """By block: what waits, what of it ends, and what ended before."""
        given = dict(self.waiting)
        asked = {"subscription": number, "blocks": as_json(list(given))}
        found = {}
        for block, opened, results in connection.execute(SQL["waiting_in_blocks"], asked):
            # No bytes stand for all; how many these are was found out before.
            waiting = given[block] if opened == b"" else unpack_open(opened, 0)
            ending = waiting & given[block] & ~self.taken.get(block, 0)
            if ending:
                found[block] = waiting, ending, results
        return found


def _waiting(
    connection: sqlite3.Connection, damage: Damage, found: DamagedRange
) -> dict[str, dict[int, int]]:
    """What waits in a range: subscription -> block -> set."""
    asked = {"low": _begin(connection, damage, found), "below": found.end}
    rows = connection.execute(SQL["damaged_deliveries"], asked).fetchall()
    begins = sorted({block for block, _, _ in rows})
    ends = dict(zip(begins, [*begins[1:], found.end], strict=False))
    sizes = {block: _size(connection, block, end) for block, end in ends.items()}
    names = subscription_names(connection)
    waiting: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for block, subscription, opened in rows:
        if opened is not None:
            waiting[names[subscription]][block] = unpack_open(opened, sizes[block])
    return dict(waiting)


def _begin(connection: sqlite3.Connection, damage: Damage, found: DamagedRange) -> int:
    """Where the first block of a range begins, of which maybe only a later event was met yet."""
    (before,) = connection.execute(SQL["block_before"], {"block": found.first}).fetchone()
    if before is None or damage.range_of(before) is not None:
        return found.first
    reaches = before + _size(connection, before, found.end)
    return int(before) if reaches > found.first else found.first


def _size(connection: sqlite3.Connection, block: int, end: int) -> int:
    """How many events a block has; if it cannot be read, those before the next one's."""
    try:
        row = connection.execute(SQL["size_of_block"], {"block": block}).fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        row = None
    return end - block if row is None else int(row[0])


def _read(connection: sqlite3.Connection, damage: Damage) -> list[DamagedEvents]:
    return [_events(connection, damage, each) for each in damage.ranges]


def _events(connection: sqlite3.Connection, damage: Damage, found: DamagedRange) -> DamagedEvents:
    waiting = _waiting(connection, damage, found)
    sets: defaultdict[int, int] = defaultdict(int)
    for blocks in waiting.values():
        for block, bits in blocks.items():
            sets[block] |= bits
    return DamagedEvents(
        first=found.first,
        last=found.end - 1,
        cause=found.cause,
        decided=damage.is_decided(found),
        in_flight=tuple(_in_flight(name, blocks) for name, blocks in sorted(waiting.items())),
        message_ids=dict(_message_ids(connection, sets)),
    )


def _in_flight(name: str, blocks: Mapping[int, int]) -> DamagedInFlight:
    first, last = min(blocks), max(blocks)
    return DamagedInFlight(
        subscription=name,
        waiting=sum(bits.bit_count() for bits in blocks.values()),
        first=first + positions_of(blocks[first])[0],
        last=last + positions_of(blocks[last])[-1],
    )


def _message_ids(
    connection: sqlite3.Connection, sets: Mapping[int, int]
) -> Iterator[tuple[int, str]]:
    """The message ids of some events, as far as they can be read."""
    left = MESSAGE_IDS
    for block, bits in sorted(sets.items()):
        for event, message_id in _ids_of_block(connection, block, bits):
            if not left:
                return
            left -= 1
            yield event, message_id


def _ids_of_block(
    connection: sqlite3.Connection, block: int, bits: int
) -> Iterable[tuple[int, str]]:
    places = positions_of(bits)
    try:
        row: Any = connection.execute(
            SQL["heads_of_events"], {"events": as_json([block])}
        ).fetchone()
        ids = read_heads(row).heads.message_ids
    except (sqlite3.DatabaseError, DamagedBlockError, TypeError):
        # Those that were tried in other subscriptions have copies.
        asked = {"low": block, "below": block + places[-1] + 1}
        copies = connection.execute(SQL["rows_of_block"], asked).fetchall()
        known = {event: message_id for event, _, message_id in copies}
        return [(block + p, known[block + p]) for p in places if block + p in known]
    return [(block + place, ids[place]) for place in places]
