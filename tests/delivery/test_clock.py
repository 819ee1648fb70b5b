"""A clock that jumps: nothing is lost, doubled or stuck."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest
from tests.delivery.parts import PATIENCE, SUBSCRIPTION, Partner, config, event, small_catalog

from offramp.config import Instance
from offramp.delivery import Engine, make_runtime
from offramp.delivery.runtime import InstanceRuntime
from offramp.plugins import CatalogEntry
from offramp.queue import SqliteLedger, Stage, open_queue
from offramp.storage import Store

DAY = 86_400.0
NOON = 1_780_000_000.0


@attrs.define
class Clock:
    """Epoch seconds that only change when told to."""

    seconds: float = NOON

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("jump", [DAY / 24, -DAY / 24, 7 * DAY, -7 * DAY])
async def test_waiting_events_survive_a_jump(tmp_path: Path, jump: float) -> None:
    """Retried events still arrive once, or expire with a reason where the window is over."""
    clock = Clock()
    answers = iter([503])
    partner = Partner(judge=lambda ids: next(answers, 200))

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = {"token": "s3cr3t-token"}
        return make_runtime(instance, entry, settings, transport=partner, clock=clock)

    async with Store.open(tmp_path) as store, open_queue(store, now=clock) as queue:
        engine = Engine(small_catalog(), queue, start, clock=clock)
        await engine.apply(config())
        await engine.accept("site", [event("m1"), event("m2")])
        async with asyncio.timeout(PATIENCE):
            while not partner.requests:  # noqa: ASYNC110 - the partner sends no signal
                await asyncio.sleep(0.01)
        clock.seconds += jump
        async with asyncio.timeout(PATIENCE):
            while (await queue.depth(SUBSCRIPTION)).total:
                clock.seconds += 1
                await asyncio.sleep(0.02)
        ledger = SqliteLedger(store)
        stages = {each: (await ledger.event(each))[0].deliveries[0].stage for each in ("m1", "m2")}
        assert (await ledger.reconcile()).ok
        await engine.stop()
    assert set(stages.values()) == {Stage.DELIVERED}
    assert sorted(partner.taken) == ["m1", "m2"]


async def test_events_accepted_after_a_jump_back_are_delivered(tmp_path: Path) -> None:
    """New events do not wait for the time from which the clock came back."""
    clock = Clock()
    partner = Partner()

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = {"token": "s3cr3t-token"}
        return make_runtime(instance, entry, settings, transport=partner, clock=clock)

    async with Store.open(tmp_path) as store, open_queue(store, now=clock) as queue:
        engine = Engine(small_catalog(), queue, start, clock=clock)
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        clock.seconds -= 30 * DAY
        await engine.accept("site", [event("m2")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        await engine.stop()
    assert partner.taken == ["m1", "m2"]


async def test_nothing_is_sent_once_the_partner_may_have_forgotten_it(tmp_path: Path) -> None:
    """Beyond the idempotency window a repeat could count twice: the delivery expires unsent."""
    clock = Clock()
    partner = Partner(judge=lambda ids: 503)

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = {"token": "s3cr3t-token"}
        return make_runtime(instance, entry, settings, transport=partner, clock=clock)

    async with Store.open(tmp_path) as store, open_queue(store, now=clock) as queue:
        engine = Engine(small_catalog(), queue, start, clock=clock)
        await engine.apply(config(action="takeKnown"))
        await engine.accept("site", [event("m1")])
        async with asyncio.timeout(PATIENCE):
            while not partner.requests:  # noqa: ASYNC110 - the partner sends no signal
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        sent = len(partner.requests)
        clock.seconds += DAY
        async with asyncio.timeout(PATIENCE):
            while (await queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - nor does the queue
                await asyncio.sleep(0.02)
        delivery = (await SqliteLedger(store).event("m1"))[0].deliveries[0]
        await engine.stop()
    assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, "IDEMPOTENCY_WINDOW_OVER")
    assert len(partner.requests) == sent
