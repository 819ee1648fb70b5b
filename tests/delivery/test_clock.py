"""A clock that steps: nothing is lost, doubled, forgotten or stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

import attrs
import pytest
from tests.clocks import START, MovedClock
from tests.delivery.parts import PATIENCE, SUBSCRIPTION, Partner, config, event, small_catalog

from offramp import OutgoingRequest, Response
from offramp.config import Instance, Pauses, Period, Periods
from offramp.delivery import Engine, make_runtime
from offramp.delivery.runtime import InstanceRuntime
from offramp.plugins import CatalogEntry
from offramp.queue import Delivery, SqliteLedger, SqliteQueue, Stage, open_queue
from offramp.queue.sqlite import opening
from offramp.storage import Store

HOUR = 3_600.0
DAY = 86_400.0
#: A moment after which a clock that was set is believed.
BELIEVED = 11 * 60.0
#: Seconds in which retention runs several times.
SOME_ROUNDS = 0.1


@attrs.define
class SlowPartner(Partner):
    """Answers requests with the event "busy" once it is told to."""

    go: asyncio.Event = attrs.field(factory=asyncio.Event)
    asked: bool = False

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        if b'"busy"' in (outgoing.body or b""):
            self.asked = True
            await self.go.wait()
        return await super().__call__(outgoing)


@attrs.frozen
class Host:
    """What is running, and short words for it."""

    clock: MovedClock
    engine: Engine
    queue: SqliteQueue
    ledger: SqliteLedger

    async def send(self, *ids: str) -> list[bool]:
        return list(await self.engine.accept("site", [event(each) for each in ids]))

    async def delivery(self, message_id: str) -> Delivery:
        [record] = await self.ledger.event(message_id)
        [delivery] = record.deliveries
        return delivery

    async def until(self, true: Callable[[], bool], passes: float = 0) -> None:
        """Wait until something holds; each time so many seconds pass by the clock."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                await asyncio.sleep(0.01)
                self.clock.move(passes)

    async def until_idle(self, passes: float = 1) -> None:
        """Let time pass until nothing waits."""
        async with asyncio.timeout(PATIENCE):
            while (await self.queue.depth(SUBSCRIPTION)).total:
                await asyncio.sleep(0.02)
                self.clock.move(passes)

    async def until_doubted(self, message_id: str) -> Delivery:
        """Let time pass until a delivery waits for the clock."""
        async with asyncio.timeout(PATIENCE):
            while (delivery := await self.delivery(message_id)).reason != "CLOCK_IN_DOUBT":
                self.clock.move(1)
                await asyncio.sleep(0.02)
        return delivery

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass, in which retention runs too."""
        self.clock()
        self.clock.move(seconds)
        await asyncio.sleep(SOME_ROUNDS)


@asynccontextmanager
async def running(
    folder: Path, partner: Partner, clock: MovedClock, action: str = "take"
) -> AsyncIterator[Host]:
    """A host; the same clock is given on to its next life."""

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        settings = {"token": "s3cr3t-token"}
        return make_runtime(instance, entry, settings, transport=partner, clock=clock)

    async with Store.open(folder) as store, open_queue(store, clock=clock) as queue:
        engine = Engine(small_catalog(), queue, start, clock=clock)
        await engine.apply(config(action=action))
        host = Host(clock, engine, queue, SqliteLedger(store))
        try:
            yield host
            assert (await host.ledger.reconcile()).ok
        finally:
            await engine.stop()


@pytest.fixture(autouse=True)
def always_pruning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention runs all the time."""
    monkeypatch.setattr(opening, "PRUNE_EVERY_S", 0.01)


#: What happens to the clock: steps in seconds, each with the seconds that pass after it.
CLOCKS: dict[str, Sequence[tuple[float, float]]] = {
    "no step": [(0, 30)],
    "2 h ahead": [(2 * HOUR, 30)],
    "2 h back": [(-2 * HOUR, 30)],
    "75 s ahead": [(75, 30)],
    "36 d ahead for 75 s": [(36 * DAY, 75), (-36 * DAY, 30)],
    "36 d back for 75 s": [(-36 * DAY, 75), (36 * DAY, 30)],
    "2 h ahead, believed": [(2 * HOUR, BELIEVED)],
    "2 h back, believed": [(-2 * HOUR, BELIEVED)],
    "36 d ahead, believed": [(36 * DAY, BELIEVED)],
    "36 d ahead, believed, and back": [(36 * DAY, BELIEVED), (-36 * DAY, BELIEVED)],
}


@pytest.mark.parametrize("name", CLOCKS)
async def test_a_step_while_the_host_runs(tmp_path: Path, name: str) -> None:
    """Nothing is sent twice or deleted, duplicates are known, stories and sums are whole."""
    answers = iter([503])
    partner = SlowPartner(judge=lambda ids: next(answers, 200) if "again" in ids else 200)
    clock = MovedClock()
    async with running(tmp_path, partner, clock) as host:
        await host.send("done")
        await host.until_idle()
        await host.send("again")
        await host.until(lambda: ["again"] in partner.requests)
        await host.send("busy")
        await host.until(lambda: partner.asked)
        for number, (step, passes) in enumerate(CLOCKS[name]):
            clock.step(step)
            # By the time that passes, a lease that nobody extends may lapse.
            await host.pass_time(30)
            partner.go.set()
            await host.until(lambda: "busy" in partner.taken)
            assert await host.send("done", "again", "busy") == [False] * 3
            # A lease would lapse too, whose holder has no time to extend it.
            await host.until_idle()
            await host.pass_time(passes)
            assert await host.send("done", "again", "busy", f"new {number}") == [
                *[False] * 3,
                True,
            ]
        await host.until_idle()
        deliveries = [await host.delivery(each) for each in ("done", "again", "busy", "new 0")]
        assert [each.stage for each in deliveries] == [Stage.DELIVERED] * 4
        assert [each.attempts for each in deliveries] == [1, 2, 1, 1]
    taken = sorted(partner.taken)
    assert taken == sorted(
        {"done", "again", "busy", *(f"new {n}" for n in range(len(CLOCKS[name])))}
    )


#: How the clock stands at the next start, and whether that is in doubt.
STARTS = {
    "at once": (0.0, False),
    "after a night": (8 * HOUR, False),
    "after a weekend": (3 * DAY, True),
    "36 d ahead": (36 * DAY, True),
    "2 h back": (-2 * HOUR, True),
    "with an old clock": (-300 * DAY, True),
}


@pytest.mark.parametrize("name", STARTS)
async def test_a_step_while_the_host_was_off(tmp_path: Path, name: str) -> None:
    """For ten minutes nothing is deleted, forgotten or expired; then the clock is believed."""
    step, doubtful = STARTS[name]
    failing = True
    partner = Partner(judge=lambda ids: 503 if failing and "again" in ids else 200)
    clock = MovedClock()
    async with running(tmp_path, partner, clock) as host:
        await host.send("done")
        await host.until_idle()
        await host.send("again")
        await host.until(lambda: ["again"] in partner.requests)
    clock.step(step)
    tried = len(partner.requests)
    async with running(tmp_path, partner, clock) as host:
        assert (clock.doubt is not None) == doubtful
        await host.pass_time(0)
        assert await host.send("done", "again", "new") == [False, False, True]
        await host.until(lambda: len(partner.requests) >= tried + 3, passes=1)
        assert (await host.delivery("again")).stage is Stage.RETRYING
        assert (await host.delivery("done")).stage is Stage.DELIVERED
        failing = False
        await host.until_idle()
        await host.pass_time(BELIEVED)
        assert clock.doubt is None
        assert clock() == pytest.approx(START + step + clock.running())
        assert (await host.delivery("again")).stage is Stage.DELIVERED
    assert sorted(partner.taken) == ["again", "done", "new"]


@pytest.mark.parametrize("step", [2 * DAY, 36 * DAY])
async def test_a_believed_step_ends_no_retry_window(tmp_path: Path, step: float) -> None:
    """A day of retries is a day that passed: neither a step nor a restart after it shortens it."""
    partner = Partner(judge=lambda ids: 503)
    clock = MovedClock()
    async with running(tmp_path, partner, clock) as host:
        await host.send("m1")
        await host.until(lambda: bool(partner.requests))
        clock.step(step)
        await host.pass_time(BELIEVED)
        assert clock.doubt is None
    async with running(tmp_path, partner, clock) as host:
        for _ in range(2):
            tried = len(partner.requests)
            await host.until(lambda: len(partner.requests) > tried, passes=1)  # noqa: B023 - at once
        delivery = await host.delivery("m1")
        assert delivery.stage is Stage.RETRYING
        await host.pass_time(DAY)
        await host.until_idle()
        assert (await host.delivery("m1")).stage is Stage.EXPIRED


@pytest.mark.parametrize("believed", [False, True])
async def test_a_step_shortens_no_grace_and_lengthens_no_pause(
    tmp_path: Path, believed: bool
) -> None:
    """Only time that passed counts: for a source that was disabled, and for a paused delivery."""
    clock = MovedClock()
    async with running(tmp_path, Partner(), clock) as host:
        pauses = Pauses(((clock(), inf),))
        made = config()
        sources = {"site": attrs.evolve(made.sources["site"], enabled=False)}
        disabled = Periods([Period("source", "site", "disabled", clock(), None)])
        await host.engine.apply(attrs.evolve(made, sources=sources), disabled)
        clock.step(36 * DAY)
        await host.pass_time(BELIEVED if believed else 60)
        assert (clock.doubt is None) == believed
        assert host.engine.source_of("key") == "site"
        paused = pauses.seconds(START, clock(), age=clock.age)
        assert paused == pytest.approx(BELIEVED if believed else 60)
        clock.move(7 * DAY)
        assert host.engine.source_of("key") is None


async def test_nothing_is_sent_once_the_partner_may_have_forgotten_it(tmp_path: Path) -> None:
    """Beyond the idempotency window a repeat could count twice: the delivery expires unsent."""
    partner = Partner(judge=lambda ids: 503)
    clock = MovedClock()
    async with running(tmp_path, partner, clock, "takeKnown") as host:
        await host.send("m1")
        await host.until(lambda: bool(partner.requests))
        await asyncio.sleep(0.1)
        sent = len(partner.requests)
        clock.move(DAY)
        await host.until_idle(passes=0)
        delivery = await host.delivery("m1")
    assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, "IDEMPOTENCY_WINDOW_OVER")
    assert len(partner.requests) == sent


@pytest.mark.parametrize("comes_back", [True, False])
async def test_what_a_partner_may_have_forgotten_waits_for_the_clock(
    tmp_path: Path, comes_back: bool
) -> None:
    """While that is not certain, it is neither sent, which could double it, nor ended."""
    failing = True
    partner = Partner(judge=lambda ids: 503 if failing else 200)
    clock = MovedClock()
    async with running(tmp_path, partner, clock, "takeKnown") as host:
        await host.send("m1")
        await host.until(lambda: bool(partner.requests))
        await asyncio.sleep(0.1)
        sent = len(partner.requests)
        clock.step(2 * HOUR)
        failing = False
        await host.pass_time(30)
        delivery = await host.until_doubted("m1")
        assert (delivery.stage, delivery.attempts) == (Stage.RETRYING, sent)
        assert "2:00:00 ahead of the time that passed" in delivery.message
        if comes_back:
            clock.step(-2 * HOUR)
        await host.pass_time(BELIEVED)
        await host.until_idle()
        delivery = await host.delivery("m1")
    if comes_back:
        assert (delivery.stage, len(partner.requests)) == (Stage.DELIVERED, sent + 1)
    else:
        assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, "IDEMPOTENCY_WINDOW_OVER")
        assert len(partner.requests) == sent


@pytest.mark.parametrize("comes_back", [True, False])
async def test_what_a_check_refuses_by_a_doubtful_time_waits(
    tmp_path: Path, comes_back: bool
) -> None:
    """A start with a clock ahead rejects no event as too old, before the clock is believed."""
    partner = Partner(judge=lambda ids: 503)
    clock = MovedClock()
    async with running(tmp_path, partner, clock, "takeRecent") as host:
        await host.send("m1")
        await host.until(lambda: bool(partner.requests))
    partner.judge = lambda ids: 200
    clock.step(36 * DAY)
    async with running(tmp_path, partner, clock, "takeRecent") as host:
        delivery = await host.until_doubted("m1")
        assert delivery.stage is Stage.RETRYING
        assert "36 days, 0:00:00 ahead of the latest stored time" in delivery.message
        if comes_back:
            clock.step(-36 * DAY)
        await host.pass_time(BELIEVED)
        await host.until_idle()
        delivery = await host.delivery("m1")
    assert delivery.stage is (Stage.DELIVERED if comes_back else Stage.REJECTED)
    assert partner.taken == (["m1"] if comes_back else [])


async def test_events_accepted_after_a_jump_back_are_delivered(tmp_path: Path) -> None:
    """New events do not wait for the time from which the clock came back."""
    clock = MovedClock()
    partner = Partner()
    async with running(tmp_path, partner, clock) as host:
        await host.send("m1")
        assert await host.engine.wait_until_idle(timeout=PATIENCE)
        clock.step(-30 * DAY)
        await host.send("m2")
        assert await host.engine.wait_until_idle(timeout=PATIENCE)
        await host.pass_time(BELIEVED)
        await host.send("m3")
        assert await host.engine.wait_until_idle(timeout=PATIENCE)
    assert partner.taken == ["m1", "m2", "m3"]
