"""Wraps each endpoint of the collector: every request is answered, and counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from offramp.collector.cors import allow_origin
from offramp.collector.metrics import EndpointMetrics
from offramp.errors import QueueFullError, StorageError
from offramp.web.answers import RefusedError, failure

Serve: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: `Retry-After` in seconds where the error gives none.
RETRY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


def make_endpoint(
    name: str,
    serve: Serve,
    *,
    metrics: EndpointMetrics,
    on_refused: Callable[[web.Request, RefusedError], None],
) -> Serve:
    """Make an endpoint of `serve`; `on_refused` is called for each request refused for good."""

    async def endpoint(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        response: web.StreamResponse
        try:
            try:
                response = await serve(request)
            except RefusedError as refused:
                if refused.retry_after is None:
                    on_refused(request, refused)
                response = refused.answer()
        except Exception as error:  # noqa: BLE001 - SDKs send again what is answered with 503
            response = _unavailable(error, name)
        if hdrs.ORIGIN in request.headers:
            allow_origin(request, response)
        metrics.answered(response.status, time.perf_counter() - started)
        return response

    return endpoint


def _unavailable(error: Exception, endpoint: str) -> web.Response:
    """Answer that the host cannot take the request now; the client should send it again."""
    pause = RETRY_SECONDS
    match error:
        case QueueFullError():
            code, message, pause = "queue_full", str(error), error.retry_after
        case StorageError():
            _log.error("endpoint %s: events cannot be stored: %s", endpoint, error)
            code, message = "storage_failed", "events cannot be stored just now; send them again"
        case TimeoutError():
            _log.error("endpoint %s: storing events took too long", endpoint)
            code, message = "timeout", "storing took too long; send the events again"
        case _:
            _log.error("endpoint %s broke", endpoint, exc_info=error)
            code, message = "internal", "the host broke on this request; send it again later"
    return failure(HTTPStatus.SERVICE_UNAVAILABLE, code, message, retry_after=pause)
