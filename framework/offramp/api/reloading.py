"""Reads references anew: for `POST /api/reload`, for SIGHUP, and after refused credentials."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import attrs

from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.shapes import ReloadShape
from offramp.config import Config, ConfigStore, references_in, resolve_write_keys
from offramp.delivery import CREDENTIALS, EGRESS, Engine, Snapshot
from offramp.errors import ConfigError, Fault, join_place
from offramp.pointers import describe_errors

#: Seconds between two readings of the references of an instance whose credentials are refused.
LOOK_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Reloaded:
    """The result of a reload."""

    #: Places of API tokens, sources, instances and subscriptions that have another value.
    changed: tuple[str, ...]
    #: What could not be read, and why: the former values are used.
    kept: tuple[Fault, ...]


class ReloadResource:
    """The operation that reads references anew."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/reload",
            tag="config",
            summary="Read all references anew, and start anew what has another value",
            serve=self.reload,
            answer=ReloadShape,
        )

    async def reload(self, call: Call) -> Reply:
        """Answer with what changed, and with what could not be read."""
        done = await reload(self._host, by=call.actor)
        answer: ReloadShape = {"changed": [*done.changed], "kept": describe_errors(done.kept)}
        return Reply(data=answer)


async def reload(host: HostContext, *, by: str) -> Reloaded:
    """Read all references anew; parts whose values are as before go on undisturbed.

    A reference that cannot be read keeps its value. `by` says in the log who asked for it.
    """
    async with host.changing:
        _, config = await host.configs.load()
        before = host.engine.snapshot
        keys, faults = await host.compute(lambda: _with_keys(host, config))
        after = await host.engine.apply(keys, await host.configs.periods(), reread=True)
        tokens, broken = await host.compute(host.tokens.reload)
    stale = await stale_references(host.engine, host.configs)
    done = Reloaded(changed=(*tokens, *_changes(before, after)), kept=(*broken, *faults, *stale))
    log.info(
        "references were read anew (%s); changed: %s",
        by,
        ", ".join(done.changed) or "nothing",
        extra={"action": "reload"},
    )
    return done


async def stale_references(engine: Engine, configs: ConfigStore) -> tuple[Fault, ...]:
    """List the references that could be read before and now cannot, by their places."""
    stale = engine.references.stale
    if not stale:
        return ()
    _, config = await configs.load()
    used = await asyncio.to_thread(references_in, config, engine.catalog)
    return tuple(
        Fault(place, f"{stale[text]}; the value that was read before is used")
        for place, text in used.items()
        if text in stale
    )


async def reload_refused(host: HostContext) -> None:
    """Reload whenever the settings of a refused instance have changed; runs until it is cancelled.

    So a partner's token can be replaced by rewriting its file.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            if await host.compute(lambda: _refused_is_outdated(host)):
                await reload(host, by="credentials or an address were refused")
        except Exception:
            log.exception("references could not be read anew")


def _with_keys(host: HostContext, config: Config) -> tuple[Config, tuple[Fault, ...]]:
    """Resolve write keys; if they do not fit, those that are in use stay."""
    try:
        return resolve_write_keys(config, host.engine.references), ()
    except ConfigError as error:
        log.error("write keys stay as they were: %s", error, extra={"action": "reload"})  # noqa: TRY400
        return attrs.evolve(config, sources=host.config.sources), error.faults


def _refused_is_outdated(host: HostContext) -> bool:
    engine = host.engine
    refused = {n for n, hold in engine.held.items() if hold.code in {CREDENTIALS, EGRESS}}
    if not refused:
        return False
    snapshot, references = engine.snapshot, engine.references
    return any(
        each.is_outdated(references) for name, each in snapshot.runtimes.items() if name in refused
    ) or any(
        each.is_outdated(references)
        for each in snapshot.plans.values()
        if each.subscription.instance in refused
    )


def _changes(before: Snapshot, after: Snapshot) -> Iterable[str]:
    for name, source in after.config.sources.items():
        if source != before.config.sources.get(name):
            yield join_place("sources", name)
    for name, runtime in after.runtimes.items():
        if runtime is not before.runtimes.get(name):
            yield join_place("instances", name)
    for name, plan in after.plans.items():
        if plan is not before.plans.get(name):
            yield join_place("subscriptions", name)
