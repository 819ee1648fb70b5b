"""A partner that is a real HTTP server on this machine, in its own thread."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import attrs
from aiohttp import web

from offramp.definition import UNSET
from offramp.testing.exchanges import Answer, RecordedRequest
from offramp.testing.threaded_server import ThreadedServer

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


class LocalPartner(ThreadedServer):
    """A server on 127.0.0.1 that answers as scripted and records its requests.

    Point the destination at `url` (with a setting or a variable). Unlike `Partner` it uses a real
    socket: use it for time-outs, broken connections and other HTTP clients.
    """

    def __init__(self) -> None:
        super().__init__("local partner")
        #: Every request that it received, in order.
        self.requests: list[RecordedRequest] = []
        #: `METHOD /path` of each request without a scripted answer.
        self.unscripted: list[str] = []
        self._scripted: list[_Scripted] = []

    def answer(  # noqa: PLR0913 - what a request is known by, and what an answer is made of
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        payload: Any = UNSET,
        body: bytes | str = b"",
        headers: dict[str, str] | None = None,
        reason: str | None = None,
        repeat: bool | int = False,
        delay: float = 0.0,
        disconnect: bool = False,
    ) -> None:
        """Script an answer to a method and a path; the query is ignored.

        Answers are given in order, each once unless `repeat` says otherwise (a number of times, or
        `True` for ever), after `delay` seconds. `disconnect` closes the connection instead.
        """
        answer = Answer(
            status=status, payload=payload, body=body, headers=headers or {}, reason=reason
        )
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

    def _make_runner(self, **options: Any) -> web.ServerRunner:
        return web.ServerRunner(web.Server(self._respond), **options)

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
        return web.Response(
            status=answer.status, reason=answer.reason, headers=headers, body=answer.content
        )

    def _next(self, method: str, path: str) -> _Scripted | None:
        for scripted in self._scripted:
            if (scripted.method, scripted.path) == (method, path):
                if scripted.left is not None:
                    scripted.left -= 1
                    if not scripted.left:
                        self._scripted.remove(scripted)
                return scripted
        return None
