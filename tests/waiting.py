"""Waits for what no event tells of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

#: Seconds until a wait is given up; what is waited for should take few.
PATIENCE: Final = 20.0


async def until(holds: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait until something holds; raises `TimeoutError` after `within` seconds."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.01)
