"""Changes to the living configuration: checked first, made to the revision they were meant for."""

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
    """What a change led to, or would."""

    revision: int
    config: Config
    changes: tuple[Change, ...]


async def save(host: HostContext, call: Call, change: Callable[[Config], Config]) -> Saved:
    """Make a change to the configuration in force; it runs when this returns.

    Raises `StaleConfigError` if the caller meant another revision, or if somebody was faster, and
    `ConfigError` if what would be left does not hold.
    """
    async with host.changing:
        tried = await attempt(host, call, change)
        revision = await host.configs.apply(tried.changes, tried.revision, actor=call.actor)
    return attrs.evolve(tried, revision=revision)


async def attempt(host: HostContext, call: Call, change: Callable[[Config], Config]) -> Saved:
    """What a change would lead to, at the revision in force; raises as `save`."""
    revision, current = await host.configs.load()
    if call.revision is not None and call.revision != revision:
        raise StaleConfigError(expected=call.revision, found=revision)

    def work() -> Saved:
        wanted = change(current)
        references = host.engine.references
        check_references(current, wanted, host.catalog, references)
        # What cannot be resolved here could not be put to work either.
        resolve_write_keys(wanted, references)
        changes = diff_configs(current, wanted, host.catalog)
        return Saved(revision=revision, config=wanted, changes=changes)

    return await host.compute(work)


def parse_part(
    document: Mapping[str, Any], catalog: Catalog, current: Config, *, part: str
) -> Config:
    """Read a document that is made around one part of it; faults of that part are told as its own.

    `part` is the part's place, such as `instances.a.subscriptions[0]`.
    """
    try:
        return parse_config(document, catalog, current=current).config
    except ConfigError as error:
        raise ConfigError(_within(fault, part) for fault in error.faults) from None


async def warnings_at(
    host: HostContext, place: str, find: Callable[[], Iterable[Fault]]
) -> list[ErrorShape]:
    """What is found to mind about one thing of a configuration; its own place is `$`."""
    return await host.compute(lambda: describe_errors(_within(fault, place) for fault in find()))


def _is_within(place: str, outer: str) -> bool:
    return place == outer or place.startswith((f"{outer}.", f"{outer},"))


def _within(fault: Fault, outer: str) -> Fault:
    if not _is_within(fault.place, outer):
        return fault
    return Fault(fault.place[len(outer) :].removeprefix(".") or "$", fault.message)
