"""Episodes of what an operator keeps: backups made under load, and keys that are rotated."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tests.torture.control import LOOK_SECONDS, in_background, post
from tests.torture.scene import Scene

from offramp.queue import MANIFEST_FILE, SqliteLedger, open_queue, restore_backup
from offramp.storage import Store

#: The longest that a backup takes which is still being made when its episode ends.
BACKUP_SECONDS: Final = 20.0
#: Between two rotations.
ROTATE_SECONDS: Final = 0.2
#: Events that were accepted before a backup, which are looked for in it.
SAMPLE: Final = 20


@contextlib.asynccontextmanager
async def backed_up(scene: Scene) -> AsyncIterator[None]:
    """A backup is made while events come in; if it gets its name, it is whole.

    The host may be killed in the middle of it: then there is no backup of that name.
    """
    stored = set[str]().union(*(load.accepted for load in scene.loads)) - scene.forgotten
    accepted = sorted(stored - scene.damaged_ids)
    wanted = scene.rng.sample(accepted, min(SAMPLE, len(accepted)))
    target, again = scene.host.folder / "backup", scene.host.folder / "restored"
    pid = scene.host.pid
    begun = await post(scene, "backups", {"path": str(target)})
    try:
        yield
        if begun is not None and scene.host.pid == pid:
            await _ended(target)
        if (target / MANIFEST_FILE).exists():
            await _check(scene, target, again, wanted)
            scene.backups.append(str(target))
    finally:
        if scene.host.pid == pid:
            await _ended(target)
        for left in (target, target.with_name("backup.partial"), again):
            shutil.rmtree(left, ignore_errors=True)


@contextlib.asynccontextmanager
async def rotated_sealing_key(scene: Scene) -> AsyncIterator[None]:
    """The key of the stored secrets is rotated again and again; the next start opens them."""
    async with in_background(_keep_rotating(scene)):
        yield


async def _check(scene: Scene, backup: Path, again: Path, wanted: list[str]) -> None:
    """What was accepted before the backup is in it, and its sums hold but for what is damaged."""
    await asyncio.to_thread(restore_backup, backup, again, progress=lambda *_: None)
    async with Store.open(again) as store, open_queue(store):
        ledger = SqliteLedger(store)
        faults = scene.not_of_damage((await ledger.reconcile()).faults)
        assert not faults, faults
        missing = [each for each in wanted if not await ledger.event(each)]
        assert not missing, f"accepted before the backup, and not in it: {missing}"


async def _ended(target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BACKUP_SECONDS):
            while partial.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(LOOK_SECONDS)


async def _keep_rotating(scene: Scene) -> None:
    for number in range(1_000_000):
        rotated = await post(scene, "sealing-keys/rotate", {"drop_old_keys": bool(number % 2)})
        if rotated is not None:
            scene.rotations.append(rotated["key"])
        await asyncio.sleep(ROTATE_SECONDS)
