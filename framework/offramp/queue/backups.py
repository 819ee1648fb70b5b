"""The backups of a running host: one at a time, each with its progress."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import TYPE_CHECKING, Final, Literal

import attrs

from offramp.errors import OfframpError, StorageError
from offramp.queue.sqlite.backup import BackupStoppedError, Manifest, write_backup

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: The number of latest backups that are remembered.
KEPT: Final = 100

_log = logging.getLogger("offramp.backup")


class BackupRunningError(OfframpError):
    """Another backup is being made; two at a time would only slow each other down."""


@attrs.define(kw_only=True, eq=False)
class Backup:
    """One backup and its progress; times are epoch seconds."""

    id: str
    path: Path
    started_at: float
    state: Literal["copying", "checking", "done", "failed"] = "copying"
    done_bytes: int = 0
    total_bytes: int | None = None
    ended_at: float | None = None
    error: str | None = None
    manifest: Manifest | None = None

    def note(self, state: Literal["copying", "checking"], done: int, total: int) -> None:
        """Note what is being done, and how much of it is done; called in a thread."""
        self.state, self.done_bytes, self.total_bytes = state, done, total


class Backups:
    """The backups of one host since it started; `kept_bytes` stay free on its disk."""

    def __init__(
        self, folder: Path, *, kept_bytes: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._clock = clock
        self._known: dict[str, Backup] = {}
        self._running: asyncio.Task[None] | None = None
        self._stopped = False
        #: How many have ended, and when the latest whole one was made (epoch seconds; 0: none).
        self.ended = {"done": 0, "failed": 0}
        self.last_success = 0.0
        #: Why the latest one that the schedule made failed.
        self.scheduled_failure: str | None = None

    def all(self) -> list[Backup]:
        """List the remembered backups, the latest first."""
        return list(reversed(self._known.values()))

    def find(self, name: str) -> Backup | None:
        """Find a backup by its id."""
        return self._known.get(name)

    def start(self, path: Path, *, actor: str) -> Backup:
        """Start a backup into the new folder `path`; the log names the actor.

        Raises `BackupRunningError` while another one is being made.
        """
        if self._running is not None:
            raise BackupRunningError("a backup is being made already: wait until it has ended")
        if self._stopped:
            raise StorageError("the host is stopping: make a backup once it runs again")
        begun = Backup(id=uuid.uuid4().hex, path=path, started_at=self._clock())
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[begun.id] = begun
        _log.info("the backup to %s was started by %s", path, actor)
        self._running = asyncio.create_task(self._run(begun), name="offramp-backup")
        return begun

    async def wait(self) -> None:
        """Wait until no backup is being made."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        """Stop the backup that is being made, and wait for its end."""
        self._stopped = True
        await self.wait()

    async def _run(self, begun: Backup) -> None:
        try:
            begun.manifest = await asyncio.to_thread(
                write_backup,
                self._folder,
                begun.path,
                progress=begun.note,
                kept_bytes=self._kept_bytes,
                clock=self._clock,
                stop=lambda: self._stopped,
            )
            begun.state = "done"
            self.last_success = begun.manifest.made_at
            _report(begun, begun.manifest)
        except BackupStoppedError as error:
            begun.state, begun.error = "failed", str(error)
            _log.info("the backup to %s: %s", begun.path, error)
        except OfframpError as error:
            begun.state, begun.error = "failed", str(error)
            _log.error("the backup to %s failed: %s", begun.path, error)
        except Exception:  # noqa: BLE001 - a background task must report every error itself
            begun.state, begun.error = "failed", "the host failed on it; its log has the traceback"
            _log.exception("the backup to %s failed", begun.path)
        finally:
            begun.ended_at = self._clock()
            self.ended["failed" if begun.manifest is None else "done"] += 1
            self._running = None


def _report(made: Backup, manifest: Manifest) -> None:
    _log.info("the backup to %s is whole and checked: %d bytes", made.path, manifest.bytes)
    if manifest.damaged_blocks:
        _log.error(
            "the backup to %s has %d damaged blocks, as the data folder has",
            made.path,
            len(manifest.damaged_blocks),
        )
