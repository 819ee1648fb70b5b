"""The lock on a data folder: leases are in memory, so a second process would deliver twice."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from offramp.errors import FolderInUseError, StorageError
from offramp.storage.files import FILE_MODE, FOLDER_MODE

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = "lock"
#: Longest process id that is read back from the lock file, in bytes.
_PID_BYTES = 20


def lock_folder(folder: Path) -> int:
    """Make the folder if needed and lock it; returns the descriptor that holds the lock.

    The lock ends with `os.close`, or when the process ends. Raises `StorageError` if another
    process holds it, or if the folder cannot be made or written.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        held = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StorageError(f"data folder {folder}: {error.strerror or error}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.read(held, _PID_BYTES).decode(errors="replace").strip() or "unknown"
        os.close(held)
        raise FolderInUseError(
            f"data folder {folder} is in use by process {pid}: "
            "stop that process, or give this one another folder"
        ) from error
    os.ftruncate(held, 0)
    os.write(held, str(os.getpid()).encode())
    return held
