"""The contract of every engine: what the ledger tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from offramp.queue import Counted, DeadFilter, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench


async def test_one_event_has_one_story(bench: Bench) -> None:
    """Event, body, and for each subscription what became of it, when and why."""
    item = bench.item("m1", "billing", "crm", filtered={"TRIGGER_FALSE": ["mail"]})
    await bench.queue.accept([item])
    accepted_at = bench.clock()
    bench.clock.move(2)
    await bench.settle(
        await bench.lease(1, "crm"),
        Stage.REJECTED,
        reason="400",
        status=400,
        message="bad e-mail",
        payload=b'{"email":1}',
        exchange=b'{"status":400}',
    )
    (story,) = await bench.ledger.event("m1")
    assert (story.source, story.message_id, story.type) == ("source", "m1", "track")
    assert (story.name, story.body, story.accepted_at) == (item.name, item.body, accepted_at)
    assert story.received_at == pytest.approx(item.received_at, abs=1e-6)
    billing, crm, mail = story.deliveries
    assert (billing.lane, billing.stage, billing.reason) == ("billing", Stage.WAITING, "ACCEPTED")
    assert (billing.due_at, billing.attempts, billing.payload) == (accepted_at, 0, None)
    assert (crm.lane, crm.stage, crm.reason, crm.status) == ("crm", Stage.REJECTED, "400", 400)
    assert (crm.message, crm.attempts, crm.due_at) == ("bad e-mail", 1, None)
    assert (crm.payload, crm.exchange) == (b'{"email":1}', b'{"status":400}')
    assert (crm.accepted_at, crm.updated_at) == (accepted_at, accepted_at + 2)
    assert (mail.lane, mail.stage, mail.reason) == ("mail", Stage.FILTERED, "TRIGGER_FALSE")
    assert {one.message_id for one in story.deliveries} == {"m1"}


async def test_an_unknown_event_has_no_story(bench: Bench) -> None:
    """Nor does an id that only looks like a known one."""
    await bench.accept(1)
    assert await bench.ledger.event("unknown") == []
    assert await bench.ledger.event("") == []


async def test_events_are_listed_latest_first(bench: Bench) -> None:
    """Of one source or of all, page by page, without bodies but with their deliveries."""
    for n in range(10):
        await bench.queue.accept([bench.item(f"e{n}", source="web" if n % 2 else "server")])
    page = await bench.ledger.events(limit=4)
    assert [story.message_id for story in page.rows] == ["e9", "e8", "e7", "e6"]
    assert [(story.body, len(story.deliveries)) for story in page.rows] == [(None, 1)] * 4
    rest = await bench.ledger.events(limit=40, cursor=page.cursor)
    assert [story.message_id for story in rest.rows] == [f"e{n}" for n in range(5, -1, -1)]
    assert rest.cursor is None
    web = await bench.ledger.events(source="web", limit=40)
    assert [story.message_id for story in web.rows] == ["e9", "e7", "e5", "e3", "e1"]
    assert (await bench.ledger.events(source="nobody")).rows == ()


async def test_recent_deliveries_of_a_lane(bench: Bench) -> None:
    """By stage or all, latest first by when they are due or ended, page by page."""
    ids = {}
    for stage in (Stage.DELIVERED, Stage.REJECTED, Stage.EXPIRED):
        ids[stage] = await bench.end(3, stage)
        bench.clock.move(1)
    ids[Stage.WAITING] = await bench.accept(3)
    bench.clock.move(1)
    ids[Stage.RETRYING] = await bench.end(1, Stage.RETRYING, "other")
    seen = []
    cursor = None
    while True:
        page = await bench.ledger.recent("lane", limit=5, cursor=cursor)
        seen += [one.message_id for one in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    order = (Stage.WAITING, Stage.EXPIRED, Stage.REJECTED, Stage.DELIVERED)
    assert seen == [one for stage in order for one in reversed(ids[stage])]
    for stage in order:
        page = await bench.ledger.recent("lane", stage=stage)
        assert [one.message_id for one in page.rows] == ids[stage][::-1]
        assert {one.stage for one in page.rows} == {stage}
    assert (await bench.ledger.recent("lane", stage=Stage.RETRYING)).rows == ()
    assert (await bench.ledger.recent("unknown")).rows == ()


async def test_recent_filtered_ones(bench: Bench) -> None:
    """Those that matched nothing and those that ended so later, latest first."""
    await bench.queue.accept([bench.item("a", "x", filtered={"TRIGGER_FALSE": ["lane"]})])
    await bench.end(1, Stage.DELIVERED)
    (late,) = await bench.end(1, Stage.FILTERED, reason="EMPTY_PAYLOAD")
    await bench.queue.accept([bench.item("b", "x", filtered={"TRIGGER_FALSE": ["lane", "y"]})])
    await bench.queue.accept([bench.item("c", "x", filtered={"TRIGGER_FALSE": ["y"]})])
    page = await bench.ledger.recent("lane", stage=Stage.FILTERED)
    assert [(one.message_id, one.reason) for one in page.rows] == [
        ("b", "TRIGGER_FALSE"),
        (late, "EMPTY_PAYLOAD"),
        ("a", "TRIGGER_FALSE"),
    ]
    first = await bench.ledger.recent("lane", stage=Stage.FILTERED, limit=2)
    second = await bench.ledger.recent("lane", stage=Stage.FILTERED, cursor=first.cursor)
    assert first.rows + second.rows == page.rows


async def test_counts_of_sources_and_lanes(bench: Bench) -> None:
    """Sources count what came and what came twice; lanes what they accepted and filtered."""
    item = bench.item("a", "x", filtered={"TRIGGER_FALSE": ["y"]})
    await bench.queue.accept([item, item, bench.item("b", "x", source="web")])
    counts = await bench.ledger.counts(0, bench.clock() + 60)
    assert {(one.lane, one.source, one.counted, one.reason, one.n) for one in counts} == {
        ("", "source", Counted.ACCEPTED, "", 1),
        ("", "source", Counted.DUPLICATE, "", 1),
        ("", "web", Counted.ACCEPTED, "", 1),
        ("x", "", Counted.ACCEPTED, "", 2),
        ("y", "", Counted.ACCEPTED, "", 1),
        ("y", "", Counted.FILTERED, "TRIGGER_FALSE", 1),
    }
    lane = await bench.ledger.counts(0, bench.clock() + 60, lane="y")
    assert {one.lane for one in lane} == {"y"}
    source = await bench.ledger.counts(0, bench.clock() + 60, source="web")
    assert [(one.counted, one.n) for one in source] == [(Counted.ACCEPTED, 1)]


async def test_counts_are_of_the_minutes_asked_for(bench: Bench) -> None:
    """The minute of `since` is in, that of `until` only if it began before."""
    start = bench.clock() // 60 * 60
    for _ in range(5):
        await bench.accept(1)
        bench.clock.move(60)
    counts = await bench.ledger.counts(start + 70, start + 240, lane="lane")
    assert [one.minute for one in counts] == [start + 60, start + 120, start + 180]


async def test_latency_is_from_acceptance_to_delivery(bench: Bench) -> None:
    """Each quantile is at most 19 % above the truth; only deliveries count."""
    assert await bench.ledger.latency("lane") is None
    for seconds in range(1, 101):
        await bench.accept(1)
        lease = await bench.lease(1)
        bench.clock.move(seconds)
        await bench.settle(lease, Stage.DELIVERED if seconds < 100 else Stage.REJECTED)
    told = await bench.ledger.latency("lane")
    assert told is not None
    assert told.n == 99
    assert 50 <= told.p50 <= 50 * 1.19
    assert 94 <= told.p95 <= 95 * 1.19
    assert 98 <= told.p99 <= 99 * 1.19
    assert await bench.ledger.latency("lane", since=bench.clock() + 3_600) is None
    assert await bench.ledger.latency("other") is None
    assert await bench.ledger.latencies(since=0) == {"lane": told}
    assert await bench.ledger.latencies(since=bench.clock() + 3_600) == {}


async def test_latency_of_a_replay_is_its_own(bench: Bench) -> None:
    """A delivery that was replayed after a day did not take a day."""
    await bench.end(1, Stage.REJECTED)
    bench.clock.move(86_400)
    await bench.queue.replay(DeadFilter())
    bench.clock.move(1)
    await bench.settle(await bench.lease(1), Stage.DELIVERED)
    told = await bench.ledger.latency("lane")
    assert told is not None
    assert told.p99 < 1.19


async def test_errors_are_grouped_by_reason(bench: Bench) -> None:
    """Most first, each with how many stand there and the latest of them."""
    await bench.end(5, Stage.DELIVERED)
    rejected = await bench.end(4, Stage.REJECTED, reason="400", status=400)
    bench.clock.move(5)
    retrying = await bench.end(6, Stage.RETRYING, reason="503")
    expired = await bench.end(1, Stage.EXPIRED, reason="400")
    groups = await bench.ledger.errors("lane", samples=2)
    assert [(one.stage, one.reason, one.n) for one in groups] == [
        (Stage.RETRYING, "503", 6),
        (Stage.REJECTED, "400", 4),
        (Stage.EXPIRED, "400", 1),
    ]
    assert [[one.message_id for one in group.samples] for group in groups] == [
        retrying[:-3:-1],
        rejected[:-3:-1],
        expired,
    ]
    assert groups[1].samples[0].status == 400
    late = await bench.ledger.errors("lane", since=bench.clock(), samples=0)
    assert [(one.reason, one.n, one.samples) for one in late] == [("503", 6, ()), ("400", 1, ())]
    assert await bench.ledger.errors("other") == []


async def test_an_audit_counts_everything(bench: Bench) -> None:
    """Deliveries of every stage, and what matched nothing, are in the sum."""
    await bench.queue.accept([bench.item("a", "x", "y", filtered={"TRIGGER_FALSE": ["z"]})])
    await bench.end(2, Stage.DELIVERED)
    await bench.end(1, Stage.RETRYING)
    audit = await bench.ledger.audit()
    assert (audit.deliveries, audit.faults, audit.ok) == (6, (), True)
