"""The engine on SQLite: one file, one process, no other service."""

from offramp.queue.sqlite.engine import SqliteQueue
from offramp.queue.sqlite.ledger import SqliteLedger
from offramp.queue.sqlite.opening import open_queue
from offramp.queue.sqlite.reconcile import wrong_sums

__all__ = ["SqliteLedger", "SqliteQueue", "open_queue", "wrong_sums"]
