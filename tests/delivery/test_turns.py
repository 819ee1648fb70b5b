"""Events that take long to prepare leave the event loop to everything else in between."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from tests.delivery.parts import Partner, event, make_small_runtime, small_catalog

from offramp.config import Config, Instance, Source, Subscription
from offramp.delivery import Engine, Plan, worker
from offramp.queue import open_queue
from offramp.storage import Store

EVENTS = 60
PATIENCE = 30.0
CONFIG = Config(
    sources={"site": Source(name="site", write_key="key")},
    instances={"small": Instance(name="small", source="site", destination="small")},
    subscriptions={
        "small/one": Subscription(
            id="small/one",
            name="one",
            instance="small",
            action="take",
            trigger='type = "track"',
            mapping={"id": {"@path": "$.messageId"}},
        )
    },
)


async def test_a_batch_of_slow_events_does_not_hold_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a turn is over, others run before the next event of the batch is prepared."""
    turns = 0
    between: list[int] = []
    payload_of = Plan.payload_of

    def watched(self: Plan, *args: object, **more: object) -> object:
        between.append(turns)
        return payload_of(self, *args, **more)  # type: ignore[arg-type]  # handed on as they came

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(worker, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(Plan, "payload_of", watched)
    partner = Partner()
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        engine = Engine(small_catalog(), queue, lambda *_: make_small_runtime(partner))
        await engine.apply(CONFIG)
        counting = asyncio.create_task(count())
        await engine.accept("site", [event(f"m{number}") for number in range(EVENTS)])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        counting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await counting
        await engine.stop()
    assert len(partner.taken) == EVENTS
    assert len(set(between)) == EVENTS
