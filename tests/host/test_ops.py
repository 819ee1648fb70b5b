"""The endpoints for operations, and the life of the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from tests.listening import listening

from offramp.errors import ConfigError
from offramp.host import ops
from offramp.web.health import Degraded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.collector.conftest import Running

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}


async def test_a_running_host_is_alive(collector: Running, http: aiohttp.ClientSession) -> None:
    """Liveness asks nothing of the disk or the queue."""
    collector.checks["queue"] = "is on fire"
    async with http.get(f"{collector.url}/livez") as response:
        assert (response.status, await response.text()) == (200, "ok")


async def test_readiness_names_the_check_that_fails(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A load balancer sees the status, a person the reason."""
    async with http.get(f"{collector.url}/readyz") as response:
        assert (response.status, await response.json()) == (200, {"ready": True})
    collector.checks["queue"] = "600,000 deliveries wait"
    async with http.get(f"{collector.url}/readyz") as response:
        assert response.status == 503
        answer = await response.json()
    assert answer == {"ready": False, "faults": {"queue": "600,000 deliveries wait"}}


async def test_a_check_that_breaks_or_hangs_is_not_ready(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe always gets its answer."""
    monkeypatch.setattr(ops, "CHECK_SECONDS", 0.05)

    async def holds() -> str | None:
        return None

    async def hangs() -> str | None:
        await asyncio.sleep(30)
        return None

    async def breaks() -> str | None:
        raise ZeroDivisionError

    checks = {"holds": holds, "hangs": hangs, "breaks": breaks}
    app = web.Application()
    app.add_routes(ops.ops_routes(registry=CollectorRegistry(), readiness=checks))
    async with listening(app) as url, http.get(f"{url}/readyz") as response:
        assert response.status == 503
        faults = (await response.json())["faults"]
    assert faults == {
        "hangs": "the check did not end within 0.05 s",
        "breaks": "the check raised an error; the log has the traceback",
    }


async def test_what_does_not_run_is_listed_and_the_host_is_ready(
    http: aiohttp.ClientSession,
) -> None:
    """Events are accepted, so it must not be taken out; whoever is woken reads what is wrong."""

    async def degraded() -> Sequence[Degraded]:
        return [
            Degraded(
                kind="instance",
                pointer="#/instances/billing",
                detail="the token abc is wrong",
                public_detail="does not run",
            )
        ]

    async def holds() -> str | None:
        return None

    app = web.Application()
    app.add_routes(
        ops.ops_routes(
            registry=CollectorRegistry(),
            readiness={"storage": holds},
            degraded=degraded,
        )
    )
    async with listening(app) as url, http.get(f"{url}/readyz") as response:
        assert response.status == 200
        assert await response.json() == {
            "ready": True,
            "degraded": [
                {"kind": "instance", "pointer": "#/instances/billing", "detail": "does not run"}
            ],
        }


async def test_the_figures_tell_what_happened(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """Requests by endpoint and status, events by end, bytes and seconds, in Prometheus' format."""
    body = b'{"batch":[{"type":"page","userId":"u"},{"type":"page"}]}'
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 200
    async with http.post(f"{collector.url}/v1/b/", data=body) as response:
        assert response.status == 401
    async with http.get(f"{collector.url}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        lines = (await response.text()).splitlines()
    for line in (
        'offramp_collector_requests_total{endpoint="b",status="200"} 1.0',
        'offramp_collector_requests_total{endpoint="b",status="401"} 1.0',
        "offramp_collector_events_accepted_total 1.0",
        "offramp_collector_events_duplicate_total 0.0",
        'offramp_collector_events_refused_total{reason="no_user_anon_id"} 1.0',
        'offramp_collector_events_refused_total{reason="unknown_source"} 1.0',
        f'offramp_collector_body_bytes_total{{endpoint="b"}} {2 * len(body)}.0',
        'offramp_collector_request_seconds_count{endpoint="b"} 2.0',
    ):
        assert line in lines


async def test_two_hosts_in_one_process_count_for_themselves(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """Each registry is a host's own: nothing of another test or host is in it."""
    async with http.post(f"{collector.url}/v1/m") as response:
        assert response.status == 200
    assert collector.metric("offramp_collector_events_accepted_total") == 0
    assert collector.metric("python_info") is None


async def test_a_request_under_way_is_finished_before_the_server_stops(
    http: aiohttp.ClientSession,
) -> None:
    """Stopping closes the port first and lets in-flight work end; then the port is free."""
    entered = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        entered.set()
        await asyncio.sleep(0.1)
        return web.Response(text="done")

    app = web.Application()
    app.add_routes([web.get("/", slow)])
    async with listening(app, shutdown_seconds=5) as url:
        answer = asyncio.create_task(http.get(url))
        await entered.wait()
    async with await answer as response:
        assert await response.text() == "done"
    with pytest.raises(aiohttp.ClientConnectorError):
        await http.get(url)


async def test_stopping_does_not_wait_for_ever(http: aiohttp.ClientSession) -> None:
    """A request that never ends is cut off after the grace period."""
    entered = asyncio.Event()

    async def stuck(_: web.Request) -> web.Response:
        entered.set()
        await asyncio.sleep(60)
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", stuck)])
    async with asyncio.timeout(5):
        async with listening(app, shutdown_seconds=0.05) as url:
            answer = asyncio.create_task(http.get(url))
            await entered.wait()
        with pytest.raises(aiohttp.ClientError):
            await answer


async def test_an_address_in_use_is_an_error() -> None:
    """The caller hears it at once, and nothing is left running."""
    async with listening(web.Application()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} is in use: stop the program"):
            async with listening(web.Application(), "127.0.0.1", port):
                pass


async def ok(_: web.Request) -> web.Response:
    return web.Response()


async def test_an_ipv6_address_makes_a_url(http: aiohttp.ClientSession) -> None:
    """The host stands in brackets."""
    app = web.Application()
    app.add_routes([web.get("/", ok)])
    async with listening(app, "::1", 0) as url, http.get(url) as response:
        assert url.startswith("http://[::1]:")
        assert response.status == 200
