"""Restores a backup into an empty data folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from offramp.config import KEY_FILE
from offramp.errors import StorageError
from offramp.queue.sqlite.backup import Manifest, Progress, check_backup
from offramp.storage import DATABASE_FILE
from offramp.storage.copying import check_room, open_copy
from offramp.storage.files import new_file, sync_folder
from offramp.storage.lock import LOCK_FILE, lock_folder

if TYPE_CHECKING:
    from pathlib import Path

#: What the file is called until it is whole: an interrupted restore leaves no database.
RESTORING_FILE: Final = f"{DATABASE_FILE}.restoring"
#: What may be in a folder before anything is restored into it: the keys have to come from
#: elsewhere, and the others are of an earlier try.
_ALLOWED: Final = frozenset({KEY_FILE, LOCK_FILE, RESTORING_FILE})


def restore_backup(backup: Path, folder: Path, *, progress: Progress) -> Manifest:
    """Check a backup and copy it into a data folder that is empty, or does not exist yet.

    The folder is restored as a whole, or stays without a database. Raises `StorageError`.
    """
    _check_empty(folder)
    manifest = check_backup(backup, progress)
    lock = lock_folder(folder)
    try:
        _check_empty(folder)
        check_room(folder, manifest.bytes, 0)
        try:
            progress("copying", 0, manifest.bytes)
            _copy(backup / DATABASE_FILE, folder)
            progress("copying", manifest.bytes, manifest.bytes)
        except OSError as error:
            raise StorageError(f"restoring into {folder}: {error.strerror or error}") from error
    finally:
        os.close(lock)
    return manifest


def _check_empty(folder: Path) -> None:
    try:
        used = sorted({path.name for path in folder.iterdir()} - _ALLOWED)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"data folder {folder}: {error.strerror or error}") from error
    if used:
        raise StorageError(
            f"{folder} is not empty: it has {', '.join(used[:3])}; name a folder that is empty or "
            "does not exist, with --data-dir, or move this one away"
        )


def _copy(source: Path, folder: Path) -> None:
    """Write the database without the room that deleted rows left in it."""
    restoring = folder / RESTORING_FILE
    restoring.unlink(missing_ok=True)
    # SQLite writes into an empty file; this one is private to the owner.
    copy = new_file(restoring)
    try:
        with open_copy(source) as connection:
            connection.execute("VACUUM INTO ?", (str(restoring),))
        os.fsync(copy)
        restoring.rename(folder / DATABASE_FILE)
    finally:
        os.close(copy)
        restoring.unlink(missing_ok=True)
    sync_folder(folder)
