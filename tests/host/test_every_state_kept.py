"""Folders with a delivery in each state, from hosts of earlier versions, brought up to date.

`data_folders/README.md` says how they were made, and what happened in them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web
from tests.clocks import clock_of
from tests.host.earlier_folders import FILE, FOLDERS, restored
from tests.listening import LOCAL_EGRESS, listening

from offramp.config import HostSettings
from offramp.host.run import run_host
from offramp.plugins import load_catalog, load_plugins
from offramp.queue import (
    DeadLetterFilter,
    EventBatch,
    EventFilter,
    Outcome,
    Route,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.limits import DAY_S
from offramp.queue.sqlite.codes import US
from offramp.storage import Store

NAMES = ("each_state_5f01e63", "each_state_4091bc7")
SUBSCRIPTIONS = ("billing/Sold", "billing/Usage", "crm/Gone", "crm/Usage")
#: Words of the ledger that were others.
RENAMED = {"lane": "subscription"}
DELIVERED = Outcome(stage=Stage.DELIVERED, reason="OK", status=200)


@pytest.fixture(params=NAMES)
def before(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the ledger of the version that wrote the folder knew."""
    known: dict[str, Any] = json.loads((FOLDERS / request.param / "before.json").read_text())
    return {"name": request.param, **known}


@pytest.fixture
def folder(before: dict[str, Any], tmp_path: Path) -> Path:
    """The folder as that version left it."""
    return restored(before["name"], tmp_path)


@asynccontextmanager
async def opened(
    folder: Path, before: dict[str, Any]
) -> AsyncIterator[tuple[SqliteQueue, SqliteLedger]]:
    """The queue and the ledger of a folder, an hour after it was left."""
    now = max(event["accepted_at"] for event in before["events"]) + 3_600
    async with Store.open(folder) as store, open_queue(store, clock=clock_of(lambda: now)) as queue:
        yield queue, SqliteLedger(store)


def as_data(value: Any) -> Any:
    """A value of the ledger as `before.json` has it."""
    match value:
        case bytes():
            return value.decode()
        case tuple():
            return [as_data(each) for each in value]
        case str() | int() | float() | None:
            return value
    names = [attribute.name for attribute in attrs.fields(type(value))]
    return {name: as_data(getattr(value, name)) for name in names if name != "id"}


def in_todays_words(value: Any) -> Any:
    match value:
        case list():
            return [in_todays_words(each) for each in value]
        case dict():
            return {RENAMED.get(key, key): in_todays_words(each) for key, each in value.items()}
    return value


def in_order(events: list[Any]) -> list[Any]:
    """Events by source and id; their deliveries by subscription."""
    for event in events:
        event["deliveries"].sort(key=lambda each: each["subscription"])
    return sorted(events, key=lambda event: (event["source"], event["message_id"]))


async def test_every_story_is_what_it_was(folder: Path, before: dict[str, Any]) -> None:
    """All that the ledger tells of each event, exchanges and payloads included."""
    async with opened(folder, before) as (_, ledger):
        ids = {event["message_id"] for event in before["events"]}
        after = [as_data(record) for each in ids for record in await ledger.event(each)]
    events = in_todays_words(before["events"])
    for event in events:
        for delivery in event["deliveries"]:
            delivery["unknown_answers"] = 0  # what those versions did not count
    assert in_order(after) == in_order(events)


async def test_counts_and_latencies_are_what_they_were(
    folder: Path, before: dict[str, Any]
) -> None:
    """Nothing is counted by the move, and the sums hold."""
    async with opened(folder, before) as (_, ledger):
        assert [as_data(each) for each in await ledger.counts(0, 1e11)] == in_todays_words(
            before["counts"]
        )
        latencies = {name: as_data(await ledger.latency(name)) for name in SUBSCRIPTIONS}
        assert latencies == before["latencies"]
        recount = await ledger.reconcile()
        assert (recount.deliveries, recount.faults) == (before["deliveries"], ())


async def test_listings_name_the_same_deliveries(folder: Path, before: dict[str, Any]) -> None:
    """By stage, and the events that were filtered."""
    async with opened(folder, before) as (queue, ledger):
        for name in SUBSCRIPTIONS:
            for stage in Stage:
                page = await ledger.recent(name, stage=stage, limit=100)
                listed = sorted((each.source, each.message_id) for each in page.rows)
                assert listed == standing(before, name, stage), (name, stage)
        dead = await queue.dead_letters(DeadLetterFilter(), limit=100)
        assert {each.message_id for each in dead.rows} >= {"invalid-1", "bad-3", "gone-2"}
        filtered = await ledger.events(
            EventFilter(subscription="billing/Usage", stages=frozenset({Stage.FILTERED}))
        )
        assert {each.message_id for each in filtered.rows} == {"filtered-0", "filtered-1"}


def standing(before: dict[str, Any], subscription: str, stage: Stage) -> list[tuple[str, str]]:
    return sorted(
        (event["source"], event["message_id"])
        for event in before["events"]
        for each in event["deliveries"]
        if (each["lane"], each["stage"]) == (subscription, stage.value)
    )


async def deliver_all(queue: SqliteQueue) -> dict[str, list[str]]:
    """Deliver what is due: subscription -> message ids."""
    delivered: dict[str, list[str]] = {}
    for name in SUBSCRIPTIONS:
        while lease := await queue.lease(name, 7, ttl=60):
            events = [json.loads(body) for body in lease.bodies]
            delivered.setdefault(name, []).extend(event["messageId"] for event in events)
            assert not await queue.settle(lease, DELIVERED)
    return delivered


async def test_what_waited_is_delivered(folder: Path, before: dict[str, Any]) -> None:
    """Each waiting, retrying and replayed delivery once, with its event; and the sums hold."""
    async with opened(folder, before) as (queue, ledger):
        delivered = await deliver_all(queue)
        for name in SUBSCRIPTIONS:
            due = [*standing(before, name, Stage.WAITING), *standing(before, name, Stage.RETRYING)]
            assert sorted(delivered.get(name, [])) == sorted(each for _, each in due)
        assert set(delivered["billing/Usage"]) >= {"bad-2", "retrying-1", "waiting-1"}
        [record] = await ledger.event("retrying-1")
        [attempts] = [each.attempts for each in record.deliveries if each.attempts]
        assert attempts == 2
        assert (await ledger.reconcile()).faults == ()
        assert not any(depth.total for depth in (await queue.depths()).values())


async def test_dead_letters_are_replayed(folder: Path, before: dict[str, Any]) -> None:
    """By their new ids, and by what they have in common; they are delivered then."""
    async with opened(folder, before) as (queue, ledger):
        await deliver_all(queue)
        page = await queue.dead_letters(DeadLetterFilter(subscription="billing/Usage"))
        ids = tuple(each.id for each in page.rows if each.message_id == "bad-3")
        assert await queue.replay(DeadLetterFilter(ids=ids)) == 1
        assert await queue.replay(DeadLetterFilter(stages=frozenset({Stage.EXPIRED}))) == 4
        delivered = await deliver_all(queue)
        assert delivered["billing/Usage"] == ["bad-3"]
        assert sorted(delivered["crm/Gone"]) == ["gone-0", "gone-1", "gone-2", "stuck-1"]
        assert (await ledger.reconcile()).faults == ()


async def test_filtered_events_are_backfilled(folder: Path, before: dict[str, Any]) -> None:
    """Also to a subscription that there was not at the time."""
    async with opened(folder, before) as (queue, ledger):
        [record] = await ledger.event("filtered-0")
        assert await queue.backfill("billing/Sold", [record.id]) == 1
        assert await queue.backfill("billing/New", [record.id]) == 1
        lease = await queue.lease("billing/New", 9, ttl=60)
        assert lease is not None
        assert [json.loads(body)["messageId"] for body in lease.bodies] == ["filtered-0"]
        assert (await ledger.reconcile()).faults == ()


async def test_duplicates_are_found(folder: Path, before: dict[str, Any]) -> None:
    """Each id that came within a day is known for its source, and for no other."""
    ids = {(event["source"], event["message_id"]) for event in before["events"]}
    async with opened(folder, before) as (queue, ledger):
        for source in ("site", "app"):
            again = [each for owner, each in ids if owner == source]
            flags = await queue.accept(batch(source, [*again, "new"]))
            assert list(flags) == [False] * len(again) + [True]
        flags = await queue.accept(batch("other", sorted({each for _, each in ids})))
        assert all(flags)
        assert (await ledger.reconcile()).faults == ()


async def test_a_host_delivers_what_waited(
    folder: Path, before: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole host, by the configuration in the folder: each event once to each subscription."""
    move_to_today(folder, before)
    got: list[tuple[str, str]] = []

    async def ingest(request: web.Request) -> web.Response:
        got.extend((each["transaction_id"], each["customer_id"]) for each in await request.json())
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/v1/ingest", ingest)
    async with listening(app) as url:
        monkeypatch.setenv("METRONOME_BASE_URL", url)
        settings, catalog = (
            HostSettings(port=0, egress_settings=LOCAL_EGRESS),
            load_catalog(load_plugins()),
        )
        async with run_host(None, catalog, settings, folder=folder) as host:
            assert await host.wait_until_idle(timeout=20)
            assert (await host.ledger.reconcile()).faults == ()
    customers = {"billing/Usage": "u1", "billing/Sold": "sold", "crm/Usage": "crm"}
    assert sorted(got) == sorted(
        (message_id, customer)
        for name, customer in customers.items()
        for stage in (Stage.WAITING, Stage.RETRYING)
        for _, message_id in standing(before, name, stage)
    )


def move_to_today(folder: Path, before: dict[str, Any]) -> None:
    """Move all that happened by whole days, since Metronome takes no usage of last year."""
    made = max(event["accepted_at"] for event in before["events"])
    days = int((time.time() - made) // DAY_S)
    day, today = (
        datetime.fromtimestamp(made + n * DAY_S, UTC).date().isoformat() for n in (0, days)
    )
    us = round(days * DAY_S * US)
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("UPDATE events SET accepted_at = accepted_at + ?", (us,))
        connection.execute(
            "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB)", (day, today)
        )
        connection.execute(
            """
            UPDATE deliveries SET
              due_at = due_at + :us, updated_at = updated_at + :us, replayed_at = replayed_at + :us
            """,
            {"us": us},
        )
        connection.commit()


def batch(source: str, ids: list[str]) -> EventBatch:
    return EventBatch(
        source=source,
        received_at=0.0,
        message_ids=ids,
        types=["track"] * len(ids),
        names=[""] * len(ids),
        bodies=[b"{}"] * len(ids),
        routes=[Route(subscriptions=("crm/Usage",))],
        route_of=[0] * len(ids),
    )
