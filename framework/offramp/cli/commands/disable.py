"""`offramp disable`: disables a subscription, an instance or a source."""

from __future__ import annotations

from offramp.cli.client import API_DEFAULTS, ApiOptions
from offramp.cli.context import Context
from offramp.cli.options import Yes
from offramp.cli.switches import Kind, Name, switch


async def disable(
    context: Context,
    name: Name,
    *,
    kind: Kind = None,
    yes: Yes = False,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Disable a subscription, an instance or a source.

    What waits expires, and what arrives is filtered; both can be replayed. If deliveries wait, the
    command says how many, and asks.
    """
    await switch(context, "disable", name, kind, host=host, yes=yes)
