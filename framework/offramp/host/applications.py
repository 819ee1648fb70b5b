"""Makes the applications of a running host, one for each address that it listens on."""

from __future__ import annotations

import attrs
from aiohttp import web
from prometheus_client import CollectorRegistry

from offramp.api import HostContext, Identity, control_routes
from offramp.collector import Limits
from offramp.collector.metrics import CollectorMetrics
from offramp.config import HostSettings
from offramp.console import console_routes
from offramp.delivery import Watchdog
from offramp.host.app import make_app, make_console_app
from offramp.host.backup_schedule import BackupMetrics
from offramp.host.metrics import DeliveryMetrics
from offramp.host.readiness import checks
from offramp.storage import Store


@attrs.frozen(kw_only=True)
class Applications:
    """What a host serves."""

    main: web.Application
    #: For the console's own address; served only where it has one.
    console: web.Application


def make_applications(
    context: HostContext,
    settings: HostSettings,
    *,
    store: Store,
    watchdog: Watchdog,
    identity: Identity,
) -> Applications:
    """Make the applications from the parts of a host; the control API is in both."""
    registry = CollectorRegistry()
    registry.register(context.logins)
    deliveries = DeliveryMetrics(context, blocked=watchdog.blocked)
    registry.register(deliveries)
    registry.register(BackupMetrics(context.backups))
    metrics = CollectorMetrics(registry)
    control = control_routes(context, identity=identity)
    console = console_routes()
    main = make_app(
        intake=context.engine,
        registry=registry,
        readiness=checks(store, context.engine),
        degraded=context.degraded,
        paused=context.paused,
        limits=collector_limits(settings),
        public_url=settings.public_url,
        proxies=settings.trusted_proxies,
        more=control,
        console=console if settings.console is True else (),
        refresh=deliveries.refresh,
        clock=context.clock,
        unknown_paths=context.unknown_paths,
        metrics=metrics,
    )
    own = make_console_app([*control, *console], metrics.malformed)
    return Applications(main=main, console=own)


def collector_limits(settings: HostSettings) -> Limits:
    """How much one request, and one source, may ask."""
    return Limits(
        max_event_bytes=settings.max_event_bytes,
        max_batch_bytes=settings.max_batch_bytes,
        max_batch_events=settings.max_batch_events,
        stored_bytes=settings.max_stored_bytes,
        requests_per_second=settings.requests_per_second,
    )
