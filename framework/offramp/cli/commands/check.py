"""Commands that try a configuration out: `check`, `explain` and `send`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType

from offramp.cli.context import Context
from offramp.cli.events import read_events, write_line
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.render.columns import indented
from offramp.cli.render.explanation import render_answers, render_event, render_explanation
from offramp.config import Config, check_config, follow_all
from offramp.delivery import (
    Parcel,
    Pipeline,
    Snapshot,
    as_delivery_error,
    compile_config,
    explain,
    send,
)
from offramp.errors import DeliveryError, NotFoundError, counted
from offramp.hooks import Command
from offramp.host.run import start_instances
from offramp.http import Mask
from offramp.plugins import pick
from offramp.web import complete

#: Places of faults that stand for a plugin's methods.
IN_PLUGIN: Final = frozenset({"perform", "validate"})
Flag = Annotated[bool, Parameter(negative="")]


class Trial:
    """Try a configuration out without a host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.check, self.explain, self.send]

    def check(self, config: Path = DEFAULT_FILE) -> int:
        """Check a configuration: every fault with its place, and what to mind.

        Parameters
        ----------
        config
            The configuration, TOML or JSON.
        """
        loaded, catalog = load(self._context, config)
        report = check_config(loaded.config, catalog, references=follow_all())
        for warning in report.warnings:
            self._context.warn(str(warning))
        self._context.out.print(_summary(config, loaded.config), markup=False)
        return 0

    async def explain(
        self,
        subscription: str | None = None,
        *,
        config: Path = DEFAULT_FILE,
        json: Flag = False,
    ) -> int:
        """Tell what a subscription would make of events on standard input; nothing is sent.

        The status is 1 where the plugin's own code failed for an event that its trigger wants.

        Parameters
        ----------
        subscription
            Its id, INSTANCE/NAME; without it, every enabled subscription is asked.
        config
            The configuration, TOML or JSON.
        json
            Write one JSON text a line instead of tables.
        """
        failed = False
        async with _Compiled(self._context, config) as snapshot:
            for event in map(complete, read_events()):
                if not json:
                    self._context.out.print(render_event(event))
                for pipeline in _chosen(snapshot, subscription):
                    runtime = snapshot.runtime_of(pipeline)
                    told = await explain(pipeline, runtime, event, now=time.time())
                    _show(self._context, told, render_explanation, as_json=json)
                    failed = failed or (told["matches"] and _plugin_failed(told))
        return int(failed)

    async def send(
        self,
        subscription: str | None = None,
        *,
        config: Path = DEFAULT_FILE,
        json: Flag = False,
    ) -> int:
        """Send events on standard input to their destinations now, for real, and show the answers.

        The host and its queue have no part in it. The status is 1 where an event was not taken.

        Parameters
        ----------
        subscription
            Its id, INSTANCE/NAME; without it, every enabled subscription whose trigger matches.
        config
            The configuration, TOML or JSON.
        json
            Write one JSON text a line instead of tables.
        """
        failed = False
        async with _Compiled(self._context, config) as snapshot:
            for event in map(complete, read_events()):
                if not json:
                    self._context.out.print(render_event(event))
                for pipeline in _chosen(snapshot, subscription):
                    if pipeline.matches(event):
                        told = await _send_one(snapshot, pipeline, event)
                        _show(self._context, told, render_answers, as_json=json)
                        failed = failed or told["error"] is not None
        return int(failed)


class _Compiled:
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


def _summary(path: Path, config: Config) -> str:
    enabled = sum(s.enabled for s in config.subscriptions.values())
    return (
        f"{path} is good: {counted(len(config.sources), 'source')}, "
        f"{counted(len(config.instances), 'instance')}, "
        f"{counted(len(config.subscriptions), 'subscription')} ({enabled} enabled)"
    )


def _show(
    context: Context,
    told: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], RenderableType],
    *,
    as_json: bool,
) -> None:
    if as_json:
        write_line(told)
    else:
        context.out.print(Group(indented(render(told)), ""))


async def _send_one(
    snapshot: Snapshot, pipeline: Pipeline, event: dict[str, Any]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "subscription": pipeline.subscription.id,
        "messageId": event["messageId"],
        "error": None,
        "exchange": None,
    }
    runtime = snapshot.runtime_of(pipeline)
    if runtime is None:
        raise NotFoundError(f"the instance of {pipeline.subscription.id} could not be started")
    try:
        prepared = pipeline.prepare(event, now=time.time())
    except Exception as error:  # noqa: BLE001 - a plugin's own checks may raise anything
        return told | {
            "error": _error(as_delivery_error(error), pipeline.mask_of(runtime.mask, event))
        }
    [sent] = await send(runtime, pipeline, [Parcel(prepared=prepared, event=event)])
    if sent.exchange is not None:
        told["exchange"] = sent.exchange.as_data()
    mask = pipeline.secrets.mask_wires(runtime.mask, [prepared.wire])
    return told | {"error": None if sent.error is None else _error(sent.error, mask)}


def _plugin_failed(told: Mapping[str, Any]) -> bool:
    """Whether an explanation ended in the plugin's own code."""
    return any(fault["place"] in IN_PLUGIN for fault in told["faults"])


def _error(error: DeliveryError, mask: Mask) -> dict[str, Any]:
    return {"message": mask(error.message), "code": error.code, "status": error.status}


def _chosen(snapshot: Snapshot, subscription: str | None) -> list[Pipeline]:
    if subscription is None:
        return list(snapshot.pipelines.values())
    return [pick(snapshot.pipelines, subscription, "enabled subscription")]
