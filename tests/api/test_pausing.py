"""Pausing by the API: what waits and since when is listed, and an event says what it waits for."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from tests.api.conftest import PATIENCE, SUBSCRIPTION, Running
from tests.delivery.parts import event

KINDS = [("source", "site"), ("instance", "small"), ("subscription", SUBSCRIPTION)]


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_what_is_paused_is_listed_and_waits(host: Running, kind: str, name: str) -> None:
    """Status tells since when and how many wait, the event why; resumed, all of it arrives."""
    place = f"/api/{kind}s/{quote(name, safe='')}"
    answer = await host.post(f"{place}/pause")
    assert answer[kind]["paused"] is True
    await host.context.engine.accept("site", [event("m1"), event("m2")])
    status = await host.get("/api/status")
    [paused] = status["paused"]
    assert status["degraded"] == []
    assert (paused["kind"], paused["id"], paused["waiting"]) == (kind, name, 2)
    [subscription] = status["subscriptions"]
    assert subscription["paused"]
    assert host.partner.taken == []
    [record] = (await host.get("/api/events/m1"))["events"]
    assert record["deliveries"][0]["why"]["text"] == (
        f"it waits, as the {kind} {name} is paused since {paused['since']}; "
        f"`offramp resume {name}` lets it go on"
    )
    await host.post(f"{place}/pause")  # once more: it changes nothing
    assert (await host.get("/api/status"))["paused"] == [paused]
    answer = await host.post(f"{place}/resume")
    assert answer[kind]["paused"] is False
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(host.partner.taken) == ["m1", "m2"]
    assert (await host.get("/api/status"))["paused"] == []


async def test_what_is_paused_within_something_paused_goes_on_waiting(host: Running) -> None:
    """Resuming the source leaves the instance paused, since the time when that was paused."""
    await host.post("/api/instances/small/pause")
    before = (await host.get("/api/status"))["paused"]
    await host.post("/api/sources/site/pause")
    await host.context.engine.accept("site", [event("m1")])
    await host.post("/api/sources/site/resume")
    [paused] = (await host.get("/api/status"))["paused"]
    assert paused == {**before[0], "waiting": 1}
    assert host.partner.taken == []


async def test_the_periods_are_on_disk_with_the_change(host: Running) -> None:
    """Every way to pause writes them down: here a document and a PATCH."""
    document = (await host.get("/api/config"))["document"]
    document["instances"]["small"]["paused"] = True
    await host.post("/api/config", document)
    periods = await host.context.configs.periods()
    assert periods.since("instance", "small", "paused") is not None
    config = host.context.config
    await host.ask("PATCH", "/api/instances/small", {"paused": False})
    periods = await host.context.configs.periods()
    assert periods.since("instance", "small", "paused") is None
    [(since, until)] = periods.pauses_of(config, SUBSCRIPTION).times
    assert since < until < since + PATIENCE


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_an_event_says_what_was_disabled_and_what_sends_it(
    host: Running, kind: str, name: str
) -> None:
    """The reason names the thing; the remedy is a command."""
    await host.post(f"/api/{kind}s/{quote(name, safe='')}/disable")
    await host.context.engine.accept("site", [event("m1")])
    [record] = (await host.get("/api/events/m1"))["events"]
    [delivery] = record["deliveries"]
    assert (delivery["stage"], delivery["reason"]) == ("filtered", f"{kind.upper()}_DISABLED")
    assert delivery["why"]["text"] == f"the {kind} {name} was disabled when the event came"
    assert delivery["why"]["fix"] == (
        f"enable it; then `offramp replay --filtered --subscription {SUBSCRIPTION}` sends what "
        "came meanwhile"
    )


async def test_an_event_that_waited_says_what_was_disabled(host: Running) -> None:
    """It has expired, and the remedy names what to enable and the command that replays it."""
    host.partner.judge = lambda ids: 503
    await host.context.engine.accept("site", [event("m1")])
    await host.post("/api/instances/small/disable")
    async with asyncio.timeout(PATIENCE):
        while (await host.context.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.01)
    [record] = (await host.get("/api/events/m1"))["events"]
    why = record["deliveries"][0]["why"]
    assert why["text"] == "the instance was disabled while it waited"
    assert why["fix"] == "enable the instance small, then replay it"
    assert why["replay"].startswith("offramp replay ")
