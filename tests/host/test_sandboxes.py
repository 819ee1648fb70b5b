"""A host with an instance that uses a sandbox: from nothing to the first event that it received."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.host.calls import SOURCES, SUBSCRIPTION, ask, track
from tests.plugins.small import catalog_of, declares

from offramp.config import Document, HostSettings, parse_config
from offramp.errors import ConfigError
from offramp.host.run import Host, run_host
from offramp.plugins import Catalog, load_catalog, load_plugins

SLUG = "metronome-actions"
TRIAL: dict[str, Any] = {
    "destination": SLUG,
    "source": "site",
    "sandbox": True,
    "subscriptions": [SUBSCRIPTION],
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """What is installed."""
    return load_catalog(load_plugins())


@asynccontextmanager
async def hosting(
    folder: Path, catalog: Catalog, instance: Mapping[str, Any] | None = None
) -> AsyncIterator[Host]:
    """A host of a document with this instance, or of what its folder holds."""
    written = None
    if instance is not None:
        document = {"sources": SOURCES, "instances": {"trial": dict(instance)}}
        config = parse_config(Document(data=document), catalog).config
        written = lambda _: config  # noqa: E731 - what `run_host` takes
    settings = attrs.evolve(HostSettings(), port=0)
    async with run_host(written, catalog, settings, folder=folder) as host:
        yield host


async def test_an_event_reaches_the_sandbox_without_any_credentials(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance has no token; the partner's address, wherever it points, is never used."""
    monkeypatch.setenv("METRONOME_BASE_URL", "http://192.0.2.1:9")
    async with hosting(tmp_path, catalog, TRIAL) as host:
        assert (await ask(host, "POST", "instances/trial/test"))["result"] == "good"
        await track(host, "m1")
        received = await ask(host, "GET", f"sandboxes/{SLUG}/received")
        assert [each["transaction_id"] for each in received["received"]] == ["m1"]
        assert received["received"][0]["customer_id"] == "acme"
        record = await host.event("m1")
        assert record is not None
        [delivery] = record["deliveries"]
        assert delivery["stage"] == "delivered"
        url = (await ask(host, "GET", f"sandboxes/{SLUG}"))["url"]
        assert delivery["exchange"]["url"] == f"{url}/v1/ingest"


async def test_the_instance_is_marked(tmp_path: Path, catalog: Catalog) -> None:
    """Status, the instance and its warnings say that it bills nobody."""
    async with hosting(tmp_path, catalog, TRIAL) as host:
        [status] = (await ask(host, "GET", "status"))["instances"]
        assert status["sandbox"] is True
        answer = await ask(host, "GET", "instances/trial")
        assert answer["instance"]["sandbox"] is True
        assert any("uses a sandbox" in each["detail"] for each in answer["warnings"])
        sandboxes = (await ask(host, "GET", "sandboxes"))["sandboxes"]
        [shape] = [each for each in sandboxes if each["destination"] == SLUG]
        assert shape["instances"] == ["trial"]


async def test_it_runs_again_after_a_restart(tmp_path: Path, catalog: Catalog) -> None:
    """The port is another one, and nothing has to be configured anew."""
    async with hosting(tmp_path, catalog, TRIAL) as host:
        await track(host, "m1")
    async with hosting(tmp_path, catalog) as host:
        await track(host, "m2")
        received = await ask(host, "GET", f"sandboxes/{SLUG}/received")
        assert [each["transaction_id"] for each in received["received"]] == ["m2"]


async def test_one_in_use_is_not_stopped(tmp_path: Path, catalog: Catalog) -> None:
    """Stopping it would only lose what it shows, as the next delivery starts it again."""
    async with hosting(tmp_path, catalog, TRIAL) as host:
        await track(host, "m1")
        refused = await ask(host, "DELETE", f"sandboxes/{SLUG}", status=409)
        assert "instances use this sandbox: trial" in refused["detail"]
        await ask(host, "POST", "instances/trial/disable")
        assert (await ask(host, "DELETE", f"sandboxes/{SLUG}"))["running"] is False
        assert (await ask(host, "GET", f"sandboxes/{SLUG}/received"))["received"] == []


async def test_none_runs_unless_somebody_asks(tmp_path: Path, catalog: Catalog) -> None:
    """A host whose instances use none starts none; a request starts it, and gives its settings."""
    real = {**TRIAL, "sandbox": False, "enabled": False, "settings": {"apiToken": "real"}}
    async with hosting(tmp_path, catalog, real) as host:
        assert (await ask(host, "GET", f"sandboxes/{SLUG}"))["running"] is False
        started = await ask(host, "POST", f"sandboxes/{SLUG}")
        assert started["running"] is True
        assert started["settings"] == {"apiToken": "sandbox-token"}
        assert started["url"].startswith("http://127.0.0.1:")
        changed = {"sandbox": True, "enabled": True}
        await ask(host, "PATCH", "instances/trial", changed)
        await track(host, "m1")
        assert (await ask(host, "GET", f"sandboxes/{SLUG}/received"))["total"] == 1


async def test_without_the_sandbox_credentials_are_required_again(
    tmp_path: Path, catalog: Catalog
) -> None:
    """An instance that leaves its sandbox must say how it reaches the partner."""
    async with hosting(tmp_path, catalog, TRIAL) as host:
        refused = await ask(host, "PATCH", "instances/trial", {"sandbox": False}, status=422)
        [error] = refused["errors"]
        assert error["pointer"].endswith("/settings/apiToken")


def test_a_destination_without_a_sandbox_cannot_be_used_with_one() -> None:
    """It would send to the partner what was meant for nobody."""
    bare = attrs.evolve(load_catalog(load_plugins())[SLUG].destination, sandbox=None)
    catalog = catalog_of(declares("bare", bare))
    document = {"sources": SOURCES, "instances": {"trial": TRIAL}}
    with pytest.raises(ConfigError, match="declares no sandbox"):
        parse_config(Document(data=document), catalog)
