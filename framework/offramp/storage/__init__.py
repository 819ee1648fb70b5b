"""One SQLite file in one folder, with the one thread that writes to it."""

from offramp.storage.sql import load_statements
from offramp.storage.store import Store
from offramp.storage.writer import Rank, Work

__all__ = ["Rank", "Store", "Work", "load_statements"]
