"""How much the queue takes in, and how long it keeps what has ended."""

from __future__ import annotations

import attrs

from offramp.config import (
    KEEP_DEAD_LETTERS_DAYS,
    KEEP_DELIVERED_DAYS,
    MAX_IN_FLIGHT,
    MIN_FREE_BYTES,
)

DAY_S = 86_400.0
#: A source's second event with the same message id is dropped within this time, in seconds.
#: Source: Segment, "an approximately 24 hour look-back window".
DEDUPE_WINDOW_S = DAY_S
#: Events of one commit: bounds how long a settle waits behind accepts.
ACCEPTS_PER_COMMIT = 2_000
#: Deliveries that one write cancels, replays or forgets: between two, accepts and settles get their
#: turn.
CHUNK = 2_000
#: Seconds after which a refused sender should try again.
RETRY_AFTER_S = 5.0
#: Seconds that counts and latencies are kept.
KEEP_COUNTS_S = 34 * DAY_S


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds above which `accept` raises `QueueFullError`."""

    max_in_flight: int = MAX_IN_FLIGHT
    min_free_bytes: int = MIN_FREE_BYTES
    accepts_per_commit: int = ACCEPTS_PER_COMMIT
    retry_after: float = RETRY_AFTER_S


@attrs.frozen(kw_only=True)
class Retention:
    """How long, in seconds after its end, a delivery is kept; its event goes with the last one.

    Delivered and filtered ones go block by block: when the last of a block and a subscription is
    past its time. An event is known by its message id for 24 h at least, so that duplicates are
    found.
    """

    delivered: float = KEEP_DELIVERED_DAYS * DAY_S
    dead: float = KEEP_DEAD_LETTERS_DAYS * DAY_S
    counts: float = KEEP_COUNTS_S
