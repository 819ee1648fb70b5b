"""The billing engineer's question: what became of this event, and why."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.api.conftest import SUBSCRIPTION, Running
from tests.delivery.parts import event

from offramp.queue import EventBatch, Route


async def one(host: Running, message_id: str) -> dict[str, Any]:
    answer = await host.get(f"/api/events/{quote(message_id, safe='')}")
    [record] = answer["events"]
    [delivery] = record["deliveries"]
    return {**delivery, "event": record["event"]}


async def test_a_delivered_event_has_request_and_answer(host: Running) -> None:
    """What was sent and what came back, masked, and nothing to explain."""
    await host.send("m1")
    answer = await one(host, "m1")
    assert (answer["stage"], answer["reason"], answer["why"]) == ("delivered", "OK", None)
    assert answer["exchange"]["status"] == 200
    assert answer["event"]["messageId"] == "m1"


async def test_a_key_that_is_stored_twice_is_shown_once(host: Running) -> None:
    """The collector may add a key behind one of that name: the last counts, for every reader."""
    text = b'{"messageId":"m1","type":"track","userId":"old","n":1.10,"userId":"\xc3\xa9"}'
    route = Route(filtered={"NO_MATCH": [SUBSCRIPTION]})
    batch = EventBatch(
        source="site",
        received_at=0,
        message_ids=["m1"],
        types=["track"],
        names=[""],
        bodies=[text],
        routes=[route],
        route_of=[0],
    )
    assert list(await host.context.queue.accept(batch)) == [True]
    heard = await host.ask("GET", "/api/events/m1")
    assert heard.text.count('"userId"') == 1
    assert '"userId":"é"' in heard.text
    assert '"n":1.10' in heard.text
    body = {"subscription": SUBSCRIPTION, "message_id": "m1"}
    explained = await host.ask("POST", "/api/explain", body)
    assert explained.data["event"]["userId"] == "é"
    assert explained.text.count('"userId"') == 1


async def test_a_filtered_event_names_the_condition_and_what_it_found(host: Running) -> None:
    """Not only that the trigger is false: which condition, and for which value."""
    await host.context.engine.accept("site", [{**event("m2"), "event": "Secret"}])
    why = (await one(host, "m2"))["why"]
    assert 'event != "Secret" is false (event is "Secret")' in why["text"]
    assert [c["result"] for c in why["trigger"]["children"]] == [True, False]
    assert why["replay"] is None


async def test_an_event_that_the_sender_switched_off_says_so(host: Running) -> None:
    """The integrations object is shown."""
    await host.context.engine.accept("site", [{**event("m3"), "integrations": {"All": False}}])
    assert '{"All":false}' in (await one(host, "m3"))["why"]["text"]


async def test_a_rejected_event_says_what_to_change_and_what_to_run(host: Running) -> None:
    """The fault, the path that gave nothing, and the replay command with the delivery's id."""
    config = host.context.config.subscriptions[SUBSCRIPTION]
    assert config.enabled
    await host.ask(
        "PATCH",
        f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}",
        {"mapping": {"id": {"@path": "$.properties.number"}}},
    )
    await host.send("m4")
    answer = await one(host, "m4")
    assert (answer["stage"], answer["reason"]) == ("rejected", "PAYLOAD_VALIDATION_FAILED")
    assert answer["why"]["fix"] == (
        "id comes from $.properties.number, which this event lacks: map another path and replay "
        "it, or send a corrected event under another messageId"
    )
    assert answer["why"]["replay"] == f"offramp replay {answer['id']}"
    assert answer["why"]["errors"][0]["pointer"] == "#/id"


async def test_what_the_partner_refused_points_at_its_answer(host: Running) -> None:
    """A 422 is the partner's word: its answer is there, and the way back."""
    await host.send("bad-1")
    answer = await one(host, "bad-1")
    assert (answer["stage"], answer["status"]) == ("rejected", 422)
    assert "answer says why" in answer["why"]["fix"]
    assert answer["payload"] == {"id": "bad-1"}


async def test_a_mapping_that_was_mended_says_so(host: Running) -> None:
    """Where the configuration of now has no fault, the advice is to replay."""
    place = f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"
    await host.ask("PATCH", place, {"mapping": {"id": {"@path": "$.properties.number"}}})
    await host.send("m5")
    await host.ask("PATCH", place, {"mapping": {"id": {"@path": "$.messageId"}}})
    assert "no fault with this event" in (await one(host, "m5"))["why"]["fix"]


async def test_an_event_of_a_subscription_that_is_gone_is_still_told(host: Running) -> None:
    """What became of an event outlives the subscription."""
    await host.send("bad-2")
    heard = await host.ask("DELETE", f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}")
    assert heard.status == 200
    assert "was deleted since" in (await one(host, "bad-2"))["why"]["text"]


async def test_an_unknown_event_is_told_as_unknown(host: Running) -> None:
    """404, and the reasons there can be."""
    heard = await host.ask("GET", "/api/events/nobody")
    assert heard.status == 404
    assert "never sent" in heard.data["detail"]


async def test_any_message_id_can_be_asked_for(host: Running) -> None:
    """Slashes, blanks, per cent signs and question marks among them."""
    ids = ["a/b", "a b", "a%2Fb", "a?b#c", "ü", "../status"]
    await host.send(*ids)
    for message_id in ids:
        assert (await one(host, message_id))["message_id"] == message_id


async def test_events_are_listed_page_by_page(host: Running) -> None:
    """Every event once, latest first, and none that another source sent."""
    ids = [f"m{number}" for number in range(25)]
    await host.send(*ids)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await host.get(f"/api/events?limit=10{cursor and f'&cursor={cursor}'}")
        found += [row["message_id"] for row in page["rows"]]
        cursor = page["cursor"]
    assert found == ids[::-1]
    assert (await host.get("/api/events?source=other"))["rows"] == []
    assert (await host.get("/api/events?source=site&limit=1"))["rows"][0]["message_id"] == "m24"
