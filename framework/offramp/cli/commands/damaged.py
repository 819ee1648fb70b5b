"""`offramp damaged`: lists events that are damaged on disk, and ends what waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Flag, Yes
from offramp.cli.render.backups import render_damaged
from offramp.errors import OfframpError, counted


async def damaged(  # noqa: PLR0913 - each is an option of the command
    context: Context,
    *events: str,
    expire: Flag = False,
    all: Annotated[Flag, Parameter(help="All that is listed and undecided.")] = False,  # noqa: A002
    dry_run: Flag = False,
    yes: Yes = False,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List events that are damaged on disk and what waits for them, or expire that.

    Parameters
    ----------
    events
        Of the damaged events that begin with these numbers.
    expire
        End what waits for them: it cannot be sent, and nothing is left of it to replay.
    dry_run
        With --expire: only list what would end.
    """
    if not expire:
        if events or all or dry_run:
            raise OfframpError("say what becomes of what waits for them: --expire")
    elif all is bool(events):
        raise OfframpError("name the first of the damaged events, or give --all for all of them")
    async with open_api(host) as api:
        listed = await api.get("damaged-events")
        if expire:
            listed["rows"] = _chosen(listed, events)
        if not expire or dry_run or not host.json:
            context.show(listed["rows"], lambda: render_damaged(listed), as_json=host.json)
        if not expire or dry_run or not listed["rows"]:
            return
        if not yes:
            waiting = sum(each["waiting"] for row in listed["rows"] for each in row["deliveries"])
            question = f"end {counted(waiting, 'delivery', 'deliveries')} for good?"
            context.confirm(question, refusal="nothing was ended")
        body = {"decision": "expire", "events": [row["first"] for row in listed["rows"]]}
        ended = await api.post("damaged-events", body=body)
    for row in ended["rows"]:
        if host.json:
            write_line(row)
        else:
            context.out.print(_describe(row), markup=False)


def _chosen(listed: Mapping[str, Any], events: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """The ranges that are meant; raises `OfframpError` for one that is not listed."""
    if not events:
        return [row for row in listed["rows"] if not row["decided"]]
    known = {row["first"]: row for row in listed["rows"]}
    missing = [event for event in events if event not in known]
    if missing:
        there = ", ".join(known) or "none"
        raise OfframpError(f"no damaged events begin with {missing[0]}; there are: {there}")
    return [known[event] for event in dict.fromkeys(events)]


def _describe(row: Mapping[str, Any]) -> str:
    text = (
        f"events {row['first']} to {row['last']}, {row['subscription']}: "
        f"{counted(row['expired'], 'delivery', 'deliveries')} expired"
    )
    return f"{text}, {row['leased']} being sent: repeat this later" if row["leased"] else text
