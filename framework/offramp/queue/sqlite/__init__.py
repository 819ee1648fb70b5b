"""The engine on SQLite: one file, one process, no other service."""

from offramp.queue.sqlite.audit import wrong_sums
from offramp.queue.sqlite.engine import SqliteQueue
from offramp.queue.sqlite.ledger import SqliteLedger
from offramp.queue.sqlite.opening import open_queue

__all__ = ["SqliteLedger", "SqliteQueue", "open_queue", "wrong_sums"]
