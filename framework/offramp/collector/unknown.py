"""Answers paths that no endpoint has, with the nearest that one has."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from offramp.collector.cors import allow_origin, preflight
from offramp.web.answers import failure
from offramp.web.unknown_paths import UnknownPaths

#: Where most events go; named if no path is near.
DEFAULT: Final = "/v1/batch"
_SETTINGS: Final = "/v1/projects/{writeKey}/settings"


def unknown_route(
    paths: Sequence[str], unknown: UnknownPaths, *, pages: Collection[str] = ()
) -> web.RouteDef:
    """Make the route for every path that no route before it has; `paths` are POST endpoints.

    Events that are sent to one of `pages`, which browsers open, are sent to no endpoint.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS:  # so that the page may send, and read the 404
            return await preflight(request)
        path = request.rel_url.raw_path
        allowed = [] if path in pages else await _allowed(request)
        if allowed:
            unknown.note("method", request.method, path, f"{allowed[0]} {path}")
            message = f"{request.path} does not allow {request.method}; use {', '.join(allowed)}"
            response = failure(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", message)
            response.headers[hdrs.ALLOW] = ", ".join(allowed)
        else:
            nearest = nearest_endpoint(request.path, paths)
            unknown.note("path", request.method, path, nearest)
            message = f"there is no {request.path}; the nearest endpoint is {nearest}"
            response = failure(HTTPStatus.NOT_FOUND, "unknown_path", message)
        allow_origin(request, response)
        return response

    return web.route("*", "/{rest:.*}", handle)


def nearest_endpoint(path: str, paths: Iterable[str]) -> str:
    """Name the endpoint, with its method, that a path most probably means."""
    words = [word.lower() for word in path.split("/") if word]
    if {"projects", "settings"} & set(words):
        return f"GET {_SETTINGS}"
    names = [known.rpartition("/")[2] for known in paths if not known.endswith("/")]
    near = difflib.get_close_matches(words[-1] if words else "", names, n=1)
    return f"POST /v1/{near[0]}" if near else f"POST {DEFAULT}"


async def _allowed(request: web.Request) -> list[str]:
    """List the methods that other routes allow for the path of a request."""
    found: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            found |= (await resource.resolve(request))[1]
    return sorted(found - {hdrs.METH_OPTIONS, hdrs.METH_ANY})
