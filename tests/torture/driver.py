"""Load, faults and kill -9 at random moments; then the books are checked."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import attrs
from tests.torture.attempts import SeenAttempts
from tests.torture.episodes import EPISODES, NEW
from tests.torture.host import SUBSCRIPTION, TOKEN, HostProcess
from tests.torture.load import POISON, Load
from tests.torture.operations import replay_disabled
from tests.torture.partner import TlsFront
from tests.torture.scene import Scene
from tests.torture.schedule import Deck, draw_faults
from yarl import URL

from offramp.queue import SqliteLedger, Stage, open_queue
from offramp.storage import Store
from offramp.storage.migrate import known_migrations
from offramp_metronome.emulator import Emulator, Fault

CLIENTS: Final = 3
SHORTEST_ROUND_SECONDS: Final = 0.2
LONGEST_ROUND_SECONDS: Final = 3.0
#: Events in flight above which the clients pause: they send twice as fast as the partner takes.
MOST_IN_FLIGHT: Final = 200_000
#: When the torture ends, the drain lasts while events arrive; what was tried often comes again
#: after up to 10 minutes, so that nothing may happen for so long.
STALLED_SECONDS: Final = 700.0
LOOK_SECONDS: Final = 0.2
#: One in so many rounds ends with SIGTERM rather than kill -9.
STOP_EVERY: Final = 5
#: What the partner does with a batch that holds a poisoned event.
POISONED: Final = Fault(status=500, holding=POISON, times=None)
#: The chance that what is wrong stays wrong until the host has started again.
OUTLIVES: Final = 0.5
#: Events whose records are read at the end.
SAMPLE: Final = 200
#: The part of the time that an older version runs at first, where one is given.
OLDER_PART: Final = 0.2


@attrs.define(kw_only=True)
class Result:
    """What was done to the host, and what came of it."""

    seed: int
    rounds: int = 0
    #: Kind of an episode -> rounds that had one.
    episodes: dict[str, int] = attrs.field(factory=dict)
    #: Calls that changed the configuration while events came in.
    changes: int = 0
    #: Backups that were made under load, restored, and found whole.
    backups: int = 0
    #: Rotations of the sealing key.
    rotations: int = 0
    kills: int = 0
    stops: int = 0
    faults: int = 0
    accepted: int = 0
    #: Stored events that Metronome trips over for ever: they are retried.
    poisoned: int = 0
    #: Blocks that were damaged on disk, and those of their events that never arrived.
    damaged_blocks: int = 0
    damaged: int = 0
    #: Times that the host was restored from a backup, and what it accepted after that backup began
    #: and never delivered.
    restores: int = 0
    forgotten: int = 0
    #: Accepted, not poisoned, damaged nor forgotten, and not in Metronome.
    lost: int = 0
    #: In Metronome more than once.
    doubled: int = 0
    duplicates_ignored: int = 0
    #: Watched events whose requests reached Metronome before and after an end of the host, and
    #: those of which the records count too few attempts.
    cut_off: int = 0
    uncounted: tuple[str, ...] = ()
    ledger_faults: tuple[str, ...] = ()
    drained_seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing was lost or doubled, every attempt counts, and the sums hold."""
        return not (self.lost or self.doubled or self.uncounted or self.ledger_faults)


async def torture(  # noqa: PLR0913 - what is played, where, for how long
    folder: Path,
    *,
    seed: int,
    seconds: float,
    report: Callable[[str], None] = lambda _: None,
    older: Path | None = None,
    kinds: Collection[str] = tuple(EPISODES),
) -> Result:
    """Torture a host for so long, and until every kind of episode has come once.

    The seed draws everything but the machine's own timing. With `older`, the checkout of an older
    version, that version runs at first, so that this one begins with its folder.
    """
    rng = random.Random(seed)
    result = Result(seed=seed, episodes=dict.fromkeys(kinds, 0))
    async with (
        Emulator(token=TOKEN, seed=seed, keep_events=False) as emulator,
        TlsFront(folder, URL(emulator.url).port or 0) as front,
        HostProcess(folder, front.url, environment=front.environment) as host,
    ):
        emulator.faults.add(POISONED)
        if older is not None:
            host.environment = {**front.environment, "PYTHONPATH": _import_path(older)}
        host.prepare()
        await host.start()
        if older is not None:
            _check_older(host.database)
        seen = SeenAttempts(lambda: host.starts)
        front.watch = seen.watch
        scene = Scene(
            host=host,
            seen=seen,
            emulator=emulator,
            front=front,
            rng=rng,
            loads=[
                Load(url=lambda: host.url, key=lambda: host.key, rng=random.Random(rng.random()))
                for _ in range(CLIENTS)
            ],
        )
        await _play(scene, result, seconds, report)
        accepted = set[str]().union(*(load.accepted for load in scene.loads))
        poisoned = set[str]().union(*(load.poisoned for load in scene.loads))
        unsure = set[str]().union(*(load.unsure for load in scene.loads))
        perhaps = unsure | (poisoned & (scene.forgotten | scene.damaged_ids))
        poisoned = {
            each for each in poisoned | perhaps if each not in perhaps or await host.knows(each)
        }
        gone = scene.forgotten | scene.damaged_ids
        result.accepted, result.poisoned = len(accepted), len(poisoned)
        await replay_disabled(scene)
        await _drain(scene, accepted - poisoned - gone, result, report)
        await host.stop()
        result.stops += 1
        effects = emulator.effects()
        missing = accepted - poisoned - effects.keys()
        result.damaged_blocks = len(scene.damaged)
        result.damaged = len(missing & scene.damaged_ids)
        result.restores = len(scene.restores)
        result.forgotten = len(missing & scene.forgotten - scene.damaged_ids)
        result.lost = len(missing - gone)
        result.doubled = sum(times > 1 for times in effects.values())
        result.duplicates_ignored = emulator.stats().duplicates
        result.cut_off = scene.seen.cut_off
        result.uncounted = await _uncounted(scene)
        result.ledger_faults = await _check_ledger(scene, accepted - gone, poisoned)
    return result


async def _play(
    scene: Scene, result: Result, seconds: float, report: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    clients = [asyncio.create_task(load.run(stop)) for load in scene.loads]
    deck = Deck(tuple(result.episodes), scene.rng)
    known = Deck([kind for kind in result.episodes if kind not in NEW], scene.rng)
    is_older = scene.host.environment != scene.front.environment
    began = time.monotonic()
    while time.monotonic() < began + seconds or not all(result.episodes.values()):
        if is_older and time.monotonic() > began + seconds * OLDER_PART:
            scene.host.environment = scene.front.environment
            await _restart(scene, result)
            # Older versions did not count what was under way when they were killed.
            scene.seen.forget()
            is_older = False
        await _round(scene, (known if is_older else deck).deal(), result)
        accepted = sum(len(load.accepted) for load in scene.loads)
        in_flight = await scene.host.in_flight()
        _pace(scene.loads, in_flight)
        report(f"round {result.rounds}: {accepted:,} accepted, {in_flight:,} in flight")
    stop.set()
    _pace(scene.loads, 0)
    await asyncio.gather(*clients)
    result.changes = len(scene.changes)
    result.backups, result.rotations = len(scene.backups), len(scene.rotations)
    scene.emulator.faults.clear()
    scene.emulator.faults.add(POISONED)


def _import_path(checkout: Path) -> str:
    """The path on which Python finds a checkout rather than what is installed."""
    return os.pathsep.join(str(checkout / name) for name in ("framework", "destinations/metronome"))


def _check_older(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(known_migrations())
    assert version < known, f"the tables are at {version}, as today's: give an older version"


def _pace(loads: Sequence[Load], in_flight: int) -> None:
    """Let the clients send, or hold them: a backlog that only grows proves nothing more."""
    for load in loads:
        load.go.clear() if in_flight > MOST_IN_FLIGHT else load.go.set()


async def _round(scene: Scene, kind: str, result: Result) -> None:
    faults = draw_faults(scene.rng)
    scene.emulator.faults.add(*faults)
    result.faults += len(faults)
    outlives_the_host = scene.rng.random() < OUTLIVES
    async with EPISODES[kind](scene):
        result.episodes[kind] += 1
        await asyncio.sleep(scene.rng.uniform(SHORTEST_ROUND_SECONDS, LONGEST_ROUND_SECONDS))
        if outlives_the_host:
            await _restart(scene, result)
    if not outlives_the_host:
        await _restart(scene, result)
    result.rounds += 1


async def _restart(scene: Scene, result: Result) -> None:
    host = scene.host
    if scene.rng.randrange(STOP_EVERY):
        await host.kill()
        result.kills += 1
    else:
        status = await host.stop()
        assert status == 0, f"the host ended with {status}: {''.join(host.log[-20:])}"
        result.stops += 1
    while scene.while_down:
        await asyncio.to_thread(scene.while_down.pop(0))
    await host.start()
    while scene.once_up:
        await scene.once_up.pop(0)()


async def _drain(
    scene: Scene, wanted: set[str], result: Result, report: Callable[[str], None]
) -> None:
    """Wait until Metronome has all of it, and until the host has heard so for each.

    It gives up where nothing arrives and nothing ends for `STALLED_SECONDS`.
    """
    started = moved = time.monotonic()
    before: tuple[int, int] | None = None
    while time.monotonic() < moved + STALLED_SECONDS:
        in_flight = await scene.host.in_flight()
        now = in_flight, scene.emulator.stats().events_stored
        if now != before:
            before, moved = now, time.monotonic()
        report(f"draining: {in_flight:,} events are in flight, {result.poisoned:,} are poisoned")
        # What cannot be read stays in flight: a restored folder may have it.
        if in_flight <= result.poisoned + len(scene.damaged_ids) and (
            wanted <= scene.emulator.effects().keys()
        ):
            break
        await asyncio.sleep(LOOK_SECONDS)
    result.drained_seconds = round(time.monotonic() - started, 1)


async def _uncounted(scene: Scene) -> tuple[str, ...]:
    """Events with too few attempts; those of damaged blocks cannot be read to count them."""
    async with Store.open(scene.host.data) as store:
        return await scene.seen.uncounted(SqliteLedger(store), but=scene.damaged_ids)


async def _check_ledger(scene: Scene, accepted: set[str], poisoned: set[str]) -> tuple[str, ...]:
    """The sum rule, and a sample of records: each accepted event was delivered.

    Those that the partner trips over are tried again until their window ends. What is damaged stays
    in flight, and a recount names its blocks.
    """
    damaged = scene.damaged_ids
    async with Store.open(scene.host.data) as store, open_queue(store) as queue:
        ledger = SqliteLedger(store)
        faults = scene.not_of_damage((await ledger.reconcile()).faults)
        left = sum(depth.total for depth in (await queue.depths()).values())
        if not len(poisoned) <= left <= len(poisoned | damaged):
            faults.append(
                f"{left} deliveries are in flight, {len(poisoned)} are poisoned, and "
                f"{len(damaged)} were damaged"
            )
        sample = sorted(accepted - poisoned)[:: max(1, len(accepted) // SAMPLE)]
        for message_id in (*sample, *poisoned):
            records = await ledger.event(message_id)
            # Its neighbour, which comes and goes, wants none of them.
            stages = [
                delivery.stage
                for record in records
                for delivery in record.deliveries
                if delivery.subscription == SUBSCRIPTION
            ]
            if stages != [Stage.RETRYING if message_id in poisoned else Stage.DELIVERED]:
                faults.append(f"{message_id}: {stages}")
    return tuple(faults)
