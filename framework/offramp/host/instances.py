"""Starts an instance as a host runs it: settings, connections, middleware, and its sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from offramp.config import (
    HostSettings,
    Instance,
    References,
    in_sandbox,
    resolve_settings,
)
from offramp.delivery import InstanceRuntime, Sandboxes, StartInstance, make_runtime
from offramp.http import LOOPBACK, Egress, open_transport
from offramp.plugins import Catalog, CatalogEntry

#: Where the requests of an instance that uses a sandbox go.
SANDBOX: Final = Egress(allow=LOOPBACK)


def start_instances(
    catalog: Catalog,
    references: References,
    sandboxes: Sandboxes,
    settings: HostSettings,
    *,
    clock: Callable[[], float] = time.time,
) -> StartInstance:
    """Make the function that starts an instance: settings, connections, middleware.

    Requests obey `[host.egress]`; those to a sandbox go to this machine alone.
    """
    egress = settings.egress_settings.rule

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        middleware = [*catalog.plugins.middleware(entry.destination)]
        if instance.sandbox:
            middleware.append(sandboxes.redirect(entry.slug))  # innermost: nothing else sends
        used = in_sandbox(instance, entry.destination)
        resolved = resolve_settings(used, entry.settings, references)
        transport, close = open_transport(SANDBOX if instance.sandbox else egress)
        return make_runtime(
            instance,
            entry,
            resolved,
            transport=transport,
            middleware=middleware,
            close=close,
            clock=clock,
            max_retry_after=settings.max_retry_after,
            secrets=catalog.plugins.secrets,
        )

    return start
