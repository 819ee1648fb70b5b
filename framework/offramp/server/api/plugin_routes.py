"""Routes that plugins add below `/x/`, behind the same token."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from aiohttp import web

from offramp import _json
from offramp.errors import PluginError
from offramp.hooks import Route
from offramp.plugins import Plugins
from offramp.plugins.catalog import claim
from offramp.server.api.access import Guard
from offramp.server.api.serving import HEADERS, guarded, read_json

PREFIX = "/x/"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_log = logging.getLogger(__name__)


def plugin_routes(plugins: Plugins, guard: Guard) -> Iterator[web.RouteDef]:
    """A route for each that a plugin declares; raises `PluginError` where two clash."""
    owners: dict[str, str] = {}
    for plugin, route in plugins.routes():
        method = route.method.upper()
        if method not in METHODS or not route.path.startswith(PREFIX):
            raise PluginError(
                f"plugin {plugin!r}: the route {route.method} {route.path} must begin with "
                f"{PREFIX} and have one of the methods {', '.join(sorted(METHODS))}"
            )
        claim(owners, f"{method} {route.path}", plugin, "route")
        yield web.route(method, route.path, guarded(guard, _handler(plugin, route)))


def _handler(plugin: str, route: Route) -> object:
    async def handle(request: web.Request) -> web.Response:
        body = await read_json(request)
        query = {**request.match_info, **request.query}
        status, answer = await route.handler(query, body)
        _log.debug("plugin %s answered %s %s with %d", plugin, route.method, route.path, status)
        return web.Response(status=status, body=_json.dumps(answer), headers=HEADERS)

    return handle
