"""The durable queue and the ledger: one Protocol for every engine."""

from offramp.queue.dead_letters import dead_letter_pages
from offramp.queue.lease import EventHead, Lease, LeasePart, delivery_id
from offramp.queue.limits import Limits, Retention
from offramp.queue.protocol import Ledger, Queue
from offramp.queue.sqlite import SqliteLedger, SqliteQueue, open_queue, wrong_sums
from offramp.queue.values import (
    DEAD,
    IN_FLIGHT,
    Count,
    Counted,
    DeadLetterFilter,
    Delivery,
    Depth,
    ErrorGroup,
    EventBatch,
    EventFilter,
    EventRecord,
    Latency,
    LeasedDelivery,
    Outcome,
    Page,
    Reason,
    Reconciliation,
    Route,
    Stage,
)

__all__ = [
    "DEAD",
    "IN_FLIGHT",
    "Count",
    "Counted",
    "DeadLetterFilter",
    "Delivery",
    "Depth",
    "ErrorGroup",
    "EventBatch",
    "EventFilter",
    "EventHead",
    "EventRecord",
    "Latency",
    "Lease",
    "LeasePart",
    "LeasedDelivery",
    "Ledger",
    "Limits",
    "Outcome",
    "Page",
    "Queue",
    "Reason",
    "Reconciliation",
    "Retention",
    "Route",
    "SqliteLedger",
    "SqliteQueue",
    "Stage",
    "dead_letter_pages",
    "delivery_id",
    "open_queue",
    "wrong_sums",
]
