"""An episode that loses the data folder: it is restored from a backup made under load."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import attrs
from tests.torture.control import finished, post
from tests.torture.load import Load
from tests.torture.scene import Scene

from offramp.config import KEY_FILE
from offramp.queue import restore_backup

#: Above this size a backup takes longer than a round may.
MOST_BYTES: Final = 1_000_000_000


@attrs.frozen
class Backup:
    """A backup, and what each client had an answer for before it began: that is surely in it."""

    path: Path
    ended: Mapping[Load, int]

    def missed(self, load: Load) -> set[str]:
        """What a client sent later: it may not be in the backup, accepted or not.

        The answer to some of it may be under way still.
        """
        return load.sent_behind(self.ended[load])


@contextlib.asynccontextmanager
async def restored(scene: Scene) -> AsyncIterator[None]:
    """The host is backed up while events come in, then killed, and goes on from the backup.

    A restored host holds what was in flight at the backup until somebody decides: it is sent.
    """
    if scene.host.database.stat().st_size > MOST_BYTES:
        yield
        return
    backup = await _make(scene)
    yield
    if backup is not None:
        scene.while_down.append(lambda: _restore(scene, backup))
        scene.once_up.append(lambda: post(scene, "restored", {"decision": "send", "all": True}))


async def _make(scene: Scene) -> Backup | None:
    path = scene.host.folder / "kept"
    shutil.rmtree(path, ignore_errors=True)
    backup = Backup(path, {load: load.ended for load in scene.loads})
    begun = await post(scene, "backups", {"path": str(path)})
    ended = await finished(scene, "backups", begun, while_in=("copying", "checking"))
    if ended is None:
        return None
    if ended["state"] == "failed" and scene.damaged:
        # A file with a page that makes no sense has no backup that could be checked.
        assert "is damaged" in ended["error"], ended
        return None
    assert ended["state"] == "done", ended
    return backup


def _restore(scene: Scene, backup: Backup) -> None:
    host = scene.host
    for load in scene.loads:
        scene.forgotten.update(backup.missed(load))
    # A backup has no key.
    key = shutil.copy2(host.data / KEY_FILE, host.folder)
    shutil.rmtree(host.data)
    restore_backup(backup.path, host.data, progress=lambda *_: None)
    shutil.move(key, host.data)
    scene.restores.append(backup.path)
    scene.seen.forget()
