"""Copies the file of a store page by page while it is written to, and checks a copy."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from offramp.errors import StorageError, StorageFullError
from offramp.storage.connect import connect_reader, storage_error
from offramp.storage.files import new_file
from offramp.storage.migrate import known_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Pages that are copied in one step, 1 MiB; between two steps the copy rests, so that commits of
#: the host find the disk and the interpreter free.
PAGES_PER_STEP: Final = 256
REST_S: Final = 0.005
#: Steps between two syncs: one sync of a large copy at its end would hold up every commit.
STEPS_PER_SYNC: Final = 16
#: Bytes that are read at once.
CHUNK_BYTES: Final = 1024 * 1024
#: Steps of SQLite's virtual machine between two questions whether to stop.
CHECK_EVERY: Final = 100_000


class Pace:
    """Lets other threads run: work in Python holds the interpreter's lock."""

    WORK_S: Final = 0.002

    def __init__(self) -> None:
        self._rested_at = time.perf_counter()

    def __call__(self) -> None:
        """Rest if the work since the last rest took longer than that."""
        if time.perf_counter() - self._rested_at > self.WORK_S:
            time.sleep(self.WORK_S)
            self._rested_at = time.perf_counter()


def copy_pages(source: Path, target: Path, progress: Callable[[int], None]) -> None:
    """Copy the file at one moment in its life to `target`, which must not exist; synced at the end.

    `progress` is called with the bytes that are copied, and may raise to stop the copy. Raises
    `StorageError`. The log cannot be cut while it lasts, since the copy reads the old pages.
    """
    try:
        copy = new_file(target)
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror or error}") from error
    try:
        with (
            contextlib.closing(connect_reader(source)) as reader,
            contextlib.closing(sqlite3.connect(target, isolation_level=None)) as writer,
        ):
            (page_size,) = reader.execute("PRAGMA page_size").fetchone()
            # Half a copy is deleted, and a whole one is synced below.
            writer.execute("PRAGMA journal_mode = OFF")
            writer.execute("PRAGMA synchronous = OFF")
            # Without a transaction, each commit of the host would begin the copy anew.
            reader.execute("BEGIN")
            reader.execute("PRAGMA user_version").fetchone()
            step = _Step(copy, page_size, progress)
            reader.backup(writer, pages=PAGES_PER_STEP, progress=step)
        os.fsync(copy)
    except (sqlite3.Error, OSError) as error:
        raise storage_error(error, target) from error
    finally:
        os.close(copy)


class _Step:
    """What is done after each step of a copy: progress, a sync now and then, a rest."""

    def __init__(self, copy: int, page_size: int, progress: Callable[[int], None]) -> None:
        self._copy = copy
        self._page_size = page_size
        self._progress = progress
        self._steps = 0

    def __call__(self, _: int, remaining: int, total: int) -> None:
        self._progress((total - remaining) * self._page_size)
        self._steps += 1
        if self._steps % STEPS_PER_SYNC == 0:
            os.fsync(self._copy)
        time.sleep(REST_S)


@contextlib.contextmanager
def open_copy(
    path: Path, *, stop: Callable[[], bool] = lambda: False
) -> Iterator[sqlite3.Connection]:
    """Open a file that nobody writes to for reading; no file beside it is needed or made.

    A statement ends with an error once `stop` answers true. Raises `StorageError`.
    """
    try:
        with contextlib.closing(
            sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
            )
        ) as connection:
            connection.set_progress_handler(stop, CHECK_EVERY)
            yield connection
    except sqlite3.Error as error:
        raise storage_error(error, path) from error


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `StorageError` if SQLite finds that a file is not sound; reads all of it."""
    found = [text for (text,) in connection.execute("PRAGMA quick_check")]
    if found != ["ok"]:
        raise StorageError(f"{path} is damaged: {'; '.join(found)}")


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `StorageError` unless this version of Offramp wrote the tables of a file."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(known_migrations())
    if found != known:
        raise StorageError(
            f"the tables of {path} are at version {found}, and this version of Offramp has "
            f"{known}: use the version of Offramp that wrote them"
        )


def hash_file(path: Path, progress: Callable[[int], None]) -> str:
    """The SHA-256 of a file in hexadecimal digits; `progress` gets the bytes that are read."""
    digest = hashlib.sha256()
    pace = Pace()
    done = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                progress(done)
                pace()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def check_room(folder: Path, needed: int, kept: int) -> None:
    """Raise `StorageFullError` unless `needed` bytes fit, with `kept` bytes to spare."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < needed + kept:
        raise StorageFullError(
            f"the disk of {folder} has {free:,} bytes free, and {needed + kept:,} are needed: "
            f"{needed:,} for the copy, and {kept:,} that stay free: make room, or use another disk"
        )
