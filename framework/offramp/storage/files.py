"""Files that only their owner may read, each on disk whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

#: Only the owner may read a data folder: it holds events and encrypted secrets.
FOLDER_MODE = 0o700
FILE_MODE = 0o600
#: The rights of everybody else.
_OTHERS = 0o077


def new_file(path: Path) -> int:
    """Make an empty file, which must not exist; returns its descriptor. Raises `OSError`."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)


def write_file(path: Path, data: bytes) -> None:
    """Write a file, or replace it, so that not even a power cut leaves a part; raises `OSError`."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(new_file(fresh), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk: a file is lost if its folder's entry is not there too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def mode_for_others(path: Path) -> str | None:
    """The mode of a file, in octal digits, if others than its owner have a right to it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{mode:o}" if mode & _OTHERS else None
