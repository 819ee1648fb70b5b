"""Load, faults and kill -9 at random moments; then the books are checked."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
from tests.torture.host import TOKEN, HostProcess
from tests.torture.load import Load
from tests.torture.schedule import draw_faults

from offramp.queue import SqliteLedger, Stage, open_queue
from offramp.storage import Store
from offramp_metronome.emulator import Emulator

CLIENTS: Final = 3
SHORTEST_ROUND_SECONDS: Final = 0.2
LONGEST_ROUND_SECONDS: Final = 3.0
#: For what is still on its way when the torture ends; retries back off up to 10 minutes.
DRAIN_SECONDS: Final = 700.0
#: One in so many rounds ends with SIGTERM rather than kill -9.
STOP_EVERY: Final = 5


@attrs.define(kw_only=True)
class Figures:
    """What was done to the host, and what came of it."""

    seed: int
    rounds: int = 0
    kills: int = 0
    stops: int = 0
    faults: int = 0
    accepted: int = 0
    #: Accepted, and not in Metronome.
    lost: int = 0
    #: In Metronome more than once.
    doubled: int = 0
    duplicates_ignored: int = 0
    audit_faults: tuple[str, ...] = ()
    drained_seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing was lost or doubled, and the sums hold."""
        return not (self.lost or self.doubled or self.audit_faults)


async def torture(
    folder: Path,
    *,
    seed: int,
    seconds: float,
    tell: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Torture a host for so long; the seed draws everything but the machine's own timing."""
    luck = random.Random(seed)
    figures = Figures(seed=seed)
    async with Emulator(token=TOKEN, seed=seed, keep_events=False) as emulator:
        host = HostProcess(folder, emulator.url)
        host.prepare()
        await host.start()
        stop = asyncio.Event()
        loads = [
            Load(url=lambda: host.url, luck=random.Random(luck.random())) for _ in range(CLIENTS)
        ]
        clients = [asyncio.create_task(load.run(stop)) for load in loads]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await _round(host, emulator, luck, figures)
            tell(f"round {figures.rounds}: {sum(len(x.accepted) for x in loads):,} accepted")
        stop.set()
        await asyncio.gather(*clients)
        emulator.faults.clear()
        accepted = set[str]().union(*(load.accepted for load in loads))
        figures.accepted = len(accepted)
        tell(f"waiting until the last of {len(accepted):,} events has arrived")
        await _drain(host, emulator, accepted, figures)
        await host.stop()
        figures.stops += 1
        effects = emulator.effects()
        figures.lost = sum(effects.get(each, 0) == 0 for each in accepted)
        figures.doubled = sum(times > 1 for times in effects.values())
        figures.duplicates_ignored = emulator.figures().duplicates
        figures.audit_faults = await _audit(folder, accepted)
    return figures


async def _round(
    host: HostProcess, emulator: Emulator, luck: random.Random, figures: Figures
) -> None:
    faults = draw_faults(luck)
    emulator.faults.add(*faults)
    figures.faults += len(faults)
    await asyncio.sleep(luck.uniform(SHORTEST_ROUND_SECONDS, LONGEST_ROUND_SECONDS))
    if luck.randrange(STOP_EVERY):
        await host.kill()
        figures.kills += 1
    else:
        status = await host.stop()
        assert status == 0, f"the host ended with {status}: {''.join(host.log[-20:])}"
        figures.stops += 1
    await host.start()
    figures.rounds += 1


async def _drain(
    host: HostProcess, emulator: Emulator, accepted: set[str], figures: Figures
) -> None:
    """Wait until Metronome has all of it, and until the host has heard so for each."""
    started = time.monotonic()
    while time.monotonic() < started + DRAIN_SECONDS:
        if accepted <= emulator.effects().keys() and not await host.in_flight():
            break
        await asyncio.sleep(0.2)
    figures.drained_seconds = round(time.monotonic() - started, 1)


async def _audit(folder: Path, accepted: set[str]) -> tuple[str, ...]:
    """The sum rule, and a sample of stories: each accepted event was delivered."""
    async with Store.open(folder / "offramp-data") as store, open_queue(store) as queue:
        ledger = SqliteLedger(store)
        faults = list((await ledger.audit()).faults)
        left = sum(depth.total for depth in (await queue.depths()).values())
        if left:
            faults.append(f"{left} deliveries are still in flight")
        for message_id in sorted(accepted)[:: max(1, len(accepted) // 200)]:
            stories = await ledger.event(message_id)
            stages = [delivery.stage for story in stories for delivery in story.deliveries]
            if stages != [Stage.DELIVERED]:
                faults.append(f"{message_id}: {stages}")
    return tuple(faults)
