"""`offramp export`: the configuration of a host as a file that `offramp apply` reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, cast

from offramp import _json
from offramp.cli.client import HOST_DEFAULTS, HostOptions, folder_of, open_api
from offramp.cli.context import Context
from offramp.cli.options import Flag
from offramp.config import Config, ConfigStore, export_config, key_ring_of, to_toml
from offramp.errors import ConfigError, Fault, StorageError, join_place
from offramp.plugins import Catalog
from offramp.storage import Store
from offramp.storage.readers import Readers
from offramp.storage.store import DATABASE_FILE


async def export(
    context: Context,
    *,
    secrets: Flag = False,
    format: Literal["toml", "json"] = "toml",  # noqa: A002 - the option's name
    host: HostOptions = HOST_DEFAULTS,
) -> None:
    """Write the configuration of a running host, secrets masked, so that `apply` reads it.

    Parameters
    ----------
    secrets
        Write secrets in clear text, from the data folder, as a host never sends them.
    format
        TOML or JSON.
    """
    if secrets:
        config = await load_stored(folder_of(host), context.catalog)
        document = export_config(config, context.catalog, secrets=True)
        toml = to_toml(document)
    else:
        async with open_api(host) as api:
            exported = await api.get("config")
        document, toml = exported["document"], exported["toml"]
    text = toml if format == "toml" else _json.pretty(document) + "\n"
    sys.stdout.write(text)


async def load_stored(folder: Path, catalog: Catalog) -> Config:
    """Read the stored configuration with its secrets; raises `StorageError` and `ConfigError`."""
    path = folder / DATABASE_FILE
    if not path.exists():
        raise StorageError(f"{folder} has no data of a host: name its folder with --data-dir")
    readers = Readers(path, threads=1, name="offramp-export")
    try:
        # Only reading is needed, which is all that the readers of a store can do.
        configs = ConfigStore(cast("Store", readers), await key_ring_of(readers, folder), catalog)
        _, config = await configs.load()
    finally:
        await readers.close()
    if config.unreadable:
        unreadable = config.unreadable.items()
        raise ConfigError([Fault(join_place(f"{k}s", name), why) for (k, name), why in unreadable])
    return config
