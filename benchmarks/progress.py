"""What a run that takes minutes tells meanwhile, beside the table that it prints at its end."""

from __future__ import annotations

import sys
import time
from typing import Final

_BEGAN: Final = time.perf_counter()


def report_progress(text: str) -> None:
    """A line on standard error, with the seconds since the run began."""
    print(f"{time.perf_counter() - _BEGAN:4.0f} s  {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress
