"""Work that the workers of one test run share: one of them does it, the others find it done."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Hold the lock of this name in the virtual environment; wait while another process has it."""
    with (Path(sys.prefix) / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
