"""A host holds open what plugins need, from before the first delivery until after the last."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from tests.host.calls import SOURCES, accept, ask, call
from tests.plugins.small import Payload, Settings, declares, make_destination, make_plugin

from offramp import Action, Destination, Request, SettledDelivery
from offramp.config import Document, HostSettings, parse_config
from offramp.host.run import run_host
from offramp.plugins import Catalog, load_catalog, load_plugins

PATIENCE = 20.0


def catalog_that_notes(seen: list[str], *, starts: bool = True) -> Catalog:
    """The destination `small` of one plugin, and `held` of another, which has a lifespan."""

    class Note(Action[Settings, Payload]):
        """Notes that it was called."""

        slug, title = "send", "Send"
        may_send_nothing = True

        async def perform(self, request: Request[Settings], payload: Payload) -> None:
            seen.append(f"{request.instance} performs")

    @asynccontextmanager
    async def offramp_lifespan() -> AsyncIterator[None]:
        if not starts:
            raise FileNotFoundError("there is no program node")
        seen.append("entered")
        yield
        seen.append("left")

    def offramp_destinations() -> Sequence[Destination]:
        return [make_destination("held", actions=[Note])]

    def offramp_settled(outcomes: Sequence[SettledDelivery]) -> None:
        seen.extend(f"{each.instance} {each.outcome}" for each in outcomes)

    holder = make_plugin(
        "holder",
        offramp_destinations=offramp_destinations,
        offramp_lifespan=offramp_lifespan,
        offramp_settled=offramp_settled,
    )
    small = declares("owner", make_destination(actions=[Note]))
    return load_catalog(load_plugins(extra=[small, holder], installed=False))


def instance_of(destination: str) -> dict[str, Any]:
    return {
        "destination": destination,
        "source": "site",
        "settings": {"token": "t"},
        "subscriptions": [{"preset": "Everything"}],
    }


def run(catalog: Catalog, folder: Path, *destinations: str) -> Any:
    """Run a host with an instance of each of these destinations."""
    instances = {each: instance_of(each) for each in destinations}
    document = Document(data={"sources": SOURCES, "instances": instances})
    config = parse_config(document, catalog).config
    settings = attrs.evolve(HostSettings(), port=0)
    return run_host(lambda _: config, catalog, settings, folder=folder)


async def test_it_is_entered_before_the_first_delivery_and_left_after_the_last(
    tmp_path: Path,
) -> None:
    """What waited meanwhile is delivered within it, and its end is observed within it."""
    seen: list[str] = []
    catalog = catalog_that_notes(seen)
    async with run(catalog, tmp_path, "held") as host:
        await ask(host, "POST", "instances/held/pause")
        await accept(host, "m1")
    assert seen == ["entered", "left"]
    del seen[:]
    async with run(catalog, tmp_path, "held") as host:
        await ask(host, "POST", "instances/held/resume")
        assert await host.wait_until_idle(timeout=PATIENCE)
    assert seen == ["entered", "held performs", "held delivered", "left"]


async def test_a_plugin_that_does_not_start_holds_only_its_own_instances(tmp_path: Path) -> None:
    """Its events wait, and the host says why; the other instance delivers, and a restart heals."""
    seen: list[str] = []
    async with run(catalog_that_notes(seen, starts=False), tmp_path, "held", "small") as host:
        await accept(host, "m1")
        while "small delivered" not in seen:
            await host.wait_until_idle(timeout=0.1)
        assert seen == ["small performs", "small delivered"]
        _, health = await call(host, "GET", "/readyz")
        degraded = {each["pointer"]: each["detail"] for each in health["degraded"]}
        assert "offramp_lifespan did not start: FileNotFoundError" in degraded["#/plugins/holder"]
        assert "'holder'" in degraded["#/instances/held"]
        assert "#/instances/small" not in degraded
        [depth] = [n for name, n in (await host.status())["in_flight"].items() if "held" in name]
        assert depth == 1
    del seen[:]
    async with run(catalog_that_notes(seen), tmp_path, "held", "small") as host:
        assert await host.wait_until_idle(timeout=PATIENCE)
    assert seen == ["entered", "held performs", "held delivered", "left"]
