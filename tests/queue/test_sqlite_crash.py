"""The engine on SQLite, killed: what was acknowledged is there, and all sums hold."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.queue.conftest import ids_of

from offramp.queue import DeadLetterFilter, SqliteLedger, Stage, open_queue
from offramp.storage import Store

if TYPE_CHECKING:
    from pathlib import Path

#: Accepts and settles as fast as it can, and says a line after each that was acknowledged.
WORKER = """
import asyncio, itertools, os, pathlib, signal, sys
from offramp.queue import EventBatch, Outcome, Route, Stage, open_queue
from offramp.storage import Store

# A shell's background jobs are started deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
RUN, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
numbers = itertools.count()

def say(kind, ids):
    os.write(1, "".join(f"{kind} {one}\\n" for one in ids).encode())

ROUTES = [
    Route(subscriptions=("a", "b"), filtered={"TRIGGER_FALSE": ["c"]}),
    Route(subscriptions=("b", "a")),
]

def batch(size):
    return EventBatch(
        source="s", received_at=0, message_ids=[f"{RUN}-{next(numbers)}" for _ in range(size)],
        types=["track"] * size, names=[""] * size, bodies=[b"x" * 1000] * size,
        routes=ROUTES, route_of=[n % 2 for n in range(size)],
    )

async def accept(queue, size):
    while True:
        events = batch(size)
        await queue.accept(events)
        say("accepted", events.message_ids)

DELIVERED = Outcome(stage=Stage.DELIVERED, reason="R", exchange=b"shared")
REJECTED = Outcome(stage=Stage.REJECTED, reason="R", exchange=b"shared")

async def settle_part(queue, part):
    await queue.settle(part, DELIVERED, {n: REJECTED for n in range(0, len(part), 5)})
    say("settled", [part.delivery(n).message_id for n in range(len(part))])

async def settle(queue):
    while True:
        lease = await queue.lease("a", 50, ttl=60, wait=1)
        if lease is not None:
            parts = [lease.pick(range(n, len(lease), 3)) for n in range(min(3, len(lease)))]
            await asyncio.gather(*(settle_part(queue, part) for part in parts))

async def main():
    async with Store.open(FOLDER) as store, open_queue(store) as queue:
        await asyncio.gather(accept(queue, 1), accept(queue, 1), accept(queue, 20), settle(queue))

asyncio.run(main())
"""
#: Seconds after which a worker that does not end is killed, and the test fails.
PATIENCE_SECONDS = 30.0
#: Seconds for which the worker may work, from its first acknowledgement on.
WORK_SECONDS = (0.05, 0.2, 0.4)


def run_and_kill(folder: Path, run: str, seconds: float) -> dict[str, set[str]]:
    """What the worker had acknowledged when it was killed, without any warning."""
    command = [sys.executable, "-c", WORKER, run, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        first = worker.stdout.readline()
        timer = threading.Timer(seconds, worker.kill)
        timer.start()
        text = first + worker.stdout.read()
        timer.cancel()
    assert worker.returncode == -signal.SIGKILL
    acknowledged: dict[str, set[str]] = {"accepted": set(), "settled": set()}
    # The last line may have been cut off with its writer.
    for line in text.decode().rpartition("\n")[0].splitlines():
        kind, _, message_id = line.partition(" ")
        acknowledged[kind].add(message_id)
    return acknowledged


async def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Killed again and again in full swing: no event lost, no outcome lost, every sum exact."""
    accepted: set[str] = set()
    settled: set[str] = set()
    for run, seconds in enumerate(WORK_SECONDS):
        acknowledged = await asyncio.to_thread(run_and_kill, tmp_path, f"r{run}", seconds)
        accepted |= acknowledged["accepted"]
        settled |= acknowledged["settled"]
        async with Store.open(tmp_path) as store, open_queue(store) as queue:
            ledger = SqliteLedger(store)
            (intact,) = await store.read(lambda c: c.execute("PRAGMA integrity_check").fetchone())
            assert intact == "ok"
            assert (await ledger.reconcile()).faults == ()
            known = set(ids_of(await queue.lease("b", 1_000_000, ttl=60)))
            assert accepted <= known
            due = set(ids_of(await queue.lease("a", 1_000_000, ttl=60)))
            assert settled <= known - due
    assert len(accepted) > 100
    assert len(settled) > 10


async def test_leases_of_a_killed_process_are_free(tmp_path: Path) -> None:
    """Nothing waits for a lapse: the next process may lease at once what the dead one held."""
    acknowledged = await asyncio.to_thread(run_and_kill, tmp_path, "r", 0.1)
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        depth = await queue.depth("a")
        leased = ids_of(await queue.lease("a", 1_000_000, ttl=60))
        assert len(leased) == depth.total
        dead = await queue.dead_letters(DeadLetterFilter(), limit=1_000_000)
        assert {one.stage for one in dead.rows} <= {Stage.REJECTED}
        assert len(acknowledged["accepted"]) <= len(leased) + len(acknowledged["settled"]) + 50


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_folder_is_free_after_any_end(tmp_path: Path, stop: signal.Signals) -> None:
    """The lock ends with the process, however that ends."""
    command = [sys.executable, "-c", WORKER, "r", str(tmp_path)]

    def run() -> None:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            worker.send_signal(stop)
            late = threading.Timer(PATIENCE_SECONDS, worker.kill)
            late.start()
            worker.stdout.read()
            late.cancel()
        assert worker.returncode != -signal.SIGKILL

    await asyncio.to_thread(run)
    async with Store.open(tmp_path) as store:
        assert (await SqliteLedger(store).reconcile()).faults == ()
