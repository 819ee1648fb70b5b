"""A partner that is a real HTTP server on this machine, in its own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import attrs
from aiohttp import web

from offramp.definition import UNSET
from offramp.testing.exchanges import Answer, RecordedRequest

T = TypeVar("T")

HOST: Final = "127.0.0.1"
#: Most seconds for starting or stopping a server, which normally takes milliseconds.
PATIENCE_SECONDS: Final = 10.0
#: Seconds for requests that are still running when the test ends.
GRACE_SECONDS: Final = 0.05
#: Status for a request without a scripted answer; a final one, so that it is not retried.
NOT_SCRIPTED: Final = 501


@attrs.define(kw_only=True)
class _Scripted:
    method: str
    path: str
    answer: Answer
    delay: float
    disconnect: bool
    #: Number of remaining answers; `None` for ever.
    left: int | None


class LocalPartner:
    """A server on 127.0.0.1 that answers as scripted and records its requests.

    Point the destination at `url` (with a setting or a variable). Unlike `Partner` it uses a real
    socket: use it for time-outs, broken connections and other HTTP clients.
    """

    def __init__(self) -> None:
        #: Where it listens: `http://127.0.0.1:PORT`.
        self.url = ""
        #: Every request that it received, in order.
        self.requests: list[RecordedRequest] = []
        #: `METHOD /path` of each request without a scripted answer.
        self.unscripted: list[str] = []
        self._scripted: list[_Scripted] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="local partner", daemon=True)

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

    def answer(  # noqa: PLR0913 - what a request is known by, and what an answer is made of
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        payload: Any = UNSET,
        body: bytes | str = b"",
        headers: dict[str, str] | None = None,
        repeat: bool | int = False,
        delay: float = 0.0,
        disconnect: bool = False,
    ) -> None:
        """Script an answer to a method and a path; the query is ignored.

        Answers are given in order, each once unless `repeat` says otherwise (a number of times, or
        `True` for ever), after `delay` seconds. `disconnect` closes the connection instead.
        """
        answer = Answer(status=status, payload=payload, body=body, headers=headers or {})
        left = None if repeat is True else max(1, int(repeat))
        self._scripted.append(
            _Scripted(
                method=method.upper(),
                path=path,
                answer=answer,
                delay=delay,
                disconnect=disconnect,
                left=left,
            )
        )

    def get(self, path: str, **answer: Any) -> None:
        """`answer("GET", path, ...)`."""
        self.answer("GET", path, **answer)

    def post(self, path: str, **answer: Any) -> None:
        """`answer("POST", path, ...)`."""
        self.answer("POST", path, **answer)

    def put(self, path: str, **answer: Any) -> None:
        """`answer("PUT", path, ...)`."""
        self.answer("PUT", path, **answer)

    def patch(self, path: str, **answer: Any) -> None:
        """`answer("PATCH", path, ...)`."""
        self.answer("PATCH", path, **answer)

    def delete(self, path: str, **answer: Any) -> None:
        """`answer("DELETE", path, ...)`."""
        self.answer("DELETE", path, **answer)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _start(self) -> web.ServerRunner:
        runner = web.ServerRunner(
            web.Server(self._respond), handle_signals=False, shutdown_timeout=GRACE_SECONDS
        )
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://{HOST}:{port}"
        return runner

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(
            RecordedRequest(
                method=request.method,
                url=str(request.url),
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        scripted = self._next(request.method, request.path)
        if scripted is None:
            self.unscripted.append(f"{request.method} {request.path}")
            return web.Response(status=NOT_SCRIPTED, text="the test has no answer left for this")
        await asyncio.sleep(scripted.delay)
        if scripted.disconnect and request.transport is not None:
            request.transport.close()
        answer = scripted.answer
        headers = dict(answer.headers)
        if answer.payload is not UNSET:
            headers.setdefault("Content-Type", "application/json")
        return web.Response(status=answer.status, headers=headers, body=answer.content)

    def _next(self, method: str, path: str) -> _Scripted | None:
        for scripted in self._scripted:
            if (scripted.method, scripted.path) == (method, path):
                if scripted.left is not None:
                    scripted.left -= 1
                    if not scripted.left:
                        self._scripted.remove(scripted)
                return scripted
        return None
