"""`offramp dead-letters`: deliveries that were rejected or have expired."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.options import DeliveryFilters
from offramp.cli.render.tables import render_dead_letters


async def dead_letters(
    context: Context,
    *,
    filters: DeliveryFilters | None = None,
    limit: int = 20,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List deliveries that failed for good, latest first, with the reason and the id of each.

    Parameters
    ----------
    limit
        The most deliveries to list.
    """
    query = (filters or DeliveryFilters()).as_query()
    async with open_api(host) as api:
        page = await api.get("dead-letters", limit=limit, **query)
        groups = (await api.get("errors", subscription=query["subscription"]))["groups"]
    context.show(page["rows"], lambda: render_dead_letters(page, groups), as_json=host.json)
