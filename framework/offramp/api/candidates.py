"""Compiles subscriptions to try them out: saved ones, changed ones and ones not yet saved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import attrs

from offramp.api.host_context import HostContext
from offramp.api.parts import parse_part
from offramp.config import Config, Instance, Subscription
from offramp.config.export import instance_table, source_table
from offramp.delivery import InstanceRuntime, Plan, compile_subscription, explain
from offramp.errors import ConfigError, PluginError, join_place
from offramp.plugins import Catalog, pick

#: Compiled in place of a trigger that is missing or has a fault; its result is never shown.
ANY_TRIGGER: Final = 'type = "track"'


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A compiled subscription, with its instance if that can be started."""

    plan: Plan
    runtime: InstanceRuntime | None
    host: HostContext
    #: That its instance cannot be started, and why; empty if it can.
    problem: str = ""

    async def explain(self, event: dict[str, Any]) -> dict[str, Any]:
        """Explain what it would make of an event; nothing is sent."""
        return await explain(self.plan, self.runtime, event, now=self.host.clock())


@asynccontextmanager
async def compiled(
    host: HostContext, subscription: Subscription, instances: Mapping[str, Instance]
) -> AsyncIterator[Candidate]:
    """Compile a subscription for one `async with` block; raises `ConfigError` with its faults.

    If its instance cannot be started, explanations have no request.
    """
    instance = pick(instances, subscription.instance, "instance")
    plan = compile_subscription(
        subscription,
        host.catalog[instance.destination],
        host.catalog.directives,
        references=host.engine.references,
        instance=instance,
    )
    async with AsyncExitStack() as stack:
        runtime, problem = None, ""
        try:
            runtime = await stack.enter_async_context(host.engine.borrow(instance))
        except (ConfigError, PluginError) as error:
            problem = f"the instance cannot be started: {error}"
        yield Candidate(plan=plan, runtime=runtime, host=host, problem=problem)


@asynccontextmanager
async def compiled_saved(host: HostContext, subscription: str) -> AsyncIterator[Candidate]:
    """Compile a saved subscription, enabled or not; raises `NotFoundError` if there is none."""
    config: Config = host.config
    saved = pick(config.subscriptions, subscription, "subscription")
    async with compiled(host, saved, config.instances) as candidate:
        yield candidate


def read_candidate(
    catalog: Catalog, config: Config, instance: str, table: Mapping[str, Any]
) -> Subscription:
    """Read a subscription of an instance; raises `ConfigError` with every fault of it.

    `table` has the keys of a document: name, preset, action, trigger, mapping, defaults,
    enabled, id.
    """
    of = pick(config.instances, instance, "instance")
    place = join_place(join_place("instances", instance), "subscriptions")
    settings = instance_table(of, catalog, secrets=True)
    document = {
        "sources": {s.name: source_table(s, secrets=True) for s in config.sources.values()},
        "instances": {instance: {**settings, "subscriptions": [dict(table)]}},
    }
    read = parse_part(document, catalog, config, part=join_place(place, 0))
    [subscription] = read.subscriptions.values()
    return subscription
