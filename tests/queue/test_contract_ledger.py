"""The contract of every engine: what the ledger tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import FILTERED

from offramp.queue import Counted, DeadLetterFilter, EventFilter, Reason, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

    from offramp.queue import Delivery


async def recent(
    bench: Bench, stage: Stage | None = None, *, subscription: str = "sub", limit: int = 50
) -> list[Delivery]:
    """The deliveries of a subscription, read page by page."""
    seen: list[Delivery] = []
    cursor = None
    while True:
        page = await bench.ledger.recent(subscription, stage=stage, limit=limit, cursor=cursor)
        assert len(page.rows) <= limit
        seen += page.rows
        cursor = page.cursor
        if cursor is None:
            return seen


def message_ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message_id for delivery in deliveries]


async def test_one_event_has_one_record(bench: Bench) -> None:
    """Event, body, and for each subscription what became of it, when and why."""
    event = bench.event("m1", "billing", "crm", filtered={"TRIGGER_FALSE": ["mail"]})
    await bench.send(event)
    accepted_at = bench.clock()
    bench.clock.move(2)
    await bench.settle(
        await bench.take(1, "crm"),
        Stage.REJECTED,
        reason="400",
        status=400,
        message="bad e-mail",
        payload=b'{"email":1}',
        exchange=b'{"status":400}',
    )
    (record,) = await bench.ledger.event("m1")
    assert (record.source, record.message_id, record.type) == ("source", "m1", "track")
    assert (record.name, record.body, record.accepted_at) == (event.name, event.body, accepted_at)
    assert record.received_at == pytest.approx(accepted_at - 0.25, abs=1e-6)
    billing, crm, mail = record.deliveries
    assert (billing.subscription, billing.stage) == ("billing", Stage.WAITING)
    assert (billing.reason, billing.due_at) == (Reason.ACCEPTED, accepted_at)
    assert (billing.attempts, billing.payload, billing.exchange) == (0, None, None)
    assert (crm.subscription, crm.stage, crm.reason, crm.status) == (
        "crm",
        Stage.REJECTED,
        "400",
        400,
    )
    assert (crm.message, crm.attempts, crm.due_at) == ("bad e-mail", 1, None)
    assert (crm.payload, crm.exchange) == (b'{"email":1}', b'{"status":400}')
    assert (crm.accepted_at, crm.updated_at) == (accepted_at, accepted_at + 2)
    assert (mail.subscription, mail.stage, mail.reason) == (
        "mail",
        Stage.FILTERED,
        "TRIGGER_FALSE",
    )
    assert (mail.attempts, mail.updated_at, mail.due_at) == (0, accepted_at, None)
    assert {one.message_id for one in record.deliveries} == {"m1"}
    assert len({one.id for one in record.deliveries}) == 3


async def test_what_was_delivered_keeps_its_exchange(bench: Bench) -> None:
    """All events of a batch show the request that delivered them; listings leave it out."""
    ids = await bench.accept(3)
    bench.clock.move(1)
    lease = await bench.take(3)
    await bench.settle(lease, Stage.DELIVERED, reason="OK", status=200, exchange=b'{"status":200}')
    for position, message_id in enumerate(ids):
        delivery = await bench.delivery(message_id)
        assert (delivery.id, delivery.stage, delivery.reason, delivery.status) == (
            lease.id(position),
            Stage.DELIVERED,
            "OK",
            200,
        )
        assert (delivery.exchange, delivery.attempts, delivery.due_at) == (
            b'{"status":200}',
            1,
            None,
        )
        assert delivery.updated_at == delivery.accepted_at + 1
    assert [one.exchange for one in await recent(bench)] == [None] * 3
    assert [record.deliveries[0].exchange for record in await bench.records()] == [None] * 3


async def test_an_unknown_event_has_no_record(bench: Bench) -> None:
    """Nor does an id that only looks like a known one."""
    await bench.accept(1)
    assert await bench.ledger.event("unknown") == []
    assert await bench.ledger.event("") == []
    assert await bench.ledger.event("m") == []


async def test_an_id_of_two_sources_has_a_record_of_each(bench: Bench) -> None:
    """Latest first; a source asked for is the only one."""
    await bench.send(bench.event("a"), source="web")
    bench.clock.move(1)
    await bench.send(bench.event("a"), source="server")
    records = await bench.ledger.event("a")
    assert [record.source for record in records] == ["server", "web"]
    assert records[0].id != records[1].id
    (web,) = await bench.ledger.event("a", source="web")
    assert web.id == records[1].id
    assert await bench.ledger.event("a", source="nobody") == []


async def test_events_are_listed_latest_first(bench: Bench) -> None:
    """Of one source or of all, page by page, without bodies but with their deliveries."""
    for n in range(10):
        await bench.send(bench.event(f"e{n}"), source="web" if n % 2 else "server")
    page = await bench.ledger.events(EventFilter(), limit=4)
    assert [record.message_id for record in page.rows] == ["e9", "e8", "e7", "e6"]
    assert [(record.body, len(record.deliveries)) for record in page.rows] == [(None, 1)] * 4
    rest = await bench.ledger.events(EventFilter(), limit=40, cursor=page.cursor)
    assert [record.message_id for record in rest.rows] == [f"e{n}" for n in range(5, -1, -1)]
    assert rest.cursor is None
    web = await bench.records(EventFilter(source="web"), limit=2)
    assert [record.message_id for record in web] == ["e9", "e7", "e5", "e3", "e1"]
    assert await bench.records(EventFilter(source="nobody")) == []


async def test_events_are_listed_with_bodies_if_asked_for(bench: Bench) -> None:
    """Each event has its own, also where many were accepted together."""
    ids = await bench.accept(5)
    page = await bench.ledger.events(EventFilter(), bodies=True)
    assert [record.body for record in page.rows] == [
        bench.event(message_id).body for message_id in reversed(ids)
    ]


async def test_events_are_found_by_what_is_known_of_them(bench: Bench) -> None:
    """Source, type, name, time and filter, alone and together; `since` is in, `until` is out."""
    start = bench.clock()
    no = {"TRIGGER_FALSE": ["sub"]}
    await bench.send(
        bench.event("a", "x", filtered=no),
        bench.event("b", "x", type="page", name="Home"),
        bench.event("c", "x", "sub", type="page", name="Pricing"),
    )
    bench.clock.move(10)
    await bench.send(bench.event("d", "x", filtered=no, name="Home"), source="web")
    bench.clock.move(10)
    await bench.send(bench.event("e", filtered={"OTHER": ["sub", "y"]}, type="page", name="Home"))
    for which, expected in [
        (EventFilter(), "edcba"),
        (EventFilter(source="web"), "d"),
        (EventFilter(type="page"), "ecb"),
        (EventFilter(name="Home"), "edb"),
        (EventFilter(type="page", name="Home"), "eb"),
        (EventFilter(type="identify"), ""),
        (EventFilter(since=start + 10), "ed"),
        (EventFilter(until=start + 10), "cba"),
        (EventFilter(since=start + 10, until=start + 20), "d"),
        (EventFilter(since=start + 20.5), ""),
        (EventFilter(until=start), ""),
        (EventFilter(subscription="sub", stages=FILTERED), "eda"),
        (EventFilter(subscription="y", stages=FILTERED), "e"),
        (EventFilter(subscription="x", stages=FILTERED), ""),
        (EventFilter(subscription="unknown", stages=FILTERED), ""),
        (EventFilter(subscription="sub", stages=FILTERED, source="source", until=start + 20), "a"),
    ]:
        found = await bench.records(which, limit=2)
        assert "".join(record.message_id for record in found) == expected, which


async def test_what_is_replayed_is_not_filtered_any_more(bench: Bench) -> None:
    """A listing of filtered events leaves out what was made due, until that is filtered again."""
    await bench.send(*(bench.event(one, "x", filtered={"NO": ["sub"]}) for one in "abc"))
    which = EventFilter(subscription="sub", stages=FILTERED)
    _, b, a = await bench.records(which)
    assert await bench.queue.backfill("sub", [a.id, b.id]) == 2
    assert [record.message_id for record in await bench.records(which)] == ["c"]
    assert message_ids(await recent(bench, Stage.FILTERED)) == ["c"]
    assert message_ids(await recent(bench, Stage.WAITING)) == ["b", "a"]
    await bench.settle(await bench.take(2), Stage.DELIVERED, {1: Stage.FILTERED})
    assert [record.message_id for record in await bench.records(which)] == ["c", "b"]
    shown = await recent(bench, Stage.FILTERED)
    assert [(one.message_id, one.reason) for one in shown] == [("c", "NO"), ("b", "FILTERED")]


async def test_events_that_came_before_a_subscription_show_its_backfill(bench: Bench) -> None:
    """The delivery stands beside those that the event had, with what became of it."""
    ids = await bench.accept(2, "old")
    records = await bench.records()
    assert await bench.queue.backfill("new", [record.id for record in records]) == 2
    await bench.settle(await bench.take(1, "new"), Stage.DELIVERED)
    assert message_ids(await recent(bench, Stage.DELIVERED, subscription="new")) == [ids[0]]
    assert message_ids(await recent(bench, Stage.WAITING, subscription="new")) == [ids[1]]
    (record,) = await bench.ledger.event(ids[0])
    assert {one.subscription: one.stage for one in record.deliveries} == {
        "old": Stage.WAITING,
        "new": Stage.DELIVERED,
    }


async def test_recent_deliveries_of_a_subscription(bench: Bench) -> None:
    """By stage or all, latest first by when they are due or ended, page by page."""
    ids = {}
    for stage in (Stage.DELIVERED, Stage.REJECTED, Stage.EXPIRED):
        ids[stage] = await bench.end(3, stage)
        bench.clock.move(1)
    ids[Stage.WAITING] = await bench.accept(3)
    bench.clock.move(1)
    ids[Stage.RETRYING] = await bench.end(1, Stage.RETRYING, "other")
    order = (Stage.WAITING, Stage.EXPIRED, Stage.REJECTED, Stage.DELIVERED)
    expected = [one for stage in order for one in reversed(ids[stage])]
    for limit in (1, 2, 5, 12, 50):
        assert message_ids(await recent(bench, limit=limit)) == expected
    for stage in order:
        shown = await recent(bench, stage, limit=2)
        assert message_ids(shown) == ids[stage][::-1]
        assert {one.stage for one in shown} == {stage}
    assert await recent(bench, Stage.RETRYING) == []
    assert await recent(bench, subscription="unknown") == []


async def test_recent_deliveries_of_one_moment_join_up(bench: Bench) -> None:
    """Pages show each once, though many ended at once in many requests, and others wait beside."""
    ids = []
    for n in range(12):
        await bench.accept_apart(1, apart=0)
        ids += await bench.accept(7, "sub" if n % 3 else "other")
    while (lease := await bench.lease(5)) and len(lease) == 5:
        await bench.settle(lease, Stage.DELIVERED, {1: Stage.REJECTED, 3: Stage.RETRYING})
    await bench.accept(9)
    whole = await recent(bench, limit=500)
    assert len(whole) == 12 + 8 * 7 + 9
    for limit in (1, 7, 50):
        assert await recent(bench, limit=limit) == whole
    times = [one.due_at or one.updated_at for one in whole]
    assert times == sorted(times, reverse=True)


async def test_a_page_shows_where_a_replayed_one_stands_now(bench: Bench) -> None:
    """What was delivered after a replay is listed once, by its end."""
    first, second = await bench.accept(2)
    await bench.settle(await bench.take(2), Stage.DELIVERED, {0: Stage.REJECTED})
    bench.clock.move(5)
    await bench.queue.replay(DeadLetterFilter())
    assert message_ids(await recent(bench)) == [first, second]
    bench.clock.move(5)
    await bench.settle(await bench.take(1), Stage.DELIVERED)
    assert message_ids(await recent(bench, Stage.DELIVERED)) == [first, second]
    assert await recent(bench, Stage.REJECTED) == []


async def test_recent_filtered_ones(bench: Bench) -> None:
    """Those that matched nothing and those that ended so later, latest first."""
    await bench.send(bench.event("a", "x", filtered={"TRIGGER_FALSE": ["sub"]}))
    await bench.end(1, Stage.DELIVERED)
    (late,) = await bench.end(1, Stage.FILTERED, reason="EMPTY_PAYLOAD")
    await bench.send(bench.event("b", "x", filtered={"TRIGGER_FALSE": ["sub", "y"]}))
    await bench.send(bench.event("c", "x", filtered={"TRIGGER_FALSE": ["y"]}))
    page = await bench.ledger.recent("sub", stage=Stage.FILTERED)
    assert [(one.message_id, one.reason) for one in page.rows] == [
        ("b", "TRIGGER_FALSE"),
        (late, "EMPTY_PAYLOAD"),
        ("a", "TRIGGER_FALSE"),
    ]
    first = await bench.ledger.recent("sub", stage=Stage.FILTERED, limit=2)
    second = await bench.ledger.recent("sub", stage=Stage.FILTERED, cursor=first.cursor)
    assert first.rows + second.rows == page.rows
    assert await recent(bench, Stage.FILTERED, subscription="unknown") == []


@pytest.mark.parametrize("cursor", ["", "x", "1-x", "-1", "1-2-3-4"])
async def test_a_cursor_that_is_none_is_refused(bench: Bench, cursor: str) -> None:
    """The message shows it, in each listing."""
    for listing in (
        bench.ledger.events(EventFilter(), cursor=cursor),
        bench.ledger.recent("sub", cursor=cursor),
        bench.ledger.recent("sub", stage=Stage.FILTERED, cursor=cursor),
    ):
        with pytest.raises(ValueError, match="give the cursor of a page, as it came"):
            await listing


async def test_counts_of_sources_and_subscriptions(bench: Bench) -> None:
    """Sources count what came and came twice; subscriptions what they accepted and filtered."""
    event = bench.event("a", "x", filtered={"TRIGGER_FALSE": ["y"]})
    await bench.send(event, event)
    await bench.send(bench.event("b", "x"), source="web")
    counts = await bench.ledger.counts(0, bench.clock() + 60)
    assert {(one.subscription, one.source, one.counted, one.reason, one.n) for one in counts} == {
        ("", "source", Counted.ACCEPTED, "", 1),
        ("", "source", Counted.DUPLICATE, "", 1),
        ("", "web", Counted.ACCEPTED, "", 1),
        ("x", "", Counted.ACCEPTED, "", 2),
        ("y", "", Counted.ACCEPTED, "", 1),
        ("y", "", Counted.FILTERED, "TRIGGER_FALSE", 1),
    }
    of_y = await bench.ledger.counts(0, bench.clock() + 60, subscription="y")
    assert {one.subscription for one in of_y} == {"y"}
    source = await bench.ledger.counts(0, bench.clock() + 60, source="web")
    assert [(one.counted, one.n) for one in source] == [(Counted.ACCEPTED, 1)]


async def test_counts_are_of_the_minutes_asked_for(bench: Bench) -> None:
    """The minute of `since` is in, that of `until` only if it began before."""
    start = bench.clock() // 60 * 60
    await bench.accept_apart(5, apart=60)
    counts = await bench.ledger.counts(start + 70, start + 240, subscription="sub")
    assert [one.minute for one in counts] == [start + 60, start + 120, start + 180]


async def test_latency_is_from_acceptance_to_delivery(bench: Bench) -> None:
    """Each quantile is at most 19 % above the truth; only deliveries count."""
    assert await bench.ledger.latency("sub") is None
    for seconds in range(1, 101):
        await bench.accept(1)
        lease = await bench.take(1)
        bench.clock.move(seconds)
        await bench.settle(lease, Stage.DELIVERED if seconds < 100 else Stage.REJECTED)
    latency = await bench.ledger.latency("sub")
    assert latency is not None
    assert latency.n == 99
    assert 50 <= latency.p50 <= 50 * 1.19
    assert 94 <= latency.p95 <= 95 * 1.19
    assert 98 <= latency.p99 <= 99 * 1.19
    assert await bench.ledger.latency("sub", since=bench.clock() + 3_600) is None
    assert await bench.ledger.latency("other") is None
    assert await bench.ledger.latencies(since=0) == {"sub": latency}
    assert await bench.ledger.latencies(since=bench.clock() + 3_600) == {}


async def test_latency_of_a_replay_is_its_own(bench: Bench) -> None:
    """A delivery that was replayed after a day did not take a day."""
    await bench.end(1, Stage.REJECTED)
    bench.clock.move(86_400)
    await bench.queue.replay(DeadLetterFilter())
    bench.clock.move(1)
    await bench.settle(await bench.take(1), Stage.DELIVERED)
    latency = await bench.ledger.latency("sub")
    assert latency is not None
    assert latency.p99 < 1.19


async def test_errors_are_grouped_by_reason(bench: Bench) -> None:
    """Most first, each with how many stand there and the latest of them."""
    await bench.end(5, Stage.DELIVERED)
    rejected = await bench.end(4, Stage.REJECTED, reason="400", status=400)
    bench.clock.move(5)
    retrying = await bench.end(6, Stage.RETRYING, reason="503")
    expired = await bench.end(1, Stage.EXPIRED, reason="400")
    groups = await bench.ledger.errors("sub", samples=2)
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
    late = await bench.ledger.errors("sub", since=bench.clock(), samples=0)
    assert [(one.reason, one.n, one.samples) for one in late] == [("503", 6, ()), ("400", 1, ())]
    assert await bench.ledger.errors("other") == []


async def test_a_reconciliation_counts_everything(bench: Bench) -> None:
    """Deliveries of every stage, and what matched nothing, are in the sum."""
    await bench.send(bench.event("a", "x", "y", filtered={"TRIGGER_FALSE": ["z"]}))
    await bench.end(2, Stage.DELIVERED)
    await bench.end(1, Stage.RETRYING)
    result = await bench.ledger.reconcile()
    assert (result.deliveries, result.faults, result.ok) == (6, (), True)
