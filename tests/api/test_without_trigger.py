"""A subscription without a trigger through the API: made, tried, and enabled once it has one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import SECRET, Running
from tests.delivery.parts import SmallPlugin, event
from tests.plugins.small import make_plugin

from offramp import Preset
from offramp.plugins import Catalog, load_catalog, load_plugins

SUBSCRIPTIONS = "/api/subscriptions"
LATER = f"{SUBSCRIPTIONS}/small%2FLater"


@pytest.fixture
def catalog() -> Catalog:
    """The destination, with a preset that says only what is sent."""
    presets = [Preset(name="Later", action="take")]
    guest = make_plugin("guest", offramp_presets=lambda: presets)
    return load_catalog(load_plugins(extra=[SmallPlugin(), guest], installed=False))


async def _made(host: Running) -> Any:
    body = {"instance": "small", "preset": "Later"}
    return (await host.post(SUBSCRIPTIONS, body, status=201))["subscription"]


async def _errors(host: Running, method: str, path: str, body: Any = None) -> list[Any]:
    heard = await host.ask(method, path, body)
    assert heard.status == 422, heard.text
    return list(heard.data["errors"])


async def test_it_is_made_disabled_and_enabled_once_it_has_a_trigger(host: Running) -> None:
    """The error names the trigger and says what to write; with a trigger, events are sent."""
    [preset] = [
        p for p in (await host.get("/api/catalog/small"))["presets"] if p["name"] == "Later"
    ]
    assert preset["trigger"] is None
    made = await _made(host)
    assert (made["trigger"], made["enabled"], made["running"]) == (None, False, False)
    [error] = await _errors(host, "POST", f"{LATER}/enable")
    assert error["pointer"] == "#/trigger"
    assert "the preset 'Later' has none" in error["detail"]
    body = {"trigger": 'type = "track"', "enabled": True}
    assert (await host.ask("PATCH", LATER, body)).status == 200
    await host.send("m1")
    [record] = (await host.get("/api/events/m1"))["events"]
    assert "small/Later" in [each["subscription"] for each in record["deliveries"]]


async def test_the_trigger_of_one_that_runs_cannot_be_removed(host: Running) -> None:
    """It would select nothing, and look as if it ran; disabled in the same change, it can."""
    await _made(host)
    body = {"trigger": 'type = "track"', "enabled": True}
    assert (await host.ask("PATCH", LATER, body)).status == 200
    [error] = await _errors(host, "PATCH", LATER, {"trigger": None})
    assert error["pointer"] == "#/trigger"
    heard = await host.ask("PATCH", LATER, {"trigger": None, "enabled": False})
    assert heard.data["subscription"]["trigger"] is None


@pytest.mark.parametrize(
    "asked",
    [
        {"subscription": "small/Later"},
        {"candidate": {"instance": "small", "preset": "Later"}},
        {"candidate": {"instance": "small", "action": "take", "trigger": None, "enabled": False}},
    ],
    ids=["saved", "of a preset", "disabled"],
)
async def test_it_can_be_tried_without_one(host: Running, asked: dict[str, Any]) -> None:
    """The request is shown; the fault says why nobody can tell whether the event is selected."""
    await _made(host)
    answer = await host.post("/api/explain", {**asked, "event": event("m1")})
    assert (answer["matches"], answer["trigger"]) == (None, None)
    assert answer["request"]["url"].startswith("https://")
    assert SECRET not in str(answer)
    [fault] = answer["faults"]
    assert fault["pointer"] == "#/trigger"
    assert "is missing: say which events" in fault["detail"]
