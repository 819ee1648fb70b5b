"""Changes cut short, disks that fail at the wrong moment, and plugins that will not stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import PATIENCE, SUBSCRIPTION, config, deliveries_of, running, wild

from offramp.config import Config
from offramp.errors import StorageFullError
from offramp.queue import Lease, Reason, Stage


def without_subscriptions(whole: Config) -> Config:
    return attrs.evolve(whole, subscriptions={})


async def nothing(*_: Any) -> None:
    """An action that sends nothing."""


async def test_a_change_whose_caller_leaves_is_made_whole(tmp_path: Path) -> None:
    """Cancelled in the middle, a change must not leave a subscription without a worker."""
    catalog = wild(perform=nothing)
    async with running(tmp_path, catalog) as (engine, _):
        await engine.apply(config(catalog))
        for turns in range(5):
            change = asyncio.create_task(engine.apply(config(catalog, note=str(turns))))
            for _ in range(turns):
                await asyncio.sleep(0)
            change.cancel()
            await asyncio.gather(change, return_exceptions=True)
        await engine.accept("site", [event("m1")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        # A subscription without a worker counts as settled, so the depth tells.
        async with asyncio.timeout(PATIENCE):
            while (await engine.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - it ends by itself
                await asyncio.sleep(0.01)


async def test_while_the_disk_is_full_nothing_is_sent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes wait for the disk; only as much is sent as may be under way at once."""
    sent: list[str] = []

    async def perform(_: Any, payload: Item) -> None:
        sent.append(payload.id)

    catalog = wild(perform=perform)
    monkeypatch.setattr("offramp.delivery.worker.FAULT_PAUSE_SECONDS", 0.02)
    ids = [f"m{number}" for number in range(1000)]
    async with running(tmp_path, catalog) as (engine, _):
        settle = engine.queue.settle
        full = [True]

        async def failing(*settlement: Any) -> Sequence[int]:
            if full[0]:
                raise StorageFullError("no room")
            return await settle(*settlement)

        monkeypatch.setattr(engine.queue, "settle", failing)
        await engine.apply(config(catalog))
        await engine.accept("site", [event(each) for each in ids])
        await asyncio.sleep(0.3)
        assert 0 < len(sent) < len(ids)
        full[0] = False
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(sent) == sorted(ids)


async def test_a_removed_subscription_ends_once_the_disk_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the moment of the removal does not leave deliveries that nobody works."""
    monkeypatch.setattr("offramp.delivery.engine.FAULT_PAUSE_SECONDS", 0.02)
    catalog = wild(perform=nothing)
    async with running(tmp_path, catalog) as (engine, ledger):
        cancel = engine.queue.cancel
        faults = iter([True, True])

        async def failing(subscription: str, **more: Any) -> int:
            if next(faults, False):
                raise StorageFullError("no room")
            return await cancel(subscription, **more)

        monkeypatch.setattr(engine.queue, "cancel", failing)
        # Accepted for a subscription that is gone by the time that a worker could take it.
        await engine.apply(config(catalog))
        engine._workers[SUBSCRIPTION][1].cancel()
        await engine.accept("site", [event("m1")])
        await engine.apply(without_subscriptions(config(catalog)))
        [delivery] = await deliveries_of(ledger, "m1")
    assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, Reason.SUBSCRIPTION_REMOVED)


async def test_a_subscription_that_comes_back_keeps_what_it_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed and added again at once: only what waited at the removal may end by it."""
    catalog = wild(perform=nothing)
    async with running(tmp_path, catalog) as (engine, ledger):
        cancel = engine.queue.cancel

        async def slow(subscription: str, **more: Any) -> int:
            await asyncio.sleep(0.1)
            return await cancel(subscription, **more)

        monkeypatch.setattr(engine.queue, "cancel", slow)
        await engine.apply(config(catalog))
        engine._workers[SUBSCRIPTION][1].cancel()
        await engine.accept("site", [event("old")])
        await engine.apply(without_subscriptions(config(catalog)))
        await asyncio.sleep(0.05)
        await engine.apply(config(catalog))
        await engine.accept("site", [event("new")])
        old, new = await deliveries_of(ledger, "old", "new")
    assert old.stage is Stage.EXPIRED
    assert new.stage is Stage.DELIVERED


async def test_an_action_that_swallows_its_cancellation_does_not_hold_up_the_stop(
    tmp_path: Path,
) -> None:
    """The host stops in the time that it was given, and a moment."""
    end = asyncio.Event()

    async def perform(*_: Any) -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog) as (engine, _):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m1")])
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await engine.stop(within=0.1)
        assert time.monotonic() - started < PATIENCE / 2
        end.set()
        await asyncio.sleep(0)


async def test_a_queue_that_is_closed_leaves_the_event_loop_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers every wait at once: a worker that asked again at once would never let go."""
    few, most, asked = 3, 100, 0
    catalog = wild(perform=nothing)
    async with running(tmp_path, catalog) as (engine, _):
        lease = engine.queue.lease

        async def counted(*arguments: Any, **options: Any) -> Lease | None:
            nonlocal asked
            asked += 1
            if asked > most:
                raise asyncio.CancelledError
            return await lease(*arguments, **options)

        monkeypatch.setattr(engine.queue, "lease", counted)
        await engine.apply(config(catalog))
        await engine.queue.close()
        async with asyncio.timeout(PATIENCE):
            while asked < few:  # noqa: ASYNC110 - the worker asks by itself
                await asyncio.sleep(0.01)
    assert asked < most
