"""Older queues are moved into blocks: nothing of an event's story changes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tests.storage.old_queue import DELIVERED, OLD, WAITING, make_old, old_events

from offramp.queue.block import all_of, positions_of, read_block, unpack_set
from offramp.queue.sqlite.codes import digest
from offramp.queue.sqlite.ids import period_of
from offramp.queue.sqlite.requests import unpack_parts, unpack_results
from offramp.storage.migrate import known_migrations, migrate
from offramp.storage.migrations import blocks_0007, requests_0007

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.queue.block import Block

SEEDS = range(4)


@pytest.fixture(params=SEEDS)
def old(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """A file of an older version."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        make_old(connection, Random(request.param), commits=25)
        yield connection


def up_to_date(connection: sqlite3.Connection) -> sqlite3.Connection:
    migrate(connection, known_migrations()[: OLD + 1])
    return connection


def blocks_of(connection: sqlite3.Connection) -> list[Block]:
    """All blocks, as today's queue reads them: their checksums are right."""
    return [read_block(row) for row in connection.execute("SELECT * FROM blocks ORDER BY block")]


def new_events(connection: sqlite3.Connection) -> dict[int, Any]:
    """The same as `old_events`, by the tables of blocks."""
    requests = {
        number: row
        for number, *row in connection.execute(
            "SELECT request, state, at, reason, message, status, exchange FROM requests"
        )
    }
    events: dict[int, Any] = {}
    for block in blocks_of(connection):
        for place in range(block.n):
            head, run = block.head(place), block.heads.run(place)
            route = block.heads.route(place)
            events[block.number + place] = {
                "head": [
                    head.source,
                    head.message_id,
                    head.type,
                    head.name,
                    run.received_at,
                    block.accepted_at,
                ],
                "filtered": {
                    number: reason
                    for reason, numbers in route.filtered.items()
                    for number in numbers
                },
                "body": block.event(place),
                "deliveries": dict.fromkeys(route.subscriptions),
            }
        for number, opened, results in connection.execute(
            "SELECT subscription, open, results FROM deliveries WHERE block = ?", (block.number,)
        ):
            at = block.accepted_at
            sets = {0: 0 if opened is None else unpack_set(opened) or all_of(block.n)}
            sets |= {
                each.request: unpack_set(each.positions)
                for each in (unpack_results(results) if results else ())
            }
            for request, bits in sets.items():
                for place in positions_of(bits):
                    deliveries = events[block.number + place]["deliveries"]
                    assert deliveries[number] is None
                    deliveries[number] = [WAITING, at, 0, at, None, "", "", None, None, None]
                    if request:
                        state, ended, *rest, exchange = requests[request]
                        deliveries[number] = [state, None, 1, ended, None, *rest, None, exchange]
    for event, number, *row, request, payload, body in connection.execute(
        """
        SELECT
          event, subscription, state, due_at, attempts, updated_at, replayed_at, reason, message,
          status, request, payload, body
        FROM exceptions
        """
    ):
        deliveries = events[event]["deliveries"]
        assert deliveries[number] is None
        exchange = None if request is None else requests[request][-1]
        deliveries[number] = [*row, payload, exchange]
        assert body == (None if row[0] == DELIVERED else events[event]["body"])
    return events


def test_every_story_stays_what_it_was(old: sqlite3.Connection) -> None:
    """Heads, bodies, reasons, times, attempts, payloads and exchanges, in the same order."""
    before = old_events(old)
    after = new_events(up_to_date(old))
    assert after == before
    for seq, event in before.items():
        assert list(after[seq]["deliveries"]) == list(event["deliveries"])


def test_the_counters_are_what_they_were(old: sqlite3.Connection) -> None:
    """Also what retention took, and what was accepted: a move counts nothing."""
    accepted = old.execute("SELECT * FROM lanes").fetchall()
    tallies = old.execute("SELECT * FROM tallies").fetchall()
    up_to_date(old)
    assert old.execute("SELECT * FROM subscriptions").fetchall() == accepted
    assert old.execute("SELECT * FROM tallies").fetchall() == tallies


def test_requests_say_who_refers_to_them(old: sqlite3.Connection) -> None:
    """Their references are exact, and they name the sets of the blocks that name them."""
    up_to_date(old)
    refs: Counter[int] = Counter()
    sets = set()
    for block, number, results in old.execute(
        "SELECT block, subscription, results FROM deliveries"
    ):
        for each in unpack_results(results) if results else ():
            refs[each.request] += 1
            sets.add((each.request, number, block, each.positions))
    refs.update(r for (r,) in old.execute("SELECT request FROM exceptions WHERE request > 0"))
    named = set()
    for request, number, n, parts in old.execute(
        "SELECT request, subscription, refs, parts FROM requests"
    ):
        assert n == refs.pop(request)
        for part in unpack_parts(parts) if parts else ():
            named.add((request, number, part.block, part.positions))
    assert named == sets
    assert not refs


def test_deliveries_that_shared_an_exchange_share_a_request(old: sqlite3.Connection) -> None:
    """An exchange is stored once for each subscription and for each way in which it ended."""
    ways = old.execute(
        """
        SELECT count(*) FROM (
          SELECT DISTINCT
            lane, exchange, state, updated_at, reason, message, status
          FROM deliveries JOIN records ON delivery = id
          WHERE exchange > 0 AND state = 2 AND attempts = 1 AND replayed_at IS NULL
            AND payload IS NULL
          UNION
          SELECT DISTINCT lane, exchange, 0, 0, '', '', 0
          FROM deliveries JOIN records ON delivery = id WHERE exchange > 0
        )
        """
    ).fetchone()[0]
    up_to_date(old)
    (n,) = old.execute("SELECT count(*) FROM requests WHERE exchange IS NOT NULL").fetchone()
    assert 0 < n <= ways


def test_every_event_is_found_by_its_id(old: sqlite3.Connection) -> None:
    """The index has each id once, in the period of its acceptance, and is told to be whole."""
    expected = {
        (period_of(accepted_at), digest(message_id), seq)
        for seq, message_id, accepted_at in old.execute(
            "SELECT seq, message_id, accepted_at FROM events"
        )
    }
    (last,) = old.execute("SELECT max(seq) FROM events").fetchone()
    up_to_date(old)
    rows = old.execute("SELECT period, digest, event FROM ids").fetchall()
    assert set(rows) == expected
    assert len(rows) == len(expected)
    assert old.execute("SELECT name, value FROM marks").fetchall() == [("indexed", last + 1)]


def test_blocks_are_neither_too_large_nor_too_many(old: sqlite3.Connection) -> None:
    """Neighbours of one commit are in one block, as far as it goes; and no event is left behind."""
    (n,) = old.execute("SELECT count(*) FROM events").fetchone()
    blocks = blocks_of(up_to_date(old))
    assert max(block.n for block in blocks) <= blocks_0007.BLOCK_EVENTS
    for one, next_one in pairwise(blocks):
        assert (
            one.n == blocks_0007.BLOCK_EVENTS
            or one.number + one.n != next_one.number
            or one.accepted_at != next_one.accepted_at
            or (one.body is None) is not (next_one.body is None)
        )
    assert sum(block.n for block in blocks) == n


def test_the_old_tables_are_gone(old: sqlite3.Connection) -> None:
    """What is left of the schema is what a new file has."""
    schema = "SELECT type, name, tbl_name FROM sqlite_schema ORDER BY type, name"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        assert (
            up_to_date(old).execute(schema).fetchall() == up_to_date(new).execute(schema).fetchall()
        )


def test_little_memory_is_enough(old: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that had to be written before all that belongs to them came are complete too."""
    monkeypatch.setattr(requests_0007, "KEPT", 2)
    monkeypatch.setattr(blocks_0007, "DELETE_EVERY", 1)
    before = old_events(old)
    assert new_events(up_to_date(old)) == before


def test_a_long_commit_becomes_full_blocks() -> None:
    """Only its last block is smaller, also where the rows are read in other portions."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        migrate(old, known_migrations()[:OLD])
        for seq in range(1, 1_301):
            row = seq, f"id-{seq}", 1 if seq <= 100 else 2
            old.execute("INSERT INTO events VALUES (?, 's', ?, 'track', '', 1, ?, NULL, x'')", row)
            old.execute("INSERT INTO dedupe VALUES (?, ?)", (seq, seq))
        sizes = [block.n for block in blocks_of(up_to_date(old))]
    assert sizes == [100, 400, 400, 400]


def test_a_large_event_does_not_make_a_large_block() -> None:
    """A block is copied whole, so that it is bounded by bytes too."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        migrate(old, known_migrations()[:OLD])
        for seq in range(1, 8):
            row = seq, f"id-{seq}", bytes(blocks_0007.BLOCK_BYTES // 2)
            old.execute("INSERT INTO events VALUES (?, 's', ?, 'track', '', 1, 1, NULL, ?)", row)
            old.execute("INSERT INTO dedupe VALUES (?, ?)", (seq, seq))
        sizes = [block.n for block in blocks_of(up_to_date(old))]
    assert sizes == [2, 2, 2, 1]
