"""`offramp export`: the configuration of a host as a file that `offramp apply` reads."""

from __future__ import annotations

import sys
from typing import Literal

from offramp import _json
from offramp.cli.client import HostOptions, folder_of, open_api
from offramp.cli.context import Context
from offramp.cli.options import Flag
from offramp.cli.stored import load_stored
from offramp.config import export_config, to_toml


async def export(
    context: Context,
    *,
    secrets: Flag = False,
    format: Literal["toml", "json"] = "toml",  # noqa: A002 - the option's name
    host_options: HostOptions | None = None,
) -> None:
    """Write the configuration of a running host, secrets masked, so that `apply` reads it.

    Parameters
    ----------
    secrets
        With secrets in the clear: read from the data folder itself, since no host sends them.
    format
        TOML or JSON.
    """
    if secrets:
        config = await load_stored(folder_of(host_options), context.catalog)
        document = export_config(config, context.catalog, secrets=True)
        toml = to_toml(document)
    else:
        async with open_api(host_options) as api:
            exported = await api.get("config")
        document, toml = exported["document"], exported["toml"]
    text = toml if format == "toml" else _json.pretty(document) + "\n"
    sys.stdout.write(text)
