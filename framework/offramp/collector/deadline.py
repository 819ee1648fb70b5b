"""A time limit for what many requests wait for at once."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType


class Deadline:
    """Ends each block that takes longer than so many seconds with `TimeoutError`.

    As `asyncio.timeout`, but with one timer for all blocks under way, and so cheaper. That they all
    may take equally long keeps them in the order of their ends. Enter it with `with`, from one
    event loop, and from one task only once at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Who is inside, and until when; the first ends first.
        self._inside: dict[asyncio.Task[object] | None, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Begin to wait."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._seconds, self._look)
        self._inside[asyncio.current_task(self._loop)] = time.monotonic() + self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End in time, or tell by `TimeoutError` that it was too late."""
        task = asyncio.current_task(self._loop)
        if self._inside.pop(task, None) is not None or task is None:
            return
        # `_look` cancelled the task. If somebody else did so too, it stays cancelled.
        if task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        """Cancel who is too late, and look again when the next one would be."""
        now = time.monotonic()
        self._timer = None
        late = []
        for task, end in self._inside.items():
            if end > now and self._loop is not None:
                self._timer = self._loop.call_later(end - now, self._look)
                break
            late.append(task)
        for task in late:
            del self._inside[task]
            if task is not None:
                task.cancel()
