"""The ledger on SQLite: what became of every event, read from the queue's own tables."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from offramp.queue.protocol import (
    DEFAULT_PAGE,
    Audit,
    Count,
    Counted,
    Delivery,
    ErrorGroup,
    Latency,
    Page,
    Stage,
    Story,
)
from offramp.queue.sqlite.audit import audit
from offramp.queue.sqlite.codes import (
    CODES,
    DEAD_CODES,
    DELIVERED,
    NEVER,
    RETRYING,
    STAGES,
    clean,
    digest,
    to_us,
)
from offramp.queue.sqlite.dead import SQL as DEAD_SQL
from offramp.queue.sqlite.dead import Place, cursor_of, place_of
from offramp.queue.sqlite.rows import SQL, deliveries_by_id, stories_by_seq
from offramp.queue.sqlite.tallies import bucket_bound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from offramp.storage import Store

#: Events that a listing without an index looks through for one page: some 50 ms.
SCAN = 20_000
#: What a listing of all stages looks up: in flight at once (`None`), and each end but filtered.
ANY_STATE = (None, DELIVERED, *DEAD_CODES)
MINUTE_S = 60
HOUR_S = 3_600


class SqliteLedger:
    """A `Ledger` on the file that a `SqliteQueue` writes; reads only, in other threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def event(self, message_id: str, *, source: str | None = None) -> list[Story]:
        """Tell the whole story of a message id; see `Ledger.event`."""
        cleaned: str = clean(message_id)
        terms = {"digest": digest(cleaned), "message_id": cleaned, "source": source}

        def read(connection: sqlite3.Connection) -> list[Story]:
            seqs = [seq for (seq,) in connection.execute(SQL["find_event"], terms)]
            return list(stories_by_seq(connection, seqs, full=True))

        return await self._store.read(read)

    async def events(
        self, *, source: str | None = None, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Story]:
        """List accepted events, latest first; see `Ledger.events`."""
        below = place_of(cursor)[0]
        terms = {"below": below, "source": source, "limit": limit, "scan": SCAN}

        def read(connection: sqlite3.Connection) -> Page[Story]:
            seqs, after = _scan(connection, "recent_events", terms)
            return Page(rows=stories_by_seq(connection, seqs), cursor=after)

        return await self._store.read(read)

    async def recent(
        self,
        lane: str,
        *,
        stage: Stage | None = None,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """List deliveries of a lane, latest first; see `Ledger.recent`."""
        place = place_of(cursor)
        if stage is Stage.FILTERED:
            return await self._store.read(partial(_filtered, lane=lane, limit=limit, place=place))
        return await self._store.read(
            partial(_recent, lane=lane, stage=stage, limit=limit, place=place)
        )

    async def counts(
        self, since: float, until: float, *, lane: str | None = None, source: str | None = None
    ) -> list[Count]:
        """Tell what was counted in some minutes; see `Ledger.counts`."""
        terms = {
            "since": since // MINUTE_S * MINUTE_S,
            "until": until,
            "lane": lane,
            "source": source,
        }

        def read(connection: sqlite3.Connection) -> list[Count]:
            return [
                Count(
                    minute=minute,
                    lane=name,
                    source=of,
                    counted=Counted(counted),
                    reason=reason,
                    n=n,
                )
                for minute, name, of, counted, reason, n in connection.execute(SQL["counts"], terms)
            ]

        return await self._store.read(read)

    async def latency(self, lane: str, *, since: float | None = None) -> Latency | None:
        """Tell how long deliveries took; see `Ledger.latency`."""
        terms = {"lane": lane, "since": 0 if since is None else _hour(since)}

        def read(connection: sqlite3.Connection) -> list[tuple[int, int]]:
            return connection.execute(SQL["latencies"], terms).fetchall()

        return _latency(await self._store.read(read))

    async def latencies(self, *, since: float) -> dict[str, Latency]:
        """Tell how long deliveries of every lane took; see `Ledger.latencies`."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
            return connection.execute(SQL["all_latencies"], {"since": _hour(since)}).fetchall()

        found = {}
        for lane, rows in groupby(await self._store.read(read), key=itemgetter(0)):
            latency = _latency([(bucket, n) for _, bucket, n in rows])
            if latency is not None:
                found[lane] = latency
        return found

    async def errors(
        self, lane: str, *, since: float | None = None, samples: int = 3
    ) -> list[ErrorGroup]:
        """Group what failed in a lane by reason; see `Ledger.errors`."""
        terms = {
            "lane": lane,
            "since": 0 if since is None else to_us(since),
            "samples": max(samples, 1),
        }

        def read(connection: sqlite3.Connection) -> list[ErrorGroup]:
            groups = []
            rows = connection.execute(SQL["errors"], terms).fetchall()
            for (state, reason, n), found in groupby(rows, key=lambda row: row[:3]):
                ids = [row[3] for row in found][:samples]
                shown = deliveries_by_id(connection, ids)
                groups.append(ErrorGroup(stage=STAGES[state], reason=reason, n=n, samples=shown))
            return groups

        return await self._store.read(read)

    async def audit(self) -> Audit:
        """Recount everything; see `Ledger.audit`."""
        return await self._store.read(audit)


def _scan(
    connection: sqlite3.Connection, name: str, terms: Mapping[str, object]
) -> tuple[list[int], str | None]:
    """Find events among the next `SCAN`; a full page ends at its last, a short one after them."""
    seqs = [seq for (seq,) in connection.execute(SQL[name], terms)]
    if len(seqs) == terms["limit"]:
        return seqs, cursor_of((seqs[-1], 0))
    end = connection.execute(SQL["scan_end"], terms).fetchone()
    return seqs, None if end is None else cursor_of((end[0], 0))


def _filtered(
    connection: sqlite3.Connection, *, lane: str, limit: int, place: Place
) -> Page[Delivery]:
    lanes = dict(connection.execute(DEAD_SQL["lanes"], {"name": lane}))
    rows: list[Delivery] = []
    after = None
    for number in lanes:
        terms = {"below": place[0], "lane": number, "limit": limit, "scan": SCAN}
        seqs, after = _scan(connection, "recent_filtered", terms)
        rows = [
            delivery
            for story in stories_by_seq(connection, seqs)
            for delivery in story.deliveries
            if delivery.lane == lane and delivery.stage is Stage.FILTERED
        ]
    return Page(rows=tuple(rows), cursor=after)


def _recent(
    connection: sqlite3.Connection, *, lane: str, stage: Stage | None, limit: int, place: Place
) -> Page[Delivery]:
    before, below = place
    terms = {"before": before, "below": below, "since": 0, "reason": None, "limit": limit + 1}
    states = ANY_STATE if stage is None else (CODES[stage],)
    found: list[Place] = []
    for number in dict(connection.execute(DEAD_SQL["lanes"], {"name": lane})):
        for state in states:
            in_flight = state is None or state <= RETRYING
            sql = SQL["recent_in_flight"] if in_flight else DEAD_SQL["dead_by_lane"]
            rows = connection.execute(sql, {**terms, "lane": number, "state": state})
            found += [(at, low) for low, at in rows]
    found.sort(reverse=True)
    page = found[:limit]
    shown = deliveries_by_id(connection, [low for _, low in page])
    return Page(rows=shown, cursor=cursor_of(page[-1]) if len(found) > limit else None)


def _hour(moment: float) -> float:
    """The beginning of the hour of a moment, in epoch seconds, as latencies are kept."""
    return moment // HOUR_S * HOUR_S


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
