"""The host at a glance, and the recount behind it."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import SUBSCRIPTION, Running
from tests.delivery.parts import event


async def subscription(host: Running) -> dict[str, Any]:
    status = await host.get("/api/status")
    [row] = status["subscriptions"]
    assert isinstance(row, dict)
    return row


async def test_counts_and_depths_add_up(host: Running) -> None:
    """Accepted = delivered + filtered + rejected, and nothing in flight."""
    await host.send("m1", "m2", "bad-1")
    await host.context.engine.accept("site", [{**event("m3"), "event": "Secret"}, event("m1")])
    row = await subscription(host)
    assert (row["id"], row["running"], row["enabled"]) == (SUBSCRIPTION, True, True)
    counts = [row[name] for name in ("accepted", "delivered", "filtered", "rejected", "expired")]
    assert counts == [4, 2, 1, 1, 0]
    assert row["waiting"] == row["retrying"] == 0
    assert row["latency"]["n"] == 2
    status = await host.get("/api/status")
    [source] = status["sources"]
    assert (source["accepted"], source["duplicate"]) == (4, 1)
    assert status["sums"] == {"ok": True, "faults": []}
    assert status["instances"][0]["circuit_breaker"]["state"] == "closed"


async def test_the_audit_recounts(host: Running) -> None:
    """All rows, against the counters."""
    await host.send("m1", "bad-1")
    assert await host.get("/api/reconciliation") == {"ok": True, "deliveries": 2, "faults": []}


async def test_refused_events_are_counted_for_their_source(host: Running) -> None:
    """What the collector turned away stands beside what it took."""
    host.context.engine.refuse("site", "event_too_large", 3)
    assert (await host.get("/api/status"))["sources"][0]["refused"] == 3


async def test_problems_are_told_with_their_place(host: Running) -> None:
    """An instance whose settings do not hold is named, and so is a disabled subscription."""
    heard = await host.ask("POST", "/api/instances/small/disable")
    assert heard.status == 200
    status = await host.get("/api/status")
    assert status["instances"][0]["circuit_breaker"] is None
    assert status["subscriptions"][0]["running"] is False


async def test_paths_that_no_endpoint_has_are_listed(host: Running) -> None:
    """Their events are lost: the path that was used, and the one that was probably meant."""
    async with host.session.post(f"{host.url}/b") as response:
        assert response.status == 404
    [row] = (await host.get("/api/status"))["unknown_paths"]
    assert row.pop("last_at").endswith("Z")
    assert row == {"method": "POST", "path": "/b", "nearest": "POST /v1/b", "requests": 1}


async def test_one_instance_has_the_counts_and_state_of_its_subscriptions(host: Running) -> None:
    """In one call, those of no other instance; an instance that is not there is named."""
    body = {"destination": "small", "source": "site", "settings": {"token": "t"}, "name": "b",
            "presets": True}  # fmt: skip
    await host.post("/api/instances", body, status=201)
    await host.send("m1", "bad-1")
    small = await host.get("/api/status?instance=small")
    [row] = small["subscriptions"]
    assert (row["id"], row["instance"]) == (SUBSCRIPTION, "small")
    assert (row["delivered"], row["rejected"], row["running"]) == (1, 1, True)
    assert [each["name"] for each in small["instances"]] == ["small"]
    [other] = (await host.get("/api/status?instance=b"))["subscriptions"]
    assert (other["id"], other["enabled"], other["delivered"]) == ("b/Take tracks", False, 0)
    assert len((await host.get("/api/status"))["subscriptions"]) == 2
    assert (await host.ask("GET", "/api/status?instance=nobody")).status == 404
