"""A change of configuration costs what it changes, however many subscriptions there are."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from tests.api.conftest import PATIENCE, SECRET, WRITE_KEY, Running
from tests.delivery.parts import event

from offramp import _json
from offramp.config import read_trigger
from offramp.config.triggers import TriggerReading
from offramp.queue import SqliteLedger

MANY = 500
ONE = f"/api/subscriptions/{quote('small/n7', safe='')}"
#: Of the processor: far above what one change needs, far below what recompiling takes.
GENEROUS_SECONDS = 2.0
#: After so many steps of one kind, the work of a change waits until an event was taken.
SLICE = 100
#: Of the disk, for the status of a host.
FEW_READINGS = 10

#: Where each kind of work is called by its name.
WORK = {
    "trigger": ("offramp.config.triggers.compile_trigger",),
    "parse": ("offramp.fql.trigger.parse_exact", "offramp.fql.segment.reading.parse_exact"),
    "mapping": (
        "offramp.config.subscriptions.compile_mapping",
        "offramp.delivery.plan.compile_mapping",
    ),
    "plan": ("offramp.delivery.snapshot.compile_subscription",),
    "fields": ("offramp.plugins.catalog.compile_check",),
    "runtime": ("offramp.delivery.runtime.check_settings",),
    "worker": ("offramp.delivery.engine.Worker",),
}


def subscription(number: int) -> dict[str, Any]:
    return {
        "name": f"n{number}",
        "action": "takeKnown",
        "trigger": f'type = "track" and event = "e{number}"',
        "mapping": {"kind": {"@path": "$.properties.kind"}},
    }


@pytest.fixture
def written() -> dict[str, Any]:
    """One instance with many subscriptions of one idempotency key; no trigger was read before."""
    read_trigger.cache_clear()
    return {
        "sources": {"site": {"write_key": WRITE_KEY}},
        "instances": {
            "small": {
                "destination": "small",
                "source": "site",
                "settings": {"token": SECRET},
                "subscriptions": [subscription(number) for number in range(MANY)],
            }
        },
    }


def wrap_work(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None], kinds: Iterable[str]
) -> None:
    """Have `before` called with its kind ahead of each call of work."""

    def wrapped(kind: str, real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            before(kind)
            return real(*arguments, **options)

        return call

    for kind in kinds:
        for place in WORK[kind]:
            module, _, name = place.rpartition(".")
            real = getattr(importlib.import_module(module), name)
            monkeypatch.setattr(place, wrapped(kind, real))


@attrs.frozen
class Counts:
    """How often each kind of work was done since it was last asked."""

    done: Counter[str]

    def taken(self) -> dict[str, int]:
        """The counts, which begin anew."""
        found = dict(self.done)
        self.done.clear()
        return found


@pytest.fixture
def counts(host: Running, monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Counts what is compiled and started from now on; the host runs already."""
    assert len(host.context.engine.snapshot.plans) == MANY
    done: Counter[str] = Counter()
    wrap_work(monkeypatch, lambda kind: done.update([kind]), WORK)
    return Counts(done)


def of_one(**more: int) -> dict[str, int]:
    """One subscription read and compiled: its mapping once to check it and once to run it."""
    return {"trigger": 1, "parse": 2, "mapping": 2, "plan": 1, "worker": 1, **more}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"trigger": 'type = "track" and event = "another"'}, of_one()),
        ({"enabled": False}, {"mapping": 1, "parse": 1}),
        ({"name": "renamed"}, {"mapping": 2, "plan": 1, "worker": 1, "parse": 1}),
        ({}, {"mapping": 1, "parse": 1}),
    ],
    ids=["trigger", "enabled", "name", "nothing"],
)
async def test_a_patch_compiles_the_one_that_it_changes(
    host: Running, counts: Counts, change: dict[str, Any], expected: dict[str, int]
) -> None:
    """Whatever a PATCH says: the triggers, mappings and workers of the 499 others are untouched."""
    before = host.context.engine.snapshot
    heard = await host.ask("PATCH", ONE, change)
    assert heard.status == 200, heard.text
    assert counts.taken() == expected
    after = host.context.engine.snapshot
    others = before.plans.keys() - {"small/n7"}
    assert all(after.plans[subscription] is before.plans[subscription] for subscription in others)
    assert all(
        after.triggers[subscription] is before.triggers[subscription] for subscription in others
    )
    assert after.runtimes == before.runtimes


async def test_subscriptions_come_and_go_alone(host: Running, counts: Counts) -> None:
    """Made, enabled, disabled and deleted: each step costs one subscription at the most."""
    made = {"instance": "small", **subscription(MANY)}
    one = f"/api/subscriptions/{quote(f'small/n{MANY}', safe='')}"
    await host.post("/api/subscriptions", made, status=201)
    assert counts.taken() == {"trigger": 1, "parse": 2, "mapping": 1}
    await host.post(f"{one}/enable")
    assert counts.taken() == {"mapping": 2, "plan": 1, "worker": 1}
    await host.post(f"{one}/disable")
    assert counts.taken() == {"mapping": 1}
    assert (await host.ask("DELETE", one)).status == 200
    assert counts.taken() == {}


async def test_an_instance_is_started_anew_with_the_pipelines_there_are(
    host: Running, counts: Counts
) -> None:
    """Its workers begin again with its new settings; no subscription is compiled or read again."""
    before = host.context.engine.snapshot.plans
    body = {"settings": {"token": "another-token-of-the-partner"}}
    assert (await host.ask("PATCH", "/api/instances/small", body)).status == 200
    # What Segment makes of each trigger is told with the instance, and read once.
    assert counts.taken() == {"runtime": 1, "worker": MANY, "parse": MANY}
    assert host.context.engine.snapshot.plans == before
    assert (
        await host.ask("PATCH", "/api/instances/small", {"requests_per_second": 50})
    ).status == 200
    assert counts.taken() == {"runtime": 1, "worker": MANY}


async def test_another_source_and_instance_touch_nothing(
    host: Running, counts: Counts, written: dict[str, Any]
) -> None:
    """They are made beside what runs."""
    await host.post("/api/sources", {"name": "shop", "write_key": "wk-of-the-shop"}, status=201)
    assert counts.taken() == {}
    instance = {**written["instances"]["small"], "name": "other", "source": "shop"}
    del instance["subscriptions"]
    await host.post("/api/instances", instance, status=201)
    assert counts.taken() == {"runtime": 1}


async def test_a_file_with_one_change_runs_that_change(
    host: Running, counts: Counts, written: dict[str, Any]
) -> None:
    """All of a file is read and checked; only what differs is compiled and replaced."""
    subscriptions = written["instances"]["small"]["subscriptions"]
    subscriptions[7]["trigger"] = 'type = "track" and event = "another"'
    del subscriptions[8]
    applied = await host.post("/api/config", written)
    assert [(each["id"], each["what"]) for each in applied["changes"]] == [
        ("small/n7", "changed"),
        ("small/n8", "removed"),
    ]
    taken = counts.taken()
    assert (taken["trigger"], taken["plan"], taken["worker"]) == (1, 1, 1)
    assert "runtime" not in taken


async def test_an_equal_value_of_another_type_is_a_change(host: Running) -> None:
    """To Python 1 and true are equal; to the partner they are not."""
    for value in (1, True, 1.0):
        heard = await host.ask("PATCH", ONE, {"mapping": {"id": "a", "kind": value}})
        assert heard.status == 200, heard.text
        plan = host.context.engine.snapshot.plans["small/n7"]
        assert _json.dumps(plan.transform(event("m"))["kind"]) == _json.dumps(value)


@attrs.define
class Slices:
    """Work that stands still, in each slice, until the event loop has taken another event."""

    taken: int = 0
    asked: Counter[str] = attrs.field(factory=Counter)
    done: Counter[str] = attrs.field(factory=Counter)
    news: threading.Condition = attrs.field(factory=threading.Condition)

    def step(self, kind: str) -> None:
        """One step of the work; raises `AssertionError` if no event is taken meanwhile."""
        self.done[kind] += 1
        if self.done[kind] % SLICE:
            return
        self.asked[kind] += 1
        with self.news:
            seen = self.taken
            assert self.news.wait_for(lambda: self.taken > seen, PATIENCE), f"{kind} blocks"

    def note(self) -> None:
        """An event was taken."""
        with self.news:
            self.taken += 1
            self.news.notify_all()


async def test_the_host_answers_while_all_is_replaced(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes everything is read and compiled while events are taken as ever.

    Where the event loop did the work itself, no event could be taken between its slices.
    """
    slices = Slices()
    kinds = ("trigger", "parse", "mapping", "plan")
    wrap_work(monkeypatch, slices.step, kinds)
    document = (await host.get("/api/config"))["document"]
    for each in document["instances"]["small"]["subscriptions"]:
        each["trigger"] = each["trigger"].replace('"e', '"new-e')
        each["mapping"] = {**each["mapping"], "id": {"@template": "new-{{ messageId }}"}}
    read_trigger.cache_clear()
    changing = asyncio.create_task(host.ask("POST", "/api/config", document))
    while not changing.done():
        assert await host.context.engine.accept("site", [event(f"m{slices.taken}")]) == [True]
        slices.note()
    heard = await changing
    assert heard.status == 200, heard.text
    assert all(slices.asked[kind] >= MANY / SLICE for kind in kinds), slices.asked


async def test_a_patch_of_one_of_many_is_quick(host: Running) -> None:
    """In time of the processor, which other programs of the machine do not use up."""
    began = time.process_time()
    heard = await host.ask("PATCH", ONE, {"trigger": 'type = "track" and event = "another"'})
    assert heard.status == 200
    assert time.process_time() - began < GENEROUS_SECONDS


async def test_a_caller_who_leaves_leaves_the_change_whole(host: Running) -> None:
    """What runs is what is stored, whenever callers go away, and the next change goes through."""
    for number in range(12):
        requests_made = asyncio.create_task(
            host.ask("PATCH", ONE, {"trigger": f'type = "track" and event = "left {number}"'})
        )
        await asyncio.sleep(number * 0.001)
        requests_made.cancel()
        await asyncio.gather(requests_made, return_exceptions=True)
    heard = await host.ask("PATCH", ONE, {"trigger": 'type = "track" and event = "last"'})
    assert heard.status == 200, heard.text
    _, stored = await host.context.configs.load()
    running = host.context.engine.snapshot
    assert stored.subscriptions == running.config.subscriptions
    assert running.plans["small/n7"].subscription == stored.subscriptions["small/n7"]


async def test_changes_at_once_are_made_one_after_another(host: Running) -> None:
    """None is lost; of those that were meant for one revision, one is made."""
    names = [quote(f"small/n{number}", safe="") for number in range(8)]
    heard = await asyncio.gather(
        *(host.ask("POST", f"/api/subscriptions/{name}/disable") for name in names)
    )
    assert [each.status for each in heard] == [200] * len(names)
    assert len(host.context.engine.snapshot.plans) == MANY - len(names)
    etag = (await host.ask("GET", ONE)).headers["ETag"]
    meant = await asyncio.gather(
        *(
            host.ask("POST", f"/api/subscriptions/{name}/enable", headers={"If-Match": etag})
            for name in names
        )
    )
    assert sorted(each.status for each in meant) == [200] + [412] * (len(names) - 1)
    assert len(host.context.engine.snapshot.plans) == MANY - len(names) + 1


def test_what_segment_reads_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trigger's warnings and bounds are made when they are asked for, and kept."""
    asked: list[str] = []

    def ask(text: str) -> list[str]:
        asked.append(text)
        return []

    monkeypatch.setattr("offramp.config.triggers.segment_reading", ask)
    reading: TriggerReading = read_trigger('event = "kept for as long as it is used"')
    assert asked == []
    assert reading.warnings == reading.warnings == ()
    assert reading.bounds is reading.bounds
    assert asked == [reading.trigger.text]
    assert read_trigger(reading.trigger.text) is reading


async def test_latencies_of_all_are_read_at_once(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status of many subscriptions costs the disk as many readings as that of one."""
    await host.context.engine.accept("site", [{**event("m1"), "event": "e7"}])
    assert await host.context.engine.wait_until_idle(timeout=PATIENCE)
    readings: list[object] = []
    ledger = host.context.ledger
    assert isinstance(ledger, SqliteLedger)
    store = ledger._store
    read = store.read

    async def count(fn: Any, **options: Any) -> Any:
        readings.append(fn)
        return await read(fn, **options)

    monkeypatch.setattr(type(store), "read", lambda _, fn, **options: count(fn, **options))
    status = await host.get("/api/status")
    answer = {each["id"]: each["latency"] for each in status["subscriptions"]}
    assert answer["small/n7"]["n"] == 1
    assert answer["small/n8"] is None
    assert 0 < len(readings) < FEW_READINGS
