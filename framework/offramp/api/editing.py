"""Changes the configuration of the running host: checks first, and refuses a stale revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from offramp.api.host_context import HostContext
from offramp.api.operations import Call
from offramp.config import (
    Change,
    Config,
    StaleConfigError,
    check_references,
    diff_configs,
    parse_config,
    resolve_write_keys,
)
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog
from offramp.pointers import ErrorShape, describe_errors


@attrs.frozen(kw_only=True)
class Saved:
    """The result of a change, or of a change that is only tried."""

    revision: int
    config: Config
    changes: tuple[Change, ...]


async def save(host: HostContext, call: Call, change: Callable[[Config], Config]) -> Saved:
    """Change the configuration; the host runs the new one when this returns.

    Raises `StaleConfigError` if the caller named another revision, or if another change was
    faster, and `ConfigError` if the new configuration is not valid.
    """
    async with host.changing:
        tried = await attempt(host, call, change)
        revision = await host.configs.apply(tried.changes, tried.revision, actor=call.actor)
    return attrs.evolve(tried, revision=revision)


async def attempt(host: HostContext, call: Call, change: Callable[[Config], Config]) -> Saved:
    """Compute the result of a change to the present revision; raises as `save` does."""
    revision, current = await host.configs.load()
    if call.revision is not None and call.revision != revision:
        raise StaleConfigError(expected=call.revision, found=revision)

    def work() -> Saved:
        wanted = change(current)
        references = host.engine.references
        check_references(current, wanted, host.catalog, references)
        # A reference that cannot be resolved here could not be resolved when it is applied.
        resolve_write_keys(wanted, references)
        changes = diff_configs(current, wanted, host.catalog)
        return Saved(revision=revision, config=wanted, changes=changes)

    return await host.compute(work)


def parse_part(
    document: Mapping[str, Any], catalog: Catalog, current: Config, *, part: str
) -> Config:
    """Read a document in which one part was changed; faults of that part are relative to it.

    `part` is the part's place, such as `instances.a.subscriptions[0]`.
    """
    try:
        return parse_config(document, catalog, current=current).config
    except ConfigError as error:
        raise ConfigError(_within(fault, part) for fault in error.faults) from None


async def warnings_at(
    host: HostContext, place: str, find: Callable[[], Iterable[Fault]]
) -> list[ErrorShape]:
    """Find warnings about one part of a configuration; their places are relative to it."""
    return await host.compute(lambda: describe_errors(_within(fault, place) for fault in find()))


def _is_within(place: str, outer: str) -> bool:
    return place == outer or place.startswith((f"{outer}.", f"{outer},"))


def _within(fault: Fault, outer: str) -> Fault:
    if not _is_within(fault.place, outer):
        return fault
    return Fault(fault.place[len(outer) :].removeprefix(".") or "$", fault.message)
