"""The host's promise under crashes and faults, in small; `make torture` goes on for longer."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from tests.torture.driver import torture
from tests.torture.episodes import EPISODES
from tests.torture.host import TOKEN, HostProcess
from tests.torture.load import Load

from offramp_metronome.emulator import Emulator, Fault

SECONDS = 10.0
PATIENCE = 60.0
MEGABYTE = 1_000_000


async def arrived(emulator: Emulator, ids: set[str]) -> None:
    """Wait until the emulator has all of them."""
    async with asyncio.timeout(PATIENCE):
        while not ids <= emulator.effects().keys():  # noqa: ASYNC110 - it sends no signal
            await asyncio.sleep(0.1)


#: What an operator does, and what befalls the machine. `make torture` also stops the process for
#: longer than a lease, which a test has no time for.
OPERATIONS = ("clock", "paused", "disabled", "keys", "damage", "restored")


# With this seed the clock is set in the second round: what then waits for 30 s, as the clock is in
# doubt, comes again while the other rounds are played.
@pytest.mark.parametrize("seed", [20261116])
async def test_operating_a_host_loses_only_what_is_named(tmp_path: Path, seed: int) -> None:
    """Every event answered with 200 takes effect once, whatever an operator or the disk does.

    The wall clock is set to another time, things are paused and disabled, and what is filtered by
    that is replayed; write keys and the partner's token are rotated. Lost are only events of blocks
    that the disk has damaged, and what came after a backup that the folder is restored from.
    """
    result = await torture(tmp_path, seed=seed, seconds=SECONDS, kinds=OPERATIONS)
    assert result.good, result
    assert all(result.episodes.values())
    assert result.restores == result.episodes["restored"]
    assert result.damaged_blocks == result.episodes["damage"]
    assert result.accepted > 1_000


@pytest.mark.parametrize("seed", [20261123])
async def test_kill_9_under_faults_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Every event answered with 200 takes effect once; the sums hold; every attempt is counted.

    Every kind of these episodes comes at least once: bad certificates, poisoned events, credentials
    that are refused for a while, changes of the configuration, no file descriptors left, a backup,
    and rotations of the sealing key.
    """
    kinds = [kind for kind in EPISODES if kind not in {*OPERATIONS, "stopped"}]
    result = await torture(tmp_path, seed=seed, seconds=SECONDS, kinds=kinds)
    assert result.good, result
    assert result.kills > 0
    assert all(result.episodes.values())
    assert result.poisoned > 0
    assert result.cut_off > 0
    assert result.changes > 0
    assert result.rotations > 0
    assert result.accepted > 1_000


async def test_a_full_disk_turns_events_away_and_loses_none(tmp_path: Path) -> None:
    """Where no byte can be written any more, the answer is 503; what was accepted arrives."""
    async with (
        Emulator(token=TOKEN, keep_events=False) as emulator,
        HostProcess(tmp_path, emulator.url) as host,
    ):
        emulator.faults.add(Fault(status=503, times=10_000))
        host.prepare()
        await host.start(file_bytes=2 * MEGABYTE)
        load = Load(url=lambda: host.url, key=lambda: host.key, rng=random.Random(1))
        stop = asyncio.Event()
        client = asyncio.create_task(load.run(stop))
        async with asyncio.timeout(PATIENCE):
            while load.refused < 200:  # noqa: ASYNC110 - another process fills the disk
                await asyncio.sleep(0.05)
        stop.set()
        await client
        assert load.accepted
        assert await host.stop() == 0
        emulator.faults.clear()
        await host.start()
        await arrived(emulator, load.accepted)
        await host.stop()
        assert all(emulator.effects()[each] == 1 for each in load.accepted)


async def test_sigterm_under_load_ends_in_time(tmp_path: Path) -> None:
    """Stopped in the middle of a burst: status 0 within its bound, and nothing is lost."""
    async with (
        Emulator(token=TOKEN, keep_events=False) as emulator,
        HostProcess(tmp_path, emulator.url) as host,
    ):
        emulator.faults.add(Fault(store="all", delay=1.0, probability=0.3))
        host.prepare()
        await host.start()
        load = Load(url=lambda: host.url, key=lambda: host.key, rng=random.Random(2))
        stop = asyncio.Event()
        client = asyncio.create_task(load.run(stop))
        await asyncio.sleep(1.5)
        assert await host.stop() == 0
        stop.set()
        await client
        emulator.faults.clear()
        await host.start()
        await arrived(emulator, load.accepted)
        await host.stop()
        assert all(emulator.effects()[each] == 1 for each in load.accepted)
