"""How much is measured: enough to trust a ratio, or just enough to see that all of it runs."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Effort:
    """Rounds, and the size of each; seconds and events."""

    name: str
    #: Of A and B, in turn: many short ones, since other load changes within seconds; and fewer
    #: where each side of a round starts a host.
    rounds: int
    host_rounds: int
    #: Of one side of one round, in one process.
    run_seconds: float
    #: Before the first round, for compilers that learn as they run.
    warm_seconds: float
    #: Requests of one round of accepting: singles, and batches of 100.
    singles: int
    batches: int
    #: Events of one round of delivering a backlog, and of one from end to end.
    delivered: int
    sustained: int
    #: Seconds at 1,000 events a second, and at 100 single ones; single ones, one after the other.
    paced_seconds: float
    slow_seconds: float
    alone: int
    backlog: int
    #: So long the memory of a host is watched after it is ready, in seconds.
    watched_seconds: float
    #: Subscriptions, and instances, of the cost of growth.
    growth: tuple[int, ...]
    #: Rounds of growth where every side is a host; the events that each delivers of a backlog, or
    #: is sent as fast as it takes them; the seconds for which each is paced; what waits in each.
    growth_rounds: int
    growth_delivered: int
    growth_events: int
    growth_paced_seconds: float
    growth_backlog: int
    #: Subscriptions of one instance of which one is changed, and how often.
    configured: int
    changes: int
    #: Events of one round of Segment's destinations, in batches and one by one, and the seconds of
    #: one round of Segment's own engine.
    published_batched: int
    published_singles: int
    published_seconds: float


FULL: Final = Effort(
    name="full",
    rounds=9,
    host_rounds=5,
    run_seconds=0.25,
    warm_seconds=1.0,
    singles=4_000,
    batches=250,
    delivered=100_000,
    sustained=40_000,
    paced_seconds=5.0,
    slow_seconds=4.0,
    alone=1_000,
    backlog=1_000_000,
    watched_seconds=2.0,
    growth=(1, 10, 100),
    growth_rounds=3,
    growth_delivered=30_000,
    growth_events=20_000,
    growth_paced_seconds=4.0,
    growth_backlog=100_000,
    configured=500,
    changes=20,
    published_batched=30_000,
    published_singles=3_000,
    published_seconds=2.0,
)
QUICK: Final = Effort(
    name="quick",
    rounds=2,
    host_rounds=2,
    run_seconds=0.05,
    warm_seconds=0.05,
    singles=500,
    batches=20,
    delivered=4_000,
    sustained=4_000,
    paced_seconds=1.0,
    slow_seconds=0.5,
    alone=50,
    backlog=5_000,
    watched_seconds=0.2,
    growth=(1, 10),
    growth_rounds=1,
    growth_delivered=4_000,
    growth_events=4_000,
    growth_paced_seconds=0.5,
    growth_backlog=2_000,
    configured=50,
    changes=3,
    published_batched=3_000,
    published_singles=1_000,
    published_seconds=0.2,
)
