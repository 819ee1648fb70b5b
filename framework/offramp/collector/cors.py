"""CORS: the headers that let a page of another origin send events."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

#: Seconds that a browser may cache a preflight; Chromium allows two hours at most.
PREFLIGHT_SECONDS: Final = 7_200

# `*` would not cover Authorization (Fetch standard), which the browser SDK sends with each call;
# X-Retry-Count comes with each retry.
_PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Retry-Count",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}


def allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Let the calling page read the response and its `Retry-After`.

    Any origin may: a write key in a page is public, and the collector ignores cookies.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = origin
    # The browser SDK can be set to `credentials: "include"`, which needs this.
    headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Expose-Headers"] = "Retry-After, X-RateLimit-Reset"
    headers["Vary"] = "Origin"


async def preflight(request: web.Request) -> web.Response:
    """Answer OPTIONS."""
    response = web.Response(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
    allow_origin(request, response)
    return response
