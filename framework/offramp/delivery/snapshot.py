"""A configuration compiled whole: pipelines, runtimes, the router, and what could not be made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from offramp.config import Config, Instance, Subscription
from offramp.delivery.instance import InstanceRuntime
from offramp.delivery.pipeline import Pipeline, compile_subscription
from offramp.delivery.router import Lane, Router, make_router
from offramp.errors import OfframpError, TriggerError, told
from offramp.fql import compile_trigger
from offramp.plugins import Catalog, CatalogEntry

#: Starts the runtime of an instance, its secrets resolved; raises `ConfigError`.
StartInstance: TypeAlias = Callable[[Instance, CatalogEntry], InstanceRuntime]


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """What runs: replaced whole when the configuration changes."""

    config: Config
    router: Router
    #: By instance name.
    runtimes: Mapping[str, InstanceRuntime]
    #: By subscription id; only enabled ones.
    pipelines: Mapping[str, Pipeline]
    #: `instances.NAME` or `subscriptions.ID` -> why it does not run. Its events wait.
    problems: Mapping[str, str]
    #: Why no instance runs, where a plugin that the configuration names is left out.
    held: str | None = None

    def runtime_of(self, pipeline: Pipeline) -> InstanceRuntime | None:
        """The runtime that a pipeline delivers through, where it could be started."""
        return self.runtimes.get(pipeline.subscription.instance)


def compile_config(
    config: Config,
    catalog: Catalog,
    start: StartInstance,
    *,
    previous: Snapshot | None = None,
) -> Snapshot:
    """Compile everything that is enabled; what cannot be is told in `problems`.

    Runtimes of instances that did not change are taken over from `previous`, with their
    connections and what they have learnt.
    """
    problems: dict[str, str] = {}
    runtimes = {}
    held = _held(config, catalog)
    for instance in config.instances.values():
        if not _runs(config, instance):
            continue
        if held is not None:
            problems[f"instances.{instance.name}"] = held
            continue
        try:
            runtimes[instance.name] = _kept(previous, instance) or start(
                instance, catalog[instance.destination]
            )
        except Exception as error:  # noqa: BLE001 - one broken plugin must not stop the rest
            problems[f"instances.{instance.name}"] = _problem(error)
    lanes: list[tuple[str, Lane]] = []
    pipelines = {}
    for subscription in config.subscriptions.values():
        instance = config.instances[subscription.instance]
        if not subscription.enabled or not _runs(config, instance):
            continue
        try:
            entry = catalog[instance.destination]
            pipeline = compile_subscription(subscription, entry, catalog.directives)
            pipelines[subscription.id] = pipeline
        except Exception as error:  # noqa: BLE001 - such as of a directive that a plugin adds
            problems[f"subscriptions.{subscription.id}"] = _problem(error)
        lanes.append((instance.source, _lane(subscription, instance, catalog)))
    keys = {s.write_key: s.name for s in config.sources.values() if s.enabled}
    return Snapshot(
        config=config,
        router=make_router(lanes, keys),
        runtimes=runtimes,
        pipelines=pipelines,
        problems=problems,
        held=held,
    )


def _held(config: Config, catalog: Catalog) -> str | None:
    """Why no instance may run, where a plugin that the configuration names is left out."""
    destinations = [each.destination for each in config.instances.values() if _runs(config, each)]
    named = catalog.holding(destinations)
    if not named:
        return None
    told_ = "; ".join(map(str, named))
    return f"every instance is held, as a plugin in use may sign or redact what is sent: {told_}"


def _problem(error: Exception) -> str:
    return str(error) if isinstance(error, OfframpError) else f"the plugin raised {told(error)}"


def _runs(config: Config, instance: Instance) -> bool:
    return instance.enabled and config.sources[instance.source].enabled


def _kept(previous: Snapshot | None, instance: Instance) -> InstanceRuntime | None:
    if previous is None or previous.config.instances.get(instance.name) != instance:
        return None
    return previous.runtimes.get(instance.name)


def _lane(subscription: Subscription, instance: Instance, catalog: Catalog) -> Lane:
    """A lane even where the mapping is broken: its events wait until that is mended."""
    names = [instance.name]
    if instance.destination in catalog:
        names.append(catalog[instance.destination].destination.name)
    try:
        trigger = compile_trigger(subscription.trigger)
    except TriggerError:
        return Lane(id=subscription.id, matches=None, names=tuple(names))
    return Lane(
        id=subscription.id,
        matches=trigger.matches,
        names=tuple(names),
        events=trigger.needs("event"),
        types=trigger.needs("type"),
    )
