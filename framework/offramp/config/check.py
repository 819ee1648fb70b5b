"""What can be told of a whole configuration before it runs: errors, and what is hardly meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config.export import export_config, settings_fields
from offramp.config.model import Config, Instance, Subscription
from offramp.config.overlap import may_overlap
from offramp.config.parse import parse_config
from offramp.config.references import resolve_settings, resolve_write_keys
from offramp.config.table import join_place
from offramp.errors import ConfigError, Fault, TriggerError
from offramp.fql import compile_trigger
from offramp.fql.segment import segment_reading
from offramp.plugins import Catalog

#: More of them per destination cannot be moved to Segment. Source: segment.com/docs, "Actions".
SEGMENT_SUBSCRIPTIONS: Final = 50


@attrs.frozen(kw_only=True)
class Report:
    """What is wrong with a configuration, and what is valid but deserves a look."""

    errors: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


def check_config(
    config: Config, catalog: Catalog, *, environ: Mapping[str, str] | None = None
) -> Report:
    """Check a configuration against the catalog, and its parts against each other.

    With `environ`, references are followed too, and each that leads nowhere is a warning.
    """
    warnings = [
        *_idle(config),
        *_crowded(config),
        *_triggers(config),
        *_same_keys(config, catalog),
        *(() if environ is None else _references(config, catalog, environ)),
    ]
    return Report(errors=_errors(config, catalog), warnings=tuple(warnings))


def _errors(config: Config, catalog: Catalog) -> tuple[Fault, ...]:
    try:
        parse_config(export_config(config, catalog, secrets=True), catalog)
    except ConfigError as error:
        return error.faults
    return ()


def _idle(config: Config) -> Iterator[Fault]:
    """What brings no event anywhere."""
    used = {instance.source for instance in config.instances.values()}
    for source in config.sources.values():
        place = join_place("sources", source.name)
        if not source.enabled:
            yield Fault(place, "is disabled: its events are turned away")
        elif source.name not in used:
            yield Fault(place, "has no instances: its events are accepted and go nowhere")
    for instance in config.instances.values():
        yield from _idle_instance(config, instance)


def _idle_instance(config: Config, instance: Instance) -> Iterator[Fault]:
    place = join_place("instances", instance.name)
    if not instance.enabled:
        yield Fault(place, "is disabled: nothing is sent to it")
        return
    subscriptions = config.subscriptions_of(instance.name)
    if not any(each.enabled for each in subscriptions):
        found = "only disabled ones" if subscriptions else "none"
        yield Fault(place, f"needs an enabled subscription to send anything, and has {found}")
        return
    for each in subscriptions:
        if not each.enabled:
            yield Fault(_place(config, each), "is disabled")


def _crowded(config: Config) -> Iterator[Fault]:
    counts = Counter(each.instance for each in config.subscriptions.values())
    for name, count in counts.items():
        if count > SEGMENT_SUBSCRIPTIONS:
            told = f"has {count} subscriptions; Segment allows {SEGMENT_SUBSCRIPTIONS}"
            yield Fault(join_place("instances", name), told)


def _triggers(config: Config) -> Iterator[Fault]:
    for each in config.subscriptions.values():
        place = f"{_place(config, each)}.trigger"
        try:
            told = [*compile_trigger(each.trigger).warnings, *segment_reading(each.trigger)]
        except TriggerError:
            continue  # an error already
        yield from (Fault(place, message) for message in told)


def _same_keys(config: Config, catalog: Catalog) -> Iterator[Fault]:
    """Subscriptions that give one event one idempotency key: the partner keeps only one of them."""
    alike: defaultdict[tuple[str, str, bytes], list[Subscription]] = defaultdict(list)
    for each in config.subscriptions.values():
        key = _idempotency_key(each, config, catalog)
        if key is not None and each.enabled:
            alike[(each.instance, each.action, _json.dumps(key))].append(each)
    for group in alike.values():
        for one, other in combinations(group, 2):
            if _overlap(one, other):
                yield Fault(_place(config, other), _told_same_key(one, other, config, catalog))


def _idempotency_key(each: Subscription, config: Config, catalog: Catalog) -> Any:
    instance = config.instances.get(each.instance)
    if instance is None or not instance.enabled or instance.destination not in catalog:
        return None
    offered = catalog[instance.destination].actions.get(each.action)
    if offered is None or offered.action.idempotency is None:
        return None
    return each.mapping.get(offered.action.idempotency.key)


def _told_same_key(one: Subscription, other: Subscription, config: Config, catalog: Catalog) -> str:
    offered = catalog[config.instances[other.instance].destination].action(other.action)
    key = offered.action.idempotency.key if offered.action.idempotency else ""
    return (
        f"an event that {one.name!r} matches too is sent twice with the same {key!r}, and the "
        f"destination keeps only one: make the triggers exclude each other, or map {key!r} in "
        f"{other.name!r} to something else"
    )


def _overlap(one: Subscription, other: Subscription) -> bool:
    try:
        return may_overlap(one.trigger, other.trigger)
    except TriggerError:
        return False  # an error already


def _references(config: Config, catalog: Catalog, environ: Mapping[str, str]) -> Iterator[Fault]:
    try:
        resolve_write_keys(config, environ=environ)
    except ConfigError as error:
        yield from error.faults
    for instance in config.instances.values():
        try:
            resolve_settings(instance, settings_fields(catalog, instance), environ=environ)
        except ConfigError as error:
            yield from error.faults


def _place(config: Config, subscription: Subscription) -> str:
    """Where a subscription stands in a document."""
    index = config.subscriptions_of(subscription.instance).index(subscription)
    place = join_place(join_place("instances", subscription.instance), "subscriptions")
    return join_place(place, index)
