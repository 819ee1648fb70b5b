"""The hook of this plugin, which Offramp calls."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Destination, hookimpl
from offramp_webhook.destination import webhook


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """The webhook."""
    return [webhook]
