"""A trigger that is not saved yet is tried on the events that are stored."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import SUBSCRIPTION, Running
from tests.delivery.parts import event

from offramp import _json

COMPANY = 'type = "track" and !contains(userId, "@company.com")'


async def _accept(host: Running, **user_ids: Any) -> None:
    for message_id, user_id in user_ids.items():
        given = {**event(message_id), "userId": user_id, "anonymousId": "a"}
        await host.context.engine.accept("site", [given])
    await host.context.engine.wait_until_idle(timeout=10)


async def test_the_latest_events_say_whether_they_match_and_why_not(host: Running) -> None:
    """The first false condition in words, with what the event has there; the latest first."""
    await _accept(host, m1="customer", m2="bob@company.com", m3=None)
    answer = await host.post("/api/triggers/recent", {"trigger": COMPANY, "instance": "small"})
    assert [(row["message_id"], row["matches"]) for row in answer["rows"]] == [
        ("m3", False),
        ("m2", False),
        ("m1", True),
    ]
    assert answer["matching"] == 1
    assert answer["cursor"] is None
    missing, other, same = (row["why"] for row in answer["rows"])
    assert same is None
    assert other == {
        "pointer": "#/children/1",
        "text": '!contains(userId, "@company.com")',
        "words": "User ID does not contain @company.com",
        "actual": {"userId": "bob@company.com"},
    }
    assert missing["actual"] == {"userId": None}


async def test_a_page_of_the_latest_events_goes_on_at_its_cursor(host: Running) -> None:
    """The limit is how many are looked at, whether they match or not."""
    await _accept(host, m1="a", m2="b", m3="c")
    tree = {"type": "group", "operator": "or", "children": [
        {"type": "userId", "operator": "=", "value": "a"},
        {"type": "userId", "operator": "=", "value": "c"}]}  # fmt: skip
    asked = {"trigger": tree, "limit": 2}
    page = await host.post("/api/triggers/recent", asked)
    assert [row["message_id"] for row in page["rows"]] == ["m3", "m2"]
    assert page["matching"] == 1
    assert page["rows"][1]["why"]["words"] == "User ID is a or User ID is c"
    assert page["rows"][1]["why"]["actual"] == {"userId": "b"}
    rest = await host.post("/api/triggers/recent", {**asked, "cursor": page["cursor"]})
    assert [row["message_id"] for row in rest["rows"]] == ["m1"]


async def test_samples_are_the_events_as_a_mapping_sees_them(host: Running) -> None:
    """The same event as by its id and as in an explanation, and none that does not match."""
    await _accept(host, m1="customer", m2="bob@company.com")
    answer = await host.post("/api/triggers/samples", {"trigger": COMPANY, "source": "site"})
    [row] = answer["rows"]
    assert (row["message_id"], answer["scanned"], answer["cursor"]) == ("m1", 2, None)
    shown = await host.get("/api/events/m1")
    assert row["event"] == shown["events"][0]["event"]
    explained = await host.post("/api/explain", {"message_id": "m1", "subscription": SUBSCRIPTION})
    assert row["event"] == explained["event"]
    stored = await host.context.ledger.event("m1")
    assert stored[0].body is not None
    assert row["event"] == _json.loads(stored[0].body)


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"trigger": "type ="}, 422, "#/trigger"),
        ({"trigger": {"type": "group"}}, 422, "#/trigger/operator"),
        ({"source": "nobody"}, 404, None),
        ({"instance": "nobody"}, 404, None),
        ({"limit": 501}, 422, "#/limit"),
        ({"cursor": "x"}, 422, "#/cursor"),
    ],
)
@pytest.mark.parametrize("path", ["recent", "samples"])
async def test_what_cannot_be_tried_is_refused_with_its_place(
    host: Running, path: str, change: Any, status: int, pointer: str | None
) -> None:
    """The trigger, whose events, and which page."""
    heard = await host.ask("POST", f"/api/triggers/{path}", {"trigger": COMPANY, **change})
    assert heard.status == status, heard.text
    assert [each.get("pointer") for each in heard.data["errors"]][:1] == (
        [] if pointer is None else [pointer]
    )
