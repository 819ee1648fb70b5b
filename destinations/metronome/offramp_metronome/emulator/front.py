"""Middleware of every request to Metronome's endpoints: counting, the token, faults."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from offramp_metronome.emulator.faults import TOO_MANY_REQUESTS, Fault
from offramp_metronome.emulator.limits import RefusedError
from offramp_metronome.emulator.wire import explain_errors, message_answer

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from offramp_metronome.emulator.state import State

#: How much of a batch the ingest endpoint stores: all of it, unless a fault says otherwise.
STORE = web.RequestKey("STORE", str)

_FORBIDDEN = 403


class _NoAnswerError(Exception):
    """The request ends without an answer; `kind` is counted instead of a status."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class Front:
    """Middleware around Metronome's endpoints.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def middlewares(self) -> list[Middleware]:
        """List the middleware, the outermost first."""
        return [
            self._count,
            self._check_token,
            self._go_wrong,
            explain_errors,
            self._count_refusals,
        ]

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        counts = self._state.tally.answers[resource.canonical if resource else "no such endpoint"]
        try:
            answer = await handler(request)
        except asyncio.CancelledError:
            counts["abandoned"] += 1
            raise
        except _NoAnswerError as end:
            counts[end.kind] += 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # aiohttp requires one, though the client is gone
        counts[str(answer.status)] += 1
        return answer

    @web.middleware
    async def _check_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if hmac.compare_digest(sent, f"Bearer {self._state.token}".encode()):
            return await handler(request)
        self._state.tally.refusals["token: unauthorized"] += 1
        return message_answer("Unauthorized", status=_FORBIDDEN)

    @web.middleware
    async def _go_wrong(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._state.faults
        body = await _read(request) if faults.look_into_bodies else b""
        fault = faults.strike(request.path, body)
        if fault is None:
            return await handler(request)
        self._state.tally.faults += 1
        request[STORE] = fault.store
        answer = None if fault.store == "none" else await handler(request)
        await self._wait(fault.delay)
        if fault.ending == "hang":
            await self._state.closing.wait()
            raise _NoAnswerError("hung")
        if fault.ending == "drop":
            raise _NoAnswerError("dropped")
        if fault.status is not None:
            return _fault_answer(fault, fault.status)
        assert answer is not None  # noqa: S101  (a fault without a status stores the batch)
        return answer

    @web.middleware
    async def _count_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as refused:
            self._state.tally.refusals[refused.reason] += 1
            raise

    async def _wait(self, seconds: float) -> None:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._state.closing.wait(), seconds)


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, web.HTTPException):
        return b""  # the endpoint reads it too, and answers


def _fault_answer(fault: Fault, status: int) -> web.Response:
    answer = message_answer(f"the emulator was told to answer {status}", status=status)
    if status == TOO_MANY_REQUESTS:
        answer.headers["X-Metronome-Rate-Limit-Type"] = fault.limit_type
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = f"{fault.retry_after:.3f}".rstrip("0").rstrip(".")
    return answer
