"""`offramp backup`: writes a backup of a running host, or of a data folder that no host uses."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from offramp.api import manifest_shape
from offramp.cli.client import (
    API_DEFAULTS,
    URL_VARIABLE,
    Api,
    ApiOptions,
    folder_of,
    open_api,
)
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.backups import render_manifest
from offramp.errors import FolderInUseError, OfframpError, StorageError
from offramp.queue import write_backup
from offramp.storage import DATABASE_FILE
from offramp.storage.lock import lock_folder

#: Seconds between two requests for the progress.
LOOK_SECONDS: Final = 0.2

#: Told what is being done, the bytes that are done, and how many there are.
Note = Callable[[str, int, "int | None"], None]


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
    folder = folder_of(host)
    if host.url or os.environ.get(URL_VARIABLE):
        return await _of_host(context, path, host)
    if not (folder / DATABASE_FILE).exists():
        raise StorageError(
            f"there is no data in the folder {folder}: name the data folder with --data-dir"
        )
    try:
        lock = lock_folder(folder)
    except FolderInUseError:
        return await _of_host(context, path, host)
    try:
        with show_progress(context) as note:
            return {**manifest_shape(write_backup(folder, path, progress=note))}
    finally:
        os.close(lock)


async def _of_host(context: Context, path: Path, host: ApiOptions) -> Mapping[str, Any]:
    async with open_api(host) as api:
        return await _follow(context, api, await api.post("backups", body={"path": str(path)}))


async def _follow(context: Context, api: Api, begun: Mapping[str, Any]) -> Mapping[str, Any]:
    with show_progress(context) as note:
        while begun["state"] in ("copying", "checking"):
            await asyncio.sleep(LOOK_SECONDS)
            begun = await api.get("backups", begun["id"])
            note(begun["state"], begun["done_bytes"], begun["total_bytes"])
    if begun["manifest"] is None:
        raise OfframpError(begun["error"])
    manifest: Mapping[str, Any] = begun["manifest"]
    return manifest


@contextmanager
def show_progress(context: Context) -> Iterator[Note]:
    """Show a bar at a terminal; in a log or a pipe it would be noise."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=context.err,
        disable=not context.err.is_terminal,
    )
    with progress:
        task = progress.add_task("copying", total=None)

        def note(state: str, done: int, total: int | None) -> None:
            progress.update(task, description=state, completed=done, total=total)

        yield note
