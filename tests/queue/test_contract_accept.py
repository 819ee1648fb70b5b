"""The contract of every engine: what `accept` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from offramp.queue import Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

DAY = 86_400


@pytest.mark.parametrize(
    "body",
    [b'{"a":1}', b"", b"\x00\xff not JSON \x00", '{"name":"Ωß漢😀"}'.encode(), b"x" * 32_768],
    ids=["json", "empty", "binary", "unicode", "32 KB"],
)
async def test_a_body_comes_back_as_it_came(bench: Bench, body: bytes) -> None:
    """The queue does not look into bodies."""
    assert await bench.queue.accept([bench.item("m1", body=body)]) == [True]
    lease = await bench.lease_one()
    assert (lease.body, lease.message_id, lease.source) == (body, "m1", "source")
    assert (lease.type, lease.name, lease.lane) == ("track", "Order Completed", "lane")
    assert (lease.attempt, lease.accepted_at) == (1, bench.clock())


async def test_bodies_of_a_batch_are_not_mixed_up(bench: Bench) -> None:
    """Each event of a batch, empty bodies among them, keeps its own body."""
    bodies = {f"b{n}": (b"%d" % n) * (n % 4) for n in range(50)}
    await bench.queue.accept([bench.item(name, body=body) for name, body in bodies.items()])
    leases = await bench.lease(100)
    assert {lease.message_id: lease.body for lease in leases} == bodies


@pytest.mark.parametrize("text", ["", "Ωß漢😀", 'quote " and \\ slash', "two\nlines", "nul\0nul"])
async def test_any_text_can_be_a_name_or_an_id(bench: Bench, text: str) -> None:
    """Ids and names are text; a NUL among it neither cuts it off nor breaks duplicates."""
    item = bench.item(f"id {text}", name=text)
    assert await bench.queue.accept([item, item]) == [True, False]
    assert await bench.queue.accept([item, bench.item(f"id {text}!")]) == [False, True]
    lease = await bench.lease_one()
    assert lease.name == text.replace("\0", "\u2400")
    (story,) = await bench.ledger.event(f"id {text}")
    assert story.name == lease.name


async def test_accepting_nothing_is_fine(bench: Bench) -> None:
    """An empty batch has no results."""
    assert await bench.queue.accept([]) == []


async def test_duplicates_are_told_wherever_they_come_from(bench: Bench) -> None:
    """Within a call, across calls, and after a restart."""
    first, second = bench.item("a"), bench.item("b")
    assert await bench.queue.accept([first, second, first]) == [True, True, False]
    assert await bench.queue.accept([second, bench.item("c")]) == [False, True]
    await bench.reopen()
    assert await bench.queue.accept([first]) == [False]
    assert sorted(lease.message_id for lease in await bench.lease(10)) == ["a", "b", "c"]


async def test_duplicates_of_concurrent_calls_are_told(bench: Bench) -> None:
    """Of twenty calls with one id exactly one stores it."""
    item = bench.item("a")
    results = await asyncio.gather(*[bench.queue.accept([item]) for _ in range(20)])
    assert sorted(new for (new,) in results) == [False] * 19 + [True]
    assert len(await bench.lease(10)) == 1


async def test_an_id_is_its_sources_own(bench: Bench) -> None:
    """Two sources may use one id: both events are stored, and both stories told."""
    items = [bench.item("a", source=source) for source in ("web", "server")]
    assert await bench.queue.accept(items) == [True, True]
    stories = await bench.ledger.event("a")
    assert [story.source for story in stories] == ["server", "web"]
    assert [story.source for story in await bench.ledger.event("a", source="web")] == ["web"]


async def test_an_id_is_known_for_a_day(bench: Bench) -> None:
    """After 24 hours it is a new event, whose story stands before the old one."""
    await bench.queue.accept([bench.item("a")])
    bench.clock.move(DAY - 1)
    assert await bench.queue.accept([bench.item("a")]) == [False]
    bench.clock.move(2)
    assert await bench.queue.accept([bench.item("a")]) == [True]
    ages = [bench.clock() - story.accepted_at for story in await bench.ledger.event("a")]
    assert ages == pytest.approx([0, DAY + 1])


async def test_one_delivery_per_lane(bench: Bench) -> None:
    """Each lane gets the event; settling it in one leaves the others alone."""
    await bench.accept(1, "a", "b", "c")
    lease = await bench.lease_one("b")
    await bench.settle([lease], Stage.DELIVERED)
    assert {lane: depth.total for lane, depth in (await bench.queue.depths()).items()} == {
        "a": 1,
        "b": 0,
        "c": 1,
    }


async def test_an_event_that_nobody_wants_is_still_known(bench: Bench) -> None:
    """Without any subscription there is a story, and a duplicate is one."""
    item = bench.item("a", lanes=())
    assert await bench.queue.accept([item]) == [True]
    assert await bench.queue.accept([item]) == [False]
    (story,) = await bench.ledger.event("a")
    assert (story.deliveries, story.body) == ((), item.body)


async def test_what_does_not_match_is_told_with_its_reason(bench: Bench) -> None:
    """A filtered lane has no delivery, but an end state that counts."""
    filtered = {"TRIGGER_FALSE": ["b", "c"], "DISABLED": ["d"]}
    await bench.queue.accept([bench.item("m1", "a", filtered=filtered)])
    (story,) = await bench.ledger.event("m1")
    assert {(one.lane, one.stage, one.reason) for one in story.deliveries} == {
        ("a", Stage.WAITING, "ACCEPTED"),
        ("b", Stage.FILTERED, "TRIGGER_FALSE"),
        ("c", Stage.FILTERED, "TRIGGER_FALSE"),
        ("d", Stage.FILTERED, "DISABLED"),
    }
    assert await bench.lease(10, "b") == []


async def test_many_at_once_are_each_stored_once(bench: Bench) -> None:
    """Two hundred concurrent callers, singles and batches, lose and double nothing."""
    items = [bench.item(f"i{n}", *("ab"[: 1 + n % 2])) for n in range(600)]
    calls = [items[n : n + 1 + n % 5] for n in range(200)] + [items[200:]]
    results = await asyncio.gather(*[bench.queue.accept(call) for call in calls])
    assert sum(new for result in results for new in result) == 600
    assert len(await bench.lease(1_000, "a")) == 600
    assert len(await bench.lease(1_000, "b")) == 300


async def test_a_caller_who_leaves_does_not_undo_the_accept(bench: Bench) -> None:
    """A client that hangs up has its event stored or not, and the lane is woken if so."""
    waiting = asyncio.create_task(bench.queue.lease("lane", 1, ttl=60, wait=5))
    await asyncio.sleep(0.01)
    call = asyncio.create_task(bench.queue.accept([bench.item("a")]))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(2):
        (lease,) = await waiting
    assert lease.message_id == "a"
    assert (await bench.queue.depth("lane")).waiting == 1


async def test_what_was_accepted_survives_a_restart(bench: Bench) -> None:
    """Deliveries, depths and leases' attempts are there again."""
    ids = await bench.accept(3)
    await bench.reopen()
    assert (await bench.queue.depth("lane")).waiting == 3
    assert [lease.message_id for lease in await bench.lease(10)] == ids
