"""Test events are taken as if an SDK had sent them; a new source gets a write key."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.api.conftest import PATIENCE, WRITE_KEY, Running

from offramp import _json
from offramp.event import MAX_DEPTH, MAX_EVENT_BYTES

PATH = "/api/sources/site/test-event"
#: Keys that differ between two events that were sent alike.
OF_ITS_OWN = {"messageId", "receivedAt", "timestamp"}


async def sent_by_an_sdk(host: Running, event: Any) -> int:
    """The status with which the tracking API answers to the same JSON."""
    key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    headers = {"Authorization": f"Basic {key}"}
    async with host.session.post(
        f"{host.url}/v1/track", data=_json.dumps(event), headers=headers
    ) as answer:
        return answer.status


async def test_without_a_body_a_track_call_is_delivered(host: Running) -> None:
    """The answer has the id by which the event and its deliveries are found."""
    taken = await host.post(PATH)
    assert taken["event"]["type"] == "track"
    assert taken["duplicate"] is False
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    [record] = (await host.get(f"/api/events/{taken['message_id']}"))["events"]
    assert record["source"] == "site"
    assert record["deliveries"][0]["stage"] == "delivered"


async def test_an_event_is_stored_as_if_an_sdk_had_sent_it(host: Running) -> None:
    """The same keys and values, exact numbers among them, as through the tracking API."""
    event = {"userId": "u", "event": "E", "properties": {"n": 12345678901234567890}}
    taken = await host.post(PATH, {**event, "messageId": "m1"})
    assert taken["message_id"] == "m1"
    assert await sent_by_an_sdk(host, {**event, "messageId": "m2"}) == 200
    ours, theirs = [
        (await host.get(f"/api/events/{each}"))["events"][0]["event"] for each in ("m1", "m2")
    ]
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in ours.items() if k not in OF_ITS_OWN} == {
        k: v for k, v in theirs.items() if k not in OF_ITS_OWN
    }


def nested(levels: int) -> dict[str, Any]:
    """An event that nests so deep."""
    value: dict[str, Any] = {}
    for _ in range(levels - 2):
        value = {"a": value}
    return {"userId": "u", "event": "E", "properties": value}


@pytest.mark.parametrize(
    "event",
    [
        {"userId": "u", "event": "E"},
        {"anonymousId": "a", "type": "page"},
        {"type": "identify", "userId": 5},
        {"event": "E"},
        {"userId": "u"},
        {"userId": "u", "event": 5},
        {"userId": "u", "event": "E", "properties": []},
        {"type": "nonsense", "userId": "u"},
        {"userId": "u", "event": "E" * MAX_EVENT_BYTES},
        nested(MAX_DEPTH),
        nested(MAX_DEPTH + 1),
    ],
)
async def test_it_is_refused_where_the_tracking_api_refuses_it(host: Running, event: Any) -> None:
    """And only there: whoever tries an event here learns what an SDK would."""
    accepted = (await host.ask("POST", PATH, event)).status == 200
    assert accepted == (await sent_by_an_sdk(host, event) == 200)


async def test_the_same_event_again_is_a_duplicate(host: Running) -> None:
    """As for an SDK that sends an event twice, and said to the caller."""
    event = {"userId": "u", "event": "E", "messageId": "m1"}
    assert (await host.post(PATH, event))["duplicate"] is False
    assert (await host.post(PATH, event))["duplicate"] is True


async def test_a_source_that_is_none_is_not_found(host: Running) -> None:
    """The answer lists those that there are."""
    heard = await host.ask("POST", "/api/sources/sight/test-event", {})
    assert heard.status == 404
    assert "site" in heard.data["detail"]


@pytest.mark.parametrize("given", [{}, {"write_key": None}, {"write_keys": {}}])
async def test_the_host_makes_a_write_key_and_shows_it_once(host: Running, given: Any) -> None:
    """It is good at once, and masked from then on."""
    made = await host.post("/api/sources", {"name": "app", **given}, status=201)
    key = made["new_key"]
    assert len(key) > 30
    assert made["source"]["write_key"] != key
    assert host.context.engine.source_of(key) == "app"
    assert key not in (await host.ask("GET", "/api/sources/app")).text


async def test_a_key_that_is_given_is_not_shown(host: Running) -> None:
    """Whoever gave it has it."""
    given = {"name": "app", "write_key": "a-key-of-somebody-that-is-long"}
    heard = await host.ask("POST", "/api/sources", given)
    assert heard.status == 201
    assert "new_key" not in heard.data
    assert given["write_key"] not in heard.text
