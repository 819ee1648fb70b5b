"""The sync mode of a subscription through the API: shown, chosen, refused, and explained."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Running
from tests.delivery.parts import URL, Item, Settings, SmallPlugin, event
from tests.plugins.small import make_plugin

from offramp import Action, Preset, Request, SyncMode
from offramp.plugins import Catalog, load_catalog, load_plugins

KEY = "__segment_internal_sync_mode"
SUBSCRIPTIONS = "/api/subscriptions"
ID = {"id": {"@path": "$.messageId"}}
PATH = f"{SUBSCRIPTIONS}/small%2FSynced"


class Synced(Action[Settings, Item]):
    """Tells its partner the sync mode."""

    slug, title = "synced", "Synced"
    sync_mode = SyncMode(
        default="upsert",
        label="How",
        description="",
        choices=(("upsert", "Upsert"), ("add", "Add")),
    )

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        await request.post(URL, json=[payload.id, request.sync_mode])


@pytest.fixture
def catalog() -> Catalog:
    """The destination, with an action that has sync modes, and a preset in the mode add."""
    preset = Preset(name="Synced", action="synced", trigger='type = "track"', sync_mode="add")
    hooks = {"offramp_actions": lambda: [Synced], "offramp_presets": lambda: [preset]}
    guest = make_plugin("guest", **hooks)
    return load_catalog(load_plugins(extra=[SmallPlugin(), guest], installed=False))


async def _made(host: Running) -> Any:
    body = {"instance": "small", "preset": "Synced"}
    return (await host.post(SUBSCRIPTIONS, body, status=201))["subscription"]


async def _sent(host: Running, **asked: Any) -> Any:
    explained = await host.post("/api/explain", {**asked, "event": event("m1")})
    return explained["sync_mode"], explained["request"] and explained["request"]["body"]


async def test_it_comes_from_the_preset_and_the_explanation_shows_it(host: Running) -> None:
    """The catalog shows the preset's; the action gets the subscription's."""
    shown = await host.get("/api/catalog/small")
    [preset] = [each for each in shown["presets"] if each["name"] == "Synced"]
    assert (preset["sync_mode"], KEY in preset["mapping"]) == ("add", False)
    made = await _made(host)
    assert (made["sync_mode"], made["effective_sync_mode"]) == ("add", "add")
    assert await _sent(host, subscription="small/Synced") == ("add", '["m1","add"]')
    assert (await host.get(f"{SUBSCRIPTIONS}/small%2Fone"))["subscription"][
        "effective_sync_mode"
    ] is None


async def test_it_is_changed_by_the_option_or_by_segments_key(host: Running) -> None:
    """In a new mapping, the key replaces the mode that is saved; null brings the default back."""
    mapping = (await _made(host))["mapping"]
    reset = (await host.ask("PATCH", PATH, {"sync_mode": None})).data["subscription"]
    assert (reset["sync_mode"], reset["effective_sync_mode"]) == (None, "upsert")
    added = (await host.ask("PATCH", PATH, {"sync_mode": "add"})).data["subscription"]
    assert added["effective_sync_mode"] == "add"
    body = {"mapping": {**mapping, KEY: "upsert"}}
    changed = (await host.ask("PATCH", PATH, body)).data["subscription"]
    assert (changed["sync_mode"], changed["mapping"]) == ("upsert", mapping)
    kept = (await host.ask("PATCH", PATH, {"mapping": mapping})).data["subscription"]
    assert kept["sync_mode"] == "upsert"


@pytest.mark.parametrize(
    ("body", "pointer", "no_request"),
    [
        ({"sync_mode": "mirror"}, "#/sync_mode", "the sync mode has a fault"),
        ({"mapping": {**ID, KEY: "mirror"}}, f"#/mapping/{KEY}", "the mapping has faults"),
        (
            {"sync_mode": "add", "mapping": {**ID, KEY: "upsert"}},
            "#/sync_mode",
            "the sync mode has a fault",
        ),
    ],
    ids=["the option", "the key", "both"],
)
async def test_a_wrong_one_is_refused(
    host: Running, body: Any, pointer: str, no_request: str
) -> None:
    """Saved it is not; a candidate has the fault beside its explanation, and no request."""
    await _made(host)
    refused = await host.ask("PATCH", PATH, body)
    assert (refused.status, [each["pointer"] for each in refused.data["errors"]]) == (
        422,
        [pointer],
    )
    candidate = {"instance": "small", "preset": "Synced", **body}
    asked = {"candidate": candidate, "event": event("m1")}
    explained = await host.post("/api/explain", asked)
    assert [each["pointer"] for each in explained["faults"]] == [pointer]
    assert explained["request"] is None
    assert explained["no_request"] == no_request


async def test_a_preview_of_a_replay_takes_segments_key(host: Running) -> None:
    """A changed mapping may choose another mode, for what it would send."""
    await _made(host)
    assert (await host.ask("PATCH", PATH, {"enabled": True})).status == 200
    host.partner.judge = lambda _: 400
    await host.send("m1")
    body = {"subscription": "small/Synced", "mapping": {KEY: "upsert"}, "dry_run": True}
    [row] = (await host.post("/api/replays", body))["preview"]["rows"]
    assert row["request"]["body"] == '["m1","upsert"]'
