"""Metrics of deliveries, where a clock steps: counters count each event once, and never fall."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.clocks import MovedClock
from tests.delivery.parts import small_catalog
from tests.queue.conftest import Event, batch_of

from offramp.api import HostContext
from offramp.collector import EventTaker
from offramp.config import ConfigStore, GrantStore, load_key_ring
from offramp.delivery import Engine
from offramp.host.metrics import DeliveryMetrics
from offramp.queue import (
    Backups,
    DamagedDeliveries,
    Queue,
    RestoredDeliveries,
    SqliteLedger,
    open_queue,
)
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BELIEVED = 11 * 60.0


async def accepted(metrics: DeliveryMetrics) -> float:
    """How many events of the source the metrics have counted."""
    await metrics.refresh()
    [family] = [each for each in metrics.collect() if each.name == "offramp_source_events"]
    return sum(sample.value for sample in family.samples)


@asynccontextmanager
async def metrics_of(
    folder: Path, clock: MovedClock
) -> AsyncIterator[tuple[Queue, DeliveryMetrics]]:
    """A queue, and the metrics of a host without a configuration."""
    async with Store.open(folder) as store, open_queue(store, clock=clock) as queue:
        catalog = small_catalog()
        engine = Engine(catalog, queue, lambda *_: pytest.fail("nothing runs"), clock=clock)
        configs = ConfigStore(store, load_key_ring(folder, environ={}), catalog)
        context = HostContext(
            engine=engine,
            queue=queue,
            ledger=SqliteLedger(store),
            configs=configs,
            grants=GrantStore(store, configs),
            folder=folder,
            backups=Backups(folder),
            restored=RestoredDeliveries(store, queue),
            damaged=DamagedDeliveries(store, queue),
            take_event=EventTaker(intake=engine, clock=clock),
        )
        yield queue, DeliveryMetrics(context)


@pytest.mark.parametrize("step", [-7_200.0, -75.0, 7_200.0, 36 * 86_400.0])
async def test_counters_go_on_after_a_step(tmp_path: Path, step: float) -> None:
    """Also in minutes that come a second time, since the clock was set back to before them."""
    clock = MovedClock()
    async with metrics_of(tmp_path, clock) as (queue, metrics):
        sent = 0

        async def send(times: int, apart: float) -> None:
            nonlocal sent
            for _ in range(times):
                sent += 1
                assert list(await queue.accept(batch_of(Event(f"m{sent}")))) == [True]
                assert await accepted(metrics) == sent
                clock.move(apart)

        await send(130, apart=60)
        clock.step(step)
        await send(5, apart=30)
        clock.move(BELIEVED)
        assert await accepted(metrics) == sent
        await send(130, apart=60)
        clock.step(-step)
        await send(5, apart=30)
        clock.move(BELIEVED)
        assert await accepted(metrics) == sent
        await send(5, apart=30)


async def test_a_doubt_has_a_metric(tmp_path: Path) -> None:
    """It tells how far the clock is off; 0 if it is believed."""
    clock = MovedClock()
    async with metrics_of(tmp_path, clock) as (_, metrics):
        for step, expected in ((-7_200.0, -7_200.0), (7_200.0, 0.0)):
            clock.step(step)
            found = {each.name: each for each in metrics.collect()}["offramp_clock_doubt_seconds"]
            assert [sample.value for sample in found.samples] == pytest.approx([expected])
