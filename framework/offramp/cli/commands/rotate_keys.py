"""`offramp rotate-keys`: seals the stored secrets with a new key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offramp.api import rotation_shape
from offramp.cli.client import (
    ACTOR,
    API_DEFAULTS,
    ApiOptions,
    folder_without_host,
    open_api,
)
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Flag
from offramp.config import ConfigStore, key_ring_of
from offramp.config import rotate_keys as rotate
from offramp.errors import FolderInUseError, counted
from offramp.storage import Store


async def rotate_keys(
    context: Context, *, drop_old_keys: Flag = False, host: ApiOptions = API_DEFAULTS
) -> None:
    """Seal all stored secrets with a new key, of a running host or of a data folder.

    The key in the data folder is replaced by a new one. Where OFFRAMP_SECRET_KEY or
    OFFRAMP_SECRET_KEY_FILE gives the keys, put a new key before the old ones first.

    Parameters
    ----------
    drop_old_keys
        Remove the old keys from the data folder; backups made before cannot be used without them.
    """
    rotation = await _rotate(context, host, drop_old=drop_old_keys)
    if host.json:
        write_line(rotation)
        return
    things = counted(rotation["resealed"], "source, instance or subscription",
                     "sources, instances and subscriptions")  # fmt: skip
    kept = ", ".join(rotation["old_keys"])
    old = f"; older backups need the old keys, which are kept: {kept}" if kept else ""
    context.out.print(
        f"the secrets of {things} are sealed with the key {rotation['key']}{old}", markup=False
    )


async def _rotate(context: Context, host: ApiOptions, *, drop_old: bool) -> Mapping[str, Any]:
    folder = folder_without_host(host)
    if folder is not None:
        try:
            return await _in_folder(context, folder, drop_old=drop_old)
        except FolderInUseError:
            pass  # by a host, which then has to do it
    async with open_api(host) as api:
        body = {"drop_old_keys": drop_old}
        answer: Mapping[str, Any] = await api.post("sealing-keys", "rotate", body=body)
    return answer


async def _in_folder(context: Context, folder: Path, *, drop_old: bool) -> Mapping[str, Any]:
    async with Store.open(folder) as store:
        configs = ConfigStore(store, await key_ring_of(store, folder), context.catalog)
        return rotation_shape(await rotate(configs, folder, actor=ACTOR, drop_old=drop_old)).copy()
