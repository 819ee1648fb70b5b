"""The configuration that a data folder holds, read beside a running host or without one."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from offramp.config import Config, ConfigStore, load_key_ring
from offramp.errors import StorageError
from offramp.plugins import Catalog
from offramp.storage import Store
from offramp.storage.readers import Readers
from offramp.storage.store import DATABASE_FILE


async def load_stored(folder: Path, catalog: Catalog) -> Config:
    """The configuration in force, secrets in the clear; raises `StorageError` and `ConfigError`."""
    path = folder / DATABASE_FILE
    if not path.exists():
        raise StorageError(f"there is no host's data in {folder}: say where it is with --data-dir")
    readers = Readers(path, threads=1, name="offramp-export")
    try:
        # It only reads, and reading is all that this part of a store can do.
        configs = ConfigStore(cast("Store", readers), load_key_ring(folder), catalog)
        _, config = await configs.load()
    finally:
        await readers.close()
    return config
