"""Runs a host: wires store, queue, engine and endpoints, and stops them in order."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from offramp.api import (
    HostContext,
    RefusedLogins,
    Reloaded,
    Sessions,
    Token,
    Tokens,
    event_record,
    load_token,
    own_identity,
    reload,
    reload_refused,
    stale_references,
)
from offramp.collector import EventTaker
from offramp.config import (
    Change,
    Config,
    ConfigStore,
    GrantStore,
    HostSettings,
    References,
    diff_configs,
    key_ring_of,
    references_in,
    refused_settings,
    resolve_write_keys,
)
from offramp.config.labels import all_labelled
from offramp.delivery import (
    Engine,
    Sandboxes,
    enter_lifespans,
    watch_loop,
)
from offramp.host.applications import Applications, collector_limits, make_applications
from offramp.host.backup_schedule import BackupSchedule
from offramp.host.health import DECIDE, UNDECIDED, Health
from offramp.host.instances import start_instances
from offramp.host.listen import Listeners, bind_addresses, serve
from offramp.host.readiness import quick_sums
from offramp.host.refreshing import TokenRefresher
from offramp.host.watched import Watched
from offramp.plugins import Catalog
from offramp.queue import (
    Backups,
    Clock,
    DamagedDeliveries,
    Ledger,
    Queue,
    RestoredDeliveries,
    Retention,
    SqliteLedger,
    SqliteQueue,
    open_queue,
)
from offramp.queue import Limits as QueueLimits
from offramp.storage import Store

_log = logging.getLogger(__name__)

DAY_SECONDS: Final = 86_400.0
#: The actor in the audit log for a file that was applied at start.
FROM_FILE: Final = "file"
#: File in the data folder with the URL of the running host, for commands.
URL_FILE: Final = "url"

#: Makes the configuration of a file from the one in force.
Written: TypeAlias = Callable[[Config], Config]


@attrs.frozen(kw_only=True, eq=False)
class Host:
    """A running host, for the command line and the commands of plugins."""

    url: str
    engine: Engine
    queue: Queue
    ledger: Ledger
    token: Token
    folder: Path
    #: Changes that the file made at start.
    changes: Sequence[Change] = ()
    context: HostContext = attrs.field(repr=False)

    @property
    def console_url(self) -> str | None:
        """Where the console is; `None` if there is none."""
        console = self.context.console
        return console if isinstance(console, str) else self.url if console else None

    async def reload(self, *, by: str) -> Reloaded:
        """Read all references anew; `by` says in the log who asked for it."""
        return await reload(self.context, by=by)

    async def wait_until_idle(self, *, timeout: float) -> bool:
        """Wait until no delivery is in flight; `False` after `timeout` seconds."""
        return await self.engine.wait_until_idle(timeout=timeout)

    async def event(self, message_id: str) -> Mapping[str, Any] | None:
        """Return all that the host knows of one event, or `None`."""
        records = await self.ledger.event(message_id)
        return event_record(records[0]) if records else None

    async def explain(self, subscription: str, event: dict[str, Any]) -> Mapping[str, Any]:
        """Explain what a subscription would make of an event; nothing is sent."""
        return await self.engine.explain(subscription, event)

    async def status(self) -> Mapping[str, Any]:
        """Return counts by outcome, and whether the sums hold."""
        result = await self.ledger.reconcile()
        depths = await self.queue.depths()
        return {
            "deliveries": result.deliveries,
            "faults": list(result.faults),
            "in_flight": {subscription: depth.total for subscription, depth in depths.items()},
        }


@asynccontextmanager
async def run_host(
    written: Written | None, catalog: Catalog, settings: HostSettings, *, folder: Path
) -> AsyncIterator[Host]:
    """Run a host; at the end stop the endpoints, then the running deliveries, then the store.

    Without `written` it runs the configuration of the data folder. Raises `StorageError` and
    `ConfigError`; if an address cannot be bound, nothing was applied.
    """
    with bind_addresses(settings) as listeners:
        async with _run(written, catalog, settings, folder, listeners) as host:
            yield host


@asynccontextmanager
async def _run(
    written: Written | None,
    catalog: Catalog,
    settings: HostSettings,
    folder: Path,
    listeners: Listeners,
) -> AsyncIterator[Host]:
    clock = Clock()
    async with (
        _open_store(folder, catalog, clock) as (store, configs, grants, stored),
        open_queue(
            store, clock=clock, limits=queue_limits(settings), retention=retention(settings)
        ) as queue,
        watch_loop(catalog.plugins.owner) as watchdog,
        enter_lifespans(catalog.plugins),
    ):
        (folder / URL_FILE).unlink(missing_ok=True)  # of a host that was killed
        token, tokens = _load_tokens(folder, settings, clock)
        references = References(allowed=settings.references, own_folder=folder)
        changes, config, references = await _in_force(configs, stored, written, catalog, references)
        context = await _context(
            store, queue, configs, grants, catalog, settings, references, tokens, listeners, clock
        )
        engine = context.engine

        async def put_to_work(_: int, changed: Config) -> None:
            grants.keep(changed)
            await engine.apply(resolve_write_keys(changed, references), await configs.periods())
            context.background.start(context.sandboxes.start_used(changed))

        try:
            await engine.apply(config, await configs.periods())
            _start_background(context, settings, config)
            _log_problems(engine, settings)
            with own_identity(folder) as identity, configs.watch(put_to_work):
                apps = make_applications(
                    context, settings, store=store, watchdog=watchdog, identity=identity
                )
                async with serve(apps.main, listeners.main) as url, _serve_own(apps, listeners):
                    identity.urls |= {url, (settings.public_url or url).rstrip("/")}
                    identity.urls |= {listeners.console_url or url}
                    with _findable(folder, url):
                        yield Host(
                            url=url,
                            engine=engine,
                            queue=queue,
                            ledger=context.ledger,
                            token=token,
                            folder=folder,
                            changes=changes,
                            context=context,
                        )
        finally:
            await context.background.close()
            await context.backups.close()
            await engine.stop()
            await grants.close()
            await context.sandboxes.close()


def _start_background(context: HostContext, settings: HostSettings, config: Config) -> None:
    """Start what runs beside deliveries, until the host stops."""
    context.background.start(reload_refused(context))
    context.background.start(context.sandboxes.start_used(config))
    context.background.start(context.sessions.run())
    refresher = TokenRefresher(lambda: context.engine.snapshot.runtimes, context.clock)
    context.background.start(refresher.run())
    if settings.backup_schedule is not None:
        schedule = BackupSchedule(settings.backup_schedule, context.backups, clock=context.clock)
        context.background.start(schedule.run())


@asynccontextmanager
async def _open_store(
    folder: Path, catalog: Catalog, clock: Clock
) -> AsyncIterator[tuple[Store, ConfigStore, GrantStore, tuple[int, Config]]]:
    """Open the store and read its configuration, with its revision, and the grants.

    Before the queue starts: a start that is refused for it changes nothing in the file.
    """
    async with Store.open(folder) as store:
        configs = ConfigStore(store, await key_ring_of(store, folder), catalog, clock=clock)
        grants = GrantStore(store, configs)
        await grants.load()
        yield store, configs, grants, await configs.load()


def _load_tokens(folder: Path, settings: HostSettings, clock: Clock) -> tuple[Token, Tokens]:
    """The first token of the configuration, or else the folder's; and all that are valid."""
    written = all_labelled(settings.api_token, settings.api_tokens)
    own = load_token(folder, next(iter(written.values()), None))
    return own, Tokens.load(folder, settings, own, clock=clock)


async def _context(  # noqa: PLR0913, PLR0917 - the parts of a host
    store: Store,
    queue: SqliteQueue,
    configs: ConfigStore,
    grants: GrantStore,
    catalog: Catalog,
    settings: HostSettings,
    references: References,
    tokens: Tokens,
    listeners: Listeners,
    clock: Clock,
) -> HostContext:
    restored = RestoredDeliveries(store, queue)
    sandboxes = Sandboxes(catalog)
    engine = Engine(
        catalog,
        queue,
        start_instances(catalog, references, sandboxes, settings, grants=grants, clock=clock),
        references=references,
        clock=clock,
        withheld=await restored.undecided(),
        max_paused_events=settings.max_paused_events,
        disabled_source_grace=settings.disabled_source_grace,
    )
    damaged = DamagedDeliveries(store, queue)
    await damaged.load()
    sums = quick_sums(store)
    backups = Backups(store.folder, kept_bytes=settings.min_free_bytes, clock=clock)
    return HostContext(
        engine=engine,
        queue=queue,
        ledger=SqliteLedger(store),
        configs=configs,
        grants=grants,
        folder=store.folder,
        tokens=tokens,
        logins=RefusedLogins(proxies=settings.trusted_proxies),
        sessions=Sessions(tokens, settings=settings, folder=store.folder, clock=clock),
        backups=backups,
        restored=restored,
        public_url=settings.public_url,
        take_event=EventTaker(intake=engine, limits=collector_limits(settings), clock=clock),
        damaged=damaged,
        sandboxes=sandboxes,
        console=listeners.console_url or settings.console,
        sums=sums,
        damage=store.damage,
        degraded=Health(
            Watched(
                engine=engine,
                sums=sums,
                stale=partial(stale_references, engine, configs),
                backup_failure=lambda: backups.scheduled_failure,
                sandbox_failures=lambda: sandboxes.failures,
                damage=store.damage,
            )
        ),
    )


def _log_problems(engine: Engine, settings: HostSettings) -> None:
    for problem in engine.catalog.problems:
        _log.error("%s", problem, extra={"action": "plugin_problem"})
    for (kind, name), why in engine.snapshot.config.unreadable.items():
        _log.error("%s %s: %s", kind, name, why, extra={"action": "unreadable"})
    config, egress = engine.snapshot.config, settings.egress_settings.rule
    for fault in refused_settings(config, engine.catalog, egress, engine.references):
        _log.warning("%s", fault, extra={"action": "address_refused"})
    for name in sorted(engine.withheld):
        _log.warning("%s: %s; %s", name, UNDECIDED, DECIDE, extra={"action": "undecided"})


async def _in_force(
    configs: ConfigStore,
    stored: tuple[int, Config],
    written: Written | None,
    catalog: Catalog,
    references: References,
) -> tuple[Sequence[Change], Config, References]:
    """Apply a file; return its changes, the configuration with write keys resolved, and references.

    The references in the file are remembered, so that they are allowed, in addition to those of
    `references`, also after a start without the file.
    """
    revision, current = stored
    known = await configs.references()
    if written is None:
        references = attrs.evolve(references, written=known)
        return (), resolve_write_keys(current, references), references
    wanted = written(current)
    texts = frozenset(references_in(wanted, catalog).values())
    references = attrs.evolve(references, written=texts)
    # Before storing: the next start must not find a reference that cannot be resolved.
    resolved = resolve_write_keys(wanted, references)
    changes = diff_configs(current, wanted, catalog)
    # If the host dies in between, the references of both configurations are allowed.
    await configs.remember_references(known | texts)
    await configs.apply(changes, revision, actor=FROM_FILE)
    await configs.remember_references(texts)
    return changes, resolved, references


@asynccontextmanager
async def _serve_own(apps: Applications, listeners: Listeners) -> AsyncIterator[None]:
    """Serve the console on its own address, if it has one."""
    if not listeners.console:
        yield
        return
    async with serve(apps.console, listeners.console):
        yield


@contextlib.contextmanager
def _findable(folder: Path, url: str) -> Iterator[None]:
    path = folder / URL_FILE
    path.write_text(url + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def queue_limits(settings: HostSettings) -> QueueLimits:
    """How much the queue takes in."""
    return QueueLimits(max_in_flight=settings.max_in_flight, min_free_bytes=settings.min_free_bytes)


def retention(settings: HostSettings) -> Retention:
    """How long the queue keeps what has ended."""
    return Retention(
        delivered=settings.keep_delivered_days * DAY_SECONDS,
        dead=settings.keep_dead_letters_days * DAY_SECONDS,
    )
