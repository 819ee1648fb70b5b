"""`offramp replay`: delivers dead letters again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.mappings import read_mapping
from offramp.cli.options import DeliveryFilters, Flag
from offramp.cli.render.tables import render_preview
from offramp.errors import OfframpError, counted

#: Seconds between two requests for the progress.
LOOK_SECONDS: Final = 0.2


async def replay(  # noqa: PLR0913 - each is an option of the command
    context: Context,
    *ids: str,
    filters: DeliveryFilters | None = None,
    all: Flag = False,  # noqa: A002 - the option's name
    dry_run: Flag = False,
    mapping: str | None = None,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Deliver dead letters again, with a new retry window.

    Parameters
    ----------
    ids
        The deliveries, by id; `offramp dead-letters` and `offramp events` list the ids.
    all
        All dead letters; required if no id and no other filter is given.
    dry_run
        Send nothing: compare what would be sent with what was sent.
    mapping
        With --dry-run: fields that replace those of the mapping, as JSON or @FILE.
    """
    body = {
        "ids": list(ids) or None,
        **(filters or DeliveryFilters()).as_query(),
        "all": all,
        "dry_run": dry_run,
        "mapping": None if mapping is None else read_mapping(mapping),
    }
    async with open_api(host) as api:
        answer = await api.post("replays", body={k: v for k, v in body.items() if v is not None})
        if dry_run:
            preview = answer["preview"]
            context.show(preview["rows"], lambda: render_preview(preview), as_json=host.json)
        else:
            _show_end(context, await _follow(context, api, answer["replay"]), as_json=host.json)


async def _follow(context: Context, api: Api, replay: Mapping[str, Any]) -> Mapping[str, Any]:
    progress = Progress(
        TextColumn("replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        console=context.err,
        disable=not context.err.is_terminal,  # a bar in a log or a pipe is noise
    )
    with progress:
        task = progress.add_task("replaying", total=None)
        while replay["state"] in ("counting", "running"):
            await asyncio.sleep(LOOK_SECONDS)
            replay = await api.get("replays", replay["id"])
            progress.update(task, total=replay["total"], completed=replay["replayed"])
    return replay


def _show_end(context: Context, replay: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_line(replay)
    if replay["error"] is not None:
        raise OfframpError(f"the replay stopped: {replay['error']}")
    if not as_json:
        n = replay["replayed"]
        due = counted(n, "delivery", "deliveries")
        message = f"{due} due again; `offramp status` shows their outcomes"
        context.out.print(message if n else "nothing to replay: no dead letter matches")
