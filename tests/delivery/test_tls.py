"""A partner whose certificate does not hold for a while: everything waits, and is delivered."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from tests.delivery import parts
from tests.delivery.parts import config, event, small_catalog
from tests.http.certificates import DAY, Authority
from tests.waiting import until

from offramp.config import Instance
from offramp.delivery import Engine, make_runtime
from offramp.delivery.limits import Gate
from offramp.delivery.runtime import InstanceRuntime
from offramp.http import LOOPBACK, Egress, aiohttp_transport
from offramp.plugins import CatalogEntry
from offramp.queue import SqliteLedger, Stage, open_queue
from offramp.storage import Store

#: Enough to open the circuit breaker, were each tried once.
EVENTS = 20
PATIENCE = 20.0


@asynccontextmanager
async def partner(port: int, context: ssl.SSLContext | None) -> AsyncIterator[list[str]]:
    """A server on this machine; the ids that it took."""
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        taken.extend(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post("/take", take)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield taken
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("faulty", "code"),
    [
        ({"ends": -DAY / 2}, "CERT_HAS_EXPIRED"),
        ({"begins": DAY / 2}, "CERT_NOT_YET_VALID"),
        ({"self_signed": True}, "DEPTH_ZERO_SELF_SIGNED_CERT"),
        ({"address": "127.0.0.2"}, "ERR_TLS_CERT_ALTNAME_INVALID"),
        (None, "EPROTO"),
    ],
)
async def test_events_wait_for_a_certificate_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: dict[str, Any] | None, code: str
) -> None:
    """A real TLS server: each fault is retried and counted by the breaker, and all arrive later."""
    authority = Authority(tmp_path)
    port = unused_port()
    monkeypatch.setattr(parts, "URL", f"https://127.0.0.1:{port}/take")
    ids = [f"m{number}" for number in range(EVENTS)]
    gates: list[Gate] = []

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = {"token": "s3cr3t-token"}
        runtime = make_runtime(
            instance, entry, settings, transport=aiohttp_transport(session, Egress(allow=LOOPBACK))
        )
        gates.append(runtime.gate)
        return runtime

    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.trusted())) as session,
        Store.open(tmp_path / "data") as store,
        open_queue(store) as queue,
    ):
        engine = Engine(small_catalog(), queue, start)
        await engine.apply(config(action="takeOne"))
        async with partner(port, None if faulty is None else authority.server(**faulty)) as taken:
            await engine.accept("site", [event(each) for each in ids])
            await until(lambda: gates[0].state != "closed")
            ledger = SqliteLedger(store)
            records = [(await ledger.event(each))[0] for each in ids]
            reached = {(each.deliveries[0].stage, each.deliveries[0].reason) for each in records}
            assert reached <= {(Stage.RETRYING, code), (Stage.WAITING, "ACCEPTED")}
        assert taken == []
        async with partner(port, authority.server()) as taken:
            assert await engine.wait_until_idle(timeout=PATIENCE)
        assert sorted(taken) == sorted(ids)
        assert (await ledger.reconcile()).ok
        await engine.stop()
