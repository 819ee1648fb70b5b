"""What was in flight at a backup: a folder restored from it holds that until a person decides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from offramp.queue.block import unpack_open
from offramp.queue.sqlite.codes import NEVER, RETRYING, WAITING, to_s, to_us
from offramp.queue.sqlite.marks import drop_mark, read_marks, set_mark
from offramp.queue.sqlite.numbering import subscription_names
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Reason

if TYPE_CHECKING:
    import sqlite3

    from offramp.queue.sqlite.engine import SqliteQueue
    from offramp.storage import Store

#: What the names of all marks of a backup begin with.
OF_BACKUP: Final = "backup."
#: Marks in a backup: its time in microseconds, the first event that it lacks, and by number the
#: subscriptions whose deliveries were in flight, with how many there were.
AT: Final = "backup.at"
BEFORE: Final = "backup.before"
UNDECIDED: Final = "backup.undecided."

EXPIRED_MESSAGE: Final = (
    "it was in flight at the backup from which the data folder was restored, so it may have been "
    "sent since; a person decided to expire it"
)


@attrs.frozen(kw_only=True)
class InFlight:
    """The deliveries of one subscription that were in flight; times are epoch seconds."""

    subscription: str
    #: Not tried yet.
    waiting: int
    #: Tried, and to be tried again.
    retrying: int
    #: When the events of the oldest and of the newest were accepted.
    oldest: float
    newest: float


@attrs.frozen(kw_only=True)
class RestoredBackup:
    """The backup that a data folder was restored from, and what of it is undecided."""

    #: When it was made, in epoch seconds.
    made_at: float
    undecided: tuple[InFlight, ...]


class RestoredDeliveries:
    """Holds what was in flight at the backup, per subscription, until it is sent or expired."""

    def __init__(self, store: Store, queue: SqliteQueue) -> None:
        self._store = store
        self._queue = queue

    async def undecided(self) -> frozenset[str]:
        """The subscriptions whose deliveries are held."""
        backup = await self.backup()
        return frozenset(() if backup is None else (each.subscription for each in backup.undecided))

    async def backup(self) -> RestoredBackup | None:
        """What is held, counted; `None` if everything is decided, or nothing was restored."""
        return await self._store.read(_read_backup)

    async def send(self, subscription: str) -> None:
        """Remember that what was in flight in a subscription is to be sent."""
        await self._store.write(partial(_decide, name=subscription))

    async def expire(self, subscription: str) -> int:
        """End what was in flight in a subscription at the backup as expired; answers how many.

        What was accepted since stays in flight.
        """
        marks = await self._store.read(_read_marks)
        expired = await self._queue.cancel(
            subscription, reason=Reason.RESTORED, message=EXPIRED_MESSAGE, before=marks.before
        )
        await self.send(subscription)
        return expired


@attrs.frozen
class _Marks:
    at: int
    before: int
    #: Number -> name of the undecided subscriptions.
    undecided: dict[int, str]


def mark_backup(connection: sqlite3.Connection, made_at: float) -> tuple[InFlight, ...]:
    """Write into a copy of the file that it is a backup; answers what was in flight."""
    connection.execute("BEGIN IMMEDIATE")
    latest = connection.execute(SQL["latest_block"]).fetchone()
    before = latest[0] if latest else 0
    found = []
    # A host that was restored from a backup may not have decided everything.
    undecided = _read_marks(connection).undecided
    for number, name in connection.execute(SQL["subscriptions_in_flight"]).fetchall():
        in_flight = _in_flight(connection, number, name, before)
        if in_flight is not None:
            found.append(in_flight)
            undecided[number] = name
    if undecided:
        set_mark(connection, AT, to_us(made_at))
        set_mark(connection, BEFORE, before)
    for number in undecided:
        set_mark(connection, f"{UNDECIDED}{number}", 1)
    connection.execute("COMMIT")
    return tuple(found)


def _read_marks(connection: sqlite3.Connection) -> _Marks:
    marks = read_marks(connection, OF_BACKUP)
    names = subscription_names(connection) if marks else {}
    numbers = [int(name.removeprefix(UNDECIDED)) for name in marks if name.startswith(UNDECIDED)]
    undecided = {number: names[number] for number in numbers}
    return _Marks(marks.get(AT, 0), marks.get(BEFORE, NEVER), undecided)


def _read_backup(connection: sqlite3.Connection) -> RestoredBackup | None:
    marks = _read_marks(connection)
    if not marks.undecided:
        return None
    at = to_s(marks.at)
    undecided = tuple(
        # What was disabled or removed meanwhile has nothing in flight, and is held until decided.
        _in_flight(connection, number, name, marks.before)
        or InFlight(subscription=name, waiting=0, retrying=0, oldest=at, newest=at)
        for number, name in sorted(marks.undecided.items(), key=lambda each: each[1])
    )
    return RestoredBackup(made_at=at, undecided=undecided)


def _in_flight(
    connection: sqlite3.Connection, number: int, name: str, before: int
) -> InFlight | None:
    """What a subscription has in flight of the events below `before`; `None` if nothing."""
    asked = {"subscription": number, "before": before}
    counts = {WAITING: 0, RETRYING: 0}
    times: list[int] = []
    for packed, n, accepted_at in connection.execute(SQL["open_before"], asked):
        counts[WAITING] += unpack_open(packed, n).bit_count()
        times = [min([*times, accepted_at]), max([*times, accepted_at])]
    for state, n, oldest, newest in connection.execute(SQL["rows_before"], asked):
        counts[state] += n
        times = [min([*times, oldest]), max([*times, newest])]
    if not times:
        return None
    return InFlight(
        subscription=name,
        waiting=counts[WAITING],
        retrying=counts[RETRYING],
        oldest=to_s(times[0]),
        newest=to_s(times[-1]),
    )


def _decide(connection: sqlite3.Connection, *, name: str) -> None:
    undecided = _read_marks(connection).undecided
    for number, each in undecided.items():
        if each == name:
            drop_mark(connection, f"{UNDECIDED}{number}")
    if set(undecided.values()) <= {name}:
        drop_mark(connection, AT)
        drop_mark(connection, BEFORE)
