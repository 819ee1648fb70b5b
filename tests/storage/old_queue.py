"""A queue as versions before the blocks stored it, made at random, and what its rows say."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from offramp.queue.sqlite.codes import digest
from offramp.storage.migrate import known_migrations, migrate

if TYPE_CHECKING:
    from random import Random

#: Migrations that such a version knew.
OLD = 6
SUBSCRIPTIONS = {1: "billing/Usage", 2: "billing/Other", 3: "crm/All"}
WAITING, RETRYING, DELIVERED, FILTERED, REJECTED, EXPIRED = range(6)
HOUR = 3_600_000_000
START = 1_795_932_584_669_006


def make_old(connection: sqlite3.Connection, random: Random, commits: int) -> None:
    """Fill an empty file with the events of some commits, and with what became of them."""
    migrate(connection, known_migrations()[:OLD])
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO lanes (lane, name) VALUES (?, ?)", SUBSCRIPTIONS.items())
    made = _Made(connection, random)
    for _ in range(commits):
        made.commit()
    made.finish()
    connection.execute("COMMIT")


class _Made:
    def __init__(self, connection: sqlite3.Connection, random: Random) -> None:
        self.execute = connection.execute
        self.random = random
        self.seq = 1
        self.now = START
        self.states: Counter[tuple[int, int]] = Counter()
        self.accepted: Counter[int] = Counter()
        self.refs: Counter[int] = Counter()
        self.exchange = 0

    def commit(self) -> None:
        """Events that were accepted at once; some may be gone since."""
        self.now += self.random.choice((1, 1_000, HOUR, 30 * HOUR, -HOUR))
        whole = self.random.random() < 0.5
        alike = self.random.choice((None, "waiting", "delivered", "dropped"))
        received_at = self.now
        for _ in range(self.random.choice((1, 1, 3, 40, 1_000))):
            received_at -= self.random.random() < 0.1
            if whole or self.random.random() < 0.9:
                self.event(received_at, alike)
            self.seq += 1

    def event(self, received_at: int, alike: str | None) -> None:
        random = self.random
        ways = [random.choice(("got", "got", "filtered", "other", "none")) for _ in SUBSCRIPTIONS]
        if alike == "dropped":
            ways = ["other" if way == "got" else way for way in ways]
        filtered = defaultdict(list)
        for subscription, way in zip(SUBSCRIPTIONS, ways, strict=True):
            if way in {"filtered", "other"}:
                filtered[way.upper()].append(subscription)
                self.states[subscription, FILTERED] += 1
                self.accepted[subscription] += 1
        got = [
            subscription
            for subscription, way in zip(SUBSCRIPTIONS, ways, strict=True)
            if way == "got"
        ]
        kept = got or (alike != "dropped" and random.random() < 0.98)
        message_id = f"{random.choice('ab')}-{random.randrange(self.seq + 9)}-é"
        row = (
            self.seq,
            random.choice(("site", "app")),
            message_id,
            random.choice(("track", "page")),
            random.choice(("Sold", "Bought", "")),
            received_at,
            self.now,
            json.dumps(filtered) if filtered else None,
            json.dumps({"n": self.seq}).encode() if kept else None,
        )
        self.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        pair = digest(message_id), self.seq
        if self.seq % 3:
            self.execute("INSERT INTO known_ids (digest, seq) VALUES (?, ?)", pair)
        else:
            self.execute("INSERT INTO dedupe (digest, seq) VALUES (?, ?)", pair)
        for position, subscription in enumerate(random.sample(got, len(got))):
            self.delivery(self.seq << 16 | position, subscription, alike)

    def delivery(self, number: int, subscription: int, alike: str | None) -> None:
        random = self.random
        state = {"waiting": WAITING, "delivered": DELIVERED}.get(alike or "")
        if state is None or random.random() < 0.1:
            state = random.randrange(EXPIRED + 1)
        self.states[subscription, state] += 1
        self.accepted[subscription] += 1
        replayed_at = self.now + 7 if random.random() < 0.1 else None
        at = self.now if state == WAITING else self.now + random.randrange(3)
        attempts = 1 if random.random() < 0.9 else 3
        if state == WAITING:
            attempts, at = 0, replayed_at or at
        row = {
            "id": number,
            "lane": subscription,
            "state": state,
            "due_at": at if state == WAITING else at + 9 if state == RETRYING else None,
            "attempts": attempts,
            "updated_at": at,
            "replayed_at": replayed_at,
            "reason": "" if state == WAITING else random.choice(("OK", "503")),
            "message": "" if state == DELIVERED else random.choice(("", "nobody is there")),
            "status": random.choice((None, 200)),
        }
        if state == WAITING and replayed_at is None:
            row |= {"message": "", "status": None}
        else:
            self.record(number, state)
        self.execute(
            """
            INSERT INTO deliveries VALUES (
              :id, :lane, :state, :due_at, :attempts, :updated_at, :replayed_at, :reason, :message,
              :status
            )
            """,
            row,
        )

    def record(self, number: int, state: int) -> None:
        random = self.random
        if random.random() < 0.3:
            return
        exchange = None
        if random.random() < 0.9:
            self.exchange += random.random() < 0.2 or not self.exchange
            exchange = self.exchange
            self.refs[exchange] += 1
        payload = None if state == DELIVERED and random.random() < 0.9 else b'{"a":%d}' % number
        self.execute("INSERT INTO records VALUES (?, ?, ?)", (number, payload, exchange))

    def finish(self) -> None:
        for exchange, refs in self.refs.items():
            body = b'{"exchange":%d}' % exchange
            self.execute("INSERT INTO exchanges VALUES (?, ?, ?)", (exchange, refs, body))
        for (subscription, state), n in self.states.items():
            row = (subscription, state, n + subscription, subscription)
            self.execute("INSERT INTO tallies VALUES (?, ?, ?, ?)", row)
            self.accepted[subscription] += subscription
        for subscription, n in self.accepted.items():
            self.execute("UPDATE lanes SET accepted = ? WHERE lane = ?", (n, subscription))


def old_events(connection: sqlite3.Connection) -> dict[int, Any]:
    """Each event with all that is known of its deliveries, by the old tables."""
    events = {}
    for row in connection.execute("SELECT * FROM events").fetchall():
        seq, *head, filtered, body = row
        events[seq] = {
            "head": head,
            "filtered": {
                subscription: reason
                for reason, numbers in json.loads(filtered or "{}").items()
                for subscription in numbers
            },
            "body": body,
            "deliveries": {},
        }
    found = connection.execute(
        """
        SELECT
          deliveries.id >> 16, lane, state, due_at, attempts, updated_at, replayed_at, reason,
          message, status, payload, exchanges.body
        FROM deliveries
        LEFT JOIN records ON delivery = id LEFT JOIN exchanges USING (exchange)
        ORDER BY id
        """
    )
    for seq, subscription, *delivery in found:
        events[seq]["deliveries"][subscription] = delivery
    return events
