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

#: Answers `None` if all is well, or what is wrong.
Check: TypeAlias = Callable[[], Awaitable[str | None]]
#: Answers what does not run though the host takes events: place -> why.
Problems: TypeAlias = Callable[[], Mapping[str, str]]
#: Brings metrics up to date that are not counted as they happen.
Refresh: TypeAlias = Callable[[], Awaitable[None]]

#: Seconds for all checks, which run at once; who probes gives up soon after.
READY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


def ops_routes(
    *,
    registry: CollectorRegistry,
    readiness: Mapping[str, Check],
    degraded: Mapping[str, Check],
    problems: Problems,
    refresh: Refresh | None = None,
) -> list[web.RouteDef]:
    """Make `/livez`, `/readyz` (which runs the checks, by name) and `/metrics`.

    `/readyz` is 503 where a check of `readiness` fails; what fails of `degraded`, and what there
    is of `problems`, it lists.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        faults = await _faults(readiness)
        listed = {**problems(), **await _faults(degraded)}
        answer: dict[str, Any] = {"ready": not faults}
        if faults:
            answer["faults"] = faults
        if listed:
            answer["degraded"] = [{"place": place, "message": m} for place, m in listed.items()]
        return data(answer, HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK)

    async def metrics(request: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Read in the loop, which counts; written in a thread, as many subscriptions are much text.
        body = await asyncio.to_thread(encode, _Collected(list(registry.collect())))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


@attrs.frozen
class _Collected(Collector):
    """What a registry collected, ready to be written."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        """The metrics as they were."""
        return self.metrics


async def _faults(checks: Mapping[str, Check]) -> dict[str, str]:
    answers = await asyncio.gather(*(_fault(name, check) for name, check in checks.items()))
    return {name: fault for name, fault in zip(checks, answers, strict=True) if fault is not None}


async def _fault(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {READY_SECONDS:g} s"
    except Exception:  # noqa: BLE001 - a probe must be answered with "not ready", whatever broke
        _log.exception("the readiness check %r broke", name)
        return "the check broke; the log has the traceback"
