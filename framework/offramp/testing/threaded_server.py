"""A server on this machine in a thread of its own, so that the test itself may block."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from aiohttp import web

T = TypeVar("T")

HOST: Final = "127.0.0.1"
#: Most seconds for starting or stopping a server, which normally takes milliseconds.
PATIENCE_SECONDS: Final = 10.0
#: Seconds for requests that are still running when the test ends.
GRACE_SECONDS: Final = 0.05


class ThreadedServer(ABC):
    """Listens in a `with` block; the thread has this name."""

    def __init__(self, name: str) -> None:
        #: Where it listens: `http://127.0.0.1:PORT`.
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @abstractmethod
    def _make_runner(self, **options: Any) -> web.BaseRunner:
        """Make what serves the requests, with these options."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._runner = self._do(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _start(self) -> web.BaseRunner:
        runner = self._make_runner(handle_signals=False, shutdown_timeout=GRACE_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self.url = f"http://{HOST}:{runner.addresses[0][1]}"
        return runner
