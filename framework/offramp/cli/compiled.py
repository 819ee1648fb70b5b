"""Compiles a configuration to try events on standard input, without a host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from cyclopts import Parameter
from rich.console import Group, RenderableType

from offramp.cli.context import Context
from offramp.cli.events import read_events, write_line
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.options import ConfigFile, Json
from offramp.cli.render.columns import indented
from offramp.cli.render.explanation import render_event
from offramp.config import follow_all
from offramp.delivery import (
    Plan,
    Sandboxes,
    Snapshot,
    compile_config,
    enter_lifespans,
)
from offramp.host.instances import start_instances
from offramp.plugins import pick
from offramp.web import complete


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class TrialOptions:
    """The options of a command that tries events."""

    config: ConfigFile = DEFAULT_FILE
    json: Json = False


TRIAL_DEFAULTS: Final = TrialOptions()


@asynccontextmanager
async def compiled(context: Context, path: Path) -> AsyncIterator[Snapshot]:
    """Compile a configuration for one command; its connections are closed at the end.

    What plugins hold open is open meanwhile.
    """
    loaded, catalog = load(context, path)
    references = follow_all()
    sandboxes = Sandboxes(catalog)
    async with enter_lifespans(catalog.plugins):
        context.report(catalog.plugins.unstarted)
        snapshot = compile_config(
            loaded.config,
            catalog,
            start_instances(catalog, references, sandboxes, loaded.host),
            references=references,
        )
        try:
            for place, problem in snapshot.problems.items():
                context.warn(f"{place}: {problem}")
            yield snapshot
        finally:
            for runtime in snapshot.runtimes.values():
                await runtime.close()
            await sandboxes.close()


async def trials(
    context: Context, snapshot: Snapshot, subscription: str | None, *, as_json: bool
) -> AsyncIterator[tuple[Plan, dict[str, Any]]]:
    """Yield each event on standard input, completed, with each selected subscription.

    Raises `NotFoundError` if there is no enabled subscription with that id.
    """
    for event in map(complete, read_events()):
        if not as_json:
            context.out.print(render_event(event))
        for plan in _chosen(snapshot, subscription):
            yield plan, event


def _chosen(snapshot: Snapshot, subscription: str | None) -> list[Plan]:
    if subscription is None:
        return list(snapshot.plans.values())
    return [pick(snapshot.plans, subscription, "enabled subscription")]


def show(
    context: Context,
    explanation: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], RenderableType],
    *,
    as_json: bool,
) -> None:
    """Write the explanation of one event and one subscription."""
    if as_json:
        write_line(explanation)
    else:
        context.out.print(Group(indented(render(explanation)), ""))
