"""Backups on a schedule: when they are due, which are kept, and how a failure is told."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import attrs
from tests.queue.conftest import Event, batch_of

from offramp.config import BackupSettings
from offramp.host.backup_schedule import BackupMetrics, BackupSchedule
from offramp.queue import Backups, open_queue
from offramp.storage import DATABASE_FILE, Store

DAY = 86_400.0
START = 1_790_000_000.0


@attrs.define
class Nights:
    """A schedule beside a host, and its clock."""

    schedule: BackupSchedule
    backups: Backups
    folder: Path
    now: float = START

    @property
    def made(self) -> list[str]:
        """The backups that are there."""
        return sorted(each.name for each in self.folder.iterdir()) if self.folder.exists() else []

    async def later(self, seconds: float) -> list[str]:
        """Look again after some time, and tell which backups there are."""
        self.now += seconds
        await self.schedule.look()
        return self.made


@asynccontextmanager
async def nights(tmp_path: Path, *, keep: int = 3) -> AsyncIterator[Nights]:
    folder = tmp_path / "backups" / "offramp"
    settings = BackupSettings(path=folder, every=timedelta(days=1), keep=keep)
    async with Store.open(tmp_path / "data") as store, open_queue(store) as queue:
        await queue.accept(batch_of(Event("a")))
        backups = Backups(tmp_path / "data")
        found = Nights(BackupSchedule(settings, backups, clock=lambda: found.now), backups, folder)
        yield found
        await backups.close()


async def test_one_is_made_whenever_the_latest_is_too_old(tmp_path: Path) -> None:
    """The first at once, the next a day later, also by another run of the host."""
    async with nights(tmp_path) as found:
        assert await found.later(0) == ["offramp-20260921T141320Z"]
        assert len(await found.later(DAY - 1)) == 1
        assert len(await found.later(1)) == 2
    async with nights(tmp_path) as again:
        assert len(await again.later(DAY * 1.5)) == 2
        assert len(await again.later(DAY)) == 3


async def test_the_latest_are_kept(tmp_path: Path) -> None:
    """The oldest goes once a newer one is whole; what somebody else put there stays."""
    async with nights(tmp_path) as found:
        found.folder.mkdir(parents=True)
        (found.folder / "by-hand").mkdir()
        (found.folder / "offramp-20200101T000000Z.partial").mkdir()
        for _ in range(5):
            latest = await found.later(DAY)
        assert latest == [
            "by-hand",
            "offramp-20260924T141320Z",
            "offramp-20260925T141320Z",
            "offramp-20260926T141320Z",
        ]


async def test_a_failure_is_told_and_tried_again(tmp_path: Path) -> None:
    """It is degraded and counted until one succeeds; the earlier backups stay."""
    async with nights(tmp_path, keep=1) as found:
        [first] = await found.later(0)
        (tmp_path / "data" / "offramp.sqlite3").rename(tmp_path / "gone")
        assert await found.later(DAY) == [first]
        assert "No such file" in str(found.backups.scheduled_failure)
        (tmp_path / "gone").rename(tmp_path / "data" / "offramp.sqlite3")
        assert await found.later(60) == [first]
        [second] = await found.later(840)
        assert second != first
        assert found.backups.scheduled_failure is None
        assert found.backups.ended == {"done": 2, "failed": 1}
        samples = [each for metric in BackupMetrics(found.backups).collect()
                   for each in metric.samples]  # fmt: skip
        assert {each.name for each in samples} == {
            "offramp_backups_total",
            "offramp_backup_last_success_timestamp_seconds",
        }


async def test_a_clock_that_was_ahead_stops_no_backup(tmp_path: Path) -> None:
    """A backup from the future is not counted as the latest, nor made again all the time."""
    async with nights(tmp_path) as found:
        await found.later(0)
        assert len(await found.later(30 * DAY)) == 2
        assert len(await found.later(-29 * DAY)) == 3
        assert len(await found.later(60)) == 3


async def test_backups_of_a_clock_that_was_ahead_push_no_later_ones_out(tmp_path: Path) -> None:
    """Their names come last, but what is made once the clock is set right is newer."""
    async with nights(tmp_path, keep=2) as found:
        await found.later(30 * DAY)
        await found.later(DAY)
        ahead = found.made
        right = await found.later(-31 * DAY)
        assert (len(right), right[0], right[1] in ahead) == (2, "offramp-20260921T141320Z", True)
        assert await found.later(60) == right
        assert await found.later(DAY) == [right[0], "offramp-20260922T141420Z"]


async def test_a_backup_with_damaged_blocks_pushes_none_out(tmp_path: Path) -> None:
    """Those from before the damage are worth more."""
    async with nights(tmp_path, keep=1) as found:
        await found.later(0)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as connection:
            connection.execute("UPDATE blocks SET body = zeroblob(length(body))")
            connection.commit()
        assert len(await found.later(DAY)) == 2
