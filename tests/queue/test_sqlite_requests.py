"""The engine on SQLite: the journal of requests, which outlives a process that was killed."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.clocks import MovedClock
from tests.queue.conftest import Event, batch_of, open_sqlite

from offramp.errors import StorageFullError
from offramp.queue import Outcome, SqliteLedger, Stage, open_queue
from offramp.queue.sqlite import journal as journals
from offramp.queue.sqlite.journal import (
    HALF_BYTES,
    JOURNAL_FILE,
    Journal,
    SentPart,
    SentRequest,
    pack_request,
)
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from offramp.queue import Delivery

#: Accepts 40 events, sends 30 of them in three requests, settles one of these, and is killed.
KILLED = """
import asyncio, os, pathlib, signal, sys
from offramp.queue import EventBatch, Outcome, Route, Stage, open_queue
from offramp.storage import Store

async def main():
    async with Store.open(pathlib.Path(sys.argv[1])) as store, open_queue(store) as queue:
        await queue.accept(EventBatch(
            source="s", received_at=0, message_ids=[f"e{n}" for n in range(40)],
            types=["track"] * 40, names=[""] * 40, bodies=[b"{}"] * 40,
            routes=[Route(subscriptions=("sub",))], route_of=[0] * 40,
        ))
        lease = await queue.lease("sub", 30, ttl=60)
        for start in range(0, 30, 10):
            await queue.begin_request(lease.pick(range(start, start + 10)))
        await queue.settle(lease.pick(range(10)), Outcome(stage=Stage.DELIVERED, reason="OK"))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
DELIVERED = Outcome(stage=Stage.DELIVERED, reason="OK")


def request(number: int, n: int = 1) -> SentRequest:
    """A request with so many deliveries."""
    parts = [SentPart(number + place, b"\0\0\1", 1, 7) for place in range(n)]
    return SentRequest(number, parts)


async def delivery(store: Store, message_id: str) -> Delivery:
    (record,) = await SqliteLedger(store).event(message_id)
    (found,) = record.deliveries
    return found


async def test_kill_nine_hides_no_attempt(tmp_path: Path) -> None:
    """Killed right after requests left: those without an outcome count, and the sums hold."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    ended = await asyncio.to_thread(subprocess.run, command, check=False)
    assert ended.returncode == -signal.SIGKILL
    for _ in range(2):
        async with Store.open(tmp_path) as store, open_queue(store) as queue:
            found = [await delivery(store, f"e{n}") for n in range(40)]
            assert [each.attempts for each in found] == [1] * 30 + [0] * 10
            assert [each.unknown_answers for each in found] == [0] * 10 + [1] * 20 + [0] * 10
            depth = await queue.depth("sub")
            assert (depth.waiting, depth.retrying) == (10, 20)
            assert (await SqliteLedger(store).reconcile()).faults == ()


async def test_a_disk_that_is_full_at_a_start_hides_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be stored at the start is counted with the next outcome, or at the next start."""
    clock = MovedClock()
    async with open_sqlite(tmp_path, clock) as opened:
        await opened.queue.accept(batch_of(Event("first"), Event("second")))
        lease = await opened.queue.lease("sub", 2, ttl=60)
        assert lease is not None
        await opened.queue.begin_request(lease)

    async def fail(*_: object) -> None:
        raise StorageFullError("the disk is full")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("offramp.queue.sqlite.under_way.RequestsUnderWay._store_unanswered", fail)
        async with open_sqlite(tmp_path, clock) as opened:
            lease = await opened.queue.lease("sub", 1, ttl=60)
            assert lease is not None
            assert lease.attempt(0) == 2
            assert await opened.queue.settle(lease, DELIVERED) == []
    assert "cannot be stored yet: the disk is full" in caplog.text
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock):
        found = [await delivery(store, each) for each in ("first", "second")]
        assert [(each.stage, each.attempts) for each in found] == [
            (Stage.DELIVERED, 2),
            (Stage.RETRYING, 1),
        ]
        assert (await SqliteLedger(store).reconcile()).faults == ()


async def test_the_file_stays_small_and_keeps_what_is_under_way(tmp_path: Path) -> None:
    """Thousands of requests are settled, one is not: the file is bounded, and that one is in it."""
    clock = MovedClock()
    async with open_sqlite(tmp_path, clock) as opened:
        queue = opened.queue
        await queue.accept(batch_of(*[Event(f"e{n}") for n in range(2_001)]))
        held = await queue.lease("sub", 1, ttl=60)
        assert held is not None
        await queue.begin_request(held)
        while (lease := await queue.lease("sub", 200, ttl=60)) is not None:
            for position in range(len(lease)):
                await queue.begin_request(lease.pick([position]))
            await queue.settle(lease, DELIVERED)
        assert (tmp_path / JOURNAL_FILE).stat().st_size < 3 * HALF_BYTES
        assert (tmp_path / JOURNAL_FILE).stat().st_mode & 0o777 == 0o600
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock):
        assert (await delivery(store, "e0")).attempts == 1


async def test_nothing_under_way_leaves_no_file(tmp_path: Path) -> None:
    """A host that stops when all is settled takes its journal with it."""
    async with open_sqlite(tmp_path, MovedClock()) as opened:
        await opened.queue.accept(batch_of(Event("first")))
        lease = await opened.queue.lease("sub", 1, ttl=60)
        assert lease is not None
        await opened.queue.begin_request(lease)
        await opened.queue.settle(lease, DELIVERED)
    assert not (tmp_path / JOURNAL_FILE).exists()


def write(journal: Journal, *requests: SentRequest) -> None:
    """Append requests; all that went before are still needed."""
    kept = journal.read()
    for each in requests:
        kept.append(each)
        if not journal.append(pack_request(each)):
            journal.rewrite(map(pack_request, kept))


@pytest.mark.parametrize("n", [1, 400, 5_000])
def test_what_was_written_is_read_in_another_process(tmp_path: Path, n: int) -> None:
    """Small and large requests, in order, in the first half, in the second, in a larger file."""
    journal = Journal(tmp_path)
    assert journal.read() == []
    requests = []
    for number in range(30):
        requests.append(request(number, n))
        write(journal, requests[-1])
        assert Journal(tmp_path).read() == requests
    journal.rewrite(map(pack_request, requests[-2:]))
    write(journal, request(99))
    assert Journal(tmp_path).read() == [*requests[-2:], request(99)]
    journal.close([])
    assert Journal(tmp_path).read() == []


@pytest.mark.parametrize(
    ("spoil", "left"),
    [
        (lambda content: content[:10], 0),
        (lambda content: b"", 0),
        (lambda content: b"x" + content[1:], 0),
        (lambda content: bytes(len(content)), 0),
        (
            lambda content: content.replace(
                pack_request(request(2)), pack_request(request(2))[:-1]
            ),
            2,
        ),
        (lambda content: content.replace(pack_request(request(1)), bytes(8)), 1),
    ],
    ids=["cut off", "empty", "not ours", "zeros", "a byte is missing", "a note is zeros"],
)
def test_what_a_power_cut_leaves_is_read_as_far_as_it_is_whole(
    tmp_path: Path, spoil: Callable[[bytes], bytes], left: int
) -> None:
    """No start fails for its journal."""
    journal = Journal(tmp_path)
    write(journal, *map(request, range(3)))
    file = tmp_path / JOURNAL_FILE
    file.write_bytes(spoil(file.read_bytes()))
    assert Journal(tmp_path).read() == [request(number) for number in range(left)]


def test_a_file_that_cannot_grow_keeps_what_it_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk a half that is nearly full is used as long as it holds what is needed."""
    journal = Journal(tmp_path)
    journal.rewrite([])
    monkeypatch.setattr(journals, "new_file", full_disk)
    large = [request(number, HALF_BYTES // 20) for number in range(2)]
    journal.rewrite(map(pack_request, large[:1]))
    assert Journal(tmp_path).read() == large[:1]
    journal.rewrite(map(pack_request, large))
    assert not journal.append(pack_request(large[1]))
    assert Journal(tmp_path).read() == large[:1]
    journal.rewrite([pack_request(request(7))])
    assert Journal(tmp_path).read() == [request(7)]


def full_disk(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_full_disk_stops_no_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no journal can be made, requests leave without it, and the log says so once."""
    monkeypatch.setattr(journals, "new_file", full_disk)
    async with open_sqlite(tmp_path, MovedClock()) as opened:
        await opened.queue.accept(batch_of(*[Event(f"e{n}") for n in range(3)]))
        for _ in range(3):
            lease = await opened.queue.lease("sub", 1, ttl=60)
            assert lease is not None
            await opened.queue.begin_request(lease)
            assert await opened.queue.settle(lease, DELIVERED) == []
    [line] = [each.getMessage() for each in caplog.records if "killed" in each.getMessage()]
    assert "No space left on device; should the host be killed" in line
