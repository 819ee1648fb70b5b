"""The ledger on SQLite: what became of every event, read from the queue's own tables."""

from __future__ import annotations

import sqlite3
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from offramp.queue.protocol import DEFAULT_PAGE
from offramp.queue.sqlite.codes import NEVER, STAGES, as_json, clean_text, digest, optional_s, to_us
from offramp.queue.sqlite.counters import bucket_bound
from offramp.queue.sqlite.dead_letters import numbers_of
from offramp.queue.sqlite.heads import ALL, HeadReader
from offramp.queue.sqlite.ids import INDEXED
from offramp.queue.sqlite.marks import read_mark
from offramp.queue.sqlite.numbering import find_number
from offramp.queue.sqlite.recent import RecentQuery, recent_place_of
from offramp.queue.sqlite.reconcile import reconcile
from offramp.queue.sqlite.records import EventPlace, deliveries_of_rows, event_records
from offramp.queue.sqlite.scan import (
    NO_NUMBER,
    Conditions,
    Found,
    find_events,
    states_of,
)
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import (
    Count,
    Counted,
    Delivery,
    ErrorGroup,
    EventFilter,
    EventRecord,
    Latency,
    Page,
    Reconciliation,
    SearchPage,
    Stage,
)
from offramp.storage import is_damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.storage import Store

MINUTE_S = 60
HOUR_S = 3_600


class SqliteLedger:
    """A `Ledger` on the file that a `SqliteQueue` writes; reads only, in other threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reader = HeadReader(store.damage)

    async def event(self, message_id: str, *, source: str | None = None) -> list[EventRecord]:
        """Tell all that happened to a message id; see `Ledger.event`."""

        def read(connection: sqlite3.Connection) -> list[EventRecord]:
            places = [*self._indexed(connection, message_id), *self._latest(connection, message_id)]
            ordered = sorted({place.event: place for place in places}.items(), reverse=True)
            given = [place for _, place in ordered]
            # Rows that were written by an older version have a NUL made visible.
            ids = {message_id, clean_text(message_id)}
            return [
                record
                for record in event_records(connection, self._reader, given, full=True)
                if record.message_id in ids and source in {None, record.source}
            ]

        return await self._store.read(read)

    async def events(
        self,
        which: EventFilter,
        *,
        bodies: bool = False,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> SearchPage[EventRecord]:
        """List accepted events, latest first; see `Ledger.events`."""
        below = NEVER if cursor is None else numbers_of(cursor, 1)[0]

        def read(connection: sqlite3.Connection) -> SearchPage[EventRecord]:
            found = self._find(connection, which, below, limit)
            records = event_records(connection, self._reader, found.places, bodies=bodies)
            return SearchPage(
                rows=records,
                cursor=None if found.after is None else str(found.after),
                scanned=found.scanned,
                damaged=found.damaged,
                without_body=found.without_body,
                reached_at=optional_s(found.reached_at),
            )

        return await self._store.read(read)

    async def recent(
        self,
        subscription: str,
        *,
        stage: Stage | None = None,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """List deliveries of a subscription, latest first; see `Ledger.recent`."""
        if stage is Stage.FILTERED:
            which = EventFilter(subscription=subscription, stages=frozenset({stage}))
            page = await self.events(which, limit=limit, cursor=cursor)
            rows = (
                delivery
                for record in page.rows
                for delivery in record.deliveries
                if delivery.subscription == subscription
            )
            return Page(rows=tuple(rows), cursor=page.cursor)
        query = RecentQuery(
            reader=self._reader,
            name=subscription,
            stage=stage,
            limit=limit,
            place=recent_place_of(cursor),
        )
        return await self._store.read(query)

    async def counts(
        self,
        since: float,
        until: float,
        *,
        subscription: str | None = None,
        source: str | None = None,
    ) -> list[Count]:
        """Tell what was counted in some minutes; see `Ledger.counts`."""
        terms = {
            "since": since // MINUTE_S * MINUTE_S,
            "until": until,
            "subscription": subscription,
            "source": source,
        }

        def read(connection: sqlite3.Connection) -> list[Count]:
            return [
                Count(
                    minute=minute,
                    subscription=name,
                    source=of,
                    counted=Counted(counted),
                    reason=reason,
                    n=n,
                )
                for minute, name, of, counted, reason, n in connection.execute(SQL["counts"], terms)
            ]

        return await self._store.read(read)

    async def latency(self, subscription: str, *, since: float | None = None) -> Latency | None:
        """Tell how long deliveries took; see `Ledger.latency`."""
        terms = {"subscription": subscription, "since": 0 if since is None else _hour(since)}

        def read(connection: sqlite3.Connection) -> list[tuple[int, int]]:
            return connection.execute(SQL["latencies"], terms).fetchall()

        return _latency(await self._store.read(read))

    async def latencies(self, *, since: float) -> dict[str, Latency]:
        """Tell how long deliveries of every subscription took; see `Ledger.latencies`."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
            return connection.execute(SQL["all_latencies"], {"since": _hour(since)}).fetchall()

        found = {}
        for name, rows in groupby(await self._store.read(read), key=itemgetter(0)):
            latency = _latency([(bucket, n) for _, bucket, n in rows])
            if latency is not None:
                found[name] = latency
        return found

    async def errors(
        self, subscription: str, *, since: float | None = None, samples: int = 3
    ) -> list[ErrorGroup]:
        """Group what failed in a subscription by reason; see `Ledger.errors`."""
        terms = {
            "name": subscription,
            "since": 0 if since is None else to_us(since),
            "samples": max(samples, 1),
        }

        def read(connection: sqlite3.Connection) -> list[ErrorGroup]:
            rows = [_ErrorRow(*row) for row in connection.execute(SQL["errors"], terms)]
            groups = []
            for (state, reason, n), found in groupby(rows, key=lambda row: row[:3]):
                ids = [row.id for row in found][:samples]
                shown = deliveries_of_rows(connection, ids)
                groups.append(ErrorGroup(stage=STAGES[state], reason=reason, n=n, samples=shown))
            return groups

        return await self._store.read(read)

    async def reconcile(self) -> Reconciliation:
        """Recount everything; see `Ledger.reconcile`."""
        return await self._store.read(partial(reconcile, reader=self._reader))

    def _indexed(self, connection: sqlite3.Connection, message_id: str) -> Iterator[EventPlace]:
        """The events that have the digest of a message id, from the index."""
        periods = [period for (period,) in connection.execute(SQL["id_periods"])]
        terms = {"digests": as_json([digest(message_id)]), "periods": as_json(periods)}
        events = [event for (event,) in connection.execute(SQL["known_ids"], terms)]
        blocks = self._reader.of_events(connection, events)
        return (EventPlace(event, blocks[event]) for event in events)

    def _latest(self, connection: sqlite3.Connection, message_id: str) -> Iterator[EventPlace]:
        """The events with a message id whose ids are not in the index yet."""
        asked = {"needle": message_id.encode(), "mark": INDEXED}
        try:
            rows = connection.execute(SQL["heads_not_indexed"], asked).fetchall()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            first = read_mark(connection, INDEXED) or 0
            rows = self._reader.rows_between(connection, "heads_between", ALL, first, NEVER)
        for block in self._reader.read(rows):
            for event, known in enumerate(block.heads.message_ids, block.number):
                if known == message_id:
                    yield EventPlace(event, block)

    def _find(
        self, connection: sqlite3.Connection, which: EventFilter, below: int, limit: int
    ) -> Found:
        number = None
        if which.subscription is not None:
            # A new subscription has no number yet, and no event either.
            number = find_number(connection, which.subscription) or NO_NUMBER
            if not which.missing and not self._stands(connection, number, which):
                return Found()
        conditions = Conditions.of(which, number)
        return find_events(connection, self._reader, conditions, below=below, limit=limit)

    @staticmethod
    def _stands(connection: sqlite3.Connection, number: int, which: EventFilter) -> bool:
        """Whether any delivery is kept that stands as asked, so that none is looked for in vain."""
        terms = {"subscription": number, "states": states_of(which)}
        return connection.execute(SQL["stands"], terms).fetchone() is not None


class _ErrorRow(NamedTuple):
    """A sample of what failed alike: the row of its own."""

    state: int
    reason: str
    n: int
    id: int


def _hour(time: float) -> float:
    """The beginning of the hour of a time, in epoch seconds, as latencies are kept."""
    return time // HOUR_S * HOUR_S


def _latency(histogram: list[tuple[int, int]]) -> Latency | None:
    total = sum(n for _, n in histogram)
    if not total:
        return None

    def quantile(share: float) -> float:
        seen = 0
        for number, n in histogram:
            seen += n
            if seen >= share * total:
                return bucket_bound(number)
        return bucket_bound(NEVER)

    return Latency(n=total, p50=quantile(0.5), p95=quantile(0.95), p99=quantile(0.99))
