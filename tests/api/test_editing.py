"""Changes that are looked at first, made by two people at once, and undone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.api.conftest import SECRET, SUBSCRIPTION, Running
from tests.delivery.parts import event

ONE = f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"
KIND = {"@path": "$.properties.kind"}


async def _same(host: Running, revision: int) -> None:
    assert (await host.get("/api/subscriptions"))["revision"] == revision
    assert (await host.get("/api/subscriptions?instance=small"))["subscriptions"][1:] == []


async def test_a_dry_run_shows_what_would_be_stored_and_where_it_differs(host: Running) -> None:
    """The same answer as of the change, and nothing is changed."""
    before = await host.get(ONE)
    assert (before["changes"], before["dry_run"], before["ended"]) == ([], False, [])
    mapping = {"id": {"@path": "$.userId"}, "kind": KIND}
    change = {"trigger": "!contains(userId, 'x')", "mapping": mapping}
    heard = await host.ask("PATCH", f"{ONE}?dry_run=true", change)
    assert heard.status == 200, heard.text
    tried = heard.data
    assert (tried["dry_run"], tried["revision"]) == (True, before["revision"])
    assert tried["subscription"]["mapping"] == mapping
    assert any("does not match events" in each["detail"] for each in tried["warnings"])
    [only] = tried["changes"]
    assert (only["kind"], only["id"], only["what"]) == ("subscription", SUBSCRIPTION, "changed")
    assert {each["pointer"]: (each["before"], each["after"]) for each in only["details"]} == {
        "#/trigger": (before["subscription"]["trigger"], change["trigger"]),
        "#/mapping/id": ({"@path": "$.messageId"}, {"@path": "$.userId"}),
    }
    await _same(host, before["revision"])
    made = await host.ask("PATCH", ONE, change)
    assert made.data["changes"] == tried["changes"]
    assert made.data["revision"] == before["revision"] + 1


async def test_a_new_subscription_is_tried_before_it_is_there(host: Running) -> None:
    """Its id, its warnings, and every fault; a name that is taken is a conflict."""
    revision = (await host.get(ONE))["revision"]
    body = {"instance": "small", "preset": "Take tracks"}
    path = "/api/subscriptions?dry_run=true"
    tried = await host.post(path, body, status=201)
    assert (tried["subscription"]["id"], tried["dry_run"]) == ("small/Take tracks", True)
    assert [each["what"] for each in tried["changes"]] == ["added"]
    await host.post(path, {**body, "mapping": {"id": ""}}, status=422)
    await host.post(path, {**body, "name": "one"}, status=409)
    await _same(host, revision)


async def test_a_dry_run_says_what_would_end_and_shows_no_secret(host: Running) -> None:
    """Waiting deliveries of an instance that would be disabled, without being asked to confirm."""
    await host.post("/api/instances/small/pause")
    await host.context.engine.accept("site", [event("m1")])
    change = {"enabled": False, "settings": {"token": "another-secret"}}
    heard = await host.ask("PATCH", "/api/instances/small?dry_run=true", change)
    assert heard.data["ended"] == [{"subscription": SUBSCRIPTION, "deliveries": 1}]
    places = {each["pointer"] for each in heard.data["changes"][0]["details"]}
    assert places == {"#/enabled", "#/settings/token"}
    assert SECRET not in heard.text
    assert "another-secret" not in heard.text


async def test_somebody_elses_change_is_shown_with_the_conflict(host: Running) -> None:
    """Both versions: that of the caller, and the object as it is now with its revision."""
    revision = (await host.get(ONE))["revision"]
    other = await host.ask("PATCH", ONE, {"trigger": 'type = "page"'})
    mine = {"If-Match": f'"{revision}"'}
    for path in (ONE, f"{ONE}?dry_run=true"):
        heard = await host.ask("PATCH", path, {"mapping": {"id": "1"}}, mine)
        assert heard.status == 412
        assert heard.data["revision"] == revision + 1
        assert heard.headers["ETag"] == f'"{revision + 1}"'
        assert heard.data["current"] == other.data["subscription"]
    await host.ask("DELETE", ONE)
    heard = await host.ask("PATCH", ONE, {"mapping": {"id": "1"}}, mine)
    assert (heard.status, heard.data["current"]) == (412, None)


async def _log(host: Running, **query: str) -> list[dict[str, Any]]:
    given = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    rows = (await host.get(f"/api/audit-log?{given}"))["rows"]
    assert isinstance(rows, list)
    return rows


async def test_a_change_is_undone_from_the_audit_log(host: Running) -> None:
    """Each change of one subscription has the object before it, which a PATCH brings back."""
    before = (await host.get(ONE))["subscription"]
    await host.ask("PATCH", ONE, {"trigger": 'type = "page"', "mapping": {"id": "1"}})
    await host.ask("PATCH", "/api/sources/site", {"paused": True})
    changed, added = await _log(host, kind="subscription", id=SUBSCRIPTION)
    assert (changed["what"], added["what"]) == ("changed", "added")
    assert [each["id"] for each in await _log(host, kind="source", limit="1")] == ["site"]
    old = {key: changed["before"][key] for key in ("name", "action", "trigger", "mapping")}
    undone = await host.ask("PATCH", ONE, old)
    assert undone.data["subscription"] == before
