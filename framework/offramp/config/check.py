"""What can be told of a whole configuration before it runs: errors, and what is hardly meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import attrs

from offramp.config.audiences import resolve_audiences
from offramp.config.export import (
    audience_fields,
    export_config,
    mapping_fields,
    settings_fields,
)
from offramp.config.model import Config, Instance, Source, Subscription
from offramp.config.open_secrets import open_secrets
from offramp.config.parse import parse_config
from offramp.config.references import (
    References,
    resolve_mapping,
    resolve_oauth,
    resolve_settings,
    resolve_write_keys,
)
from offramp.config.refused_settings import refused_settings
from offramp.config.same_keys import place_of, same_keys, same_keys_as
from offramp.config.sandbox import in_sandbox
from offramp.config.triggers import read_trigger
from offramp.errors import ConfigError, Fault, TriggerError, join_place
from offramp.http import Egress
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
    config: Config,
    catalog: Catalog,
    *,
    references: References | None = None,
    egress: Egress | None = None,
) -> Report:
    """Check a configuration against the catalog, and its parts against each other.

    With `references`, those are followed too, and each that leads nowhere is a warning. So is, with
    `egress` in addition, each setting with a URL to which that lets no request go.
    """
    warnings = [*find_warnings(config, catalog)]
    if references is not None:
        warnings += _references(config, catalog, references)
        if egress is not None:
            warnings += refused_settings(config, catalog, egress, references)
    return Report(errors=_errors(config, catalog), warnings=tuple(warnings))


def find_warnings(config: Config, catalog: Catalog) -> Iterator[Fault]:
    """What is valid in a configuration but deserves a look."""
    yield from _idle(config)
    for name in dict.fromkeys(each.instance for each in config.subscriptions.values()):
        yield from _too_many_subscriptions(config, name)
    yield from _triggers(config, config.subscriptions.values())
    yield from same_keys(config, catalog, config.subscriptions.values())
    yield from open_secrets(
        catalog, config, config.instances.values(), config.subscriptions.values()
    )


def source_warnings(config: Config, name: str) -> Iterator[Fault]:
    """Those of `find_warnings` that are about one source."""
    used = any(each.source == name for each in config.instances.values())
    yield from _idle_source(config.sources[name], used=used)


def instance_warnings(config: Config, catalog: Catalog, name: str) -> Iterator[Fault]:
    """Those of `find_warnings` that are about one instance and its subscriptions."""
    subscriptions = config.subscriptions_of(name)
    yield from _idle_instance(config, config.instances[name])
    yield from _too_many_subscriptions(config, name)
    yield from _triggers(config, subscriptions)
    yield from same_keys(config, catalog, subscriptions)
    yield from open_secrets(catalog, config, [config.instances[name]], subscriptions)


def subscription_warnings(config: Config, catalog: Catalog, name: str) -> Iterator[Fault]:
    """Those of `find_warnings` that are about one subscription; no other's trigger is checked."""
    subscription = config.subscriptions[name]
    siblings = config.subscriptions_of(subscription.instance)
    if config.instances[subscription.instance].enabled and any(s.enabled for s in siblings):
        yield from _idle_subscriptions(config, [subscription])
    yield from _triggers(config, [subscription])
    yield from same_keys_as(config, catalog, subscription)
    yield from open_secrets(catalog, config, [], [subscription])


def _errors(config: Config, catalog: Catalog) -> tuple[Fault, ...]:
    return _faults(lambda: parse_config(export_config(config, catalog, secrets=True), catalog))


def _idle(config: Config) -> Iterator[Fault]:
    """What brings no event anywhere."""
    used = {instance.source for instance in config.instances.values()}
    for source in config.sources.values():
        yield from _idle_source(source, used=source.name in used)
    for instance in config.instances.values():
        yield from _idle_instance(config, instance)


def _idle_source(source: Source, *, used: bool) -> Iterator[Fault]:
    place = join_place("sources", source.name)
    if not source.enabled:
        yield Fault(place, "is disabled: its events go nowhere")
        return
    if source.paused:
        yield Fault(place, "is paused: its events wait")
    if not used:
        yield Fault(place, "has no instances: its events are accepted and go nowhere")


def _idle_instance(config: Config, instance: Instance) -> Iterator[Fault]:
    place = join_place("instances", instance.name)
    if not instance.enabled:
        yield Fault(place, "is disabled: nothing is sent to it")
        return
    if instance.paused:
        yield Fault(place, "is paused: its events wait")
    if instance.sandbox:
        message = "uses a sandbox: an emulator on this machine gets its events, not the partner"
        yield Fault(place, message)
    subscriptions = _written(config, instance.name)
    if not any(each.enabled for each in subscriptions):
        found = "only disabled ones" if subscriptions else "none"
        yield Fault(place, f"needs an enabled subscription to send anything, and has {found}")
        return
    yield from _idle_subscriptions(config, subscriptions)


def _idle_subscriptions(config: Config, subscriptions: Iterable[Subscription]) -> Iterator[Fault]:
    for each in subscriptions:
        if not each.enabled:
            lacking = ", and has no trigger yet" if each.trigger is None else ""
            yield Fault(place_of(config, each), f"is disabled{lacking}")
        elif each.paused:
            yield Fault(place_of(config, each), "is paused: its events wait")


def _written(config: Config, instance: str) -> list[Subscription]:
    """The subscriptions of an instance that are not built in."""
    return [each for each in config.subscriptions_of(instance) if not each.built_in]


def _too_many_subscriptions(config: Config, name: str) -> Iterator[Fault]:
    count = len(_written(config, name))
    if count > SEGMENT_SUBSCRIPTIONS:
        message = f"has {count} subscriptions; Segment allows {SEGMENT_SUBSCRIPTIONS}"
        yield Fault(join_place("instances", name), message)


def _triggers(config: Config, subscriptions: Iterable[Subscription]) -> Iterator[Fault]:
    for each in subscriptions:
        try:
            warnings = read_trigger(each.trigger).warnings
        except TriggerError:
            continue  # an error already
        for message in warnings:
            yield Fault(f"{place_of(config, each)}.trigger", message)


def _references(config: Config, catalog: Catalog, references: References) -> Iterator[Fault]:
    yield from _faults(partial(resolve_write_keys, config, references))
    for instance in config.instances.values():
        yield from _references_of(instance, catalog, references)
    for each in config.subscriptions.values():
        fields = mapping_fields(catalog, config, each)
        yield from _faults(partial(resolve_mapping, each, fields, references))


def _references_of(instance: Instance, catalog: Catalog, references: References) -> Iterator[Fault]:
    entry = catalog.get(instance.destination)
    used = instance if entry is None else in_sandbox(instance, entry.destination)
    settings, audiences = settings_fields(catalog, instance), audience_fields(catalog, instance)
    yield from _faults(partial(resolve_settings, used, settings, references))
    yield from _faults(partial(resolve_audiences, instance, audiences, references))
    yield from _faults(partial(resolve_oauth, used, references))


def _faults(read: Callable[[], object]) -> tuple[Fault, ...]:
    try:
        read()
    except ConfigError as error:
        return error.faults
    return ()
