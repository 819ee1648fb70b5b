"""A stop while a configuration is being changed: one of them waits, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import Partner, event, small_catalog

from offramp import OutgoingRequest, Response
from offramp.config import Config, Instance, Source, Subscription
from offramp.delivery import Engine, make_runtime
from offramp.delivery.runtime import InstanceRuntime
from offramp.plugins import CatalogEntry
from offramp.queue import open_queue
from offramp.storage import Store

SUBSCRIPTIONS = 5
PATIENCE = 30.0
#: Turns of the event loop after which the stop comes: before, in and after the change's own.
TURNS = (0, 1, 2, 3, 5, 8, 13)


def config(note: str) -> Config:
    """One instance with several subscriptions; another note is other mappings and settings."""
    return Config(
        sources={"site": Source(name="site", write_key="key")},
        instances={
            "small": Instance(
                name="small", source="site", destination="small", settings={"token": note}
            )
        },
        subscriptions={
            f"small/n{number}": Subscription(
                id=f"small/n{number}",
                name=f"n{number}",
                instance="small",
                action="takeOne",
                trigger='type = "track"',
                mapping={"id": {"@template": f"{note}-{number}-{{{{ messageId }}}}"}},
            )
            for number in range(SUBSCRIPTIONS)
        },
    )


@attrs.define
class Bench:
    """An engine whose partner answers when it is let, and the runtimes that are open."""

    engine: Engine
    partner: Partner
    asked: asyncio.Event
    release: asyncio.Event
    open: set[int]

    async def change_under_load(self) -> asyncio.Task[Any]:
        """Run a first configuration until the partner has a request of it; begin another."""
        await self.engine.apply(config("old"))
        await self.engine.accept("site", [event("m1")])
        async with asyncio.timeout(PATIENCE):
            await self.asked.wait()
        return asyncio.create_task(self.engine.apply(config("new")))

    async def stop(self) -> None:
        """Stop while the partner answers what it has been asked."""
        stopping = asyncio.create_task(self.engine.stop())
        await asyncio.sleep(0)
        self.release.set()
        async with asyncio.timeout(PATIENCE):
            await stopping

    def worker_tasks(self) -> list[str]:
        """What of the engine still runs in the event loop."""
        names = [task.get_name() for task in asyncio.all_tasks()]
        return [name for name in names if name.startswith(("worker", "apply", "retire"))]


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    numbers: Iterator[int] = count()
    opened: set[int] = set()
    asked, release = asyncio.Event(), asyncio.Event()

    class Slow(Partner):
        async def __call__(self, outgoing: OutgoingRequest) -> Response:
            asked.set()
            await release.wait()
            return await super().__call__(outgoing)

    partner = Slow()

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        number = next(numbers)
        opened.add(number)

        async def close() -> None:
            opened.discard(number)

        settings = {"token": "s3cr3t-token"}
        return make_runtime(instance, entry, settings, transport=partner, close=close)

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        yield Bench(Engine(small_catalog(), queue, start), partner, asked, release, opened)


async def assert_all_accounted_for(bench: Bench) -> None:
    """Nothing runs or is leased; each delivery reached the partner once, or still waits."""
    assert bench.worker_tasks() == []
    assert bench.open == set()
    depths = await bench.engine.queue.depths()
    assert sum(depth.leased for depth in depths.values()) == 0
    waiting = sum(depth.total for depth in depths.values())
    taken = [each.split("-")[1] for each in bench.partner.taken]
    assert len(set(taken)) == len(taken)
    assert len(taken) + waiting == SUBSCRIPTIONS


@pytest.mark.parametrize("turns", TURNS)
async def test_a_stop_that_meets_a_change_leaves_nothing(bench: Bench, turns: int) -> None:
    """However far the change is: deliveries end, runtimes close, no task is left, none raises."""
    changing = await bench.change_under_load()
    for _ in range(turns):
        await asyncio.sleep(0)
    await bench.stop()
    await changing
    await assert_all_accounted_for(bench)


async def test_a_stop_waits_for_the_change_that_replaces_workers(bench: Bench) -> None:
    """What a change has taken from the workers and not handed on yet is finished all the same."""
    changing = await bench.change_under_load()
    old = bench.engine.snapshot
    # From its assignment on, workers are replaced.
    while bench.engine.snapshot is old:  # noqa: ASYNC110 - the engine sends no signal
        await asyncio.sleep(0)
    assert not changing.done()
    await bench.stop()
    await changing
    await assert_all_accounted_for(bench)


async def test_a_change_after_the_stop_starts_nothing(bench: Bench) -> None:
    """It is answered, and what ran is what it answers."""
    await bench.engine.apply(config("old"))
    before = bench.engine.snapshot
    await bench.stop()
    assert await bench.engine.apply(config("new")) is before
    assert bench.worker_tasks() == []
    assert bench.open == set()


async def test_changes_that_wait_for_their_turn_are_not_made(bench: Bench) -> None:
    """Several at once: the stop comes through, whichever of them it meets."""
    first = await bench.change_under_load()
    more = [asyncio.create_task(bench.engine.apply(config(f"n{each}"))) for each in range(5)]
    await asyncio.sleep(0)
    await bench.stop()
    await asyncio.gather(first, *more)
    await assert_all_accounted_for(bench)
