"""A configuration compiled to try events out, without a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.load import load
from offramp.cli.render.columns import indented
from offramp.config import follow_all
from offramp.delivery import (
    Pipeline,
    Snapshot,
    compile_config,
)
from offramp.host.run import start_instances
from offramp.plugins import pick


class Compiled:
    """A configuration compiled for one command; its connections are closed at the end."""

    def __init__(self, context: Context, path: Path) -> None:
        self._context = context
        self._path = path
        self._snapshot: Snapshot | None = None

    async def __aenter__(self) -> Snapshot:
        loaded, catalog = load(self._context, self._path)
        references = follow_all()
        self._snapshot = compile_config(
            loaded.config,
            catalog,
            start_instances(catalog, references),
            references=references,
        )
        for place, problem in self._snapshot.problems.items():
            self._context.warn(f"{place}: {problem}")
        return self._snapshot

    async def __aexit__(self, *_: object) -> None:
        if self._snapshot is not None:
            for runtime in self._snapshot.runtimes.values():
                await runtime.close()


def chosen(snapshot: Snapshot, subscription: str | None) -> list[Pipeline]:
    """The subscription of that id, or every enabled one; raises `NotFoundError`."""
    if subscription is None:
        return list(snapshot.pipelines.values())
    return [pick(snapshot.pipelines, subscription, "enabled subscription")]


def show(
    context: Context,
    explanation: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], RenderableType],
    *,
    as_json: bool,
) -> None:
    """Write what was found out about one event and one subscription."""
    if as_json:
        write_line(explanation)
    else:
        context.out.print(Group(indented(render(explanation)), ""))
