"""The engine on SQLite: one file, one process, no other service."""

from offramp.queue.sqlite.backup import MANIFEST_FILE, Manifest, read_manifest, write_backup
from offramp.queue.sqlite.damaged import (
    MESSAGE_IDS,
    DamagedDeliveries,
    DamagedEvents,
    DamagedInFlight,
    ExpiredDamaged,
)
from offramp.queue.sqlite.engine import SqliteQueue
from offramp.queue.sqlite.ledger import SqliteLedger
from offramp.queue.sqlite.opening import open_queue
from offramp.queue.sqlite.reconcile import wrong_sums
from offramp.queue.sqlite.restore import restore_backup
from offramp.queue.sqlite.restored import InFlight, RestoredBackup, RestoredDeliveries

__all__ = [
    "MANIFEST_FILE",
    "MESSAGE_IDS",
    "DamagedDeliveries",
    "DamagedEvents",
    "DamagedInFlight",
    "ExpiredDamaged",
    "InFlight",
    "Manifest",
    "RestoredBackup",
    "RestoredDeliveries",
    "SqliteLedger",
    "SqliteQueue",
    "open_queue",
    "read_manifest",
    "restore_backup",
    "write_backup",
    "wrong_sums",
]
