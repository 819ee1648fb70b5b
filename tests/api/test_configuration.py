"""Sources, instances and subscriptions through the API: made, changed, switched, put to work."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from tests.api.conftest import PATIENCE, SECRET, SUBSCRIPTION, WRITE_KEY, WRITTEN, Running
from tests.delivery.parts import SmallPlugin, event
from tests.plugins.small import make_plugin

from offramp import OutgoingRequest, Preset, Response
from offramp.api.new_instances import with_presets
from offramp.config import parse_config
from offramp.plugins import load_catalog, load_plugins

ONE = f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"


async def test_a_change_runs_once_it_is_answered(host: Running) -> None:
    """A new trigger decides the next event; the configuration is a revision further."""
    before = await host.get("/api/subscriptions")
    heard = await host.ask("PATCH", ONE, {"trigger": 'type = "page"'})
    assert heard.status == 200
    assert heard.data["revision"] == before["revision"] + 1
    assert heard.headers["ETag"] == f'"{heard.data["revision"]}"'
    async with asyncio.timeout(PATIENCE / 2):
        await host.send("m1")
        [record] = (await host.get("/api/events/m1"))["events"]
    assert record["deliveries"][0]["stage"] == "filtered"


async def test_a_change_does_not_wait_for_a_slow_partner(host: Running) -> None:
    """Answered at once and at work at once; what is on its way ends under the old version."""
    asked, release = asyncio.Event(), asyncio.Event()
    runtime = host.context.engine.snapshot.runtimes["small"]
    quick = runtime.handler

    async def slow(outgoing: OutgoingRequest) -> Response:
        asked.set()
        await release.wait()
        return await quick(outgoing)

    runtime.handler = slow
    await host.context.engine.accept("site", [event("m1")])
    await asyncio.wait_for(asked.wait(), PATIENCE)
    async with asyncio.timeout(PATIENCE / 2):
        body = {"mapping": {"id": {"@template": "new-{{ messageId }}"}}}
        assert (await host.ask("PATCH", ONE, body)).status == 200
    runtime.handler = quick
    await host.context.engine.accept("site", [event("m2")])
    async with asyncio.timeout(PATIENCE):
        while not host.partner.taken:  # noqa: ASYNC110 - the partner sends no signal
            await asyncio.sleep(0.01)
    assert host.partner.taken == ["new-m2"]
    release.set()
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert host.partner.taken == ["new-m2", "m1"]


async def test_a_subscription_starts_disabled_and_runs_once_enabled(host: Running) -> None:
    """From a preset alone; enabling it makes it deliver."""
    made = await host.post(
        "/api/subscriptions",
        {"instance": "small", "preset": "Take tracks", "name": "two/".rstrip("/")},
        status=201,
    )
    shape = made["subscription"]
    assert (shape["id"], shape["enabled"], shape["running"]) == ("small/two", False, False)
    assert shape["trigger"] == 'type = "track"'
    assert shape["mapping"]["id"] == {"@path": "$.messageId"}
    await host.send("m1")
    answer = await host.post("/api/subscriptions/small%2Ftwo/enable")
    assert answer["subscription"]["running"] is True
    await host.send("m2")
    assert host.partner.taken.count("m1") == 1
    assert host.partner.taken.count("m2") == 2


async def test_a_duplicate_is_called_a_copy_and_is_disabled(host: Running) -> None:
    """Named as at Segment; another copy needs another name."""
    made = await host.post(f"{ONE}/duplicate", status=201)
    assert made["subscription"]["name"] == "one (Copy)"
    assert made["subscription"]["enabled"] is False
    assert (await host.ask("POST", f"{ONE}/duplicate")).status == 409
    named = await host.post(f"{ONE}/duplicate", {"name": "three"}, status=201)
    assert named["subscription"]["id"] == "small/three"


async def test_disabling_ends_what_waits_and_enabling_goes_on(host: Running) -> None:
    """Switching an instance off stops its subscriptions, and on again lets them run."""
    assert (await host.post("/api/instances/small/disable"))["instance"]["enabled"] is False
    await host.send("m1")
    assert host.partner.taken == []
    assert (await host.post("/api/instances/small/enable"))["instance"]["problem"] is None
    await host.send("m2")
    assert host.partner.taken == ["m2"]


async def test_a_whole_configuration_can_be_made_call_by_call(host: Running) -> None:
    """Source, instance, subscription, enabled: an event of the new source arrives."""
    await host.post("/api/sources", {"name": "app", "write_key": "wk-of-the-app"}, status=201)
    instance = {
        "name": "other",
        "destination": "small",
        "source": "app",
        "settings": {"token": SECRET},
    }
    made = await host.post("/api/instances", instance, status=201)
    assert made["instance"]["settings"] == {"token": f"***{SECRET[-4:]}"}
    assert any("needs an enabled subscription" in each["detail"] for each in made["warnings"])
    body = {"instance": "other", "name": "all", "action": "takeOne", "trigger": 'type = "track"'}
    await host.post("/api/subscriptions", body, status=201)
    await host.post("/api/subscriptions/other%2Fall/enable")
    await host.context.engine.accept("app", [event("m9")])
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert host.partner.taken == ["m9"]
    assert [each["name"] for each in (await host.get("/api/sources"))["sources"]] == ["site", "app"]


async def test_settings_may_be_filled_in_before_an_instance_is_enabled(host: Running) -> None:
    """A disabled instance lacks its token; enabling it needs the token, by name."""
    body = {"name": "later", "destination": "small", "source": "site", "enabled": False}
    await host.post("/api/instances", body, status=201)
    heard = await host.ask("POST", "/api/instances/later/enable")
    assert heard.status == 422
    assert heard.data["errors"][0]["pointer"] == "#/settings/token"
    wrong = await host.ask("PATCH", "/api/instances/later", {"settings": {"tokn": SECRET}})
    assert wrong.data["errors"][0]["pointer"] == "#/settings/tokn"
    given = {"settings": {"token": SECRET}, "enabled": True}
    assert (await host.ask("PATCH", "/api/instances/later", given)).status == 200


async def test_things_are_deleted_with_what_hangs_on_them(host: Running) -> None:
    """A source with instances stays; an instance goes with its subscriptions."""
    heard = await host.ask("DELETE", "/api/sources/site")
    assert heard.status == 409
    assert "small" in heard.data["detail"]
    heard = await host.ask("DELETE", "/api/instances/small")
    assert heard.data["removed"] == ["small", SUBSCRIPTION]
    assert (await host.ask("DELETE", "/api/sources/site")).status == 200
    assert (await host.get("/api/instances"))["instances"] == []


async def test_a_masked_secret_keeps_the_one_in_place(host: Running) -> None:
    """What a form read can be sent back: the secret behind `***` stays, and still works."""
    shown = (await host.get("/api/instances/small"))["instance"]
    heard = await host.ask("PATCH", "/api/instances/small", {"settings": shown["settings"]})
    assert heard.status == 200
    _, config = await host.context.configs.load()
    assert config.instances["small"].settings == {"token": SECRET}
    shown = (await host.get("/api/sources/site"))["source"]
    assert shown["write_key"] == f"***{WRITE_KEY[-4:]}"
    assert (await host.ask("PATCH", "/api/sources/site", shown | {"enabled": True})).status == 422
    changed = {"write_key": shown["write_key"], "enabled": True}
    assert (await host.ask("PATCH", "/api/sources/site", changed)).status == 200
    assert host.context.engine.source_of(WRITE_KEY) == "site"


async def test_a_change_meant_for_another_revision_is_refused(host: Running) -> None:
    """412 with If-Match, and nothing changes; with the revision in force it is made."""
    revision = (await host.get("/api/subscriptions"))["revision"]
    await host.post(f"{ONE}/disable")
    for path, body in ((f"{ONE}/enable", None), ("/api/config", {"sources": {}})):
        heard = await host.ask("POST", path, body, {"If-Match": f'"{revision}"'})
        assert heard.status == 412, heard.text
        assert "load it again" in heard.data["detail"]
    heard = await host.ask("POST", f"{ONE}/enable", None, {"If-Match": f'"{revision + 1}"'})
    assert heard.status == 200
    heard = await host.ask("POST", f"{ONE}/enable", None, {"If-Match": "yesterday's"})
    assert heard.data["errors"][0]["header"] == "If-Match"


async def test_of_two_who_change_at_once_nobody_is_overwritten(host: Running) -> None:
    """Each change is made to what the others left."""
    names = [f"s{number}" for number in range(8)]
    heard = await asyncio.gather(
        *(host.ask("POST", "/api/sources", {"name": n, "write_key": f"key-{n}"}) for n in names)
    )
    assert {each.status for each in heard} == {201}
    there = {each["name"] for each in (await host.get("/api/sources"))["sources"]}
    assert there == {"site", *names}


async def test_an_instance_begins_with_the_offered_name_and_the_presets(host: Running) -> None:
    """Segment's own flow: `Small Instance #1`, its presets there and disabled, the next one #2."""
    body = {"destination": "small", "source": "site", "settings": {"token": "t"}, "presets": True}
    for number in (1, 2):
        offered = (await host.get("/api/catalog/small"))["instance_name"]
        assert offered == f"Small Instance #{number}"
        made = await host.post("/api/instances", body, status=201)
        assert made["instance"]["name"] == offered
        assert made["instance"]["subscriptions"] == [f"{offered}/Take tracks"]
    path = "/api/subscriptions?instance=" + quote(offered, safe="")
    [preset] = (await host.get(path))["subscriptions"]
    assert (preset["name"], preset["preset"]) == ("Take tracks", "Take tracks")
    assert (preset["enabled"], preset["running"]) == (False, False)
    entries = (await host.get("/api/audit-log?limit=2"))["rows"]
    assert {entry["revision"] for entry in entries} == {made["revision"]}


async def test_an_instance_without_presets_has_none(host: Running) -> None:
    """They come only if they are asked for, since a program may create its own."""
    body = {"destination": "small", "source": "site", "settings": {"token": "t"}, "name": "b"}
    made = await host.post("/api/instances", body, status=201)
    assert made["instance"]["subscriptions"] == []


async def test_presets_are_there_before_the_settings_are(host: Running) -> None:
    """The seed's order: the instance and its name first, then the token on its settings page."""
    body = {"destination": "small", "source": "site", "enabled": False, "presets": True}
    made = await host.post("/api/instances", body, status=201)
    name = made["instance"]["name"]
    assert made["instance"]["subscriptions"] == [f"{name}/Take tracks"]
    change = {"settings": {"token": "t"}, "enabled": True}
    heard = await host.ask("PATCH", f"/api/instances/{quote(name, safe='')}", change)
    assert heard.status == 200, heard.text


def test_a_preset_that_leaves_a_required_field_empty_is_left_out() -> None:
    """The others are there, and the fault says which preset, which field, and why."""
    bad = Preset(name="No id", action="take", trigger='type = "page"', mapping={"id": ""})
    guest = make_plugin("guest", offramp_presets=lambda: [bad])
    catalog = load_catalog(load_plugins(extra=[SmallPlugin(), guest], installed=False))
    config = parse_config(WRITTEN, catalog).config
    bare = attrs.evolve(config, subscriptions={})
    made, [fault] = with_presets(bare, catalog, "small")
    assert list(made.subscriptions) == ["small/Take tracks"]
    assert fault.place == "presets"
    assert "'No id' is left out" in fault.message
    assert "mapping.id" in fault.message


BAD: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/sources", {"name": "a", "write_key": ""}, 422, "#/write_key"),
    ("POST", "/api/sources", {"write_key": "k"}, 422, "#/name"),
    ("POST", "/api/sources", {"name": "a", "write_key": WRITE_KEY}, 422, "#/write_key"),
    ("POST", "/api/sources", {"name": "a", "write_key": "key\r\nX-Other: 1"}, 422, "#/write_key"),
    ("PATCH", "/api/sources/site", {"write_key": "key\n"}, 422, "#/write_key"),
    ("PATCH", "/api/sources/site", {"write_key": "cl\u00e9"}, 422, "#/write_key"),
    ("POST", "/api/sources", {"name": "a/b", "write_key": "k"}, 422, "#"),
    ("POST", "/api/sources", {"name": "a", "write_key": "k", "colour": 1}, 422, "#/colour"),
    ("POST", "/api/sources", {"name": "a", "write_key": "env:NOT_THERE"}, 422,
     "#/sources/a/write_key"),
    ("PATCH", "/api/sources/site", {"write_key": 5}, 422, "#/write_key"),
    ("POST", "/api/instances", {"name": "a"}, 422, "#/destination"),
    ("POST", "/api/instances", {"name": "a", "destination": "smal", "source": "site"}, 422,
     "#/destination"),
    ("POST", "/api/instances", {"destination": "smal", "source": "site"}, 422, "#/destination"),
    ("POST", "/api/instances", {"destination": "small", "name": 5}, 422, "#/name"),
    ("POST", "/api/instances", {"destination": "small", "presets": "yes"}, 422, "#/presets"),
    ("POST", "/api/instances", {"name": "a", "destination": "small", "source": "x"}, 422,
     "#/source"),
    ("POST", "/api/instances", {"name": "a", "destination": "small", "source": "site"}, 422,
     "#/settings/token"),
    ("PATCH", "/api/instances/small", {"settings": {"tokn": "x"}}, 422, "#/settings/tokn"),
    ("PATCH", "/api/instances/small", {"max_concurrency": 0}, 422, "#/max_concurrency"),
    ("PATCH", "/api/instances/small", {"destination": "x"}, 422, "#/destination"),
    ("PATCH", "/api/instances/small", {"subscriptions": []}, 422, "#/subscriptions"),
    ("POST", "/api/subscriptions", {"preset": "Take tracks"}, 422, "#/instance"),
    ("POST", "/api/subscriptions", {"instance": "small", "preset": "None"}, 422, "#/preset"),
    ("POST", "/api/subscriptions", {"instance": "small", "preset": "Take tracks",
     "enabled": True}, 422, "#/enabled"),
    ("PATCH", ONE, {"trigger": "type = "}, 422, "#/trigger"),
    ("PATCH", ONE, {"mapping": {"kind": {"@pth": "$.x"}}}, 422, "#/mapping/kind/@pth"),
    ("PATCH", ONE, {"mapping": {"kind": "k"}}, 422, "#/mapping/id"),
    ("PATCH", ONE, {"mapping": {"id": ""}}, 422, "#/mapping/id"),
    ("POST", "/api/subscriptions", {"instance": "small", "name": "b", "action": "take",
     "trigger": 'type = "track"', "defaults": False}, 422, "#/mapping/id"),
    ("PATCH", ONE, {"mapping": {"id": "1", "colour": "red"}}, 422, "#/mapping/colour"),
    ("PATCH", ONE, {"action": "tke"}, 422, "#/action"),
    ("PATCH", ONE, {"id": "other"}, 422, "#/id"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[0]} {case[1]} {case[4]}")
async def test_every_fault_has_its_place_in_what_was_sent(
    host: Running, case: tuple[str, str, Any, int, str]
) -> None:
    """Pointers are those of the request's own body, and nothing is changed."""
    method, path, body, status, pointer = case
    revision = (await host.get("/api/subscriptions"))["revision"]
    heard = await host.ask(method, path, body)
    assert heard.status == status, heard.text
    assert pointer in [error["pointer"] for error in heard.data["errors"]], heard.data["errors"]
    assert (await host.get("/api/subscriptions"))["revision"] == revision


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/sources/nobody", None, 404),
        ("GET", "/api/instances/nobody", None, 404),
        ("GET", "/api/subscriptions/small%2Fnobody", None, 404),
        ("POST", "/api/subscriptions/small%2Fnobody/enable", None, 404),
        ("POST", "/api/instances/nobody/test", None, 404),
        ("DELETE", "/api/subscriptions/small%2Fnobody", None, 404),
        ("POST", "/api/subscriptions", {"instance": "nobody", "preset": "Take tracks"}, 404),
        ("POST", "/api/sources", {"name": "site", "write_key": "k"}, 409),
        ("POST", "/api/subscriptions", {"instance": "small", "preset": "Take tracks",
         "name": "one"}, 409),
    ],
)  # fmt: skip
async def test_names_that_are_not_there_or_taken_are_told(
    host: Running, method: str, path: str, body: Any, status: int
) -> None:
    """404 with what there is, 409 with what stands against it."""
    heard = await host.ask(method, path, body)
    assert heard.status == status, heard.text
    assert heard.data["detail"]


async def test_two_subscriptions_with_one_key_are_not_silently_taken(host: Running) -> None:
    """What a check warns of is told when a subscription is saved."""
    body = {
        "instance": "small",
        "name": "odd",
        "action": "take",
        "trigger": "type = \"track\" and event = 'Sold' or event = 'Bought'",
    }
    made = await host.post("/api/subscriptions", body, status=201)
    pointers = [warning["pointer"] for warning in made["warnings"]]
    assert "#/trigger" in pointers
    assert "#" in pointers  # that it is disabled


async def test_the_catalog_tells_what_can_be_configured(host: Running) -> None:
    """The list, and one destination with fields, schema, defaults, presets and manifest."""
    [brief] = (await host.get("/api/catalog"))["destinations"]
    assert brief["slug"] == "small"
    shown = await host.get("/api/catalog/small")
    take = next(action for action in shown["actions"] if action["slug"] == "take")
    assert take["schema"]["properties"]["id"]["type"] == "string"
    assert take["default_mapping"]["id"] == {"@path": "$.messageId"}
    assert take["batch"]["max_events"] == 100
    assert shown["settings_schema"]["properties"]["token"]["writeOnly"] is True
    assert shown["presets"][0]["mapping"]["id"] == {"@path": "$.messageId"}
    assert shown["manifest"]["slug"] == "small"
    assert (await host.ask("GET", "/api/catalog/smal")).status == 404


async def test_batches_are_narrowed_and_shown_as_they_hold(host: Running) -> None:
    """A form gets limits and options; what is saved, what holds, and a fault that names a limit."""
    catalog = await host.get("/api/catalog/small")
    take = next(action for action in catalog["actions"] if action["slug"] == "take")
    options = {each["key"]: each for each in take["batch"]["options"]}
    assert list(options) == ["enabled", "max_events", "max_bytes", "linger", "keys"]
    assert (options["max_events"]["minimum"], options["max_events"]["maximum"]) == (1, 100)
    assert all(option["description"] for option in options.values())
    changed = await host.ask("PATCH", ONE, {"batch": {"max_events": 5, "linger": "2s"}})
    assert changed.data["subscription"]["batch"] == {"max_events": 5, "linger": 2}
    effective = changed.data["subscription"]["effective_batch"]
    assert effective == {"max_events": 5, "max_bytes": 4_000_000, "linger": 2, "keys": []}
    alone = await host.ask("PATCH", ONE, {"batch": {"enabled": False}})
    assert alone.data["subscription"]["effective_batch"] is None
    refused = await host.ask("PATCH", ONE, {"batch": {"max_events": 101}})
    [error] = refused.data["errors"]
    assert (refused.status, error["pointer"]) == (422, "#/batch/max_events")
    assert "at most 100, the limit of take" in error["detail"]
