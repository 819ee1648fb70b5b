"""Makes the aiohttp application with all endpoints of the host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import attrs
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry

from offramp.collector.intake import Intake
from offramp.collector.limits import Limits
from offramp.collector.metrics import CollectorMetrics, Count
from offramp.collector.routes import collector_routes
from offramp.collector.unknown import unknown_route
from offramp.host.descriptors import watch_descriptors
from offramp.host.malformed import ConnectionLog, meet_expectation, refuse_other_versions
from offramp.host.ops import Check, Refresh, ops_routes
from offramp.queue import Clock
from offramp.web.answers import failure
from offramp.web.health import FindDegraded, FindPaused, nothing_degraded, nothing_paused
from offramp.web.unknown_paths import UnknownPaths

#: Seconds that an idle connection stays open: longer than load balancers keep theirs, so that the
#: host does not close one that is about to be used.
KEEPALIVE_SECONDS: Final = 75.0


def make_app(  # noqa: PLR0913 - the parts of a host, by keyword
    *,
    intake: Intake,
    registry: CollectorRegistry,
    readiness: Mapping[str, Check],
    degraded: FindDegraded = nothing_degraded,
    paused: FindPaused = nothing_paused,
    limits: Limits | None = None,
    public_url: str | None = None,
    proxies: int = 0,
    more: Iterable[web.RouteDef] = (),
    console: Sequence[web.RouteDef] = (),
    refresh: Refresh | None = None,
    unknown_paths: UnknownPaths | None = None,
    clock: Clock | None = None,
    metrics: CollectorMetrics | None = None,
) -> web.Application:
    """Make the application: collector, endpoints for operations, `more` routes and the console.

    `/readyz` reports `readiness`, `degraded` and `paused`; `refresh` runs before each scrape of the
    metrics. `unknown_paths` counts requests that no route serves. The collector goes by `clock`.
    """
    metrics = metrics or CollectorMetrics(registry)
    unknown_paths = unknown_paths or UnknownPaths()
    registry.register(unknown_paths)
    collector = collector_routes(
        intake,
        metrics=metrics,
        limits=limits,
        public_url=public_url,
        proxies=proxies,
        clock=clock,
    )
    ops = ops_routes(
        registry=registry,
        readiness=readiness,
        degraded=degraded,
        paused=paused,
        refresh=refresh,
    )
    others = unknown_route(
        [route.path for route in collector if route.method == hdrs.METH_POST],
        unknown_paths,
        pages={route.path for route in console},
    )
    app = _application([*collector, *ops, *more, *console, others], metrics.malformed)

    async def watch(_: web.Application) -> AsyncIterator[None]:
        async with watch_descriptors(registry):
            yield

    app.cleanup_ctx.append(watch)
    return app


def make_console_app(routes: Iterable[web.RouteDef], malformed: Count) -> web.Application:
    """Make the application for an address of the console's own: its routes, and 404 elsewhere.

    Requests that are not valid HTTP are counted in `malformed`.
    """

    async def nowhere(request: web.Request) -> web.Response:
        message = (
            f"there is no {request.path} at this address, which serves the console (/) and the "
            "control API (/api) alone; events are sent to the host's other address"
        )
        return failure(HTTPStatus.NOT_FOUND, "unknown_path", message)

    return _application([*routes, web.route("*", "/{rest:.*}", nowhere)], malformed)


def _application(routes: Iterable[web.RouteDef], malformed: Count) -> web.Application:
    app = web.Application(
        middlewares=[refuse_other_versions],
        handler_args={
            # The collector inflates bodies itself, within limits.
            "auto_decompress": False,
            # Paths contain write keys, and a log line costs more than the request.
            "access_log": None,
            "logger": ConnectionLog(malformed),
            "keepalive_timeout": KEEPALIVE_SECONDS,
        },
    )
    for route in routes:
        kwargs = {**route.kwargs, "expect_handler": meet_expectation}
        app.add_routes([attrs.evolve(route, kwargs=kwargs)])
    return app
