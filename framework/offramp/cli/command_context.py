"""What the command line offers to the commands of plugins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from rich.console import RenderableType

from offramp.cli.context import Context
from offramp.cli.render.explanation import render_explanation
from offramp.config import Document, parse_config
from offramp.host.run import Host, run_host


class HostCommandContext:
    """Runs hosts for the commands of plugins."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @asynccontextmanager
    async def host(
        self, config: Mapping[str, Any], *, folder: Path, port: int = 0
    ) -> AsyncIterator[Host]:
        """Run a host with a configuration in the shape of `offramp.toml`; port 0 picks one."""
        catalog = self._context.catalog
        loaded = parse_config(Document(data=config), catalog)
        settings = attrs.evolve(loaded.host, host="127.0.0.1", port=port)
        async with run_host(lambda _: loaded.config, catalog, settings, folder=folder) as host:
            yield host

    def render(self, explanation: Mapping[str, Any]) -> RenderableType:
        """An explanation as tables."""
        return render_explanation(explanation)
