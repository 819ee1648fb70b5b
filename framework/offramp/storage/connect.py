"""Opens the file for the writer and for readers, and turns SQLite's errors into ours."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from offramp.errors import StorageDamagedError, StorageError, StorageFullError
from offramp.storage.files import FILE_MODE

#: What a person can do about a damaged file.
RECOVERY = (
    "stop the host, copy the data folder, then recover or restore the file, as `docs/how-to/"
    "incidents.md` says"
)
#: Seconds to wait for a foreign connection, such as a person's `sqlite3` shell.
BUSY_SECONDS = 5.0
#: Page cache of the writer in KiB: holds the index of about three million message ids.
WRITER_CACHE_KIB = 65_536
#: Page cache of each reader in KiB.
READER_CACHE_KIB = 8_192
#: Pages in the log after which a commit copies them into the file, and waits for the disk twice
#: more. A single event writes seven until it is delivered: at SQLite's 1,000 pages, 0.7 % of them
#: met such a commit. The log's index holds 4,062 in its first table: reading stays as quick.
CHECKPOINT_PAGES = 4_000
#: Size in bytes to which the log is cut back after a checkpoint.
WAL_KEPT_BYTES = 64 * 1024 * 1024
#: Compiled statements kept per connection: more than there are named ones.
KEPT_STATEMENTS = 256
#: The primary code of an extended one is its low byte. Source: sqlite.org/rescode.html.
_PRIMARY_CODE = 0xFF
#: What SQLite says of pages that make no sense.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the file, created if needed, for the one connection that writes and checkpoints.

    SQLite before 3.51.3 can corrupt a log that two connections write or checkpoint at once
    (sqlite.org/wal.html#walresetbug), so there must be no second such connection.
    """
    # SQLite creates its log and index with the mode of this file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_SECONDS, cached_statements=KEPT_STATEMENTS
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # macOS only: there, a plain fsync stops at the drive's cache.
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the existing file for reading only; may be closed from another thread."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        cached_statements=KEPT_STATEMENTS,
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
    return connection


def connect_beside(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Open the file of another connection for reading only: it sees the last commit."""
    [(name,)] = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return connect_reader(Path(name))


def is_damage(error: BaseException) -> bool:
    """Whether SQLite met a page that makes no sense."""
    return _primary_code(error) in _DAMAGE


def _primary_code(error: BaseException) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE


def storage_error(error: BaseException, path: Path) -> BaseException:
    """The `StorageError` for a failure of the file; any other error is returned unchanged."""
    if type(error) not in {sqlite3.OperationalError, sqlite3.DatabaseError}:
        return error
    described: StorageError
    if _primary_code(error) == sqlite3.SQLITE_FULL:
        described = StorageFullError(f"the disk of {path} is full: free some room, then try again")
    elif is_damage(error):
        described = StorageDamagedError(f"{path} is damaged: {error}; {RECOVERY}")
    else:
        described = StorageError(f"{path}: {error}")
    described.__cause__ = error
    return described
