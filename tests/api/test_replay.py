"""What failed for good: listed, grouped, previewed, and delivered again."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast
from urllib.parse import quote

import attrs
import pytest
from tests.api.conftest import PATIENCE, SUBSCRIPTION, Running
from tests.api.parts import ended

from offramp.api.dead_letter_replays import DeadLetterReplay
from offramp.api.previews import PreviewPage, preview
from offramp.api.running_replays import RunningReplays
from offramp.errors import StorageError
from offramp.queue import DeadLetterFilter, Ledger, Queue

SUBSCRIPTION_QUERY = quote(SUBSCRIPTION, safe="")


async def test_the_dead_are_listed_by_every_filter(host: Running) -> None:
    """By subscription, reason, stage and time, page by page."""
    await host.send(*(f"bad-{number}" for number in range(5)))
    page = await host.get(
        f"/api/dead-letters?subscription={SUBSCRIPTION_QUERY}&reason=422&stage=rejected&limit=3"
    )
    assert len(page["rows"]) == 3
    rest = await host.get(f"/api/dead-letters?limit=3&cursor={page['cursor']}")
    found = [row["message_id"] for row in page["rows"] + rest["rows"]]
    assert sorted(found) == [f"bad-{number}" for number in range(5)]
    for empty in ("reason=500", "stage=expired", "since=2999-01-01", "until=0", "subscription=x"):
        assert (await host.get(f"/api/dead-letters?{empty}"))["rows"] == []


async def test_errors_are_grouped_by_reason_with_samples(host: Running) -> None:
    """Most first, the samples those that a person can look at."""
    await host.send("bad-1", "bad-2", "good")
    [group] = (await host.get("/api/errors?samples=1"))["groups"]
    assert (group["reason"], group["n"], group["stage"]) == ("422", 2, "rejected")
    assert len(group["samples"]) == 1
    assert (await host.get("/api/errors?since=2999-01-01"))["groups"] == []


async def test_deliveries_are_listed_by_stage(host: Running) -> None:
    """The latest of one subscription."""
    await host.send("bad-1", "good")
    path = f"/api/deliveries?subscription={SUBSCRIPTION_QUERY}"
    assert len((await host.get(path))["rows"]) == 2
    [row] = (await host.get(f"{path}&stage=delivered"))["rows"]
    assert row["message_id"] == "good"


async def test_a_replay_tells_its_progress_and_its_end(host: Running) -> None:
    """Everything that failed is tried once more, and arrives once the partner takes it."""
    ids = [f"bad-{number}" for number in range(12)]
    await host.send(*ids)
    host.partner.judge = lambda _: 200
    started = await host.post("/api/replays", {"reason": "422"})
    answer = await ended(host, started["replay"]["id"])
    assert (answer["state"], answer["total"], answer["replayed"]) == ("done", 12, 12)
    assert (await host.get("/api/replays"))["rows"] == [answer]
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(host.partner.taken) == sorted(ids)
    assert (await host.get("/api/reconciliation"))["ok"] is True


async def test_the_log_says_who_started_a_replay(
    host: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Its id, the actor of the request, and how many dead letters were queued again."""
    caplog.set_level(logging.INFO, logger="offramp.api")
    await host.send("bad-1")
    heard = await host.ask("POST", "/api/replays", {"all": True}, {"X-Offramp-Actor": "Ada"})
    name = heard.data["replay"]["id"]
    await ended(host, name)
    lines = [record.getMessage() for record in caplog.records if name in record.getMessage()]
    assert lines == [
        f"replay {name} was started by Ada",
        f"replay {name} ended: 1 of 1 dead letters are queued again",
    ]


async def test_a_replay_by_ids_touches_no_other(host: Running) -> None:
    """The one that was named, and not its neighbour."""
    await host.send("bad-1", "bad-2")
    host.partner.judge = lambda _: 200
    rows = (await host.get("/api/dead-letters"))["rows"]
    one = next(row["id"] for row in rows if row["message_id"] == "bad-1")
    started = await host.post("/api/replays", {"ids": [one, "999999999", "nonsense"]})
    await ended(host, started["replay"]["id"])
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert host.partner.taken == ["bad-1"]


async def test_a_dry_run_shows_what_would_be_sent_instead(host: Running) -> None:
    """A candidate mapping: before, after, the difference and the request; nothing is sent."""
    await host.send("bad-1", kind="old")
    asked = len(host.partner.requests)
    body = {
        "subscription": SUBSCRIPTION,
        "dry_run": True,
        "mapping": {"kind": None, "id": {"@template": "good-{{ messageId }}"}},
    }
    answer = await host.post("/api/replays", body)
    assert answer["replay"] is None
    [row] = answer["preview"]["rows"]
    assert row["before"] == {"id": "bad-1", "kind": "old"}
    assert row["after"] == {"id": "good-bad-1"}
    assert row["changes"] == [
        {"place": "$.id", "before": "bad-1", "after": "good-bad-1"},
        {"place": "$.kind", "before": "old"},
    ]
    assert row["request"]["method"] == "POST"
    assert len(host.partner.requests) == asked
    assert (await host.get("/api/dead-letters"))["rows"][0]["stage"] == "rejected"


async def test_a_dry_run_without_changes_says_the_same_again(host: Running) -> None:
    """As the subscription is now: no difference, page by page."""
    await host.send("bad-1", "bad-2")
    preview = (await host.post("/api/replays", {"all": True, "dry_run": True, "limit": 1}))[
        "preview"
    ]
    assert preview["rows"][0]["changes"] == []
    more = {"all": True, "dry_run": True, "limit": 1, "cursor": preview["cursor"]}
    assert len((await host.post("/api/replays", more))["preview"]["rows"]) == 1


async def test_a_dry_run_for_a_subscription_that_is_gone_says_so(host: Running) -> None:
    """The delivery is shown, and why it would not be sent."""
    await host.send("bad-1")
    await host.ask("DELETE", f"/api/subscriptions/{SUBSCRIPTION_QUERY}")
    [row] = (await host.post("/api/replays", {"all": True, "dry_run": True}))["preview"]["rows"]
    assert "no subscription" in row["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#"),
        ({"dry_run": True}, "#"),
        ({"all": True, "mapping": {}}, "#/mapping"),
        ({"all": True, "dry_run": True, "mapping": {}}, "#/subscription"),
        (
            {"subscription": SUBSCRIPTION, "dry_run": True, "mapping": {"id": {"@pth": "x"}}},
            "#/mapping",
        ),
        (
            {"subscription": SUBSCRIPTION, "dry_run": True, "mapping": {"colour": 1}},
            "#/mapping/colour",
        ),
        ({"since": "yesterday"}, "#/since"),
        ({"until": 1e40}, "#/until"),
        ({"stage": "delivered"}, "#/stage"),
        ({"ids": "5"}, "#/ids"),
        ({"all": True, "dry_run": True, "limit": 0}, "#/limit"),
        ({"all": True, "dry_run": True, "cursor": "x"}, "#/cursor"),
        ({"reson": "422"}, "#"),
    ],
)
async def test_a_replay_that_says_nothing_clear_is_refused(
    host: Running, body: Any, pointer: str
) -> None:
    """A misspelt or an empty filter must not mean everything."""
    await host.send("bad-1")
    heard = await host.ask("POST", "/api/replays", body)
    assert heard.status == 422, heard.text
    assert heard.data["errors"][0]["pointer"].startswith(pointer)
    assert (await host.get("/api/dead-letters"))["rows"][0]["stage"] == "rejected"


async def test_a_replay_that_the_disk_stops_says_so(host: Running) -> None:
    """The state and the cause, for whoever looks at its progress."""

    class Broken:
        async def dead_letters(self, *_: Any, **__: Any) -> Any:
            raise StorageError("the disk is gone")

    context = attrs.evolve(host.context, queue=cast("Queue", Broken()))
    running = RunningReplays(context)
    work = DeadLetterReplay(host=context, filters=DeadLetterFilter())
    begun = running.start(work, "dead letters", actor="test")
    async with asyncio.timeout(PATIENCE):
        while begun.ended_at is None:  # noqa: ASYNC110 - it is looked at, as by a caller
            await asyncio.sleep(0.01)
    assert (begun.state, begun.error) == ("failed", "the disk is gone")
    for _ in range(150):
        running.start(work, "dead letters", actor="test")
    assert running.find(begun.id) is None


async def test_a_preview_is_of_the_event_that_failed(host: Running) -> None:
    """A message id may come again on a later day: the dead letter's own event is looked at."""
    await host.send("bad-1")
    (failed,) = await host.context.ledger.event("bad-1")
    later = attrs.evolve(failed, id="999", body=b'{"type":"track"}', deliveries=())

    class Later:
        async def event(self, *_: Any, **__: Any) -> Any:
            return [later, failed]

    context = attrs.evolve(host.context, ledger=cast("Ledger", Later()))
    shown = await preview(context, DeadLetterFilter(), PreviewPage(limit=5))
    (row,) = shown["rows"]
    assert row["delivery"]["id"] == failed.deliveries[0].id
    assert row["before"] is not None
    assert (row["before"], row["changes"]) == (row["after"], [])


async def test_an_unknown_replay_is_told(host: Running) -> None:
    """404."""
    assert (await host.ask("GET", "/api/replays/x")).status == 404


@pytest.mark.parametrize("granularity", ["minute", "hour", "day"])
async def test_the_ledger_adds_up_at_every_granularity(host: Running, granularity: str) -> None:
    """What was accepted, delivered and rejected, in steps."""
    await host.send("m1", "m2", "bad-1")
    series = await host.get(
        f"/api/stats?granularity={granularity}&subscription={SUBSCRIPTION_QUERY}"
    )
    sums: dict[str, int] = {}
    for row in series["rows"]:
        sums[row["counted"]] = sums.get(row["counted"], 0) + row["n"]
    assert sums == {"accepted": 3, "delivered": 2, "rejected": 1}
    of_source = await host.get("/api/stats?source=site&granularity=day")
    assert [row["counted"] for row in of_source["rows"]] == ["accepted"]


async def test_a_series_that_is_too_long_is_refused(host: Running) -> None:
    """By the minute, a day at most."""
    heard = await host.ask("GET", "/api/stats?granularity=minute&since=2026-01-01")
    assert heard.data["errors"][0]["parameter"] == "since"


async def test_latency_is_told_for_what_was_delivered(host: Running) -> None:
    """Quantiles in seconds, or nothing."""
    path = f"/api/latency?subscription={SUBSCRIPTION_QUERY}"
    assert (await host.get(path))["latency"] is None
    await host.send("m1")
    assert (await host.get(path))["latency"]["n"] == 1
