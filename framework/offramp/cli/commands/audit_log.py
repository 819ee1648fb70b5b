"""`offramp audit-log`: changes of the configuration, and who made them."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.render.tables import render_audit_log


async def audit_log(
    context: Context,
    *,
    limit: int = 20,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """List changes, latest first, and who made them: of the configuration, tokens and sealing key.

    Parameters
    ----------
    limit
        The most changes to list.
    """
    async with open_api(host) as api:
        page = await api.get("audit-log", limit=limit)
    context.show(page["rows"], lambda: render_audit_log(page), as_json=host.json)
