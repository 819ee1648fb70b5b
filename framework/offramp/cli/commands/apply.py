"""`offramp apply`: replaces the configuration of a running host by a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from offramp.cli.client import API_DEFAULTS, CONFIRM, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.load import DEFAULT_FILE
from offramp.cli.options import Flag
from offramp.cli.render.errors import place_of
from offramp.config import read_document
from offramp.config.model import START_KEYS
from offramp.errors import counted


async def apply(
    context: Context,
    file: Path = DEFAULT_FILE,
    *,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    dry_run: Flag = False,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Replace the configuration of a running host by a file: show the diff, ask, then apply.

    Its keys `host`, `plugins` and `plugin_files` are read when a host starts with the file.

    Parameters
    ----------
    file
        The configuration, TOML or JSON; a masked secret (***) keeps its present value.
    yes
        Apply without asking.
    dry_run
        Only show what would change.
    """
    data = read_document(file).data
    document = {key: value for key, value in data.items() if key not in START_KEYS}
    async with open_api(host) as api:
        tried = await api.ask("POST", "config", query={"dry_run": True}, body=document)
        if not host.json:
            _show_changes(context, tried.data)
        if dry_run or not (tried.data["changes"] or tried.data["save_hooks"]):
            if host.json:
                write_line(tried.data)
            return
        if not yes:
            context.confirm("apply this?", refusal="nothing was applied")
        query = {CONFIRM: True}
        done = await api.ask("POST", "config", query=query, body=document, etag=tried.etag)
    if host.json:
        write_line(done.data)
    else:
        context.out.print(f"applied: the configuration is at revision {done.data['revision']}")


def _show_changes(context: Context, tried: Mapping[str, Any]) -> None:
    for change in tried["changes"]:
        context.out.print(change["text"], markup=False, soft_wrap=True)
    for each in tried["ended"]:
        waiting = counted(each["deliveries"], "delivery waits", "deliveries wait")
        context.warn(f"{waiting} in {each['subscription']} and will expire")
    for warning in tried["warnings"]:
        context.warn(f"{place_of(warning)}: {warning['detail']}")
    for each in tried["save_hooks"]:
        message = f"{each['subscription']}: runs the save hook {each['hook']} first, at the partner"
        context.warn(f"{message}: {each['description']}")
    if not (tried["changes"] or tried["save_hooks"]):
        context.out.print("nothing to change: the host has this configuration already")
