"""The operator's endpoints: `/livez`, `/readyz` and `/metrics`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import attrs
from aiohttp import web
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from offramp.web.answers import data
from offramp.web.health import (
    FindDegraded,
    FindPaused,
    degraded_shape,
    nothing_degraded,
    nothing_paused,
)

#: Returns what is wrong, or `None`.
Check: TypeAlias = Callable[[], Awaitable[str | None]]
#: Updates the metrics that are not counted as they happen.
Refresh: TypeAlias = Callable[[], Awaitable[None]]

#: Seconds for all checks, which run at the same time; shorter than the timeout of most probes.
CHECK_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


def ops_routes(
    *,
    registry: CollectorRegistry,
    readiness: Mapping[str, Check],
    degraded: FindDegraded = nothing_degraded,
    paused: FindPaused = nothing_paused,
    refresh: Refresh | None = None,
) -> list[web.RouteDef]:
    """Make `/livez`, `/readyz` (which runs the checks, by name) and `/metrics`.

    `/readyz` answers 503 only if a check of `readiness` fails: a load balancer may act on it. What
    is `degraded` or `paused` is only listed.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        faults, found, waiting = await asyncio.gather(_faults(readiness), degraded(), paused())
        answer: dict[str, Any] = {"ready": not faults}
        if faults:
            answer["faults"] = faults
        if found:
            answer["degraded"] = [degraded_shape(each, public=True) for each in found]
        if waiting:
            answer["paused"] = list(waiting)
        return data(answer, HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK)

    async def metrics(request: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Collected in the event loop, which counts; encoded in a thread, as the text may be long.
        body = await asyncio.to_thread(encode, _Collected(list(registry.collect())))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


@attrs.frozen
class _Collected(Collector):
    """Collected metrics, ready to be encoded."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        """Return the collected metrics."""
        return self.metrics


async def _faults(checks: Mapping[str, Check]) -> dict[str, str]:
    answers = await asyncio.gather(*(_fault(name, check) for name, check in checks.items()))
    return {name: fault for name, fault in zip(checks, answers, strict=True) if fault is not None}


async def _fault(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"the check did not end within {CHECK_SECONDS:g} s"
    except Exception:  # noqa: BLE001 - any error means "not ready"
        _log.exception("the readiness check %r failed with an error", name)
        return "the check raised an error; the log has the traceback"
