"""Subscriptions: list, show, create, change, enable, disable, pause, resume, copy, delete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs
import msgspec

from offramp.api.candidates import read_candidate
from offramp.api.catalog import batch_shape
from offramp.api.catalog_shapes import BatchShape
from offramp.api.config_resource import ConfigResource
from offramp.api.config_shapes import (
    Removed,
    SubscriptionAnswer,
    SubscriptionBody,
    SubscriptionChange,
    Subscriptions,
    SubscriptionShape,
)
from offramp.api.editing import DRY_RUN, save
from offramp.api.operations import Call, Operation, Query, Reply
from offramp.api.problems import ProblemError, conflict, refuse
from offramp.config import Config, Subscription, batch_of
from offramp.config.check import subscription_warnings
from offramp.config.export import masked_subscription, offered_action, subscription_table
from offramp.config.options import show_options
from offramp.config.same_keys import place_of
from offramp.definition import UNSET, sync_mode_apart
from offramp.errors import Fault
from offramp.plugins import CatalogAction, pick

#: The name of the copy of a subscription, as at Segment.
COPY = "{name} (Copy)"
INSTANCE = Query(name="instance", summary="Only those of this instance")


class DuplicateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The name of the copy; the default is `NAME (Copy)`."""

    name: str | None = None


class SubscriptionsResource(ConfigResource):
    """Subscriptions of the configuration."""

    noun = "subscription"
    parameter = "id"
    answer = SubscriptionAnswer
    fixed = ("id", "instance")

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        one, created = "/{id}", {"status": HTTPStatus.CREATED}
        listed = {"answer": Subscriptions, "query": (INSTANCE,)}
        made = {"body": SubscriptionBody, "query": (DRY_RUN,), **created}
        changed = {"body": SubscriptionChange}
        copied = {"body": DuplicateBody, "body_optional": True, **created}
        make, copy = (
            "Create a subscription, which starts disabled",
            "Create a disabled copy of a subscription",
        )
        yield self.operation("GET", "", "List subscriptions", self.listing, **listed)
        yield self.operation("POST", "", make, self.create, **made)
        yield self.operation("GET", one, "Show a subscription", self.show)
        yield self.operation("PATCH", one, "Change a subscription", self.change, **changed)
        yield self.operation("DELETE", one, "Delete a subscription", self.delete, answer=Removed)
        yield from self.switches()
        yield self.operation("POST", f"{one}/duplicate", copy, self.duplicate, **copied)

    def listed(self, config: Config, call: Call) -> Iterable[str]:
        """Select all, or those of one instance."""
        instance = call.query["instance"]
        each_of = config.subscriptions.values()
        return [each.id for each in each_of if instance is None or each.instance == instance]

    async def create(self, call: Call) -> Reply:
        """Create a disabled subscription."""
        table = dict(call.body)
        instance = table.pop("instance", None)
        if not isinstance(instance, str) or not instance:
            raise refuse("instance", "is missing: name an instance")
        if table.pop("enabled", False):
            raise refuse("enabled", "a new subscription starts disabled: enable it later")
        return await self._created(call, instance, table)

    async def change(self, call: Call) -> Reply:
        """Change a subscription; a sync mode in a new mapping replaces the one that it has."""
        _, mode = sync_mode_apart(call.body.get("mapping") or {})
        return await self._changed(
            call, call.body if mode is None else {"sync_mode": None, **call.body}
        )

    async def duplicate(self, call: Call) -> Reply:
        """Create a disabled copy."""
        _, config = await self._host.configs.load()
        original = pick(config.subscriptions, call.path["id"], "subscription")
        if original.built_in:
            raise _refuse_built_in(original.id)
        table = subscription_table(original)
        table.pop("id", None)
        table["name"] = call.body.name or COPY.format(name=original.name)
        return await self._created(call, original.instance, table)

    async def _created(self, call: Call, instance: str, table: Mapping[str, Any]) -> Reply:
        made: list[str] = []

        def change(config: Config) -> Config:
            disabled = {**table, "enabled": False}
            candidate = read_candidate(self._host.catalog, config, instance, disabled)
            if candidate.id in config.subscriptions:
                raise conflict(f"the subscription {candidate.id!r} exists already")
            made[:] = [candidate.id]
            return _with(config, candidate)

        saved = await save(
            self._host,
            call,
            change,
            part=lambda config: self.place_of(config, made[0]),
            hooks_of=lambda _: made,
        )
        return await self.reply(saved, made[0])

    def hooks_of(self, config: Config, name: str) -> Collection[str]:
        """List the subscription itself, unless it is being deleted."""
        return (name,) if name in config.subscriptions else ()

    def all_of(self, config: Config) -> Mapping[str, Subscription]:
        """Subscriptions by id."""
        return config.subscriptions

    def table_of(self, config: Config, name: str) -> Mapping[str, Any]:
        """Return a subscription with its id and the secrets in its mapping."""
        subscription = config.subscriptions[name]
        return {**subscription_table(subscription), "id": name}

    def written(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        """Read a subscription that exists."""
        instance = config.subscriptions[name].instance
        if config.subscriptions[name].built_in:
            return self._built_in_paused(config, name, table)
        return _with(config, read_candidate(self._host.catalog, config, instance, table))

    def _built_in_paused(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        """Pause or resume a built-in subscription: its instance has that in its table."""
        usual = {"enabled": True, "paused": False}
        before = {**usual, **self.table_of(config, name)}
        for key, value in {**usual, **table}.items():
            if key != "paused" and before.get(key, UNSET) != value:
                raise _refuse_built_in(name)
        instance = config.instances[config.subscriptions[name].instance]
        paused = attrs.evolve(instance, on_delete_paused=bool(table.get("paused")))
        return attrs.evolve(config, instances={**config.instances, instance.name: paused})

    def without(self, config: Config, name: str) -> tuple[Config, list[str]]:
        """Remove only the subscription: nothing depends on it."""
        if config.subscriptions[name].built_in:
            raise _refuse_built_in(name)
        kept = {k: each for k, each in config.subscriptions.items() if k != name}
        return attrs.evolve(config, subscriptions=kept), [name]

    def place_of(self, config: Config, name: str) -> str:
        """Return the place, in the list of its instance."""
        return place_of(config, config.subscriptions[name])

    def warnings_of(self, config: Config, name: str) -> Iterable[Fault]:
        """Find warnings about trigger and mapping, also in comparison with other subscriptions."""
        return subscription_warnings(config, self._host.catalog, name)

    def shape(self, config: Config, name: str) -> SubscriptionShape:
        """Return a subscription with its mapping masked, and whether it runs."""
        subscription = config.subscriptions[name]
        snapshot, problems = self._host.engine.snapshot, self._host.problems
        of_instance = problems.get(f"instances.{subscription.instance}")
        offered = offered_action(self._host.catalog, config, subscription)
        mode = None if offered is None else offered.sync_mode(subscription.sync_mode)
        started = subscription.instance in snapshot.runtimes
        return {
            "instance": subscription.instance,
            **show_options(masked_subscription(subscription, self._host.catalog, config)),
            "built_in": subscription.built_in,
            "effective_batch": None if offered is None else _batch(offered, subscription),
            "effective_sync_mode": mode,
            "running": name in snapshot.plans and started,
            "problem": problems.get(f"subscriptions.{name}", of_instance),
        }


def _batch(offered: CatalogAction, subscription: Subscription) -> BatchShape | None:
    batch = batch_of(offered, subscription.mapping, subscription.batch)
    return None if batch is None else batch_shape(batch)


def _refuse_built_in(name: str) -> ProblemError:
    return conflict(
        f"the subscription {name!r} is built in: it can be paused and resumed, and exists as long "
        "as its instance and the destination's on_delete do"
    )


def _with(config: Config, new: Subscription) -> Config:
    """Add a subscription; its name must be unique in its instance."""
    others = config.subscriptions_of(new.instance)
    if any(each.name == new.name and each.id != new.id for each in others):
        raise conflict(f"{new.instance} has a subscription {new.name!r} already")
    return attrs.evolve(config, subscriptions={**config.subscriptions, new.id: new})
