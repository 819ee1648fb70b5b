"""The command that runs the host: `serve`."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import attrs
from rich.logging import RichHandler

from offramp.cli.context import Context
from offramp.cli.host import Host, run_host
from offramp.cli.load import DEFAULT_FILE, open_file
from offramp.cli.loop import on_fastest_loop
from offramp.config import HostSettings
from offramp.hooks import Command
from offramp.server.api import TOKEN_FILE

LOG_FORMAT: Final = "%(message)s"


class Operating:
    """Run the host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [on_fastest_loop(self.serve)]

    async def serve(
        self,
        config: Path | None = None,
        *,
        data: Path | None = None,
        host: str | None = None,
        port: int | None = None,
    ) -> None:
        """Run the host: take in events and deliver them, until SIGINT or SIGTERM.

        Parameters
        ----------
        config
            The configuration, TOML or JSON; it takes the place of the one in the data folder.
            Without it, and without an `offramp.toml` here, that one runs on.
        data
            The folder for events and outcomes; it must lie on a local disk.
        host
            The address to listen on; only this machine unless told otherwise.
        port
            The port to listen on.
        """
        if config is None and DEFAULT_FILE.exists():
            config = DEFAULT_FILE
        file = None if config is None else open_file(self._context, config)
        settings = HostSettings() if file is None else file.host
        settings = attrs.evolve(
            settings,
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
        )
        catalog = self._context.catalog if file is None else file.catalog
        written = None if file is None else file.config
        _log_to(self._context)
        stop = _stop_signals()
        folder = data or settings.data
        async with run_host(written, catalog, settings, folder=folder) as running:
            _announce(self._context, running)
            await stop.wait()
            self._context.err.print("stopping: finishing what is on its way …")
        self._context.err.print("stopped; what was not delivered yet waits on disk")


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _announce(context: Context, running: Host) -> None:
    def say(text: str) -> None:
        context.err.print(text, markup=False, soft_wrap=True)

    snapshot = running.engine.snapshot
    for change in running.changes:
        # What is new stands in the file as a whole; of a change, the difference is told.
        say(str(change) if change.what == "changed" else str(change).splitlines()[0])
    context.err.print(f"[bold]offramp[/] takes events at [bold]{running.url}/v1/batch[/]")
    say(f"  data in {running.folder}")
    say(f"  control API at {running.url}/api, {_where_token(running)}")
    for pipeline in snapshot.pipelines.values():
        subscription = pipeline.subscription
        say(f"  {subscription.id}: {subscription.action} when {subscription.trigger}")
    if not snapshot.config.sources:
        context.warn("there is no source yet, so no event is taken: `offramp apply FILE` adds some")
    for place, problem in snapshot.problems.items():
        context.warn(f"{place} does not run, its events wait: {problem}")


def _where_token(running: Host) -> str:
    path = running.folder / TOKEN_FILE
    if running.token.fresh:
        return f"with the token {running.token.value} (told once; it stands in {path})"
    return "with the token of the configuration" if running.token.configured else f"token in {path}"


def _log_to(context: Context) -> None:
    handler = RichHandler(console=context.err, show_path=False, markup=False)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, handlers=[handler])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
