"""Workers that die, hang or are given up on: nothing is lost, and nobody else is harmed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from offramp_segment import node
from offramp_segment.definitions import index
from offramp_segment.node import NoNodeError, WorkerCommand, make_command
from offramp_segment.pool import EndsWorkersError, Pool
from offramp_segment.worker import Worker, WorkerDiedError

PATIENCE = 20.0
HELLO: Mapping[str, Any] = {"environment": {}, "own_network": []}
OK = {"status": 200, "reason": "OK", "url": "", "headers": [], "t": "ok"}


def perform(url: str = "https://hooks.slack.com/services/a") -> dict[str, Any]:
    """A call of Slack's action, which makes one request."""
    return {
        "op": "perform",
        "destination": "slack",
        "action": "postToChannel",
        "instance": "chat",
        "settings": {},
        "mapping": {},
        "payload": {"url": url, "text": "hello"},
        "rawData": {"type": "track", "event": "E"},
    }


class Partner:
    """Answers requests of workers, once it may."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.cancelled = 0
        self.may_answer = asyncio.Event()
        self.changed = asyncio.Event()

    async def send(self, message: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append(message["url"])
        self.changed.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            self.changed.set()
            raise
        return OK

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def command() -> WorkerCommand:
    return make_command(network=False)


@contextlib.asynccontextmanager
async def running(command: WorkerCommand, size: int = 1) -> AsyncIterator[Pool]:
    pool = Pool(command, HELLO, size)
    async with pool.run():
        yield pool


def process_of(pool: Pool) -> int:
    worker = pool._slots[0].worker
    assert worker is not None
    return worker.process.pid


async def test_a_call_survives_the_death_of_its_worker(command: WorkerCommand) -> None:
    """Kill -9 while a request is out: it is sent again, and the place of the worker is filled."""
    partner = Partner()
    async with running(command) as pool:
        killed = process_of(pool)
        call = asyncio.create_task(pool.call("chat", "k", perform(), partner.send))
        await partner.until(lambda: len(partner.requests) == 1)
        os.kill(killed, signal.SIGKILL)
        await partner.until(lambda: len(partner.requests) == 2)
        partner.may_answer.set()
        assert await asyncio.wait_for(call, PATIENCE) is None
        assert await pool.call("chat", "k", perform(), partner.send) is None
        assert process_of(pool) != killed
    assert len(partner.requests) == 3


async def test_a_call_that_ends_two_workers_is_found_and_kept_alone(
    command: WorkerCommand,
) -> None:
    """Its neighbours in the worker are delivered; the next of its kind harms no other worker."""
    partner, poison = Partner(), "https://hooks.slack.com/poison"

    async def send(message: Mapping[str, Any]) -> dict[str, Any]:
        if message["url"] == poison:
            # Whatever runs it dies: the shared worker, or the one for a single call.
            lone = pool._lone._worker
            os.kill(process_of(pool) if lone is None else lone.process.pid, signal.SIGKILL)
        return await partner.send(message)

    async with running(command) as pool:
        good = [asyncio.create_task(pool.call("chat", "good", perform(), send)) for _ in range(3)]
        await partner.until(lambda: len(partner.requests) == 3)
        bad = asyncio.create_task(pool.call("chat", "bad", perform(poison), send))
        partner.may_answer.set()
        with pytest.raises(EndsWorkersError, match="ended two workers"):
            await asyncio.wait_for(bad, PATIENCE)
        assert await asyncio.wait_for(asyncio.gather(*good), PATIENCE) == [None] * 3
        await pool.call("chat", "good", perform(), send)
        shared = process_of(pool)
        with pytest.raises(EndsWorkersError):
            await pool.call("chat", "bad", perform(poison), send)
        assert process_of(pool) == shared


async def test_a_worker_that_hangs_is_replaced(
    command: WorkerCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After SIGSTOP no ping is answered; the call in flight is run again."""
    monkeypatch.setattr("offramp_segment.worker.PING_SECONDS", 0.05)
    partner = Partner()
    async with running(command) as pool:
        stopped = process_of(pool)
        call = asyncio.create_task(pool.call("chat", "k", perform(), partner.send))
        await partner.until(lambda: len(partner.requests) == 1)
        os.kill(stopped, signal.SIGSTOP)
        partner.may_answer.set()
        assert await asyncio.wait_for(call, PATIENCE) is None
        await pool._slots[0].find()
        assert process_of(pool) != stopped
    assert len(partner.requests) == 2


async def test_giving_up_a_call_gives_up_its_requests(command: WorkerCommand) -> None:
    """The request is cancelled before the caller goes on, and the worker is as good as before."""
    partner = Partner()
    worker = await Worker.start(command, HELLO)
    try:
        call = asyncio.create_task(worker.call(perform(), partner.send))
        await partner.until(lambda: len(partner.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert partner.cancelled == 1
        assert worker.in_flight == 0
        partner.may_answer.set()
        assert await worker.call(perform(), partner.send) is None
    finally:
        await worker.stop()
    with pytest.raises(WorkerDiedError):
        await worker.call(perform(), partner.send)


async def test_a_worn_worker_is_replaced_without_ending_its_calls(
    command: WorkerCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one takes over, while the calls of the first go on to their ends."""
    monkeypatch.setattr("offramp_segment.worker.MAX_CALLS", 2)
    partner = Partner()
    async with running(command) as pool:
        first = process_of(pool)
        slow = asyncio.create_task(pool.call("chat", "k", perform(), partner.send))
        await partner.until(lambda: len(partner.requests) == 1)
        load = {"op": "load", "destination": "slack"}
        assert await pool.call("chat", "load", load, partner.send) is None
        worker = await pool._slots[0].find()
        while worker.process.pid == first:
            await asyncio.sleep(0.01)
            worker = await pool._slots[0].find()
        partner.may_answer.set()
        assert await asyncio.wait_for(slow, PATIENCE) is None
    assert len(partner.requests) == 1


async def test_an_instance_stays_with_its_worker(command: WorkerCommand) -> None:
    """Instances are spread over the workers, and each has its own, which keeps its state."""
    async with running(command, size=2) as pool:
        slots = {name: pool._slot(name) for name in ("a", "b", "c", "d")}
        assert [list(slots.values()).count(each) for each in pool._slots] == [2, 2]
        assert all(pool._slot(name) is slot for name, slot in slots.items())


async def test_partner_credentials_come_in_the_first_message(command: WorkerCommand) -> None:
    """Nothing of them is on the command line or in the environment of the process."""
    secret = "an-adwords-developer-token"
    hello = {"environment": {"ADWORDS_DEVELOPER_TOKEN": secret}, "own_network": []}
    worker = await Worker.start(command, hello)
    try:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{worker.process.pid}/{name}", "rb") as file:  # noqa: ASYNC230, PTH123 - a few bytes
                assert secret.encode() not in file.read()
    finally:
        await worker.stop()


def test_without_nodejs_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Node.js may come from PATH, or with the extra."""
    monkeypatch.setattr(node, "_candidates", list)
    with pytest.raises(NoNodeError, match=r"20 or newer.*offramp-segment\[node\]"):
        make_command(network=False)
    monkeypatch.setattr(node, "_candidates", lambda: ["/old/node"])
    monkeypatch.setattr(node, "_version", lambda _: (18, 1))
    with pytest.raises(NoNodeError, match="/old/node is"):
        make_command(network=False)


@pytest.mark.parametrize("network", [False, True])
def test_a_worker_may_only_do_what_it_needs(*, network: bool) -> None:
    """It reads its own code alone, and has a network only where a destination is allowed one."""
    command = make_command(network=network)
    [permission] = [each for each in command.argv if each.endswith("permission")]
    assert permission in {"--permission", "--experimental-permission"}
    assert sum(each.startswith("--allow-fs") for each in command.argv) == 1
    assert network is not bool(command.network) or not command.network
    assert ("the network is open" in str(command)) is not bool(command.network)


def test_the_index_names_what_each_destination_needs() -> None:
    """A destination that reads a partner's credential of Segment's says so in its description."""
    assert "ADWORDS_DEVELOPER_TOKEN" in index()["actions-google-enhanced-conversions"].environment
