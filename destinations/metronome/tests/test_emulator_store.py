from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offramp_metronome.emulator.customers import Customers
from offramp_metronome.emulator.limits import RefusedError
from offramp_metronome.emulator.store import EventStore

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def usage(transaction_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": transaction_id,
        "customer_id": "acme",
        "event_type": "api_call",
        "timestamp": "2026-11-23T12:00:00Z",
        **changes,
    }


def test_the_first_of_an_id_takes_effect_and_later_ones_are_only_counted() -> None:
    store = EventStore(now=_Clock())
    store.take([usage("a", properties={"n": 1}), usage("b"), usage("a", properties={"n": 2})])
    store.take([usage("b")])
    assert [event.transaction_id for event in store.events] == ["a", "b"]
    assert store.events[0].properties == {"n": 1}
    assert (store.stored, store.duplicates) == (2, 2)
    assert [copy.is_duplicate for copy in store.copies_of("a")] == [False, True]
    assert store.effects() == {"a": 1, "b": 1}
    assert store.repeated() == {}


@pytest.mark.parametrize(
    ("later", "effects"),
    [
        (timedelta(days=34), 1),
        (timedelta(days=34, microseconds=1), 2),
    ],
)
@pytest.mark.parametrize("keep_events", [True, False])
def test_an_id_is_forgotten_after_34_days_and_would_be_billed_again(
    later: timedelta, effects: int, *, keep_events: bool
) -> None:
    clock = _Clock()
    store = EventStore(now=clock, keep_events=keep_events)
    store.take([usage("a")])
    clock.now += later
    store.take([usage("a")])
    assert store.effects_of("a") == effects
    assert store.stored + store.duplicates == 2
    assert store.repeated() == ({"a": 2} if effects == 2 else {})


def test_a_duplicate_does_not_lengthen_the_memory_of_its_id() -> None:
    clock = _Clock()
    store = EventStore(now=clock)
    store.take([usage("a")])
    clock.now += timedelta(days=20)
    store.take([usage("a")])
    clock.now += timedelta(days=20)
    store.take([usage("a")])
    assert store.effects_of("a") == 2


def test_search_gives_copies_in_the_order_of_the_ids_and_nothing_older_than_34_days() -> None:
    clock = _Clock()
    store = EventStore(now=clock)
    store.take([usage("old", timestamp="2026-10-21T12:00:00Z"), usage("a"), usage("b")])
    clock.now += timedelta(days=2)
    found = store.find(["b", "missing", "a", "old", "b"])
    assert [event.transaction_id for event in found] == ["b", "a"]


def test_without_events_the_store_keeps_ids_and_counts_alone() -> None:
    store = EventStore(now=_Clock(), keep_events=False)
    store.take([usage("a"), usage("b"), usage("a")])
    assert (store.stored, store.duplicates) == (2, 1)
    assert store.events == []
    assert store.find(["a"]) == []
    assert store.effects() == {"a": 1, "b": 1}


def test_a_bounded_store_keeps_the_latest_ids_with_their_events() -> None:
    store = EventStore(now=_Clock(), max_events=2)
    store.take([usage("a"), usage("b"), usage("a"), usage("c")])
    assert [event.transaction_id for event in store.events] == ["b", "c"]
    assert store.copies_of("a") == []
    assert store.effects() == {"b": 1, "c": 1}
    assert (store.stored, store.duplicates) == (3, 1)


def test_a_cleared_store_takes_the_same_ids_again() -> None:
    store = EventStore(now=_Clock())
    store.take([usage("a"), usage("a")])
    store.clear()
    assert (store.stored, store.duplicates, store.events, store.effects()) == (0, 0, [], {})
    store.take([usage("a")])
    assert (store.stored, store.duplicates) == (1, 0)


def test_an_alias_belongs_to_one_customer_even_an_archived_one() -> None:
    customers = Customers(now=_Clock())
    first = customers.create("First", ("a", "b"), {})
    customers.archive(first.id)
    with pytest.raises(RefusedError, match="'b' belongs to the customer") as refused:
        customers.create("Second", ("c", "b"), {})
    assert refused.value.status == 409
    assert len(customers) == 1
    assert customers.match("c") is None


def test_setting_aliases_replaces_the_whole_set_and_frees_the_old_ones() -> None:
    customers = Customers(now=_Clock())
    first = customers.create("First", ("a", "b"), {})
    second = customers.create("Second", ("c",), {})
    with pytest.raises(RefusedError):
        customers.set_aliases(second.id, ("b",))
    customers.set_aliases(first.id, ("b", "d"))
    customers.set_aliases(second.id, ("a",))
    assert {alias: getattr(customers.match(alias), "name", None) for alias in "abcd"} == {
        "a": "Second",
        "b": "First",
        "c": None,
        "d": "First",
    }


def test_a_customer_is_found_by_id_and_by_alias_and_a_change_leaves_its_time() -> None:
    clock = _Clock()
    customers = Customers(now=clock)
    created = customers.create("N" * 200, ("a",), {"tier": "gold"})
    clock.now += timedelta(hours=1)
    archived = customers.archive(created.id)
    assert customers.match(created.id) == customers.match("a") == archived
    assert archived.name == "N" * 160
    assert (archived.created_at, archived.updated_at) == (START, clock.now)
    assert archived.archived_at == clock.now
    assert customers.archive(created.id) == archived


@pytest.mark.parametrize("method", ["get", "archive"])
def test_an_unknown_customer_is_a_404(method: str) -> None:
    with pytest.raises(RefusedError, match="no customer has the id nobody") as refused:
        getattr(Customers(now=_Clock()), method)("nobody")
    assert refused.value.status == 404
