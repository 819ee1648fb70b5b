"""`offramp serve`: runs the host."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from offramp.api import TOKEN_FILE
from offramp.cli.context import Context
from offramp.cli.load import DEFAULT_FILE, open_file
from offramp.config import HIGHEST_PORT, Change, HostSettings, LogFormat, LogLevel
from offramp.errors import ConfigError, Fault
from offramp.host.log import start_log
from offramp.host.loop import on_fastest_loop
from offramp.host.run import Host, run_host

_log = logging.getLogger("offramp.host")


@on_fastest_loop
async def serve(  # noqa: PLR0913 - an option each
    context: Context,
    config: Path | None = None,
    *,
    data_dir: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    log_format: LogFormat | None = None,
    log_level: LogLevel | None = None,
) -> None:
    """Run the host: accept events and deliver them, until SIGINT or SIGTERM.

    SIGHUP reads references (env:NAME, file:/path) anew, as `offramp reload` does.

    Parameters
    ----------
    config
        The configuration, TOML or JSON; it replaces the one in the data folder. The default is
        `offramp.toml` in this folder, or if there is none, the one in the data folder.
    data_dir
        The folder for events and outcomes; it must be on a local disk.
    host
        The address to listen on; by default only this machine can connect.
    port
        The port to listen on; 0 picks a free one.
    log_format
        How the log is written: `auto` is text at a terminal, and JSON anywhere else.
    log_level
        The least severe level that is logged.
    """
    if config is None and DEFAULT_FILE.exists():
        config = DEFAULT_FILE
    file = None if config is None else open_file(context, config)
    settings = _with_options(
        HostSettings() if file is None else file.host,
        host=host,
        port=port,
        log_format=log_format,
        log_level=log_level,
    )
    catalog = context.catalog if file is None else file.catalog
    written = None if file is None else file.config
    as_json = start_log(settings.log_format, settings.log_level)
    teller = Teller(None if as_json else context)
    stop, hangup = _signals()
    folder = data_dir or settings.data_dir
    async with run_host(written, catalog, settings, folder=folder) as running:
        _announce(teller, running)
        running.context.background.start(_reload_at(hangup, running))
        await stop.wait()
        teller.say("stopping: finishing the running deliveries …")
    teller.say("stopped; undelivered events are kept on disk")


class Teller:
    """Reports start and stop to the operator: as text at a terminal, otherwise in the log."""

    def __init__(self, context: Context | None) -> None:
        self._context = context

    @property
    def at_terminal(self) -> bool:
        """Whether messages go to a terminal and are not stored."""
        return self._context is not None and self._context.err.is_terminal

    def say(self, text: str, **extra: str) -> None:
        """Report normal operation; `extra` is added to the log's JSON."""
        if self._context is None:
            _log.info("%s", text.strip(), extra=extra)
        else:
            self._context.err.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Report what does not run."""
        if self._context is None:
            _log.warning("%s", text)
        else:
            self._context.warn(text)


def _with_options(settings: HostSettings, **options: Any) -> HostSettings:
    """Replace settings by the options of the command line."""
    given = {key: value for key, value in options.items() if value is not None}
    if not 0 <= given.get("port", 0) <= HIGHEST_PORT:
        message = f"must be 0 to {HIGHEST_PORT}, not {given['port']}"
        raise ConfigError([Fault("port", message)])
    return attrs.evolve(settings, **given)


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Return the events that SIGINT or SIGTERM, and SIGHUP, set from now on."""
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # Closing a terminal must not stop a host that runs in the background.
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    return stop, hangup


async def _reload_at(hangup: asyncio.Event, running: Host) -> None:
    """Reload at each SIGHUP, until cancelled."""
    while True:
        await hangup.wait()
        hangup.clear()
        try:
            await running.reload(by="SIGHUP")
        except Exception:  # noqa: BLE001 - such as a full disk; the host goes on
            _log.exception("SIGHUP: references could not be read anew")


def _announce(teller: Teller, running: Host) -> None:
    snapshot = running.engine.snapshot
    for change in running.changes:
        # New items are in the file as a whole; for a change, the difference is shown.
        teller.say(str(change) if change.what == "changed" else str(change).splitlines()[0])
        for undone in _undone(change):
            teller.warn(undone)
    teller.say(f"offramp accepts events at {running.url}/v1/batch", url=running.url)
    teller.say(f"  data in {running.folder}")
    teller.say(f"  control API at {running.url}/api, {_where_token(teller, running)}")
    if running.console_url is not None:
        where = f"{running.console_url}/, which `offramp console` opens signed in"
        teller.say(f"  console at {where}", url=running.console_url)
    for plan in snapshot.plans.values():
        subscription = plan.subscription
        teller.say(f"  {subscription.id}: {subscription.action} when {subscription.trigger}")
    if not snapshot.config.sources:
        teller.warn("there is no source yet: add one in the console, or with `offramp apply FILE`")


def _undone(change: Change) -> Iterator[str]:
    """What the file lets go on that was paused or disabled, such as by a command."""
    before, after = change.before, change.after
    if before is None or after is None:
        return
    name = f"{change.kind} {change.id}"
    if before.paused and not after.paused:
        yield f"{name} was paused, and the file resumes it; to pause it, set `paused = true` there"
    if after.enabled and not before.enabled:
        yield (
            f"{name} was disabled, and the file enables it; to disable it, set `enabled = false` "
            "there"
        )


def _where_token(teller: Teller, running: Host) -> str:
    path = running.folder / TOKEN_FILE
    if running.token.configured:
        return "with the token of the configuration"
    if running.token.fresh and teller.at_terminal:  # a log is kept, and read by others
        return f"with the token {running.token.value} (shown once; kept in {path})"
    return f"token in {path}"
