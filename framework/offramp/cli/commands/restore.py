"""`offramp restore`: makes a data folder of a backup."""

from __future__ import annotations

import os
from pathlib import Path

from offramp.api import manifest_shape
from offramp.cli.client import HostOptions, folder_of
from offramp.cli.commands.backup import show_bytes
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Json
from offramp.cli.render.backups import render_manifest
from offramp.config import KEY_FILE, KEY_FILE_VARIABLE, KEY_VARIABLE, load_key_ring
from offramp.queue import restore_backup


def restore(
    context: Context, path: Path, *, data_dir: Path | None = None, json: Json = False
) -> None:
    """Check a backup and restore it into an empty data folder.

    A host that runs on it accepts events, but sends nothing of what was in flight at the backup
    until you decide with `offramp restored`.

    Parameters
    ----------
    path
        The folder of the backup.
    data_dir
        The data folder, which must be empty or not exist; default: that of ./offramp.toml, or
        offramp-data. It may hold a file `secret.key`.
    """
    folder = folder_of(HostOptions(data_dir=data_dir))
    with show_bytes(context) as note:
        manifest = restore_backup(path, folder, progress=note)
    shown = manifest_shape(manifest)
    if json:
        write_line(shown)
        return
    context.out.print(render_manifest(shown, title=f"restored into {folder}"))
    if not set(manifest.sealing_keys) <= _known_keys(folder):
        context.out.print(
            f"\nits secrets are sealed with the key {', '.join(manifest.sealing_keys)}, which is "
            f"not in a backup: put the file {KEY_FILE} of the old data folder into {folder}, or "
            "set OFFRAMP_SECRET_KEY or OFFRAMP_SECRET_KEY_FILE",
            markup=False,
        )
    if manifest.in_flight:
        context.out.print(
            "\nthese deliveries may have been sent since the backup, so they are held: start the "
            "host, then say with `offramp restored` whether to send or to expire them",
            markup=False,
        )


def _known_keys(folder: Path) -> set[str]:
    """The ids of the keys that a host on the folder would have."""
    given = os.environ.get(KEY_VARIABLE) or os.environ.get(KEY_FILE_VARIABLE)
    # Without any, loading would make one.
    return set(load_key_ring(folder).ids) if given or (folder / KEY_FILE).exists() else set()
