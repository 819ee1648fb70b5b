"""`offramp dead-letters`: deliveries that were rejected or have expired."""

from __future__ import annotations

from offramp.cli.client import Where, open_api
from offramp.cli.context import Context
from offramp.cli.options import Json, Which
from offramp.cli.render.tables import render_dead_letters


async def dead_letters(
    context: Context,
    *,
    which: Which | None = None,
    limit: int = 20,
    json: Json = False,
    where: Where | None = None,
) -> None:
    """List deliveries that failed for good, latest first, with the reason and the id of each.

    Parameters
    ----------
    limit
        At most this many.
    """
    query = (which or Which()).as_query()
    async with open_api(where) as api:
        page = await api.get("dead-letters", limit=limit, **query)
        groups = (await api.get("errors", subscription=query["subscription"]))["groups"]
    context.show(page["rows"], lambda: render_dead_letters(page, groups), as_json=json)
