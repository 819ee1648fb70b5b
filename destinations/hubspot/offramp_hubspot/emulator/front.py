"""Middleware of the emulator's API: faults, access tokens, rate limits, errors, a record."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from offramp_hubspot.emulator.answers import RefusedError, answer

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from offramp_hubspot.emulator.state import Fault, State

#: Requests in ten seconds, and searches in one. Source: HubSpot, "API usage guidelines".
MAX_REQUESTS: Final = 190
MAX_SEARCHES: Final = 5
_ROLLING: Final = timedelta(seconds=10)
_SECOND: Final = timedelta(seconds=1)
_TOO_MANY: Final = 429
#: Its endpoints issue tokens, and so ask for none.
OAUTH: Final = "/oauth/"


class Front:
    """Middleware around all endpoints.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._requests: deque[datetime] = deque()
        self._searches: deque[datetime] = deque()

    def middlewares(self) -> list[Middleware]:
        """The middleware, the outermost first."""
        return [self._go_wrong, self._explain_refusals, self._admit, self._record]

    @web.middleware
    async def _go_wrong(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._state.fault_for(request.path)
        if fault is None:
            return await handler(request)
        if fault.done:
            await handler(request)
        return _as_answer(fault, request)

    @web.middleware
    async def _explain_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as refused:
            return answer(refused.as_data(), status=refused.status)

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass that has a good token, within the rate limits."""
        if request.path.startswith(OAUTH):
            return await handler(request)
        self._state.tokens.check(request.headers.get("Authorization", ""))
        if request.path.endswith("/search"):
            self._count(self._searches, MAX_SEARCHES, _SECOND, "SECONDLY")
            return await handler(request)
        left = self._count(self._requests, MAX_REQUESTS, _ROLLING, "TEN_SECONDLY_ROLLING")
        response = await handler(request)
        response.headers["X-HubSpot-RateLimit-Max"] = str(MAX_REQUESTS)
        response.headers["X-HubSpot-RateLimit-Remaining"] = str(left)
        response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
        return response

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.content_type == "application/json" and request.body_exists:
            body: Any = await request.json()
            self._state.received.append(
                {"path": request.path, "status": response.status, "body": body}
            )
        return response

    def _count(self, times: deque[datetime], limit: int, period: timedelta, policy: str) -> int:
        """Count a request, and return how many more may follow; refuse one too many."""
        now = self._state.now()
        while times and now - times[0] >= period:
            times.popleft()
        if len(times) >= limit:
            raise RefusedError(
                f"You have reached your {policy.lower()} limit.",
                category="RATE_LIMITS",
                status=_TOO_MANY,
                extra={"errorType": "RATE_LIMIT", "policyName": policy},
            )
        times.append(now)
        return limit - len(times)


def _as_answer(fault: Fault, request: web.Request) -> web.StreamResponse:
    if fault.status is None:
        if request.transport is not None:
            request.transport.close()
        return web.Response()
    data = RefusedError("A fault of the emulator", category="INTERNAL_ERROR").as_data()
    response = answer(data, status=fault.status)
    response.headers.update(fault.headers)
    return response
