"""Faults of one part of a configuration, with places relative to that part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offramp.config import Config, parse_config
from offramp.errors import ConfigError, Fault, join_place
from offramp.plugins import Catalog


def parse_part(
    document: Mapping[str, Any], catalog: Catalog, current: Config, *, part: str
) -> Config:
    """Read a document in which one part was changed; faults of that part are relative to it.

    `part` is the part's place, such as `instances.a.subscriptions[0]`.
    """
    try:
        return parse_config(document, catalog, current=current).config
    except ConfigError as error:
        raise ConfigError(within(fault, part) for fault in error.faults) from None


def within(fault: Fault, outer: str) -> Fault:
    """The fault with its place relative to an outer place, if it is inside that."""
    place = fault.place
    if place != outer and not place.startswith((f"{outer}.", f"{outer},")):
        return fault
    return Fault(place[len(outer) :].removeprefix(".") or "$", fault.message)


def of_subscription(fault: Fault, subscription: str) -> Fault:
    """The fault of a compiled subscription with its place relative to the subscription."""
    return within(fault, join_place("subscriptions", subscription))
