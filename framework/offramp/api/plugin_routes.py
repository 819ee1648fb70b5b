"""Routes that plugins add below `/x/`, behind the same token."""

from __future__ import annotations

import logging
from collections import Counter

from aiohttp import web

from offramp import _json
from offramp.api.access import Guard
from offramp.api.serving import HEADERS, guarded, read_json
from offramp.hooks import Route
from offramp.plugins import Plugins

PREFIX = "/x/"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_log = logging.getLogger(__name__)


def plugin_routes(plugins: Plugins, guard: Guard) -> list[web.RouteDef]:
    """Make the routes that plugins declare.

    A route that cannot be served, or that two plugins declare, is left out and reported.
    """
    declared = [
        (plugin, route) for plugin, route in plugins.routes() if _serves(plugins, plugin, route)
    ]
    count = Counter(map(_key, (route for _, route in declared)))
    found = []
    for plugin, route in declared:
        key = _key(route)
        if count[key] > 1:
            both = ", ".join(sorted({repr(name) for name, each in declared if _key(each) == key}))
            plugins.report(plugin, key, f"the route {key} is left out: it is declared by {both}")
        else:
            found.append(
                web.route(route.method.upper(), route.path, guarded(guard, _handler(plugin, route)))
            )
    return found


def _key(route: Route) -> str:
    return f"{route.method.upper()} {route.path}"


def _serves(plugins: Plugins, plugin: str, route: Route) -> bool:
    key = _key(route)
    if route.method.upper() not in METHODS or not route.path.startswith(PREFIX):
        methods = ", ".join(sorted(METHODS))
        message = f"it must begin with {PREFIX} and have one of the methods {methods}"
    elif fault := _path_fault(route.path):
        message = fault
    else:
        return True
    plugins.report(plugin, key, f"the route {key} is left out: {message}")
    return False


def _path_fault(path: str) -> str | None:
    try:
        web.UrlDispatcher().add_resource(path)
    except ValueError as error:
        return str(error)
    return None


def _handler(plugin: str, route: Route) -> object:
    async def handle(request: web.Request) -> web.Response:
        body = await read_json(request)
        query = {**request.match_info, **request.query}
        status, answer = await route.handler(query, body)
        _log.debug("plugin %s answered %s %s with %d", plugin, route.method, route.path, status)
        return web.Response(status=status, body=_json.dumps(answer), headers=HEADERS)

    return handle
