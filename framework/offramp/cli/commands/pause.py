"""`offramp pause`: lets the events of a subscription, an instance or a source wait."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions
from offramp.cli.context import Context
from offramp.cli.switches import Kind, Name, switch


async def pause(
    context: Context, name: Name, *, kind: Kind = None, host: ApiOptions = API_DEFAULTS
) -> None:
    """Pause a subscription, an instance or a source: what arrives is accepted and waits."""
    await switch(context, "pause", name, kind, host=host)
