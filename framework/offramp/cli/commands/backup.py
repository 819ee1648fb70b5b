"""`offramp backup`: writes a backup of a running host, or of a data folder that no host uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, DownloadColumn

from offramp.api import manifest_shape
from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, folder_without_host, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.progress import Note, follow, show_progress
from offramp.cli.render.backups import render_manifest
from offramp.errors import FolderInUseError, OfframpError
from offramp.queue import write_backup
from offramp.storage.lock import lock_folder

#: The states of a backup that is being made.
MAKING: Final = ("copying", "checking")


async def backup(context: Context, path: Path, *, host: ApiOptions = API_DEFAULTS) -> int:
    """Write a checked backup into a new folder: of the running host, or of a data folder.

    If a host runs, it makes the backup on its own machine and goes on meanwhile. The keys of the
    secrets are not in it. The exit status is 1 if blocks of the data folder are damaged.

    Parameters
    ----------
    path
        The folder of the backup; it must not exist yet.
    """
    path = Path.cwd() / path
    manifest = await _make(context, path, host)
    if host.json:
        write_line(manifest)
    else:
        context.out.print(render_manifest(manifest, title=f"backup in {path}"))
    return int(bool(manifest["damaged_blocks"]))


async def _make(context: Context, path: Path, host: ApiOptions) -> Mapping[str, Any]:
    folder = folder_without_host(host)
    if folder is None:
        return await _of_host(context, path, host)
    try:
        lock = lock_folder(folder)
    except FolderInUseError:
        return await _of_host(context, path, host)
    try:
        with show_bytes(context) as note:
            return {**manifest_shape(write_backup(folder, path, progress=note))}
    finally:
        os.close(lock)


async def _of_host(context: Context, path: Path, host: ApiOptions) -> Mapping[str, Any]:
    async with open_api(host) as api:
        return await _follow(context, api, await api.post("backups", body={"path": str(path)}))


async def _follow(context: Context, api: Api, begun: Mapping[str, Any]) -> Mapping[str, Any]:
    with show_bytes(context) as note:
        async for backup in follow(api, "backups", begun, while_in=MAKING):
            begun = backup
            note(begun["state"], begun["done_bytes"], begun["total_bytes"])
    if begun["manifest"] is None:
        raise OfframpError(begun["error"])
    manifest: Mapping[str, Any] = begun["manifest"]
    return manifest


def show_bytes(context: Context) -> AbstractContextManager[Note]:
    """Show how many bytes of a backup are done."""
    return show_progress(context, "copying", BarColumn(), DownloadColumn())
