"""`offramp events`: the deliveries of one event, or the latest events."""

from __future__ import annotations

from rich.console import Group

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.event import render_event_record
from offramp.cli.render.tables import render_events


async def events(
    context: Context,
    message_id: str | None = None,
    *,
    source: str | None = None,
    limit: int = 20,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Show the delivery of one event to each subscription, and why; or list the latest events.

    Parameters
    ----------
    message_id
        The event's messageId; without it, the latest events are listed.
    source
        Only events of this source.
    limit
        The most events to list.
    """
    async with open_api(host) as api:
        if message_id is None:
            page = await api.get("events", source=source, limit=limit)
            context.show(page["rows"], lambda: render_events(page), as_json=host.json)
            return
        answer = await api.get("events", message_id, source=source)
    for record in answer["events"]:
        if host.json:
            write_line(record)
        else:
            context.out.print(Group(render_event_record(record), ""))
