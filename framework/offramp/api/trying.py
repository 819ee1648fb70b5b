"""Subscriptions tried out on events: those that run, those that do not, and those not yet saved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs

from offramp.api.parts import Parts
from offramp.config import Config, Instance, Subscription
from offramp.delivery import InstanceRuntime, Pipeline, compile_subscription, explain
from offramp.errors import ConfigError
from offramp.plugins import pick


@attrs.frozen(kw_only=True, eq=False)
class Try:
    """One subscription compiled, with its instance if that can be started."""

    pipeline: Pipeline
    runtime: InstanceRuntime | None
    parts: Parts

    async def explain(self, event: dict[str, Any]) -> dict[str, Any]:
        """What it would make of an event; nothing is sent."""
        return await explain(self.pipeline, self.runtime, event, now=self.parts.clock())


@asynccontextmanager
async def trying(
    parts: Parts, subscription: Subscription, instances: Mapping[str, Instance]
) -> AsyncIterator[Try]:
    """Compile a subscription for one block; raises `ConfigError` with its faults.

    Where its instance cannot be started, everything but the request is told.
    """
    instance = pick(instances, subscription.instance, "instance")
    pipeline = compile_subscription(
        subscription,
        parts.catalog[instance.destination],
        parts.catalog.directives,
        references=parts.engine.references,
    )
    async with AsyncExitStack() as stack:
        try:
            runtime = await stack.enter_async_context(parts.engine.borrow(instance))
        except ConfigError:
            runtime = None
        yield Try(pipeline=pipeline, runtime=runtime, parts=parts)


@asynccontextmanager
async def trying_saved(parts: Parts, subscription: str) -> AsyncIterator[Try]:
    """The same for a subscription of the configuration, enabled or not; raises `NotFoundError`."""
    config: Config = parts.config
    saved = pick(config.subscriptions, subscription, "subscription")
    async with trying(parts, saved, config.instances) as tried:
        yield tried
