"""Backups of a store: stopped at any moment, short of room, of other versions, one at a time."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.queue.conftest import Event, batch_of

from offramp.errors import StorageError, StorageFullError
from offramp.queue import (
    BackupRunningError,
    Backups,
    Outcome,
    RestoredDeliveries,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
    read_manifest,
    restore_backup,
    write_backup,
)
from offramp.queue.sqlite.backup import BackupStoppedError
from offramp.storage import DATABASE_FILE, Store

#: Bytes of an event that make the file some steps of a copy long.
LARGE = 1_000_000


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Store, SqliteQueue]]:
    async with Store.open(folder) as store, open_queue(store) as queue:
        yield store, queue


def quiet(*_: object) -> None:
    """Progress that nobody looks at."""


def left(folder: Path, name: str) -> list[Path]:
    """Whatever begins with the name of a backup, such as a part of it."""
    return list(folder.glob(f"{name}*"))


async def fill(folder: Path, *names: str) -> None:
    """A data folder with large events."""
    async with opened(folder) as (_, queue):
        for name in names:
            body = b'{"messageId": "%s", "x": "%s"}' % (name.encode(), b"y" * LARGE)
            await queue.accept(batch_of(Event(name, body=body)))


async def test_a_backup_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """Whether pages are copied or checked at that moment, and the next one succeeds."""
    await fill(tmp_path / "data", "a", "b", "c", "d", "e")
    seen: list[str] = []
    write_backup(tmp_path / "data", tmp_path / "whole", progress=lambda s, *_: seen.append(s))
    assert {"copying", "checking"} == set(seen)
    for n in range(len(seen)):
        calls: list[None] = []

        def stop(n: int = n, calls: list[None] = calls) -> bool:
            calls.append(None)
            return len(calls) > n

        with pytest.raises(BackupStoppedError):
            write_backup(tmp_path / "data", tmp_path / "stopped", progress=quiet, stop=stop)
        assert not left(tmp_path, "stopped")
    write_backup(tmp_path / "data", tmp_path / "stopped", progress=quiet)


async def test_what_was_in_flight_is_counted_and_held(tmp_path: Path) -> None:
    """By subscription and state, with the times of the oldest and the newest."""
    async with opened(tmp_path / "data") as (_, queue):
        for name in ("a", "b", "c", "d"):
            await queue.accept(batch_of(Event(name, subscriptions=("one", "two"))))
        lease = await queue.lease("one", 2, ttl=60)
        assert lease is not None
        again = Outcome(stage=Stage.RETRYING, reason="503", retry_at=0.0)
        await queue.settle(lease, again, {1: Outcome(stage=Stage.DELIVERED, reason="OK")})
        [record] = await SqliteLedger(queue._store).event("a")
    manifest = write_backup(tmp_path / "data", tmp_path / "backup", progress=quiet)
    assert read_manifest(tmp_path / "backup") == manifest
    assert [(each.subscription, each.waiting, each.retrying) for each in manifest.in_flight] == [
        ("one", 2, 1),
        ("two", 4, 0),
    ]
    assert manifest.in_flight[0].oldest == record.accepted_at
    assert manifest.newest_accepted_at == manifest.in_flight[0].newest
    restore_backup(tmp_path / "backup", tmp_path / "again", progress=quiet)
    async with opened(tmp_path / "again") as (store, queue):
        restored = RestoredDeliveries(store, queue)
        assert await restored.undecided() == {"one", "two"}
        await queue.accept(batch_of(Event("new", subscriptions=("one", "two"))))
        assert await restored.expire("one") == 3
        await restored.send("two")
        assert await restored.backup() is None
        assert (await queue.depth("one")).total == 1
        assert (await queue.depth("two")).total == 5
        assert (await SqliteLedger(store).reconcile()).faults == ()
    # What is decided is no part of the next backup.
    later = write_backup(tmp_path / "again", tmp_path / "later", progress=quiet)
    assert [each.subscription for each in later.in_flight] == ["one", "two"]


async def test_a_backup_leaves_room_for_outcomes(tmp_path: Path) -> None:
    """It fails before it writes anything rather than have events turned away."""
    await fill(tmp_path / "data", "a")
    with pytest.raises(StorageFullError, match="that stay free"):
        write_backup(tmp_path / "data", tmp_path / "backup", progress=quiet, kept_bytes=1 << 60)
    assert not left(tmp_path, "backup")


async def test_tables_of_another_version_are_told(tmp_path: Path) -> None:
    """Neither is such a folder backed up, nor such a backup restored: its own version does it."""
    await fill(tmp_path / "data", "a")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    with pytest.raises(StorageError, match="version of Offramp that wrote them"):
        write_backup(tmp_path / "data", tmp_path / "backup", progress=quiet)
    assert not left(tmp_path, "backup")


async def test_one_backup_at_a_time(tmp_path: Path) -> None:
    """A second one is refused, a later one is not; closing stops the one that runs."""
    await fill(tmp_path / "data", "a", "b", "c")
    backups = Backups(tmp_path / "data")
    first = backups.start(tmp_path / "one", actor="a test")
    with pytest.raises(BackupRunningError):
        backups.start(tmp_path / "two", actor="a test")
    await backups.wait()
    assert (first.state, first.error) == ("done", None)
    second = backups.start(tmp_path / "two", actor="a test")
    await backups.close()
    assert second.state == "failed"
    assert not left(tmp_path, "two")
    assert backups.ended == {"done": 1, "failed": 1}
    assert [each.id for each in backups.all()] == [second.id, first.id]
