"""Disabled: what arrives is filtered with a reason, what waits expires; both can be replayed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from tests.clocks import clock_of
from tests.delivery.parts import (
    PATIENCE,
    SUBSCRIPTION,
    Partner,
    config,
    event,
    flow_into,
    small_catalog,
)

from offramp.config import Config, Instance, Kind, Period, Periods
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.plugins import CatalogEntry
from offramp.queue import DeadLetterFilter, EventFilter, SqliteLedger, Stage, open_queue
from offramp.storage import Store

GRACE = 3_600.0
KINDS: list[tuple[Kind, str, str]] = [
    ("source", "site", "SOURCE_DISABLED"),
    ("instance", "small", "INSTANCE_DISABLED"),
    ("subscription", SUBSCRIPTION, "SUBSCRIPTION_DISABLED"),
]


def disabled(kind: Kind, name: str, made: Config | None = None) -> Config:
    """A configuration with one of its parts disabled."""
    made = made or config()
    things = dict(getattr(made, f"{kind}s"))
    things[name] = attrs.evolve(things[name], enabled=False)
    return attrs.evolve(made, **{f"{kind}s": things})


@asynccontextmanager
async def engine_at(
    folder: Path, partner: Partner, clock: list[float]
) -> AsyncIterator[tuple[Engine, SqliteLedger]]:
    """An engine that keeps the events of a disabled source for an hour, by a clock of its own."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=partner)

    async with Store.open(folder) as store, open_queue(store) as queue:
        engine = Engine(
            small_catalog(),
            queue,
            start,
            clock=clock_of(lambda: clock[0]),
            disabled_source_grace=timedelta(seconds=GRACE),
        )
        try:
            yield engine, SqliteLedger(store)
        finally:
            await engine.stop()


@pytest.mark.parametrize(("kind", "name", "reason"), KINDS)
async def test_what_arrives_is_filtered_with_its_reason_and_can_be_replayed(
    tmp_path: Path, kind: Kind, name: str, reason: str
) -> None:
    """Neither the trigger nor `integrations` is asked; enabled again, it is delivered."""
    partner = Partner()
    async with engine_at(tmp_path, partner, [time.time()]) as (engine, ledger):
        await engine.apply(disabled(kind, name, config(trigger='type = "track"')))
        assert engine.source_of("key") == "site"
        await engine.accept("site", [event("m1"), {**event("m2"), "integrations": {"All": False}}])
        records = [(await ledger.event(each))[0] for each in ("m1", "m2")]
        found = [(d.stage, d.reason) for record in records for d in record.deliveries]
        assert found == [(Stage.FILTERED, reason)] * 2
        await engine.apply(config())
        assert await engine.queue.backfill(SUBSCRIPTION, [each.id for each in records]) == 2
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert sorted(partner.taken) == ["m1", "m2"]
        assert (await ledger.reconcile()).ok


@pytest.mark.parametrize(("kind", "name", "reason"), KINDS)
async def test_what_waits_expires_and_can_be_replayed(
    tmp_path: Path, kind: Kind, name: str, reason: str
) -> None:
    """The reason and a sentence say what was disabled; enabled again and replayed, it arrives."""
    down = [True]
    partner = Partner(judge=lambda ids: 503 if down[0] else 200)
    async with engine_at(tmp_path, partner, [time.time()]) as (engine, ledger):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        await asyncio.sleep(0.2)
        await engine.apply(disabled(kind, name))
        async with asyncio.timeout(PATIENCE):
            while (await engine.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - it ends by itself
                await asyncio.sleep(0.01)
        [delivery] = (await ledger.event("m1"))[0].deliveries
        assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, reason)
        assert delivery.message == f"the {kind} was disabled while it waited"
        down[0] = False
        await engine.apply(config())
        assert await engine.queue.replay(DeadLetterFilter(reason=reason)) == 1
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert partner.taken == ["m1"]


async def test_the_outermost_of_several_reasons_is_given(tmp_path: Path) -> None:
    """Who enables that first finds the next."""
    made = disabled("instance", "small", disabled("subscription", SUBSCRIPTION))
    async with engine_at(tmp_path, Partner(), [time.time()]) as (engine, ledger):
        await engine.apply(made)
        await engine.accept("site", [event("m1")])
        await engine.apply(disabled("source", "site", made))
        await engine.accept("site", [event("m2")])
        reasons = [(await ledger.event(m))[0].deliveries[0].reason for m in ("m1", "m2")]
    assert reasons == ["INSTANCE_DISABLED", "SOURCE_DISABLED"]


async def test_a_disabled_source_takes_events_until_the_grace_is_over(tmp_path: Path) -> None:
    """Counted from when it was disabled, which is on disk; after it, its key opens nothing."""
    clock = [time.time()]
    periods = Periods([Period("source", "site", "disabled", clock[0] - GRACE + 10, None)])
    async with engine_at(tmp_path, Partner(), clock) as (engine, _):
        await engine.apply(disabled("source", "site"), periods)
        assert (engine.source_of("key"), engine.closed_source_of("key")) == ("site", None)
        clock[0] += 10
        assert (engine.source_of("key"), engine.closed_source_of("key")) == (None, "site")
        assert engine.source_of("another") is engine.closed_source_of("another") is None
        await engine.apply(config(), Periods())
        assert (engine.source_of("key"), engine.closed_source_of("key")) == ("site", None)


@pytest.mark.parametrize(("kind", "name"), [each[:2] for each in KINDS])
async def test_disabling_five_times_under_flow_loses_nothing(
    tmp_path: Path, kind: Kind, name: str
) -> None:
    """Off and on 5 x 0.2 s: every accepted event was delivered, or is delivered by a replay."""
    partner = Partner()
    async with engine_at(tmp_path, partner, [time.time()]) as (engine, ledger):
        await engine.apply(config())
        async with flow_into(engine) as sent:
            for _ in range(5):
                await engine.apply(disabled(kind, name))
                await asyncio.sleep(0.2)
                await engine.apply(config())
                await asyncio.sleep(0.2)
        assert await engine.wait_until_idle(timeout=PATIENCE)
        await engine.queue.replay(DeadLetterFilter(subscription=SUBSCRIPTION))
        page = await ledger.events(
            EventFilter(subscription=SUBSCRIPTION, stages=frozenset({Stage.FILTERED})),
            limit=100_000,
        )
        assert page.rows
        await engine.queue.backfill(SUBSCRIPTION, [each.id for each in page.rows])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert (await ledger.reconcile()).ok
    assert set(partner.taken) >= set(sent)
    assert len(partner.taken) == len(set(partner.taken))
