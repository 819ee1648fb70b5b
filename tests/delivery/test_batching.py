"""Which method of an action gets the payloads, and in batches of which size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import (
    PATIENCE,
    SUBSCRIPTION,
    Item,
    Partner,
    Take,
    config,
    event,
    make_plan,
    make_small_runtime,
    running,
)

from offramp import Batch, RejectedError, Request
from offramp.config import Config
from offramp.delivery import Plan, explain, send_once
from offramp.testing.flow import deliver

NOW = 1_700_000_000.0
ALONE = {"enabled": False}


def plan_of(action: str = "take", written: Mapping[str, Any] | None = None) -> Plan:
    plan = make_plan(action)
    subscription = attrs.evolve(plan.subscription, batch=written or {})
    return attrs.evolve(plan, subscription=subscription)


def steered(written: Mapping[str, Any], *, paused: bool = False) -> Config:
    plain = config()
    subscription = plain.subscriptions[SUBSCRIPTION]
    subscription = attrs.evolve(subscription, batch=written, paused=paused)
    return attrs.evolve(plain, subscriptions={SUBSCRIPTION: subscription})


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of `take` that were called, in order; `perform` does not call the other."""
    calls: list[str] = []
    together = Take.perform_batch

    async def perform(self: Take, request: Request[Any], payload: Item) -> None:
        calls.append("perform")
        await together(self, request, [payload])

    async def perform_batch(self: Take, request: Request[Any], payloads: Sequence[Item]) -> None:
        calls.append("perform_batch")
        await together(self, request, payloads)

    monkeypatch.setattr(Take, "perform", perform)
    monkeypatch.setattr(Take, "perform_batch", perform_batch)
    return calls


@pytest.mark.parametrize(
    ("written", "method"), [({}, "perform_batch"), (ALONE, "perform")], ids=["batched", "alone"]
)
async def test_one_event_goes_where_a_batch_goes(
    called: list[str], written: Mapping[str, Any], method: str
) -> None:
    """Delivery, explanation and test send of a single event call the same method."""
    plan, runtime = plan_of(written=written), make_small_runtime(Partner())
    [end] = await deliver(runtime, plan, [event("m1")], matching=True)
    assert end.outcome == "delivered"
    assert (await send_once(plan, runtime, event("m1"), now=NOW)).outcome == "delivered"
    assert (await explain(plan, runtime, event("m1"), now=NOW))["request"]["body"] == '["m1"]'
    assert called == [method] * 3


async def test_without_batches_each_event_has_a_request(called: list[str]) -> None:
    """Every event of many goes through `perform`, in the order in which they came."""
    partner = Partner()
    plan = plan_of(written=ALONE)
    runtime = make_small_runtime(partner)
    await deliver(runtime, plan, [event(each) for each in "abc"], matching=True)
    assert partner.requests == [["a"], ["b"], ["c"]]
    assert called == ["perform"] * 3


async def test_an_error_that_a_batch_of_one_names_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`perform_batch` may return the error of its one payload in place of raising it."""

    async def perform_batch(*_: Any) -> list[RejectedError]:
        return [RejectedError("no such list")]

    monkeypatch.setattr(Take, "perform_batch", perform_batch)
    shown = await explain(plan_of(), make_small_runtime(Partner()), event("m1"), now=NOW)
    assert [each["detail"] for each in shown["errors"]] == ["no such list"]


@pytest.mark.parametrize(
    ("written", "sizes"),
    [
        ({}, [2_500]),
        ({"max_events": 2_000}, [500, 2_000]),
    ],
    ids=["the action's", "fewer"],
)
async def test_a_batch_may_have_more_than_a_thousand_events(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: Mapping[str, Any],
    sizes: Sequence[int],
) -> None:
    """An action that allows 5,000 gets them in one request, as far as the operator lets it."""
    monkeypatch.setattr(Take, "batch", Batch(max_events=5_000))
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(steered(written, paused=True))
        events = [event(f"m{number}") for number in range(2_500)]
        await engine.accept("site", events)
        await engine.apply(steered(written))
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(map(len, partner.requests)) == sizes
