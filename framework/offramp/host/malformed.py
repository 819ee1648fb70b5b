"""Counts requests that are not valid HTTP, and logs each in one line without a traceback."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from offramp.collector.metrics import Count
from offramp.web.answers import failure

_VERSIONS: Final = (HttpVersion11, HttpVersion10)
#: The value of `Expect` from a client that waits with its body. Source: RFC 9110, section 10.1.1.
_CONTINUE: Final = "100-continue"

_log = logging.getLogger(__name__)


class ConnectionLog(logging.LoggerAdapter[logging.Logger]):
    """The log of aiohttp, without tracebacks for invalid HTTP of a caller."""

    def __init__(self, malformed: Count) -> None:
        super().__init__(_log, {})
        self._malformed = malformed

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        """Log an error; for malformed HTTP only one line."""
        if isinstance(exc_info, HttpProcessingError):
            self._note(exc_info, args)
        else:
            super().exception(msg, *args, exc_info=exc_info, **kwargs)

    def debug(self, msg: object, *args: object, exc_info: Any = None, **kwargs: Any) -> None:
        """Log an expected error; but report bytes that are not HTTP, which aiohttp logs as such.

        They may come from a sender that uses `https://` by mistake, so that no event arrives.
        """
        if isinstance(exc_info, HttpProcessingError):
            self._note(exc_info, args)
        else:
            super().debug(msg, *args, exc_info=exc_info, **kwargs)

    def _note(self, error: HttpProcessingError, args: tuple[object, ...]) -> None:
        self._malformed.total += 1
        what = str(error.message).partition("\n")[0].rstrip(": ")
        caller = args[0] if args else "somebody"
        _log.warning("%s sent invalid HTTP: %s", caller, what)


@web.middleware
async def refuse_other_versions(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Serve HTTP/1.0 and 1.1, and refuse other versions."""
    if request.version in _VERSIONS:
        return await handler(request)
    message = "only HTTP/1.0 and HTTP/1.1 are supported"
    response = failure(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "bad_request", message)
    response.force_close()
    return response


async def meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Answer `Expect: 100-continue` so that the body is sent; refuse other expectations."""
    if request.version != HttpVersion11:
        return None
    if request.headers[hdrs.EXPECT].lower() != _CONTINUE:
        message = f"Expect supports only {_CONTINUE}; send the request without it"
        return failure(HTTPStatus.EXPECTATION_FAILED, "bad_request", message)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the interim response is not part of the answer
    return None
