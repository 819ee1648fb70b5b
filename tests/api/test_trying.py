"""Triggers read and written, events explained, credentials tested; nothing is ever sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import SECRET, SUBSCRIPTION, Running
from tests.delivery.parts import event, small

from offramp import DeliveryError, Destination, InvalidAuthenticationError, Request
from offramp.api import instances


async def test_a_trigger_goes_from_text_to_tree_and_back(host: Running) -> None:
    """Parse, generate, and parse again: the same tree."""
    text = 'type = "track" and (event = "A" or !contains(userId, "@x"))'
    parsed = await host.post("/api/triggers/parse", {"text": text})
    assert parsed["paths"] == ["type", "event", "userId"]
    written = await host.post("/api/triggers/generate", {"tree": parsed["tree"]})
    again = await host.post("/api/triggers/parse", {"text": written["text"]})
    assert again["tree"] == parsed["tree"]


async def test_a_trigger_is_shown_in_words_with_the_other_condition(host: Running) -> None:
    """The alternative of a note, put at its pointer, is a tree that can be written as text."""
    parsed = await host.post(
        "/api/triggers/parse", {"text": 'type = "track" and !contains(userId, "@company.com")'}
    )
    [root, _, node] = parsed["nodes"]
    assert root["words"] == "Event Type is track and User ID does not contain @company.com"
    assert (node["pointer"], node["words"]) == (
        "#/children/1",
        "User ID does not contain @company.com",
    )
    [note] = node["notes"]
    assert note["alternative"]["label"] == "Also match events without a User ID"
    parsed["tree"]["children"][1] = note["alternative"]["node"]
    written = await host.post("/api/triggers/generate", {"tree": parsed["tree"]})
    assert written["text"] == f'type = "track" and ({note["alternative"]["text"]})'
    assert written["segment"] == []


async def test_a_trigger_that_segment_reads_otherwise_is_told(host: Running) -> None:
    """The reading, for a form to show."""
    answer = await host.post(
        "/api/triggers/parse", {"text": 'type = "track" and event = "A" or event = "B"'}
    )
    assert any("Segment reads this as" in each for each in answer["segment"])


@pytest.mark.parametrize(
    ("path", "body", "pointer", "detail"),
    [
        ("parse", {"text": "type = "}, "#/text", "column 8: "),
        ("parse", {"text": ""}, "#/text", "column 1: "),
        ("generate", {"tree": {"type": "grup"}}, "#/tree", ""),
        ("match", {"trigger": {"type": "group"}, "events": []}, "#/trigger/operator", ""),
        ("match", {"trigger": 'type = "track"', "events": [5]}, "#/events/0", ""),
        ("match", {"trigger": 'type = "track"', "events": [{}] * 501}, "#/events", ""),
    ],
)
async def test_a_trigger_that_is_none_is_told_with_its_place(
    host: Running, path: str, body: Any, pointer: str, detail: str
) -> None:
    """A column of the text, a node of the tree, or a place of the body."""
    heard = await host.ask("POST", f"/api/triggers/{path}", body)
    assert heard.status == 422
    [error, *_] = heard.data["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].startswith(detail)
    assert detail in ("", f"column {error.get('column')}: ")


async def test_an_id_with_half_a_character_is_refused_with_its_place(host: Running) -> None:
    """As the collector refuses it: two such ids would become the same."""
    raw = rb'{"trigger": "type = \"track\"", "events": [{"userId": "\ud83d"}]}'
    heard = await host.ask("POST", "/api/triggers/match", raw=raw)
    assert heard.status == 422
    assert heard.data["errors"][0]["pointer"] == "#/events/0/userId"


async def test_a_trigger_is_tried_on_events(host: Running) -> None:
    """The verdict for each, with the truth of each condition."""
    events = [event("m1"), {**event("m2"), "type": "page"}, {}]
    answer = await host.post("/api/triggers/match", {"trigger": 'type = "track"', "events": events})
    assert [row["matches"] for row in answer["results"]] == [True, False, False]
    assert [row["message_id"] for row in answer["results"]] == ["m1", "m2", None]
    assert answer["results"][1]["why"]["children"][0]["actual"] == {"type": "page"}


async def test_an_event_is_explained_without_being_sent(host: Running) -> None:
    """Given or stored, the answer is that of the production path, with the request, masked."""
    asked = len(host.partner.requests)
    answer = await host.post(
        "/api/explain", {"event": {"event": "Sold", "userId": "u"}, "subscription": SUBSCRIPTION}
    )
    assert answer["matches"] is True
    assert answer["payload"]["id"] == answer["event"]["messageId"]
    assert answer["request"]["method"] == "POST"
    assert len(host.partner.requests) == asked
    await host.send("m1", kind="k")
    answer = await host.post("/api/explain", {"message_id": "m1", "subscription": SUBSCRIPTION})
    assert answer["payload"] == {"id": "m1", "kind": "k"}
    assert len(host.partner.requests) == asked + 1


async def test_a_candidate_is_explained_before_it_is_saved(host: Running) -> None:
    """Another trigger, another mapping, another action; nothing of it is kept."""
    await host.send("m1", kind="k")
    candidate = {
        "instance": "small",
        "action": "takeOne",
        "trigger": 'type = "page"',
        "mapping": {"id": {"@template": "x-{{ messageId }}"}},
    }
    answer = await host.post("/api/explain", {"message_id": "m1", "candidate": candidate})
    assert (answer["matches"], answer["payload"]["id"]) == (False, "x-m1")
    assert len((await host.get("/api/subscriptions"))["subscriptions"]) == 1


async def test_a_half_typed_mapping_shows_its_faults_and_the_other_fields(host: Running) -> None:
    """Each fault at its pointer in the candidate, and the value of what has none; no request."""
    candidate = {
        "instance": "small",
        "name": "",
        "action": "take",
        "trigger": "type = ",
        "mapping": {"id": {"@if": {"then": {"@pth": "$.a"}}}, "kind": {"@path": "$.properties.k"}},
    }
    answer = await host.post(
        "/api/explain", {"event": event("m1", k="big"), "candidate": candidate}
    )
    assert [each["pointer"] for each in answer["faults"]] == [
        "#/trigger",
        "#/mapping/id/@if/then/@pth",
        "#/mapping/id/@if",
    ]
    assert answer["faults"][0]["column"] == 8
    [kind] = answer["fields"]["children"]
    assert (kind["place"], kind["value"], kind["paths"]) == ("$.kind", "big", ["$.properties.k"])
    assert (answer["matches"], answer["trigger"], answer["why"]) == (None, None, None)
    assert (answer["request"], answer["no_request"]) == (None, "the mapping has faults")
    assert answer["errors"] == []


async def test_required_fields_without_a_mapping_are_listed(host: Running) -> None:
    """By name, and as faults; the payload's own error about them is not repeated."""
    candidate = {"instance": "small", "action": "take", "trigger": 'type = "page"',
                 "defaults": False, "mapping": {"id": "", "kind": "k"}}  # fmt: skip
    answer = await host.post("/api/explain", {"event": event("m1"), "candidate": candidate})
    assert answer["unmapped"] == ["id"]
    assert [each["pointer"] for each in answer["faults"]] == ["#/mapping/id"]
    assert answer["errors"] == []
    assert answer["why"]["words"] == "Event Type is page"
    assert answer["why"]["actual"] == {"type": "track"}


async def test_paths_that_the_event_lacks_are_listed(host: Running) -> None:
    """Null is there; a path into a list is missing if no item has it."""
    mapping = {
        "id": {"@template": "{{ messageId }} {{ properties.nothing }} {{ properties.null }}"},
        "kind": {"@json": {"mode": "encode", "value": {"@arrayPath": [
            "$.properties.items", {"a": {"@path": "$.a"}, "b": {"@path": "$.b"}}]}}},
    }  # fmt: skip
    candidate = {"instance": "small", "action": "take", "trigger": 'type = "track"'}
    answer = await host.post(
        "/api/explain",
        {
            "event": event("m1", null=None, items=[{"a": 1}, {"c": 2}]),
            "candidate": {**candidate, "mapping": mapping},
        },
    )
    assert answer["missing"] == ["$.properties.items[*].b", "$.properties.nothing"]
    assert (answer["faults"], answer["no_request"]) == ([], None)


async def test_a_mapping_that_fails_for_the_event_says_at_which_field(host: Running) -> None:
    """The pointer leads into the mapping, and every other field has its value."""
    candidate = {
        "instance": "small", "action": "take", "trigger": 'type = "track"',
        "mapping": {"kind": {"@path": {"@path": "$.properties.n"}}},
    }  # fmt: skip
    answer = await host.post("/api/explain", {"event": event("m1", n=5), "candidate": candidate})
    [error] = answer["errors"]
    assert error["pointer"].startswith("#/kind")
    values = {each["place"]: each["value"] for each in answer["fields"]["children"]}
    assert values["$.id"] == "m1"
    assert answer["no_request"] == "the event cannot become a payload"


async def test_an_instance_with_incomplete_settings_has_no_request_with_the_reason(
    incomplete: Running,
) -> None:
    """Everything else is explained: the mapping can be edited before the token is there."""
    candidate = {"instance": "small", "action": "take", "trigger": 'type = "track"'}
    answer = await incomplete.post("/api/explain", {"event": event("m1"), "candidate": candidate})
    assert answer["payload"] == {"id": "m1"}
    assert answer["request"] is None
    assert answer["no_request"].startswith("the instance cannot be started: ")
    assert "settings.token" in answer["no_request"]


async def test_a_disabled_subscription_can_be_explained(host: Running) -> None:
    """Also where its instance does not run: it is started for the moment."""
    await host.post("/api/instances/small/disable")
    answer = await host.post("/api/explain", {"event": event("m1"), "subscription": SUBSCRIPTION})
    assert answer["request"] is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"subscription": SUBSCRIPTION}, 422),
        ({"event": {}, "subscription": SUBSCRIPTION}, 422),
        ({"event": {"type": "nonsense"}, "subscription": SUBSCRIPTION}, 422),
        ({"event": {"event": "x"}, "message_id": "m1", "subscription": SUBSCRIPTION}, 422),
        ({"event": {"event": "x", "userId": "u"}, "subscription": "nobody"}, 404),
        ({"message_id": "nobody", "subscription": SUBSCRIPTION}, 404),
        ({"event": {"event": "x", "userId": "u"}, "candidate": {}}, 422),
        ({"event": {"event": "x", "userId": "u"}, "candidate": {"instance": "nobody"}}, 404),
        ({"event": {"event": "x", "userId": "u"},
          "candidate": {"instance": "small", "triger": "x"}}, 422),
    ],
)  # fmt: skip
async def test_what_cannot_be_explained_is_told(host: Running, body: Any, status: int) -> None:
    """One event and one subscription, both good."""
    heard = await host.ask("POST", "/api/explain", body)
    assert heard.status == status, heard.text


@pytest.mark.parametrize(
    ("raised", "result"),
    [
        (None, "good"),
        (InvalidAuthenticationError(f"no such token {SECRET}"), "bad"),
        (DeliveryError("it answered 503", status=503), "unknown"),
        (RuntimeError(f"a bug with {SECRET}"), "unknown"),
    ],
)
async def test_credentials_are_good_bad_or_it_cannot_be_told(
    host: Running, monkeypatch: pytest.MonkeyPatch, raised: Exception | None, result: str
) -> None:
    """An outage is not a bad token, and no answer holds the token."""

    async def check(request: Request[Any]) -> None:
        if raised is not None:
            raise raised

    # Frozen for everybody else: the destination is shared by all tests of this process.
    monkeypatch.setitem(_slots(small), "test_authentication", check)
    answer = await host.post("/api/instances/small/test")
    assert answer["result"] == result
    assert SECRET not in answer["message"]


async def test_who_ended_the_wait_for_a_test_is_told(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host after its time, or the plugin after its own."""

    async def never(_: Request[Any]) -> None:
        await asyncio.Event().wait()

    async def impatient(_: Request[Any]) -> None:
        raise TimeoutError("3 s are over")

    monkeypatch.setattr(instances, "TEST_SECONDS", 0.05)
    for test, message in (
        (never, "there was no answer within 0.05 s"),
        (impatient, "the plugin's own timeout ended it: TimeoutError: 3 s are over"),
    ):
        monkeypatch.setitem(_slots(small), "test_authentication", test)
        answer = await host.post("/api/instances/small/test")
        assert answer["result"] == "unknown"
        assert answer["message"].startswith(message)


async def test_a_destination_without_a_test_cannot_tell(host: Running) -> None:
    """It says so instead of calling the credentials good."""
    answer = await host.post("/api/instances/small/test")
    assert answer == {
        "result": "unknown",
        "message": "the destination has no test of credentials",
    }


def _slots(destination: Destination) -> Any:
    return _Slots(destination)


class _Slots(dict[str, Any]):
    """A frozen object's attributes, as monkeypatch sets and restores items."""

    def __init__(self, target: Any) -> None:
        super().__init__({"test_authentication": target.test_authentication})
        self._target = target

    def __setitem__(self, name: str, value: Any) -> None:
        object.__setattr__(self._target, name, value)
        super().__setitem__(name, value)
