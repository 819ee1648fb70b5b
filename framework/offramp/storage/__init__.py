"""One SQLite file in one folder, with the one thread that writes to it."""

from offramp.storage.connect import connect_beside, is_damage
from offramp.storage.damage import Damage, DamagedRange
from offramp.storage.readers import Readers
from offramp.storage.sql import load_statements
from offramp.storage.store import DATABASE_FILE, Store
from offramp.storage.writer import Rank, Work

__all__ = [
    "DATABASE_FILE",
    "Damage",
    "DamagedRange",
    "Rank",
    "Readers",
    "Store",
    "Work",
    "connect_beside",
    "is_damage",
    "load_statements",
]
