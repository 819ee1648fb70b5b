"""One door of the collector: every request through it ends in a clear answer, and is counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from offramp.collector.cors import allow_origin
from offramp.collector.metrics import DoorFigures
from offramp.errors import QueueFullError, StorageError
from offramp.web.answers import RefusedError, failure

Serve: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Seconds after which a client may try again where nobody knows better.
RETRY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


def make_door(
    name: str,
    serve: Serve,
    *,
    figures: DoorFigures,
    on_refused: Callable[[web.Request, RefusedError], None],
) -> Serve:
    """Put a door before `serve`; `on_refused` hears of each request that is refused for good."""

    async def door(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        response: web.StreamResponse
        try:
            try:
                response = await serve(request)
            except RefusedError as refused:
                if refused.retry_after is None:
                    on_refused(request, refused)
                response = refused.answer()
        except Exception as error:  # noqa: BLE001 - SDKs keep what gets a 503 and send it again
            response = _unavailable(error, name)
        if hdrs.ORIGIN in request.headers:
            allow_origin(request, response)
        figures.answered(response.status, time.perf_counter() - started)
        return response

    return door


def _unavailable(error: Exception, door: str) -> web.Response:
    """Answer that the host cannot take it now, and that the client should send it again."""
    pause = RETRY_SECONDS
    match error:
        case QueueFullError():
            code, told, pause = "queue_full", str(error), error.retry_after
        case StorageError():
            _log.error("door %s: events cannot be stored: %s", door, error)
            code, told = "storage_failed", "events cannot be stored just now; send them again"
        case TimeoutError():
            _log.error("door %s: storing events took too long", door)
            code, told = "timeout", "storing took too long; send the events again"
        case _:
            _log.error("door %s broke", door, exc_info=error)
            code, told = "internal", "the host broke on this request; send it again later"
    return failure(HTTPStatus.SERVICE_UNAVAILABLE, code, told, retry_after=pause)
