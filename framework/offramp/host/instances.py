"""Starts an instance as a host runs it: settings, connections, middleware, and its sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable

from offramp.config import (
    MAX_RETRY_AFTER_SECONDS,
    Instance,
    References,
    in_sandbox,
    resolve_settings,
)
from offramp.delivery import InstanceRuntime, Sandboxes, StartInstance, make_runtime
from offramp.http import open_transport
from offramp.plugins import Catalog, CatalogEntry


def start_instances(
    catalog: Catalog,
    references: References,
    sandboxes: Sandboxes,
    *,
    clock: Callable[[], float] = time.time,
    max_retry_after: float = MAX_RETRY_AFTER_SECONDS,
) -> StartInstance:
    """Make the function that starts an instance: settings, connections, middleware.

    A `Retry-After` is obeyed for at most `max_retry_after` seconds.
    """

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        middleware = [*catalog.plugins.middleware(entry.destination)]
        if instance.sandbox:
            middleware.append(sandboxes.redirect(entry.slug))  # innermost: nothing else sends
        used = in_sandbox(instance, entry.destination)
        settings = resolve_settings(used, entry.settings, references)
        transport, close = open_transport()
        return make_runtime(
            instance,
            entry,
            settings,
            transport=transport,
            middleware=middleware,
            close=close,
            clock=clock,
            max_retry_after=max_retry_after,
            secrets=catalog.plugins.secrets,
        )

    return start
