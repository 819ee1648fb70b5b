"""Runs `offramp` with a wall clock that the torture sets: a file holds by how many seconds."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: The variable that names the file.
VARIABLE: Final = "TORTURE_CLOCK"
#: The seconds in the file: a C double.
SECONDS: Final = struct.Struct("d")


def shifted(path: str, true: Callable[[], float]) -> Callable[[], float]:
    """A clock that is ahead of another by what the file says at the moment."""
    with Path(path).open("rb") as file:
        view = mmap.mmap(file.fileno(), SECONDS.size, access=mmap.ACCESS_READ)
    return lambda: true() + float(SECONDS.unpack(view)[0])


if __name__ == "__main__":
    # Before anything of Offramp is imported: whatever tells the time there asks this one.
    time.time = shifted(os.environ[VARIABLE], time.time)
    from offramp.cli import main

    main()
