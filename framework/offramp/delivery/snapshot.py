"""Compiles a whole configuration: plans, runtimes, the router, and problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeAlias

import attrs

from offramp import _json
from offramp.config import (
    Config,
    Instance,
    Kind,
    Periods,
    References,
    Subscription,
    known_keys,
    read_trigger,
    same_thing,
    with_built_in,
)
from offramp.delivery.disabled import kept_until, why_disabled
from offramp.delivery.pausing import Paused, find_paused
from offramp.delivery.plan import Plan, compile_subscription
from offramp.delivery.router import Binding, Router, make_router
from offramp.delivery.runtime import InstanceRuntime
from offramp.errors import (
    ConfigError,
    Fault,
    OfframpError,
    PluginError,
    TriggerError,
    join_place,
)
from offramp.place import exception_text
from offramp.plugins import Catalog, CatalogEntry


class UnreadableError(OfframpError):
    """The stored document of something cannot be read."""


#: Starts the runtime of an instance, its secrets resolved; raises `ConfigError`.
StartInstance: TypeAlias = Callable[[Instance, CatalogEntry], InstanceRuntime]


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """A compiled configuration; a change replaces it as a whole."""

    config: Config
    router: Router
    #: Instance name -> its runtime.
    runtimes: Mapping[str, InstanceRuntime]
    #: Subscription id -> its plan; only enabled subscriptions.
    plans: Mapping[str, Plan]
    #: Subscription id -> its trigger for the router; also if its plan could not be made.
    triggers: Mapping[str, Binding]
    #: `instances.NAME` or `subscriptions.ID` -> why it does not run. Its events wait.
    problems: Mapping[str, str]
    #: Why no instance runs, if a plugin that the configuration names is left out.
    held: str | None = None
    #: The places of `problems` that a plugin causes, not the configuration.
    of_plugins: frozenset[str] = frozenset()
    #: What is paused. The subscriptions that it holds have plans, and no worker.
    paused: tuple[Paused, ...] = ()
    #: Disabled sources, and until when their events are stored, in epoch seconds.
    kept_until: Mapping[str, float] = attrs.field(factory=dict)
    #: Since when what is disabled is so, and when what was paused was.
    periods: Periods = attrs.field(factory=Periods)

    @cached_property
    def paused_subscriptions(self) -> frozenset[str]:
        """The subscriptions whose events wait for something paused."""
        return frozenset(each for paused in self.paused for each in paused.subscriptions)

    @cached_property
    def sources_without_keys(self) -> tuple[str, ...]:
        """The sources that cannot be read, and of which not all write keys are known."""
        return tuple(
            name
            for name, source in self.config.sources.items()
            if known_keys(self.config, source) != source.labelled_keys
        )

    def source_of(self, write_key: str, now: Callable[[], float], *, closed: bool) -> str | None:
        """Find the source of a write key, if it takes events, or if it is `closed`.

        `now` tells the time, in epoch seconds; only a disabled source needs it.
        """
        source = self.router.source_of(write_key)
        if source is None:
            return None
        until = self.kept_until.get(source)
        return source if (until is not None and now() >= until) is closed else None

    def is_server_side(self, source: str) -> bool:
        """Whether a source may ask for deletions."""
        declared = self.config.sources.get(source)
        return declared is not None and declared.server_side

    def with_periods(self, periods: Periods, *, grace: float, now: float) -> Snapshot:
        """Add what is paused, and until when the events of disabled sources are stored.

        `grace` is in seconds, `now` in epoch seconds.
        """
        return attrs.evolve(
            self,
            paused=find_paused(self.config, periods, now=now),
            kept_until=kept_until(self.config, periods, grace=grace, now=now),
            periods=periods,
        )

    def runtime_of(self, plan: Plan) -> InstanceRuntime | None:
        """Return the runtime of a plan, or `None` if it could not be started."""
        return self.runtimes.get(plan.subscription.instance)

    def new_problems(self, before: Snapshot) -> Mapping[str, str]:
        """Place -> why it does not run, without what did not run for the same reason before."""
        old = before.problems
        return {place: each for place, each in self.problems.items() if old.get(place) != each}

    def has_changed(self, subscription: str, before: Snapshot) -> bool:
        """Whether a subscription has another plan or another runtime than before, or had none."""
        old, new = before.plans.get(subscription), self.plans.get(subscription)
        if old is None or old is not new:
            return True
        return before.runtime_of(old) is not self.runtime_of(new)


@attrs.frozen(kw_only=True, eq=False)
class CompiledSubscriptions:
    """The compiled subscriptions of a configuration, before anything runs."""

    config: Config
    router: Router
    plans: Mapping[str, Plan]
    triggers: Mapping[str, Binding]
    problems: Mapping[str, str]
    #: The configuration that ran before, without what has to start anew.
    known: Snapshot | None


def compile_config(
    config: Config,
    catalog: Catalog,
    start: StartInstance,
    *,
    previous: Snapshot | None = None,
    references: References | None = None,
) -> Snapshot:
    """Compile everything that is enabled; what cannot be compiled is listed in `problems`.

    Unchanged plans and runtimes are taken from `previous`, with their connections and limits.
    """
    compiled = compile_subscriptions(config, catalog, previous=previous, references=references)
    return start_runtimes(compiled, catalog, start)


def compile_subscriptions(
    config: Config,
    catalog: Catalog,
    *,
    previous: Snapshot | None = None,
    references: References | None = None,
    reread: bool = False,
) -> CompiledSubscriptions:
    """Compile the enabled subscriptions, those that changed since `previous`; in any thread.

    With `reread`, what a reference stands for now counts as a change too, also for instances.
    """
    config = with_built_in(config, catalog)
    problems: dict[str, str] = {}
    plans: dict[str, Plan] = {}
    triggers: dict[str, Binding] = {}
    disabled: list[tuple[str, str, str]] = []
    known = _without_outdated(previous, references or References()) if reread else previous
    for subscription in config.subscriptions.values():
        instance, name = config.instances[subscription.instance], subscription.id
        reason = why_disabled(config, name)
        if reason is not None:
            disabled.append((instance.source, reason, name))
            continue
        try:
            refuse_unreadable(config, "subscription", name)
            _refuse_pending(subscription)
            plans[name] = _plan(subscription, instance, catalog, known, references)
        except Exception as error:  # noqa: BLE001 - such as an error in a plugin's directive
            # Without its destination a built-in one may be none; the instance has the problem.
            if not subscription.built_in or instance.destination in catalog:
                problems[f"subscriptions.{name}"] = _problem(error)
        before = None if previous is None else previous.triggers.get(name)
        names = _names(instance, catalog)
        triggers[name] = _trigger(subscription, names, plans.get(name), before)
    bindings = [
        (config.instances[config.subscriptions[name].instance].source, trigger)
        for name, trigger in triggers.items()
    ]
    # Disabled sources too: their events are stored for a while.
    keys = {key: s.name for s in config.sources.values() for key in known_keys(config, s).values()}
    return CompiledSubscriptions(
        config=config,
        router=make_router(bindings, keys, disabled),
        plans=plans,
        triggers=triggers,
        problems=problems,
        known=known,
    )


def start_runtimes(
    compiled: CompiledSubscriptions,
    catalog: Catalog,
    start: StartInstance,
) -> Snapshot:
    """Start the instances that changed, in the thread of the event loop."""
    config = compiled.config
    problems: dict[str, str] = {}
    of_plugins: set[str] = set()
    runtimes = {}
    held = _held(config, catalog)
    for instance in config.instances.values():
        if not _runs(config, instance):
            continue
        place = f"instances.{instance.name}"
        if held is not None:
            problems[place] = held
            of_plugins.add(place)
            continue
        try:
            refuse_unreadable(config, "instance", instance.name)
            runtimes[instance.name] = _kept(compiled.known, instance) or start(
                instance, catalog[instance.destination]
            )
        except Exception as error:  # noqa: BLE001 - one broken plugin must not stop the rest
            problems[place] = _problem(error)
            if isinstance(error, PluginError):
                of_plugins.add(place)
    return Snapshot(
        config=config,
        router=compiled.router,
        runtimes=runtimes,
        plans=compiled.plans,
        triggers=compiled.triggers,
        problems={**problems, **compiled.problems},
        held=held,
        of_plugins=frozenset(of_plugins),
    )


def _held(config: Config, catalog: Catalog) -> str | None:
    """Return why no instance may run, if a plugin that the configuration names is left out."""
    destinations = [each.destination for each in config.instances.values() if _runs(config, each)]
    named = catalog.holding(destinations)
    if not named:
        return None
    causes = "; ".join(map(str, named))
    return f"every instance is held, as a plugin in use may sign or redact what is sent: {causes}"


def refuse_unreadable(config: Config, kind: Kind, name: str) -> None:
    """Raise if only a stand-in of something is known, which must not run."""
    cause = config.unreadable.get((kind, name))
    if cause is not None:
        raise UnreadableError(cause)


def _refuse_pending(subscription: Subscription) -> None:
    """Raise if a save hook has to run first; a start of the host never asks a partner for that."""
    for name in subscription.pending_hooks:
        message = (
            f"its save hook {name} has not run: save the subscription in the console, or apply the "
            "file to the running host with `offramp apply`"
        )
        place = join_place(join_place("subscriptions", subscription.id), "hooks")
        raise ConfigError([Fault(join_place(place, name), message)])


def _problem(error: Exception) -> str:
    return (
        str(error)
        if isinstance(error, OfframpError)
        else f"the plugin raised {exception_text(error)}"
    )


def _runs(config: Config, instance: Instance) -> bool:
    return instance.enabled and config.sources[instance.source].enabled


def _without_outdated(previous: Snapshot | None, references: References) -> Snapshot | None:
    """Return a snapshot without the parts whose references stand for something else now."""
    if previous is None:
        return None
    runtimes, plans = previous.runtimes.items(), previous.plans.items()
    return attrs.evolve(
        previous,
        runtimes={k: each for k, each in runtimes if not each.is_outdated(references)},
        plans={k: each for k, each in plans if not each.is_outdated(references)},
    )


def _kept(previous: Snapshot | None, instance: Instance) -> InstanceRuntime | None:
    before = None if previous is None else previous.config.instances.get(instance.name)
    if previous is None or not same_thing(before, instance):
        return None
    return previous.runtimes.get(instance.name)


def _plan(
    subscription: Subscription,
    instance: Instance,
    catalog: Catalog,
    previous: Snapshot | None,
    references: References | None,
) -> Plan:
    """Return the previous plan if subscription and destination are unchanged, or a new one."""
    entry = catalog[instance.destination]
    kept = None if previous is None else previous.plans.get(subscription.id)
    if previous is not None and kept is not None:
        before = previous.config.subscriptions[subscription.id]
        offered = entry.find_action(subscription.action)
        same = same_thing(before, subscription) and _same_audiences(previous.config, instance)
        if kept.offered is offered and same:
            return kept
    return compile_subscription(
        subscription, entry, catalog.directives, references=references, instance=instance
    )


def _same_audiences(before: Config, instance: Instance) -> bool:
    old = before.instances.get(instance.name)
    return old is instance or (
        old is not None and _json.dumps(old.audiences) == _json.dumps(instance.audiences)
    )


def _names(instance: Instance, catalog: Catalog) -> tuple[str, ...]:
    """List the names of an instance in an event's `integrations` object."""
    if instance.destination not in catalog:
        return (instance.name,)
    return (instance.name, catalog[instance.destination].destination.name)


def _trigger(
    subscription: Subscription,
    names: tuple[str, ...],
    plan: Plan | None,
    known: Binding | None,
) -> Binding:
    """Make it, also if the mapping is broken: its events wait until that is fixed."""
    try:
        compiled = plan.matches if plan else read_trigger(subscription.trigger).trigger
    except TriggerError:
        return Binding(id=subscription.id, matches=None, names=names, reads=frozenset())
    if known is not None and known.matches is compiled.matches_struct and known.names == names:
        return known
    return Binding(
        id=subscription.id,
        matches=compiled.matches_struct,
        names=names,
        needs=compiled.needs,
        reads=compiled.reads,
    )
