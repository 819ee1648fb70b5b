"""The durable queue and the ledger: one Protocol for every engine."""

from offramp.queue.limits import Limits, Retention
from offramp.queue.protocol import (
    Audit,
    Count,
    Counted,
    DeadFilter,
    Delivery,
    Depth,
    ErrorGroup,
    Latency,
    Lease,
    Ledger,
    NewItem,
    Outcome,
    Page,
    Queue,
    Reason,
    Stage,
    Story,
)
from offramp.queue.sqlite import SqliteLedger, SqliteQueue, open_queue, wrong_sums

__all__ = [
    "Audit",
    "Count",
    "Counted",
    "DeadFilter",
    "Delivery",
    "Depth",
    "ErrorGroup",
    "Latency",
    "Lease",
    "Ledger",
    "Limits",
    "NewItem",
    "Outcome",
    "Page",
    "Queue",
    "Reason",
    "Retention",
    "SqliteLedger",
    "SqliteQueue",
    "Stage",
    "Story",
    "open_queue",
    "wrong_sums",
]
