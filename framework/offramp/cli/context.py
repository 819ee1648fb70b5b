"""The context of the commands: their output, and the plugins of this process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from rich.console import RenderableType

from offramp.cli.events import write_line
from offramp.cli.render.explanation import render_explanation
from offramp.cli.render.terminal import SafeConsole
from offramp.config import Document, configure_plugins, parse_config
from offramp.errors import FaultyError, OfframpError
from offramp.host.run import Host, run_host
from offramp.plugins import Catalog, PluginProblem, Plugins, load_catalog, load_plugins


class Context:
    """Made once when the command line starts; plugins are loaded when they are first needed."""

    def __init__(self) -> None:
        self.out = SafeConsole()
        self.err = SafeConsole(stderr=True)
        self._warned: set[PluginProblem] = set()

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins."""
        return load_plugins()

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog of the installed plugins."""
        configure_plugins(self.plugins)
        catalog = load_catalog(self.plugins)
        self.report(catalog.problems)
        return catalog

    def catalog_with(self, document: Document, *, follow: bool = True) -> Catalog:
        """Make the catalog with plugin files and options of a document; do not report its problems.

        Raises `ConfigError` for invalid options; see `configure_plugins`.
        """
        if not document.plugin_files and "plugins" not in document.data:
            return self.catalog
        plugins = load_plugins(files=document.plugin_files)
        configure_plugins(plugins, document, follow=follow)
        return load_catalog(plugins)

    def report(self, problems: Iterable[PluginProblem]) -> None:
        """Warn about problems of plugins, once for each."""
        for problem in problems:
            if problem not in self._warned:
                self._warned.add(problem)
                self.warn(str(problem))

    def show(
        self, rows: Iterable[Any], table: Callable[[], RenderableType], *, as_json: bool
    ) -> None:
        """Write each row as a line of JSON, or all as a table."""
        if as_json:
            for row in rows:
                write_line(row)
        else:
            self.out.print(table())

    def complain(self, error: OfframpError) -> None:
        """Write an error, one line for each fault."""
        faults = error.faults if isinstance(error, FaultyError) else ()
        if faults and isinstance(error, FaultyError):
            for fault in faults:
                self.err.print(f"[bold red]error[/] {error.what} @ [bold]", end="", soft_wrap=True)
                self.err.print(fault.place, end="", style="bold", markup=False, soft_wrap=True)
                self.err.print(f": {fault.message}", markup=False, soft_wrap=True)
        else:
            self.err.print("[bold red]error[/] ", end="")
            self.err.print(str(error), markup=False, soft_wrap=True)

    def confirm(self, question: str, *, refusal: str) -> None:
        """Ask before something is done; raises `OfframpError` unless the answer is yes."""
        if not sys.stdin.isatty():
            raise OfframpError(f"{refusal}: there is no terminal to ask at, so add --yes")
        if self.err.input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
            raise OfframpError(refusal)

    def warn(self, message: str) -> None:
        """Write a warning."""
        self.err.print("[bold yellow]warning[/] ", end="")
        self.err.print(message, markup=False, soft_wrap=True)


class HostCommandContext:
    """Runs hosts for the commands of plugins."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @asynccontextmanager
    async def host(
        self, config: Mapping[str, Any], *, folder: Path, port: int = 0
    ) -> AsyncIterator[Host]:
        """Run a host with a configuration in the shape of `offramp.toml`; port 0 picks one."""
        document = Document(data=config)
        catalog = self._context.catalog_with(document)
        loaded = parse_config(document, catalog)
        settings = attrs.evolve(loaded.host, host="127.0.0.1", port=port)
        async with run_host(lambda _: loaded.config, catalog, settings, folder=folder) as host:
            yield host

    def render(self, explanation: Mapping[str, Any]) -> RenderableType:
        """Render an explanation as tables."""
        return render_explanation(explanation)
