"""What an action sees of where it runs: instance, subscription, dry run, cache."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
from tests.delivery.parts import event, make_small_runtime
from tests.delivery.wild import SUBSCRIPTION, URL, config, deliveries_of, running, well, wild

from offramp import Request


async def test_an_action_sees_where_it_runs_and_whether_it_is_a_dry_run(tmp_path: Path) -> None:
    """Instance and subscription by their names; only an explanation says that it explains."""
    seen: list[tuple[Any, ...]] = []

    async def perform(request: Request[Any], _: Any) -> None:
        seen.append((request.instance, request.subscription, request.explaining))
        assert request.hook_outputs == {}
        await request.post(URL)

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.explain(SUBSCRIPTION, event("m1"))
        await engine.accept("site", [event("m2")])
        [delivery] = await deliveries_of(ledger, "m2")
    assert delivery.stage.value == "delivered"
    assert seen == [("wild", SUBSCRIPTION, True), ("wild", SUBSCRIPTION, False)]


def test_a_call_that_is_of_no_subscription_says_so() -> None:
    """A test of the credentials belongs to the instance alone."""
    client = make_small_runtime(well).client()
    assert (client.instance, client.subscription, client.explaining) == ("small", None, False)


async def test_the_cache_of_an_instance_serves_its_deliveries_until_its_settings_change(
    tmp_path: Path,
) -> None:
    """One token for many events; a dry run makes none; other settings begin with an empty cache."""
    made: list[str] = []

    async def perform(request: Request[Any], payload: Any) -> None:
        async def make() -> str:
            await request.post(URL)
            if not request.explaining:
                made.append(request.settings.token)
            return "token"

        await request.cache.get_or_make("token", make, expires=timedelta(hours=1))
        await request.post(URL)

    catalog = wild(perform=perform)
    before = config(catalog)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(before)
        await engine.explain(SUBSCRIPTION, event("m0"))
        await engine.accept("site", [event(f"m{n}") for n in range(1, 6)])
        await asyncio.gather(*(deliveries_of(ledger, f"m{n}") for n in range(1, 6)))
        assert len(made) == 1
        explained = await engine.explain(SUBSCRIPTION, event("m0"))
        assert "earlier" not in explained["request"]  # the dry run finds the token
        changed = attrs.evolve(before.instances["wild"], settings={"token": "other"})
        await engine.apply(attrs.evolve(before, instances={"wild": changed}))
        await engine.accept("site", [event("m6")])
        await deliveries_of(ledger, "m6")
    assert len(made) == 2


def test_no_instance_sees_the_cache_of_another() -> None:
    """Each instance has a cache of its own."""
    one, other = make_small_runtime(well), make_small_runtime(well)
    one.client().cache.set("token", "of one", expires=timedelta(hours=1))
    assert one.client().cache.get("token") == "of one"
    assert other.client().cache.get("token") is None
