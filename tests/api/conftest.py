"""A control API on real parts: a store in a folder, an engine, and a partner that can be told."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from prometheus_client import CollectorRegistry
from tests.api.granted import SLUG as GRANTED
from tests.api.granted import token_endpoint
from tests.delivery.parts import Partner, event, small_catalog
from tests.listening import listening

from offramp import _json
from offramp.api import HostContext, Tokens, control_routes
from offramp.collector import EventTaker
from offramp.config import (
    Config,
    ConfigStore,
    GrantStore,
    Instance,
    References,
    load_key_ring,
    parse_config,
    resolve_oauth,
    resolve_write_keys,
)
from offramp.config import diff_configs as diff
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.host.app import make_app
from offramp.host.readiness import quick_sums
from offramp.plugins import Catalog, CatalogEntry
from offramp.queue import Backups, DamagedDeliveries, RestoredDeliveries, SqliteLedger, open_queue
from offramp.storage import Store

TOKEN = "the-token-of-the-control-api"
SECRET = "s3cr3t-token-of-the-partner"
WRITE_KEY = "wk-0123456789-of-the-site"
SUBSCRIPTION = "small/one"
PATIENCE = 10.0
#: Seconds after which it is looked whether something else ended a wait.
A_LOOK = 0.1

WRITTEN: dict[str, Any] = {
    "sources": {"site": {"write_key": WRITE_KEY}},
    "instances": {
        "small": {
            "destination": "small",
            "source": "site",
            "settings": {"token": SECRET},
            "subscriptions": [
                {
                    "name": "one",
                    "action": "take",
                    "trigger": 'type = "track" and event != "Secret"',
                    "mapping": {"kind": {"@path": "$.properties.kind"}},
                }
            ],
        }
    },
}


@attrs.frozen
class Heard:
    """One answer."""

    status: int
    data: Any
    #: In any case.
    headers: Mapping[str, str]
    text: str


@attrs.frozen(kw_only=True)
class Running:
    """A host with its control API."""

    url: str
    session: aiohttp.ClientSession
    context: HostContext
    partner: Partner
    heard: list[Heard] = attrs.field(factory=list)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        raw: bytes | None = None,
    ) -> Heard:
        """Any request, with the token unless told otherwise."""
        given = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        data = io.BytesIO(raw or b"") if body is None else io.BytesIO(_json.dumps(body))
        async with self.session.request(
            method, f"{self.url}{path}", data=data, headers={k: v for k, v in given.items() if v}
        ) as answer:
            text = await answer.text()
            try:
                shown = _json.loads(text)
            except ValueError:
                shown = None
            heard = Heard(answer.status, shown, answer.headers, text)
        self.heard.append(heard)
        return heard

    async def get(self, path: str) -> Any:
        """The data of an answer that must be good."""
        heard = await self.ask("GET", path)
        assert heard.status == 200, heard.text
        return heard.data

    async def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The data of an answer with the expected status."""
        heard = await self.ask("POST", path, body)
        assert heard.status == status, heard.text
        return heard.data

    async def send(self, *message_ids: str, **properties: Any) -> None:
        """Accept events of the source and wait for their end, or until their instance is held."""
        engine = self.context.engine
        await engine.accept("site", [event(each, **properties) for each in message_ids])
        async with asyncio.timeout(PATIENCE):
            while not await engine.wait_until_idle(timeout=A_LOOK) and not engine.held:
                pass


@pytest.fixture
def partner() -> Partner:
    """Refuses what is called bad."""
    return Partner(judge=lambda ids: 422 if any(each.startswith("bad") for each in ids) else 200)


@pytest.fixture
def written() -> dict[str, Any]:
    """The configuration that the host starts with."""
    return WRITTEN


@pytest.fixture
def catalog() -> Catalog:
    """What the plugins of the host declare."""
    return small_catalog()


@pytest.fixture
async def host(
    tmp_path: Path, partner: Partner, written: dict[str, Any], catalog: Catalog
) -> AsyncIterator[Running]:
    """A running host."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(
            instance,
            entry,
            instance.settings,
            transport=token_endpoint if entry.slug == GRANTED else partner,
            app=resolve_oauth(instance, References()),
            grants=grants,
        )

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        configs = ConfigStore(store, load_key_ring(tmp_path, environ={}), catalog)
        grants = GrantStore(store, configs)
        config = parse_config(written, catalog).config
        await configs.apply(diff(Config(), config, catalog), 0, actor="test")
        engine = Engine(catalog, queue, start)
        await engine.apply(resolve_write_keys(config, References()), await configs.periods())
        context = HostContext(
            engine=engine,
            queue=queue,
            ledger=SqliteLedger(store),
            configs=configs,
            grants=grants,
            folder=tmp_path,
            backups=Backups(tmp_path),
            restored=RestoredDeliveries(store, queue),
            take_event=EventTaker(intake=engine),
            damaged=DamagedDeliveries(store, queue),
            sums=quick_sums(store),
            tokens=Tokens.of(default=TOKEN),
        )

        async def run(_: int, changed: Config) -> None:
            await engine.apply(resolve_write_keys(changed, References()), await configs.periods())

        app = make_app(
            intake=engine,
            registry=CollectorRegistry(),
            readiness={},
            more=control_routes(context),
            unknown_paths=context.unknown_paths,
        )
        try:
            with configs.watch(run):
                async with listening(app) as url, aiohttp.ClientSession() as session:
                    yield Running(url=url, session=session, context=context, partner=partner)
        finally:
            await context.background.close()
            await engine.stop()
            await context.sandboxes.close()


@pytest.fixture
async def incomplete(host: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A host whose instance is disabled, and cannot be started: it lacks a setting."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(instance, entry, {}, transport=host.partner)

    monkeypatch.setattr(host.context.engine, "_start_instance", start)
    for name in host.context.config.instances:
        await host.post(f"/api/instances/{name}/disable")
    return host
