"""Makes backups on a schedule, keeps the latest ones, and tells when one failed."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from offramp.config import BackupSettings
from offramp.errors import OfframpError
from offramp.queue import MANIFEST_FILE, BackupRunningError, Backups
from offramp.storage.files import FOLDER_MODE

#: The actor in the log.
ACTOR: Final = "the schedule"
#: Seconds between two looks whether a backup is due; by the clock, which may be set.
LOOK_SECONDS: Final = 15.0
#: Seconds after a failure until another try, unless the next backup is due earlier.
TRY_AGAIN_SECONDS: Final = 900.0
_FORMAT: Final = "offramp-%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"offramp-\d{8}T\d{6}Z(\.partial)?")

_log = logging.getLogger("offramp.backup")


class BackupSchedule:
    """Makes a backup whenever the latest one in its folder is too old; `clock` in epoch seconds."""

    def __init__(
        self,
        settings: BackupSettings,
        backups: Backups,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._backups = backups
        self._clock = clock
        self._tried_at: float | None = None

    async def run(self) -> None:
        """Look again and again whether a backup is due; ends with its task."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - such as an error of the disk; the next look is due
                _log.exception("the backup schedule broke; it goes on")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Make a backup if one is due, and remove those above the number that is kept."""
        if not await asyncio.to_thread(self._due):
            return
        try:
            await self._make()
        except BackupRunningError:
            return  # one that a person started; the next look may find it done
        except (OfframpError, OSError) as error:
            self._tried_at = self._clock()
            self._backups.scheduled_failure = str(error)
            _log.error("the scheduled backup failed: %s", error, extra={"action": "backup"})
        else:
            self._tried_at = self._backups.scheduled_failure = None

    def _due(self) -> bool:
        now = self._clock()
        every = self._settings.every.total_seconds()
        if self._tried_at is not None and 0 <= now - self._tried_at < min(every, TRY_AGAIN_SECONDS):
            return False
        # A time that is still to come is of a clock that was wrong.
        times = [made for each in self._whole() if (made := _time_of(each)) <= now]
        return not times or now - max(times) >= every

    async def _make(self) -> None:
        folder = self._settings.path
        await asyncio.to_thread(folder.mkdir, mode=FOLDER_MODE, parents=True, exist_ok=True)
        name = datetime.fromtimestamp(self._clock(), UTC).strftime(_FORMAT)
        begun = self._backups.start(folder / name, actor=ACTOR)
        await self._backups.wait()
        if begun.manifest is None:
            raise OfframpError(begun.error or "it did not end")
        # One with damaged blocks must not push out those from before the damage.
        if not begun.manifest.damaged_blocks:
            await asyncio.to_thread(self._forget_oldest)

    def _forget_oldest(self) -> None:
        now = self._clock()
        # What has a time that is still to come was made before this one, by a clock that was wrong.
        whole = sorted(self._whole(), key=lambda each: (_time_of(each) <= now, each))
        for each in whole[: max(0, len(whole) - self._settings.keep)]:
            shutil.rmtree(each)
            _log.info("removed the backup %s: %d are kept", each, self._settings.keep)
        for each in self._all():
            if each.suffix:  # of a host that was killed
                shutil.rmtree(each)

    def _whole(self) -> list[Path]:
        """The backups that the schedule made, oldest first."""
        return [each for each in self._all() if not each.suffix and (each / MANIFEST_FILE).exists()]

    def _all(self) -> list[Path]:
        try:
            found = [each for each in self._settings.path.iterdir() if _NAME.fullmatch(each.name)]
        except FileNotFoundError:
            return []
        return sorted(found)


class BackupMetrics(Collector):
    """Metrics of all backups of a host, scheduled or not, since it started."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    def collect(self) -> Iterator[Metric]:
        """List the metrics."""
        made = CounterMetricFamily(
            "offramp_backups", "Backups that have ended, by outcome.", labels=("outcome",)
        )
        for outcome, n in self._backups.ended.items():
            made.add_metric([outcome], n)
        latest = GaugeMetricFamily(
            "offramp_backup_last_success_timestamp_seconds",
            "When the latest whole backup was made; 0 if none was since the host started.",
        )
        latest.add_metric([], self._backups.last_success)
        yield from (made, latest)


def _time_of(backup: Path) -> float:
    return datetime.strptime(backup.name, _FORMAT).replace(tzinfo=UTC).timestamp()
