"""`offramp enable`: enables a subscription, an instance or a source."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions
from offramp.cli.context import Context
from offramp.cli.switches import Kind, Name, switch


async def enable(
    context: Context, name: Name, *, kind: Kind = None, host: ApiOptions = API_DEFAULTS
) -> None:
    """Enable a subscription, an instance or a source."""
    await switch(context, "enable", name, kind, host=host)
