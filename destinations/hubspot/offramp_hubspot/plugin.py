"""The hook of this plugin, which Offramp calls."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Destination, hookimpl
from offramp_hubspot.destination import hubspot


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """HubSpot."""
    return [hubspot]
