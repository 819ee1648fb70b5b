"""The counters: what a write changes in them, stored in that same write, so never inexact."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from offramp.queue.protocol import Counted
from offramp.queue.sqlite.codes import STAGES, US, as_json
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3

SQL = load_statements(__package__, "tallies.sql")

MINUTE_US = 60 * US
HOUR_US = 60 * MINUTE_US
#: Microseconds of the first bucket of a latency histogram: 1 ms.
FIRST_BUCKET_US = 1_000
#: Each bucket is 2 ** (1 / this) wide, so that its upper bound is at most 19 % too high.
BUCKETS_PER_DOUBLING = 4
#: The lane number of what is counted for a source.
NO_LANE = 0


def bucket(us: int) -> int:
    """The histogram bucket of a duration."""
    if us <= FIRST_BUCKET_US:
        return 0
    return math.ceil(BUCKETS_PER_DOUBLING * math.log2(us / FIRST_BUCKET_US))


def bucket_bound(number: int) -> float:
    """The upper bound of a bucket, in seconds."""
    return FIRST_BUCKET_US / US * math.pow(2, number / BUCKETS_PER_DOUBLING)


@attrs.frozen
class Changes:
    """What one write changes in the counters; lanes and states are numbers."""

    #: (lane, state) -> by how much.
    states: Counter[tuple[int, int]] = attrs.field(factory=Counter)
    #: (lane, state) -> rows that retention took.
    pruned: Counter[tuple[int, int]] = attrs.field(factory=Counter)
    #: lane -> events matched against it.
    accepted: Counter[int] = attrs.field(factory=Counter)
    #: (lane, source, counted, reason) -> how often.
    counted: Counter[tuple[int, str, str, str]] = attrs.field(factory=Counter)
    #: (lane, bucket) -> how often.
    latencies: Counter[tuple[int, int]] = attrs.field(factory=Counter)

    def count(self, lane: int, counted: Counted, reason: str, n: int) -> None:
        """Count something that happened in a lane."""
        self.counted[lane, "", counted.value, reason] += n

    def enter(self, lane: int, state: int, reason: str, n: int) -> None:
        """Add deliveries to a state and count it; the caller takes them from where they were."""
        self.states[lane, state] += n
        self.count(lane, Counted(STAGES[state].value), reason, n)

    def write(self, connection: sqlite3.Connection, now: int) -> None:
        """Store the changes; to be called last in the write that makes them."""
        touched = {**self.states, **self.pruned}
        if touched:
            rows = [(*key, self.states[key], self.pruned[key]) for key in touched]
            connection.execute(SQL["add_tallies"], {"rows": as_json(rows)})
        if self.accepted:
            connection.execute(SQL["add_accepted"], {"rows": as_json(list(self.accepted.items()))})
        if self.counted:
            counts = [(*key, n) for key, n in self.counted.items()]
            connection.execute(
                SQL["add_counts"],
                {"rows": as_json(counts), "minute": now // MINUTE_US * (MINUTE_US // US)},
            )
        if self.latencies:
            latencies = [(*key, n) for key, n in self.latencies.items()]
            connection.execute(
                SQL["add_latencies"],
                {"rows": as_json(latencies), "hour": now // HOUR_US * (HOUR_US // US)},
            )
