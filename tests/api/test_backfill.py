"""What a subscription did not get: counted and shown by a dry run, then sent through it."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote

import attrs
import pytest
from tests.api.conftest import PATIENCE, SUBSCRIPTION, WRITTEN, Running
from tests.api.parts import ended
from tests.clocks import clock_of
from tests.delivery.parts import event

from offramp.api import filtered_replays
from offramp.api.dead_letter_replays import DeadLetterReplay
from offramp.api.filtered_replays import FilteredReplay
from offramp.api.replay_targets import WINDOW_MARGIN_SECONDS, find_target
from offramp.api.running_replays import Replay, Work
from offramp.errors import OfframpError
from offramp.queue import DeadLetterFilter, EventFilter, Queue, Stage, dead_letters

ONE = f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"
FILTERED: dict[str, Any] = {"filtered": True, "subscription": SUBSCRIPTION, "since": "2000-01-01"}
DAY = 86_400.0
#: After all events, in epoch seconds.
LATER = 4e9


@pytest.fixture
def written() -> dict[str, Any]:
    """A trigger that is wrong: it wants another event's name."""
    written = copy.deepcopy(WRITTEN)
    written["instances"]["small"]["subscriptions"][0]["trigger"] = 'event = "Ordered"'
    return written


async def mend(host: Running) -> None:
    """The trigger is what was meant: all but secret events."""
    heard = await host.ask("PATCH", ONE, {"trigger": 'type = "track" and event != "Secret"'})
    assert heard.status == 200, heard.text


async def accept(host: Running, *message_ids: str, **changes: Any) -> None:
    properties = changes.pop("properties", {})
    events = [{**event(each, **properties), **changes} for each in message_ids]
    await host.context.engine.accept("site", events)
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)


async def replayed(host: Running, **more: Any) -> dict[str, Any]:
    """A replay of filtered events once it has ended."""
    started = await host.post("/api/replays", FILTERED | more)
    answer = await ended(host, started["replay"]["id"])
    assert (answer["state"], answer["error"]) == ("done", None)
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert (await host.get("/api/reconciliation"))["faults"] == []
    return answer


async def test_filtered_events_go_through_the_trigger_as_it_is_now(host: Running) -> None:
    """Those that it matches are delivered once, however often it is asked for; others stay."""
    await accept(host, "a", "b")
    await accept(host, "secret", event="Secret")
    await accept(host, "off", integrations={"All": False})
    await mend(host)
    await accept(host, "later")
    counted = await replayed(host, dry_run=True)
    assert (counted["total"], counted["replayed"], counted["dry_run"]) == (2, 0, True)
    refused = {"NO_MATCHING_MAPPING": 1, "FILTERED_BY_INTEGRATIONS_OBJECT": 1}
    assert counted["skipped"] == refused
    assert host.partner.taken == ["later"]
    answer = await replayed(host)
    assert (answer["total"], answer["replayed"], answer["skipped"]) == (2, 2, refused)
    assert (answer["kind"], answer["scanned"] >= 4) == ("filtered events", True)
    assert sorted(host.partner.taken) == ["a", "b", "later"]
    again = await replayed(host)
    assert (again["total"], again["replayed"]) == (0, 0)
    assert sorted(host.partner.taken) == ["a", "b", "later"]


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({"where": "properties.kind = 'x'"}, ["a"]),
        ({"until": "2000-01-02"}, []),
        ({"since": "2999-01-01"}, []),
        ({"reason": "NO_MATCHING_MAPPING"}, ["a", "b"]),
        ({"reason": "SUBSCRIPTION_DISABLED"}, []),
        ({"reason": "BEFORE_SUBSCRIPTION"}, []),
    ],
)
async def test_only_what_meets_all_conditions_is_sent(
    host: Running, more: dict[str, Any], sent: list[str]
) -> None:
    """By time, by reason, by a condition on the event."""
    await accept(host, "a", properties={"kind": "x"})
    await accept(host, "b", properties={"kind": "y"})
    await mend(host)
    assert (await replayed(host, **more))["replayed"] == len(sent)
    assert sorted(host.partner.taken) == sent


async def test_events_from_before_a_subscription_are_sent_through_it(host: Running) -> None:
    """A new one gets what its trigger matches, of its own source."""
    await accept(host, "a", "b")
    new = {"instance": "small", "name": "new", "action": "take", "trigger": 'type = "track"'}
    heard = await host.ask("POST", "/api/subscriptions", new)
    assert heard.status == 201, heard.text
    asked = {"subscription": "small/new", "reason": "BEFORE_SUBSCRIPTION"}
    heard = await host.ask("POST", "/api/replays", FILTERED | asked)
    assert heard.status == 422
    assert "enable that first" in heard.data["detail"]
    await host.post("/api/subscriptions/small%2Fnew/enable")
    shown = await host.post("/api/replays", FILTERED | asked | {"dry_run": True})
    assert [row["delivery"]["message_id"] for row in shown["preview"]["rows"]] == ["b", "a"]
    assert shown["preview"]["rows"][0]["delivery"]["reason"] == "BEFORE_SUBSCRIPTION"
    assert (await replayed(host, **asked))["replayed"] == 2
    assert sorted(host.partner.taken) == ["a", "b"]
    assert (await replayed(host, **asked))["total"] == 0


async def test_a_dry_run_shows_what_would_be_sent(host: Running) -> None:
    """Page by page, with the payload of the present mapping or of another; nothing is sent."""
    await accept(host, "a", "b", properties={"kind": "k"})
    await mend(host)
    body = FILTERED | {"dry_run": True, "limit": 1}
    first = await host.post("/api/replays", body)
    assert first["replay"]["dry_run"] is True
    [row] = first["preview"]["rows"]
    assert (row["before"], row["after"]) == (None, {"id": "b", "kind": "k"})
    assert row["request"]["method"] == "POST"
    body |= {"cursor": first["preview"]["cursor"], "mapping": {"kind": "another"}}
    second = await host.post("/api/replays", body)
    assert second["replay"] is None
    assert second["preview"]["rows"][0]["after"] == {"id": "a", "kind": "another"}
    assert host.partner.requests == []


async def test_what_the_idempotency_window_does_not_allow_is_left_out(host: Running) -> None:
    """An event older than the window but for its margin is counted with the reason."""
    await accept(host, "old")
    await mend(host)
    found = find_target(host.context, SUBSCRIPTION)
    policy = attrs.evolve(found.plan.policy, idempotency_window=34 * DAY)
    target = attrs.evolve(found, plan=attrs.evolve(found.plan, policy=policy))
    later = time.time() + 34 * DAY - WINDOW_MARGIN_SECONDS
    context = attrs.evolve(host.context, clock=clock_of(lambda: later))
    work = FilteredReplay(host=context, target=target, since=0.0, until=later)
    replay = Replay(id="r", kind="filtered events", started_at=later)
    await work(replay)
    assert (replay.replayed, replay.skipped["IDEMPOTENCY_WINDOW_OVER"]) == (0, 1)
    (record,) = await host.context.ledger.event("old")
    assert record.deliveries[0].stage is Stage.FILTERED


async def test_a_replay_leaves_room_for_what_arrives(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits while so many are in flight in the subscription, and goes on afterwards."""
    monkeypatch.setattr(filtered_replays, "PAGE", 2)
    monkeypatch.setattr(filtered_replays, "MAX_AHEAD", 2)
    monkeypatch.setattr(filtered_replays, "LOOK_SECONDS", 0.01)
    await accept(host, *(f"m{number}" for number in range(7)))
    await mend(host)
    host.partner.judge = lambda _: 503
    started = await host.post("/api/replays", FILTERED)
    await asyncio.sleep(0.2)
    half = await host.get(f"/api/replays/{started['replay']['id']}")
    assert (half["state"], half["replayed"]) == ("running", 2)
    host.partner.judge = lambda _: 200
    async with asyncio.timeout(PATIENCE):
        assert (await ended(host, half["id"]))["replayed"] == 7


async def test_dead_letters_of_a_subscription_that_is_gone_are_not_made_due(host: Running) -> None:
    """They would wait for ever: they are refused, or left out with a reason; another gets them."""
    await mend(host)
    await accept(host, "bad-1", "bad-2")
    new = {"instance": "small", "name": "new", "action": "take", "trigger": 'event = "never"'}
    assert (await host.ask("POST", "/api/subscriptions", new)).status == 201
    await host.post("/api/subscriptions/small%2Fnew/enable")
    await host.ask("DELETE", ONE)
    heard = await host.ask("POST", "/api/replays", {"subscription": SUBSCRIPTION})
    assert heard.status == 422
    assert "`into`" in heard.data["errors"][0]["detail"]
    started = await host.post("/api/replays", {"all": True})
    answer = await ended(host, started["replay"]["id"])
    assert (answer["replayed"], answer["skipped"]) == (0, {"SUBSCRIPTION_GONE": 2})
    host.partner.judge = lambda _: 200
    into = {"subscription": SUBSCRIPTION, "into": "small/new"}
    shown = await host.post("/api/replays", into | {"dry_run": True})
    assert [row["after"]["id"] for row in shown["preview"]["rows"]] == ["bad-2", "bad-1"]
    for expected in ((2, {}), (0, {"HAS_DELIVERY": 2})):
        started = await host.post("/api/replays", into)
        answer = await ended(host, started["replay"]["id"])
        assert (answer["replayed"], answer["skipped"]) == expected
        assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(host.partner.taken) == ["bad-1", "bad-2"]
    assert (await host.get("/api/reconciliation"))["faults"] == []
    why = (await host.get("/api/events/bad-1"))["events"][0]["deliveries"][0]["why"]
    assert why["replay"].endswith("--into SUBSCRIPTION")


async def test_dead_letters_of_a_disabled_subscription_are_left_out(host: Running) -> None:
    """Until it is enabled again."""
    await mend(host)
    await accept(host, "bad-1")
    await host.post(f"{ONE}/disable")
    started = await host.post("/api/replays", {"all": True})
    answer = await ended(host, started["replay"]["id"])
    assert (answer["replayed"], answer["skipped"]) == (0, {"SUBSCRIPTION_DISABLED": 1})


class LateQueue:
    """Queues what a replay asks for only once its subscription has been disabled."""

    def __init__(self, host: Running, subscription: str) -> None:
        self._host = host
        self._queue = host.context.queue
        self._subscription = subscription

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def backfill(self, subscription: str, events: Sequence[str]) -> int:
        await self._disable()
        return await self._queue.backfill(subscription, events)

    async def replay(self, which: DeadLetterFilter, **more: Any) -> int:
        await self._disable()
        return await self._queue.replay(which, **more)

    async def _disable(self) -> None:
        await self._host.post(f"/api/subscriptions/{quote(self._subscription, safe='')}/disable")
        await asyncio.gather(*self._host.context.engine._retiring)


@pytest.mark.parametrize("kind", ["filtered", "dead", "into"])
async def test_what_is_queued_while_its_subscription_is_disabled_does_not_wait_for_ever(
    host: Running, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It ends as what waited before, and can be replayed; no other page of the replay follows."""
    monkeypatch.setattr(filtered_replays, "PAGE", 1)
    monkeypatch.setattr(dead_letters, "PAGE", 1)
    if kind == "filtered":
        await accept(host, "bad-1", "bad-2")
    await mend(host)
    if kind != "filtered":
        await accept(host, "bad-1", "bad-2")
    new = {"instance": "small", "name": "new", "action": "take", "trigger": 'event = "never"'}
    assert (await host.ask("POST", "/api/subscriptions", new)).status == 201
    await host.post("/api/subscriptions/small%2Fnew/enable")
    name = "small/new" if kind == "into" else SUBSCRIPTION
    context = attrs.evolve(host.context, queue=cast("Queue", LateQueue(host, name)))
    target = find_target(context, name)
    filters = DeadLetterFilter(stages=frozenset({Stage.REJECTED}))
    works: dict[str, Work] = {
        "filtered": FilteredReplay(host=context, target=target, since=0.0, until=LATER),
        "dead": DeadLetterReplay(host=context, filters=filters),
        "into": DeadLetterReplay(host=context, filters=filters, into=target),
    }
    replay = Replay(id="r", kind="filtered events", started_at=0.0)
    with contextlib.suppress(OfframpError):
        await works[kind](replay)
    assert replay.replayed == 1
    assert (await host.context.queue.depth(name)).total == 0
    [ended] = (await host.get("/api/dead-letters?reason=SUBSCRIPTION_DISABLED"))["rows"]
    assert (ended["subscription"], ended["stage"]) == (name, "expired")
    assert (await host.get("/api/reconciliation"))["faults"] == []


async def test_an_event_tells_the_command_that_sends_it_after_all(host: Running) -> None:
    """Once the trigger matches: that event and no other."""
    await accept(host, 'a "b"')
    await mend(host)
    name = quote('a "b"', safe="")
    [delivery] = (await host.get(f"/api/events/{name}"))["events"][0]["deliveries"]
    assert delivery["why"]["text"].endswith("the present one matches this event")
    command = delivery["why"]["replay"]
    assert command.startswith("offramp replay --filtered --subscription small/one --since 20")
    assert command.endswith("""--where 'messageId = "a \\"b\\""'""")
    records = await host.context.ledger.events(EventFilter())
    accepted_at = records.rows[0].accepted_at
    where = 'messageId = "a \\"b\\""'
    assert (await replayed(host, since=accepted_at, where=where))["replayed"] == 1


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"subscription": None}, "#/subscription", "is missing"),
        ({"since": None}, "#/since", "is missing"),
        ({"subscription": "small/ona"}, "#/subscription", "did you mean 'small/one'?"),
        ({"since": "yesterday"}, "#/since", "must be a time"),
        ({"until": "tomorrow"}, "#/until", "must be a time"),
        ({"where": "type = "}, "#/where", "column 8: the trigger ends"),
        ({"stage": "rejected"}, "#/stage", "is for dead letters"),
        ({"ids": ["1-1"]}, "#/ids", "is for dead letters"),
        ({"into": SUBSCRIPTION}, "#/into", "is for dead letters"),
        ({"all": True}, "#/all", "is for dead letters"),
        ({"mapping": {}}, "#/mapping", "is for a dry run"),
        ({"filtered": False, "where": "type = 'track'"}, "#/where", "is for filtered events"),
        ({"filtered": False, "into": "small/ona"}, "#/into", "did you mean"),
        ({"dry_run": True, "cursor": "x"}, "#/cursor", "unchanged"),
    ],
)
async def test_a_replay_that_cannot_be_read_is_refused(
    host: Running, body: dict[str, Any], pointer: str, detail: str
) -> None:
    """The place in the body, a fault of FQL with its column, and what to do."""
    given = {key: value for key, value in (FILTERED | body).items() if value is not None}
    heard = await host.ask("POST", "/api/replays", given)
    assert heard.status == 422, heard.text
    [error] = heard.data["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]
