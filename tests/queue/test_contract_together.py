"""The contract of every engine: whatever is asked for at once, each delivery ends once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import FILTERED, ids_of

from offramp.queue import DeadLetterFilter, Depth, EventFilter, Outcome, Stage

if TYPE_CHECKING:
    from tests.queue.conftest import Bench

    from offramp.queue import Lease

SUBSCRIPTIONS = ("a", "b", "c")
ENDS = (Stage.DELIVERED, Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED)
REQUESTS = 60


class Crowd:
    """Senders, workers and people, who all use one queue at the same time."""

    def __init__(self, bench: Bench, dice: random.Random) -> None:
        self.bench = bench
        self.dice = dice
        self.sending = True
        #: Delivery -> how often its outcome "delivered" was stored.
        self.delivered: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()

    async def send(self) -> None:
        """Requests of all sizes, of events that go all ways."""
        for _ in range(REQUESTS):
            events = [
                self.bench.event("", subscriptions=wanted, filtered=filtered)
                for wanted, filtered in (
                    self._way() for _ in range(self.dice.choice([1, 1, 3, 20, 80]))
                )
            ]
            await self.bench.send(*events)
            for event in events:
                self.accepted.update(event.subscriptions)
            await asyncio.sleep(self.dice.choice([0, 0, 0.001]))

    def _way(self) -> tuple[tuple[str, ...], dict[str, list[str]]]:
        wanted = tuple(name for name in SUBSCRIPTIONS if self.dice.random() < 2 / 3)
        others = [name for name in SUBSCRIPTIONS if name not in wanted]
        return wanted, {"NO": others} if others and self.dice.random() < 1 / 2 else {}

    async def work(self, subscription: str) -> None:
        """Leases that grow, are cut up, settled in parts, released in parts, or forgotten."""
        queue, dice = self.bench.queue, self.dice
        while self.sending:
            lease = await queue.lease(subscription, dice.randint(1, 90), ttl=60, wait=0.05)
            if lease is not None and dice.random() < 1 / 3:
                grown = await queue.lease(subscription, dice.randint(1, 30), ttl=60, onto=lease)
                lease = grown or lease
            if lease is not None:
                await self._settle_in_parts(lease)

    async def _settle_in_parts(self, lease: Lease) -> None:
        n = self.dice.randint(1, 4)
        parts: list[list[int]] = [[] for _ in range(n)]
        for position in range(len(lease)):
            self.dice.choice(parts).append(position)
        await asyncio.gather(*(self._end(lease.pick(part)) for part in parts if part))

    async def _end(self, part: Lease) -> None:
        if self.dice.random() < 1 / 8:
            await self.bench.queue.release(part)
            return
        usual = self._outcome()
        exceptions = {
            position: self._outcome() for position in range(len(part)) if self.dice.random() < 1 / 6
        }
        call = asyncio.ensure_future(self.bench.queue.settle(part, usual, exceptions))
        if self.dice.random() < 1 / 8:
            # Who leaves does not undo it; what was lost is not known then, but nothing is here.
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            lost = []
        else:
            lost = list(await call)
        assert lost == []
        for position in range(len(part)):
            if exceptions.get(position, usual).stage is Stage.DELIVERED:
                self.delivered[part.id(position)] += 1

    def _outcome(self) -> Outcome:
        if self.dice.random() < 1 / 4:
            now = self.bench.clock()
            return Outcome(stage=Stage.RETRYING, reason="503", retry_at=now, exchange=b"503")
        stage = self.dice.choice(ENDS)
        return Outcome(stage=stage, reason=stage.value, exchange=b"e", payload=b"p")

    async def meddle(self) -> None:
        """Replays, backfills, a subscription that is switched off, and who looks on."""
        queue, dice = self.bench.queue, self.dice
        while self.sending:
            await asyncio.sleep(0.005)
            name = dice.choice(SUBSCRIPTIONS)
            match dice.randrange(4):
                case 0:
                    await queue.replay(DeadLetterFilter(subscription=name))
                case 1:
                    await queue.cancel(name)
                case 2:
                    page = await self.bench.ledger.events(
                        EventFilter(subscription=name, stages=FILTERED), limit=20
                    )
                    await queue.backfill(name, [record.id for record in page.rows])
                case _:
                    await self.bench.check()


@pytest.mark.parametrize("seed", range(4))
async def test_all_at_once(bench: Bench, seed: int) -> None:
    """Nothing is lost, nothing ends twice, no two hold one delivery, and every sum holds."""
    crowd = Crowd(bench, random.Random(seed))
    others = [
        *(asyncio.create_task(crowd.work(name)) for name in SUBSCRIPTIONS * 2),
        asyncio.create_task(crowd.meddle()),
    ]
    await asyncio.gather(*(crowd.send() for _ in range(2)))
    crowd.sending = False
    await asyncio.gather(*others)
    for name in SUBSCRIPTIONS:
        while lease := await bench.lease(500, name):
            assert len(set(ids_of(lease))) == len(lease)
            await bench.settle(lease, Stage.FILTERED)
    assert set((await bench.queue.depths()).values()) == {Depth()}
    assert set(crowd.delivered.values()) == {1}
    ended: Counter[str] = Counter()
    for record in await bench.records():
        for delivery in record.deliveries:
            assert delivery.stage.ended
            ended[delivery.subscription] += 1
            if delivery.stage is Stage.DELIVERED:
                assert crowd.delivered.pop(delivery.id) == 1
    assert not crowd.delivered
    for name in SUBSCRIPTIONS:
        assert ended[name] >= crowd.accepted[name]
