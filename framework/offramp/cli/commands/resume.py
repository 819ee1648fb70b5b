"""`offramp resume`: delivers what waits for something that is paused."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions
from offramp.cli.context import Context
from offramp.cli.switches import Kind, Name, switch


async def resume(
    context: Context, name: Name, *, kind: Kind = None, host: ApiOptions = API_DEFAULTS
) -> None:
    """Resume a paused subscription, instance or source: what waits is delivered."""
    await switch(context, "resume", name, kind, host=host)
