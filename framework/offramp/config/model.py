"""What an operator configures: sources, instances, subscriptions; plain frozen data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs

#: What a write key must be, as a fault tells it.
WRITE_KEY_FORM: Final = "must be printable ASCII characters, with no line break"


def is_write_key(value: Any) -> bool:
    """Whether a value can be a write key: a text, not empty, of printable ASCII characters."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


@attrs.frozen(kw_only=True)
class Source:
    """Where events come from; whoever knows the write key may send."""

    name: str
    write_key: str = attrs.field(repr=False)
    enabled: bool = True


@attrs.frozen(kw_only=True)
class Instance:
    """A destination, configured for one source."""

    name: str
    #: Name of a source.
    source: str
    #: Slug of a destination.
    destination: str
    #: By wire name; secrets may be references such as `env:NAME` (see `secrets`).
    settings: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    enabled: bool = True
    #: Requests under way at once, at the most.
    max_concurrency: int | None = None
    #: Requests a second, at the most.
    requests_per_second: float | None = None


@attrs.frozen(kw_only=True)
class Subscription:
    """An action of an instance, with the trigger and the mapping it runs under."""

    #: Also the name of its lane in the queue and the ledger; `INSTANCE/NAME` unless given.
    id: str
    name: str
    #: Name of an instance.
    instance: str
    #: Slug of an action.
    action: str
    #: FQL.
    trigger: str
    #: The whole mapping: defaults and presets are already laid in.
    mapping: Mapping[str, Any]
    enabled: bool = True
    #: Name of the preset that it was made from.
    preset: str | None = None


@attrs.frozen(kw_only=True)
class Config:
    """The whole configuration, by name or id, in the order in which it was written."""

    sources: Mapping[str, Source] = attrs.field(factory=dict)
    instances: Mapping[str, Instance] = attrs.field(factory=dict)
    subscriptions: Mapping[str, Subscription] = attrs.field(factory=dict)

    def subscriptions_of(self, instance: str) -> tuple[Subscription, ...]:
        """The subscriptions of one instance."""
        return self._by_instance.get(instance, ())

    def position_of(self, subscription: str) -> int:
        """Which of the subscriptions of its instance one is, by its id; 0 for the first."""
        return self._positions[subscription]

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {each.id: n for of in self._by_instance.values() for n, each in enumerate(of)}

    @cached_property
    def _by_instance(self) -> Mapping[str, tuple[Subscription, ...]]:
        found: defaultdict[str, list[Subscription]] = defaultdict(list)
        for each in self.subscriptions.values():
            found[each.instance].append(each)
        return {instance: tuple(of) for instance, of in found.items()}
