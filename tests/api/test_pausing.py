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
        f"enable it; then `offramp replay --filtered --subscription {SUBSCRIPTION} --reason "
        f"{kind.upper()}_DISABLED --since 7d` sends what came meanwhile"
    )


async def test_an_event_that_waited_says_what_was_disabled(host: Running) -> None:
    """It has expired, and the remedy names what to enable and the command that replays it."""
    await waiting(host, "m1")
    heard = await host.ask("POST", "/api/instances/small/disable?confirm=true")
    assert heard.status == 200
    async with asyncio.timeout(PATIENCE):
        while (await host.context.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.01)
    [record] = (await host.get("/api/events/m1"))["events"]
    why = record["deliveries"][0]["why"]
    assert why["text"] == "the instance was disabled while it waited"
    assert why["fix"] == "enable the instance small, then replay it"
    assert why["replay"].startswith("offramp replay ")


async def waiting(host: Running, *message_ids: str) -> None:
    """Let events wait, none of them leased."""
    await host.post("/api/instances/small/pause")
    await host.context.engine.accept("site", [event(each) for each in message_ids])


ID = quote(SUBSCRIPTION, safe="")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/sources/site/disable", None),
        ("POST", "/api/instances/small/disable", None),
        ("POST", f"/api/subscriptions/{ID}/disable", None),
        ("PATCH", "/api/instances/small", {"enabled": False}),
        ("DELETE", f"/api/subscriptions/{ID}", None),
        ("DELETE", "/api/instances/small", None),
        ("POST", "/api/config", {}),
    ],
)
async def test_a_change_that_ends_what_waits_has_to_be_confirmed(
    host: Running, method: str, path: str, body: object
) -> None:
    """The answer 409 says how many wait and changes nothing; confirmed, it is made."""
    await waiting(host, "m1", "m2")
    before = (await host.get("/api/status"))["revision"]
    heard = await host.ask(method, path, body)
    assert heard.status == 409
    assert heard.data["detail"] == (
        "2 deliveries wait and would expire (2 in small/one); a pause would let them wait"
    )
    assert heard.data["errors"] == [
        {"parameter": "confirm", "detail": "is needed to make the change"}
    ]
    assert (await host.get("/api/status"))["revision"] == before
    assert (await host.context.queue.depth(SUBSCRIPTION)).total == 2
    heard = await host.ask(method, f"{path}?confirm=true", body)
    assert heard.status == 200
    async with asyncio.timeout(PATIENCE):
        while (await host.context.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.01)


async def test_a_dry_run_lists_what_would_end(host: Running) -> None:
    """So that who applies a document is told before it is applied; a pause ends nothing."""
    await waiting(host, "m1")
    tried = await host.post("/api/config?dry_run=true", {})
    assert tried["ended"] == [{"subscription": SUBSCRIPTION, "deliveries": 1}]
    document = (await host.get("/api/config"))["document"]
    document["instances"]["small"]["paused"] = True
    assert (await host.post("/api/config?dry_run=true", document))["ended"] == []
    await host.post("/api/config", document)
