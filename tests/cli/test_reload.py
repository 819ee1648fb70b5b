"""References are read anew while the host runs: by signal, by command, and after refusals."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web
from tests.cli.conftest import CONFIG, Offramp, usage
from tests.cli.parts import PATIENCE, Process, running, serving, write
from tests.listening import listening
from tests.waiting import until

from offramp.api import reloading

KEY = "product-key"
OTHER = """
[instances.other]
destination = "metronome-actions"
source = "product"
settings = { apiToken = "env:METRONOME_TOKEN" }
"""


@attrs.define
class Partner:
    """Takes events under one token, which a test may change; counts refused requests."""

    token: str
    taken: Counter[str] = attrs.field(factory=Counter)
    refused: int = 0
    #: The tokens of the requests that were accepted.
    tokens: list[str] = attrs.field(factory=list)

    async def ingest(self, request: web.Request) -> web.Response:
        """Metronome's endpoint."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token not in {given, "any"}:
            self.refused += 1
            return web.Response(status=403, text="this token was replaced")
        self.tokens.append(given)
        self.taken.update(each["transaction_id"] for each in await request.json())
        return web.Response()


@asynccontextmanager
async def partner_at(token: str) -> AsyncIterator[tuple[Partner, str]]:
    """A partner, and its URL."""
    partner = Partner(token)
    app = web.Application()
    app.add_routes([web.post("/v1/ingest", partner.ingest)])
    async with listening(app) as url:
        yield partner, url


@pytest.fixture
def secret(config: Path) -> Path:
    """The partner's token, in a file to which the configuration refers."""
    path = config.parent / "token-of-the-partner"
    path.write_text("first-token\n")
    config.write_text(CONFIG.replace("env:METRONOME_TOKEN", f"file:{path}"))
    return path


@pytest.fixture
def key(config: Path) -> Path:
    """The source's write key in a file, and a second instance, of which no value is in one."""
    path = config.parent / "write-key"
    path.write_text(KEY)
    text = config.read_text().replace(f'"{KEY}"', f'"file:{path}"')
    config.write_text(text + OTHER)
    return path


async def send(session: aiohttp.ClientSession, url: str, *ids: str) -> None:
    body = {"writeKey": KEY, "batch": [usage(each) for each in ids]}
    async with session.post(f"{url}/v1/batch", json=body) as answer:
        assert answer.status == 200


async def test_a_partner_s_token_is_replaced_under_flow_and_no_event_is_rejected(
    config: Path, secret: Path, offramp: Offramp
) -> None:
    """The partner refuses the old token before the file has the new one; nothing else is done."""
    sent: list[str] = []
    async with (
        partner_at("first-token") as (partner, url),
        serving(config, url) as host,
        aiohttp.ClientSession() as session,
    ):
        flowing = True

        async def flow() -> None:
            while flowing:
                ids = [f"m{len(sent) + n}" for n in range(20)]
                await send(session, host.url, *ids)
                sent.extend(ids)
                await asyncio.sleep(0.02)

        task = asyncio.create_task(flow())
        await until(lambda: len(partner.taken) > 200)
        partner.token = "second-token"
        await until(lambda: partner.refused >= 3)
        write(secret, "second-token\n")
        await until(lambda: "second-token" in partner.tokens)
        flowing = False
        await task
        await until(lambda: len(partner.taken) == len(sent))
        folder = config.parent / "offramp-data"
        row: dict[str, Any] = {"delivered": 0}
        async with asyncio.timeout(PATIENCE):
            while row["delivered"] < len(sent):  # outcomes are stored after the partner's answer
                status = await asyncio.to_thread(offramp, "status", "--json", "--data-dir", folder)
                [row] = status.lines[0]["subscriptions"]
        assert (row["delivered"], row["rejected"]) == (len(sent), 0)
        assert await host.stop() == 0
    assert set(partner.taken) == set(sent)


async def heard(host: Process, text: str) -> None:
    """Read the log until it says something."""
    stream = host.process.stderr
    assert stream is not None
    async with asyncio.timeout(PATIENCE):
        while text not in (await stream.readline()).decode():
            pass


async def test_sighup_reads_references_anew_and_does_not_end_the_host(
    config: Path, secret: Path
) -> None:
    """Requests after the signal carry the new token; a missing file leaves the one before."""
    async with (
        partner_at("any") as (partner, url),
        serving(config, url) as host,
        aiohttp.ClientSession() as session,
    ):
        write(secret, "second-token")
        await send(session, host.url, "m1")
        await until(lambda: "m1" in partner.taken)
        host.process.send_signal(signal.SIGHUP)
        await heard(host, "changed: instances.metronome")
        await send(session, host.url, "m2")
        await until(lambda: "m2" in partner.taken)
        write(secret, None)
        host.process.send_signal(signal.SIGHUP)
        await heard(host, "cannot be read: No such file or directory; the value that was read")
        await send(session, host.url, "m3")
        await until(lambda: "m3" in partner.taken)
        assert partner.tokens == ["first-token", "second-token", "second-token"]
        assert await host.stop() == 0


async def test_reload_costs_only_what_has_another_value(
    config: Path, secret: Path, key: Path, offramp: Offramp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other instance keeps its connections, the sources their keys; the command says so."""
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 3_600.0)
    folder = config.parent / "data"
    async with running(config, folder) as host:

        async def reload() -> Any:
            return await asyncio.to_thread(offramp, "reload", "--data-dir", folder)

        before = host.engine.snapshot
        result = await reload()
        assert (result.status, result.out) == (0, "nothing has another value\n")
        assert host.engine.snapshot.runtimes == before.runtimes

        write(secret, "second-token")
        write(key, "another-key")
        result = await reload()
        assert result.status == 0
        assert result.out == "read anew: sources.product\nread anew: instances.metronome\n"
        after = host.engine.snapshot
        assert after.runtimes["metronome"].settings["apiToken"] == "second-token"
        assert after.runtimes["other"] is before.runtimes["other"]
        assert after.plans == before.plans
        assert host.engine.source_of("another-key") == "product"
        assert host.engine.source_of(KEY) is None

        write(secret, None)
        write(key, "a key with\na line break")
        result = await reload()
        assert result.status == 1
        assert "nothing has another value" in result.out
        assert "sources.product.write_key: must be printable ASCII" in result.err
        where, what = "instances.metronome.settings.apiToken", "No such file or directory"
        assert f"{where}: the file {secret} cannot be read: {what}" in result.err
        assert host.engine.snapshot.runtimes == after.runtimes
        result = await asyncio.to_thread(offramp, "status", "--json", "--data-dir", folder)
        assert result.status == 1
        [degraded] = result.lines[0]["degraded"]
        assert degraded["kind"] == "reference"
        assert degraded["pointer"] == "#/instances/metronome/settings/apiToken"
        assert host.engine.source_of("another-key") == "product"
