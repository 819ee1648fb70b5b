"""Paused: events are taken and wait, windows stand still, and what is too much expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.clocks import MovedClock
from tests.delivery.parts import (
    PATIENCE,
    SUBSCRIPTION,
    Partner,
    config,
    event,
    flow_into,
    small_catalog,
)
from tests.queue.conftest import Event, batch_of

from offramp.config import Config, Instance, Kind, Pauses, Period, Periods
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.delivery.pausing import expire_oldest
from offramp.plugins import CatalogEntry
from offramp.queue import (
    Clock,
    DeadLetterFilter,
    Lease,
    Limits,
    Outcome,
    SqliteLedger,
    Stage,
    open_queue,
)
from offramp.storage import Store

OTHER = "small/two"
KINDS: list[tuple[Kind, str]] = [
    ("source", "site"),
    ("instance", "small"),
    ("subscription", SUBSCRIPTION),
]


def paused(made: Config, kind: Kind, name: str) -> Config:
    """A configuration with one of its parts paused."""
    table = f"{kind}s"
    things = dict(getattr(made, table))
    things[name] = attrs.evolve(things[name], paused=True)
    return attrs.evolve(made, **{table: things})


def two() -> Config:
    """A configuration with two subscriptions that get the same events."""
    made = config()
    second = attrs.evolve(made.subscriptions[SUBSCRIPTION], id=OTHER, name="two")
    return attrs.evolve(made, subscriptions={**made.subscriptions, OTHER: second})


@asynccontextmanager
async def engine_with(
    folder: Path,
    partner: Partner,
    *,
    most: int = 1_000,
    in_flight: int = 1_000,
    clock: Clock | None = None,
) -> AsyncIterator[tuple[Engine, SqliteLedger]]:
    """An engine with bounds on what waits for something paused, and on what is in flight."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=partner)

    limits = Limits(max_in_flight=in_flight)
    clock = clock or Clock()
    async with (
        Store.open(folder) as store,
        open_queue(store, limits=limits, clock=clock) as queue,
    ):
        engine = Engine(small_catalog(), queue, start, clock=clock, max_paused_events=most)
        try:
            yield engine, SqliteLedger(store)
        finally:
            await engine.stop()


async def waits(engine: Engine, subscription: str, n: int) -> None:
    """Wait until `n` deliveries of a subscription are in flight."""
    async with asyncio.timeout(PATIENCE):
        while (await engine.queue.depth(subscription)).total != n:  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_pausing_five_times_under_flow_loses_nothing(
    tmp_path: Path, kind: Kind, name: str
) -> None:
    """Off and on 5 x 0.4 s: every accepted event is delivered, once, and none while paused."""
    partner = Partner()
    async with engine_with(tmp_path, partner, most=100_000, in_flight=100_000) as (engine, ledger):
        await engine.apply(config())
        async with flow_into(engine) as sent:
            for _ in range(5):
                await engine.apply(paused(config(), kind, name))
                await asyncio.sleep(0.1)  # for the requests under way
                taken = len(partner.taken)
                await asyncio.sleep(0.3)
                assert len(partner.taken) == taken
                await engine.apply(config())
                await asyncio.sleep(0.4)
        assert await engine.wait_until_idle(timeout=PATIENCE)
        sums = await ledger.reconcile()
    assert set(partner.taken) >= set(sent) > set()
    assert len(partner.taken) == len(set(partner.taken))
    assert sums.ok


@pytest.mark.parametrize(
    ("action", "known", "ended", "reason", "attempts"),
    [
        # Its window is 24 hours, and after the pause it gets another attempt.
        ("take", True, Stage.DELIVERED, "OK", 2),
        ("take", False, Stage.EXPIRED, "503", 1),
        # Its partner forgets after an hour, whether there was a pause or not.
        ("takeKnown", True, Stage.EXPIRED, "IDEMPOTENCY_WINDOW_OVER", 0),
    ],
)
async def test_the_retry_window_stands_still(  # noqa: PLR0913, PLR0917 - the columns of the table
    tmp_path: Path, action: str, known: bool, ended: Stage, reason: str, attempts: int
) -> None:
    """A pause of 30 hours leaves the retry window as it was, but not the idempotency window."""
    answers = iter([503])
    partner = Partner(judge=lambda ids: next(answers, 200))
    made, clock = config(action=action), MovedClock(time.time())
    async with engine_with(tmp_path, partner, clock=clock) as (engine, ledger):
        clock.run()
        since = clock()
        await engine.apply(paused(made, *KINDS[1]))
        await engine.accept("site", [event("m1")])
        clock.move(30 * 3_600.0)
        await asyncio.sleep(0.1)
        assert partner.requests == []
        periods = [Period(*KINDS[1], "paused", since, clock())] if known else []
        await engine.apply(made, Periods(periods))
        assert await engine.wait_until_idle(timeout=PATIENCE)
        [delivery] = (await ledger.event("m1"))[0].deliveries
    assert (delivery.stage, delivery.reason, delivery.attempts) == (ended, reason, attempts)


@pytest.mark.parametrize(
    ("times", "since", "until", "seconds"),
    [
        ((), 0, 100, 0),
        (((10, 20),), 0, 100, 10),
        (((10, 20), (50, 60)), 15, 55, 10),
        (((10, 20),), 20, 100, 0),
        (((10, inf),), 0, 100, 90),
        (((10, 20),), 12, 14, 2),
    ],
)
def test_only_paused_time_between_two_times_counts(
    times: Sequence[tuple[float, float]], since: float, until: float, seconds: float
) -> None:
    """What was paused before or after does not count."""
    assert Pauses(tuple(times)).seconds(since, until) == seconds


def test_pauses_of_all_that_holds_a_subscription_are_one() -> None:
    """Time in which the source, the instance and the subscription were paused counts once."""
    periods = Periods(
        [
            Period("source", "site", "paused", 0, 10),
            Period("instance", "small", "paused", 5, 15),
            Period("subscription", SUBSCRIPTION, "paused", 30, None),
            Period("subscription", OTHER, "paused", 16, 17),
            Period("instance", "another", "paused", 20, 25),
            Period("source", "site", "disabled", 18, None),
        ]
    )
    assert periods.pauses_of(config(), SUBSCRIPTION) == Pauses(((0, 15), (30, inf)))
    assert periods.since("subscription", SUBSCRIPTION, "paused") == 30
    assert periods.since("instance", "small", "paused") is None


async def test_the_oldest_expire_above_the_bound(tmp_path: Path) -> None:
    """Of 25 events, the 10 latest wait and are delivered; the others can be replayed."""
    partner = Partner()
    ids = [f"m{number:02}" for number in range(25)]
    async with engine_with(tmp_path, partner, most=10) as (engine, ledger):
        await engine.apply(paused(config(), *KINDS[2]))
        for each in ids:
            await engine.accept("site", [event(each)])
        await waits(engine, SUBSCRIPTION, 10)
        [dead] = (await ledger.event("m14"))[0].deliveries
        assert (dead.stage, dead.reason, dead.attempts) == (Stage.EXPIRED, "PAUSED_TOO_LONG", 0)
        assert dead.message == (
            "the subscription small/one was paused, and more than 10 events waited for it "
            "(`max_paused_events`)"
        )
        await engine.apply(config())
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert sorted(partner.taken) == ids[15:]
        assert await engine.queue.replay(DeadLetterFilter(reason="PAUSED_TOO_LONG")) == 15
        assert await engine.wait_until_idle(timeout=PATIENCE)
        sums = await ledger.reconcile()
    assert sorted(partner.taken) == ids
    assert sums.ok


async def test_a_paused_source_has_one_bound_for_all_its_subscriptions(tmp_path: Path) -> None:
    """The oldest of both expire, whichever they belong to."""
    async with engine_with(tmp_path, Partner(), most=10) as (engine, ledger):
        await engine.apply(paused(two(), *KINDS[0]))
        for number in range(12):
            await engine.accept("site", [event(f"m{number}")])
        async with asyncio.timeout(PATIENCE):
            while sum([d.total for d in (await engine.queue.depths()).values()]) > 10:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stages = [
            [each.stage.value for each in (await ledger.event(f"m{number}"))[0].deliveries]
            for number in range(12)
        ]
    assert stages == [["expired", "expired"]] * 7 + [["waiting", "waiting"]] * 5


async def test_a_pause_never_makes_the_host_turn_others_away(tmp_path: Path) -> None:
    """Three times what may be in flight waits for one subscription; the others go on."""
    partner = Partner()
    async with engine_with(tmp_path, partner, in_flight=10) as (engine, _):
        await engine.apply(paused(two(), *KINDS[2]))
        for number in range(30):
            await engine.accept("site", [event(f"m{number}")])
            assert engine.queue.full() is None
            await waits(engine, OTHER, 0)
        assert len(partner.taken) == 30
        await engine.apply(two())
        await waits(engine, SUBSCRIPTION, 0)
    assert len(partner.taken) == 60


async def test_few_events_are_read_at_once_to_find_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many subscriptions something paused has: all of theirs would not fit into memory."""
    names = [f"s{number}" for number in range(20)]
    ended = Outcome(stage=Stage.EXPIRED, reason="PAUSED_TOO_LONG", attempted=False)
    async with engine_with(tmp_path, Partner()) as (engine, ledger):
        queue = engine.queue
        # The last subscription has the oldest events, the first one the latest.
        for number, name in enumerate(reversed(names)):
            ids = [f"{number}-{at}" for at in range(10)]
            await queue.accept(batch_of(*(Event(each, subscriptions=(name,)) for each in ids)))
        lease, held = queue.lease, list[int]()

        async def lease_counted(*given: Any, **more: Any) -> Lease | None:
            found = await lease(*given, **more)
            held.append(sum(each.leased for each in (await queue.depths()).values()))
            return found

        monkeypatch.setattr(queue, "lease", lease_counted)
        assert await expire_oldest(queue, names, 15, ended) == 15
        assert max(held) <= 2 * 15
        depths = await queue.depths()
        assert [depths[name].total for name in reversed(names[-3:])] == [0, 5, 10]
        assert sum(each.leased for each in depths.values()) == 0
        assert (await ledger.reconcile()).ok
