"""The contract of every engine: what `accept` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from tests.queue.conftest import ids_of

from offramp.queue import Reason, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

DAY = 86_400


@pytest.mark.parametrize(
    "body",
    [b'{"a":1}', b"", b"\x00\xff not JSON \x00", '{"name":"Ωß漢😀"}'.encode(), b"x" * 32_768],
    ids=["json", "empty", "binary", "unicode", "32 KB"],
)
async def test_a_body_comes_back_as_it_came(bench: Bench, body: bytes) -> None:
    """The queue does not look into bodies; the lease and the ledger give each as it was."""
    assert await bench.send(bench.event("m1", body=body)) == [True]
    lease = await bench.take()
    assert (list(lease.bodies), lease.subscription) == ([body], "sub")
    first = lease.delivery(0)
    assert (first.message_id, first.source, first.type) == ("m1", "source", "track")
    assert (first.name, first.attempt, first.accepted_at) == (
        "Order Completed",
        1,
        bench.clock(),
    )
    (record,) = await bench.ledger.event("m1")
    assert record.body == body
    await bench.settle(lease, Stage.RETRYING)
    bench.clock.move(60)
    assert list((await bench.take()).bodies) == [body]


async def test_bodies_of_a_batch_are_not_mixed_up(bench: Bench) -> None:
    """Each event of a batch, empty bodies among them, keeps its own body."""
    bodies = {f"b{n}": (b"%d" % n) * (n % 4) for n in range(50)}
    await bench.send(*(bench.event(name, body=body) for name, body in bodies.items()))
    lease = await bench.lease(100)
    assert lease is not None
    assert dict(zip(ids_of(lease), lease.bodies, strict=True)) == bodies


async def test_a_batch_of_empty_bodies_comes_back(bench: Bench) -> None:
    """Nothing at all is an event's body too, where all events of a block have nothing else."""
    await bench.send(bench.event("a", body=b""), bench.event("b", body=b""))
    assert list((await bench.take(2)).bodies) == [b"", b""]
    (record,) = await bench.ledger.event("b")
    assert record.body == b""


async def test_each_event_keeps_its_type_and_name(bench: Bench) -> None:
    """A batch of several kinds is described event by event, by the lease and by the ledger."""
    kinds = [("track", "A"), ("identify", ""), ("track", "B"), ("page", "A"), ("track", "A")]
    events = [bench.event(f"k{n}", type=type_, name=name) for n, (type_, name) in enumerate(kinds)]
    await bench.send(*events)
    lease = await bench.take(len(kinds))
    leased = [lease.delivery(position) for position in range(len(lease))]
    assert [(one.type, one.name) for one in leased] == kinds
    records = await bench.records()
    assert [(one.type, one.name) for one in reversed(records)] == kinds


@pytest.mark.parametrize(
    "text", ["", "Ωß漢😀", 'quote " and \\ slash', "two\nlines", "nul\0nul", "\U0010ffff\uffff"]
)
async def test_any_text_can_be_a_name_or_an_id(bench: Bench, text: str) -> None:
    """Ids and names are text; a NUL among it neither cuts it off nor breaks duplicates.

    An engine may show a NUL as U+2400, but then everywhere: also of what was retried.
    """
    event = bench.event(f"id {text}", name=text)
    assert await bench.send(event, event) == [True, False]
    assert await bench.send(event, bench.event(f"id {text}!")) == [False, True]
    lease = await bench.take(2)
    leased = lease.delivery(0)
    assert visible(leased.name) == visible(text)
    assert visible(leased.message_id) == visible(f"id {text}")
    (record,) = await bench.ledger.event(f"id {text}")
    assert (record.name, record.message_id) == (leased.name, leased.message_id)
    await bench.settle(lease, Stage.REJECTED)
    one = await bench.delivery(f"id {text}")
    assert (one.name, one.message_id, one.stage) == (
        leased.name,
        leased.message_id,
        Stage.REJECTED,
    )


def visible(text: str) -> str:
    """The text as an engine may store it that knows no NUL."""
    return text.replace("\0", "\u2400")


@pytest.mark.parametrize("text", ["Ωß漢😀", "two\nlines", 'quote " and \\ slash'])
async def test_any_text_can_name_a_source_a_subscription_or_a_reason(
    bench: Bench, text: str
) -> None:
    """They are found again by the same text, after a restart too."""
    event = bench.event("a", f"to {text}", filtered={f"NOT {text}": [f"not {text}"]})
    assert await bench.send(event, source=f"from {text}") == [True]
    await bench.reopen()
    assert await bench.send(event, source=f"from {text}") == [False]
    assert ids_of(await bench.lease(1, f"to {text}")) == ["a"]
    (record,) = await bench.ledger.event("a", source=f"from {text}")
    assert {(one.subscription, one.reason) for one in record.deliveries} == {
        (f"to {text}", "ACCEPTED"),
        (f"not {text}", f"NOT {text}"),
    }


async def test_accepting_nothing_is_fine(bench: Bench) -> None:
    """An empty batch has no results."""
    assert await bench.send() == []


async def test_duplicates_are_told_wherever_they_come_from(bench: Bench) -> None:
    """Within a batch, across batches, and after a restart."""
    first, second = bench.event("a"), bench.event("b")
    assert await bench.send(first, second, first) == [True, True, False]
    assert await bench.send(second, bench.event("c")) == [False, True]
    await bench.reopen()
    assert await bench.send(first) == [False]
    assert sorted(ids_of(await bench.lease(10))) == ["a", "b", "c"]


async def test_duplicates_of_concurrent_calls_are_told(bench: Bench) -> None:
    """Of twenty calls with one id exactly one stores it."""
    event = bench.event("a")
    results = await asyncio.gather(*[bench.send(event) for _ in range(20)])
    assert sorted(new for (new,) in results) == [False] * 19 + [True]
    assert len(await bench.take(1)) == 1
    assert await bench.lease(10) is None


async def test_a_duplicate_shifts_nobody(bench: Bench) -> None:
    """Events behind a duplicate keep their body, kind and way, wherever the duplicate stood."""
    await bench.send(bench.event("known"))
    for place in range(4):
        events = [
            bench.event(f"{place}-{n}", f"to{n}", name=f"N{n}", body=b"%d" % n) for n in range(3)
        ]
        events.insert(place, bench.event("known", "other", name="no", body=b"no"))
        assert await bench.send(*events) == [n != place for n in range(4)]
    for n in range(3):
        lease = await bench.take(4, f"to{n}")
        assert ids_of(lease) == [f"{place}-{n}" for place in range(4)]
        assert list(lease.bodies) == [b"%d" % n] * 4
        assert {lease.delivery(position).name for position in range(4)} == {f"N{n}"}
    assert await bench.lease(10, "other") is None


async def test_a_batch_of_duplicates_stores_nothing(bench: Bench) -> None:
    """Neither a delivery nor a record comes of it."""
    events = [bench.event(f"e{n}") for n in range(5)]
    assert await bench.send(*events) == [True] * 5
    assert await bench.send(*reversed(events)) == [False] * 5
    assert (await bench.queue.depth("sub")).waiting == 5
    assert len(await bench.records()) == 5


async def test_an_id_is_its_sources_own(bench: Bench) -> None:
    """Two sources may use one id: both events are stored, and both have a record."""
    for source in ("web", "server"):
        assert await bench.send(bench.event("a"), source=source) == [True]
    for source in ("web", "server"):
        assert await bench.send(bench.event("a"), source=source) == [False]
    records = await bench.ledger.event("a")
    assert [record.source for record in records] == ["server", "web"]
    assert [record.source for record in await bench.ledger.event("a", source="web")] == ["web"]


async def test_requests_of_several_sources_at_once_stay_apart(bench: Bench) -> None:
    """However an engine groups what comes together, each event keeps its source and time."""
    batches = []
    for n in range(30):
        batches.append(bench.batch(bench.event("one id"), bench.event(f"e{n}"), source=f"s{n}"))
        bench.clock.move(0.001)
    results = await asyncio.gather(*map(bench.queue.accept, batches))
    assert [list(result) for result in results] == [[True, True]] * 30
    lease = await bench.take(60)
    leased = [lease.delivery(position) for position in range(60)]
    assert sorted((one.source, one.message_id) for one in leased) == sorted(
        (f"s{n}", message_id) for n in range(30) for message_id in ("one id", f"e{n}")
    )
    for n, batch in enumerate(batches):
        (record,) = await bench.ledger.event(f"e{n}")
        assert record.source == f"s{n}"
        assert record.received_at == pytest.approx(batch.received_at, abs=1e-6)


async def test_an_id_is_known_for_a_day(bench: Bench) -> None:
    """After 24 hours it is a new event, whose record stands before the old one."""
    await bench.send(bench.event("a"))
    bench.clock.move(DAY - 1)
    assert await bench.send(bench.event("a")) == [False]
    bench.clock.move(2)
    assert await bench.send(bench.event("a")) == [True]
    ages = [bench.clock() - record.accepted_at for record in await bench.ledger.event("a")]
    assert ages == pytest.approx([0, DAY + 1])


async def test_one_delivery_per_subscription(bench: Bench) -> None:
    """Each subscription gets the event; settling it in one leaves the others alone."""
    await bench.accept(1, "a", "b", "c")
    await bench.settle(await bench.take(1, "b"), Stage.DELIVERED)
    depths = await bench.queue.depths()
    assert {name: depth.total for name, depth in depths.items()} == {"a": 1, "b": 0, "c": 1}


async def test_events_of_a_batch_go_their_own_ways(bench: Bench) -> None:
    """Each subscription gets the events whose route names it, in their order, and no other."""
    ways = [("a",), ("a", "b"), (), ("b", "c"), ("a", "b", "c"), ("c",)]
    events = [bench.event(f"e{n}", subscriptions=ways[n % len(ways)]) for n in range(30)]
    assert await bench.send(*events) == [True] * 30
    for subscription in "abc":
        expected = [one.message_id for one in events if subscription in one.subscriptions]
        assert ids_of(await bench.lease(100, subscription)) == expected
    for event in events:
        (record,) = await bench.ledger.event(event.message_id)
        assert {one.subscription for one in record.deliveries} == set(event.subscriptions)


async def test_routes_that_nobody_goes_are_ignored(bench: Bench) -> None:
    """A route without events, or whose only event is a duplicate, counts for nobody."""
    await bench.send(bench.event("known", "a"))
    batch = bench.batch(bench.event("known", "b", filtered={"NO": ["c"]}), bench.event("new", "a"))
    assert list(await bench.queue.accept(batch)) == [False, True]
    assert set(await bench.queue.depths()) == {"a"}
    counts = await bench.ledger.counts(0, bench.clock() + 60)
    assert {one.subscription for one in counts} == {"", "a"}


async def test_an_event_that_nobody_wants_is_still_known(bench: Bench) -> None:
    """Without any subscription there is a record, and a duplicate is one."""
    event = bench.event("a", subscriptions=())
    assert await bench.send(event) == [True]
    assert await bench.send(event) == [False]
    (record,) = await bench.ledger.event("a")
    assert (record.deliveries, record.body) == ((), event.body)


async def test_what_does_not_match_is_told_with_its_reason(bench: Bench) -> None:
    """A filtered event has no delivery to lease, but an end state that counts."""
    filtered = {"TRIGGER_FALSE": ["b", "c"], "DISABLED": ["d"]}
    await bench.send(bench.event("m1", "a", filtered=filtered), bench.event("m2", "b"))
    (record,) = await bench.ledger.event("m1")
    assert {(one.subscription, one.stage, one.reason) for one in record.deliveries} == {
        ("a", Stage.WAITING, Reason.ACCEPTED),
        ("b", Stage.FILTERED, "TRIGGER_FALSE"),
        ("c", Stage.FILTERED, "TRIGGER_FALSE"),
        ("d", Stage.FILTERED, "DISABLED"),
    }
    assert ids_of(await bench.lease(10, "b")) == ["m2"]
    assert await bench.lease(10, "c") is None


async def test_many_at_once_are_each_stored_once(bench: Bench) -> None:
    """Two hundred concurrent callers, singles and batches, lose and double nothing."""
    events = [bench.event(f"i{n}", *("ab"[: 1 + n % 2])) for n in range(600)]
    calls = [events[n : n + 1 + n % 5] for n in range(200)] + [events[200:]]
    results = await asyncio.gather(*[bench.send(*call) for call in calls])
    assert sum(new for result in results for new in result) == 600
    assert len(await bench.take(600, "a")) == 600
    assert len(await bench.take(300, "b")) == 300
    assert await bench.lease(1, "a") is None
    assert await bench.lease(1, "b") is None


@pytest.mark.parametrize("n", [1, 7, 8, 9, 2_500])
async def test_a_batch_of_any_size_is_whole(bench: Bench, n: int) -> None:
    """One event or more than one commit takes: each has its place, body and record."""
    ids = await bench.accept(n, "a", "b")
    lease = await bench.take(n, "a")
    assert ids_of(lease) == ids
    assert await bench.settle(lease, Stage.DELIVERED) == []
    assert await bench.send(*map(bench.event, ids)) == [False] * n
    for message_id in {ids[0], ids[n // 2], ids[-1]}:
        assert await bench.stage(message_id, "a") is Stage.DELIVERED
        assert await bench.stage(message_id, "b") is Stage.WAITING
    await bench.reopen()
    assert ids_of(await bench.lease(n + 1, "b")) == ids


async def test_every_event_has_an_id_and_every_delivery_another(bench: Bench) -> None:
    """The ids of a lease are those of the ledger, and no two are alike."""
    for _ in range(3):
        await bench.accept(10, "a", "b")
    leases = [await bench.take(30, name) for name in ("a", "b")]
    leased = {lease.id(position) for lease in leases for position in range(30)}
    records = await bench.records()
    assert len({record.id for record in records}) == 30
    assert len(leased) == 60
    assert {one.id for record in records for one in record.deliveries} == leased
    for lease in leases:
        for position in range(30):
            delivery = lease.delivery(position)
            one = await bench.delivery(delivery.message_id, lease.subscription)
            assert one.id == delivery.id == lease.id(position)


async def test_a_caller_who_leaves_does_not_undo_the_accept(bench: Bench) -> None:
    """A client that hangs up has its event stored or not, and who waits is woken if so."""
    waiting = asyncio.create_task(bench.queue.lease("sub", 1, ttl=60, wait=5))
    await asyncio.sleep(0.01)
    call = asyncio.create_task(bench.send(bench.event("a")))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(2):
        assert ids_of(await waiting) == ["a"]
    assert (await bench.queue.depth("sub")).waiting == 1


async def test_what_was_accepted_survives_a_restart(bench: Bench) -> None:
    """Deliveries, depths and leases' attempts are there again."""
    ids = await bench.accept(3)
    await bench.reopen()
    assert (await bench.queue.depth("sub")).waiting == 3
    lease = await bench.take(3)
    assert ids_of(lease) == ids
    assert [lease.attempt(position) for position in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("column", ["types", "names", "bodies", "route_of"])
async def test_a_batch_whose_columns_differ_in_length_is_refused(bench: Bench, column: str) -> None:
    """An event without a body would be called accepted, and be lost; others are not touched."""
    batch = bench.batch(bench.event(), bench.event())
    short = attrs.evolve(batch, **{column: getattr(batch, column)[:1]})
    with pytest.raises(ValueError, match="a batch of 2 events"):
        await bench.queue.accept(short)
    assert await bench.queue.accept(batch) == [True, True]
