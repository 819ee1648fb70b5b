"""One SQLite file in one folder, with the one thread that writes to it."""

from offramp.storage.sql import load_statements
from offramp.storage.store import DATABASE_FILE, Store
from offramp.storage.writer import Rank, Work

__all__ = ["DATABASE_FILE", "Rank", "Store", "Work", "load_statements"]
