"""The command that runs the host: `serve`."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import attrs
from rich.logging import RichHandler

from offramp.cli.context import Context
from offramp.cli.host import Host, run_host
from offramp.cli.load import DEFAULT_FILE, load
from offramp.hooks import Command

LOG_FORMAT: Final = "%(message)s"


class Operating:
    """Run the host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.serve]

    async def serve(
        self,
        config: Path = DEFAULT_FILE,
        *,
        data: Path | None = None,
        host: str | None = None,
        port: int | None = None,
    ) -> None:
        """Run the host: take in events and deliver them, until SIGINT or SIGTERM.

        Parameters
        ----------
        config
            The configuration, TOML or JSON.
        data
            The folder for events and outcomes; it must lie on a local disk.
        host
            The address to listen on; only this machine unless told otherwise.
        port
            The port to listen on.
        """
        loaded, catalog = load(self._context, config)
        settings = attrs.evolve(
            loaded.host,
            host=loaded.host.host if host is None else host,
            port=loaded.host.port if port is None else port,
        )
        _log_to(self._context)
        stop = _stop_signals()
        folder = data or settings.data
        async with run_host(loaded.config, catalog, settings, folder=folder) as running:
            _announce(self._context, running, folder)
            await stop.wait()
            self._context.err.print("stopping: finishing what is on its way …")
        self._context.err.print("stopped; what was not delivered yet waits on disk")


def _stop_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _announce(context: Context, running: Host, folder: Path) -> None:
    snapshot = running.engine.snapshot
    context.err.print(f"[bold]offramp[/] takes events at [bold]{running.url}/v1/batch[/]")
    context.err.print(f"  data in {folder}", markup=False, soft_wrap=True)
    for pipeline in snapshot.pipelines.values():
        subscription: Any = pipeline.subscription
        told = f"  {subscription.id}: {subscription.action} when {subscription.trigger}"
        context.err.print(told, markup=False, soft_wrap=True)
    for place, problem in snapshot.problems.items():
        context.warn(f"{place} does not run, its events wait: {problem}")


def _log_to(context: Context) -> None:
    handler = RichHandler(console=context.err, show_path=False, markup=False)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, handlers=[handler])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
