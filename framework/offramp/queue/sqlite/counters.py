"""The counters: what a write changes in them, stored in that same write, so never inexact."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs

from offramp.queue.sqlite.codes import STAGES, US, as_json
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Counted

if TYPE_CHECKING:
    import sqlite3

MINUTE_US = 60 * US
HOUR_US = 60 * MINUTE_US
#: Microseconds of the first bucket of a latency histogram: 1 ms.
FIRST_BUCKET_US = 1_000
#: Each bucket is 2 ** (1 / this) wide, so that its upper bound is at most 19 % too high.
BUCKETS_PER_DOUBLING = 4
#: The subscription number of what is counted for a source.
NO_SUBSCRIPTION = 0


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
    """What one write changes in the counters; subscriptions and states are numbers."""

    #: (subscription, state) -> by how much.
    states: Counter[tuple[int, int]] = attrs.field(factory=Counter)
    #: (subscription, state) -> rows that retention took.
    pruned: Counter[tuple[int, int]] = attrs.field(factory=Counter)
    #: subscription -> events matched against it.
    accepted: Counter[int] = attrs.field(factory=Counter)
    #: (subscription, source, counted, reason) -> how often.
    counted: Counter[tuple[int, str, str, str]] = attrs.field(factory=Counter)
    #: (subscription, bucket) -> how often.
    latencies: Counter[tuple[int, int]] = attrs.field(factory=Counter)

    def count(self, subscription: int, counted: Counted, reason: str, n: int) -> None:
        """Count something that happened in a subscription."""
        self.counted[subscription, "", counted.value, reason] += n

    def enter(self, subscription: int, state: int, reason: str, n: int) -> None:
        """Add deliveries to a state and count it; the caller takes them from where they were."""
        self.states[subscription, state] += n
        self.count(subscription, Counted(STAGES[state].value), reason, n)

    def terms(self, now: int) -> dict[str, Any]:
        """The changes as the columns of `add_changes`; `now` in microseconds."""
        touched = {**self.states, **self.pruned}
        return {
            "minute": now // MINUTE_US * (MINUTE_US // US),
            "hour": now // HOUR_US * (HOUR_US // US),
            "tallies": as_json([(*key, self.states[key], self.pruned[key]) for key in touched]),
            "accepted": as_json(list(self.accepted.items())),
            "counts": as_json([(*key, n) for key, n in self.counted.items()]),
            "latencies": as_json([(*key, n) for key, n in self.latencies.items()]),
        }

    def write(self, connection: sqlite3.Connection, now: int) -> None:
        """Store the changes; to be called last in the write that makes them."""
        if self.states or self.pruned or self.accepted or self.counted or self.latencies:
            connection.execute(SQL["change"], self.terms(now))
