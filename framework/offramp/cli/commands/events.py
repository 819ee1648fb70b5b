"""`offramp events`: what became of one event, or the latest events."""

from __future__ import annotations

from rich.console import Group

from offramp.cli.client import HostOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Json
from offramp.cli.render.event import render_event_record
from offramp.cli.render.tables import render_events


async def events(  # noqa: PLR0913 - each is an option of the command
    context: Context,
    message_id: str | None = None,
    *,
    source: str | None = None,
    limit: int = 20,
    json: Json = False,
    host_options: HostOptions | None = None,
) -> None:
    """Show what became of one event at each subscription, and why; or list the latest events.

    Parameters
    ----------
    message_id
        The event's messageId; without it, the latest events are listed.
    source
        Only what this source sent.
    limit
        At most this many events in the list.
    """
    async with open_api(host_options) as api:
        if message_id is None:
            page = await api.get("events", source=source, limit=limit)
            context.show(page["rows"], lambda: render_events(page), as_json=json)
            return
        answer = await api.get("events", message_id, source=source)
    for record in answer["events"]:
        if json:
            write_line(record)
        else:
            context.out.print(Group(render_event_record(record), ""))
