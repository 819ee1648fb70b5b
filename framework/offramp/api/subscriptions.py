"""Subscriptions: list, show, make (from a preset too), change, switch, duplicate, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs
import msgspec

from offramp.api.candidates import read_candidate
from offramp.api.config_shapes import (
    Removed,
    SubscriptionAnswer,
    SubscriptionBody,
    SubscriptionChange,
    Subscriptions,
    SubscriptionShape,
)
from offramp.api.editing import Saved, save, warnings_at
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Query, Reply
from offramp.api.problems import conflict, refuse
from offramp.config import Config, mask_mapping
from offramp.config.check import subscription_warnings
from offramp.config.export import mapping_fields, subscription_table
from offramp.config.same_keys import place_of
from offramp.plugins import pick

#: What the copy of a subscription is called. Named as at Segment.
COPY = "{name} (Copy)"
INSTANCE = Query(name="instance", summary="Only those of this instance")


class DuplicateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the copy is called; `NAME (Copy)` unless given."""

    name: str | None = None


class SubscriptionsResource:
    """Subscriptions of the configuration."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        path, one = "/api/subscriptions", "/api/subscriptions/{id}"

        def make(method: str, at: str, summary: str, serve: Any, **more: Any) -> Operation:
            given = {"answer": SubscriptionAnswer, "changes": method != "GET", **more}
            return Operation(
                method=method, path=at, tag="subscriptions", summary=summary, serve=serve, **given
            )

        created = {"status": HTTPStatus.CREATED}
        listed = {"answer": Subscriptions, "query": (INSTANCE,)}
        yield make("GET", path, "List subscriptions", self.listing, **listed)
        yield make(
            "POST", path, "Make a subscription, which starts disabled", self.create,
            body=SubscriptionBody, **created,
        )  # fmt: skip
        yield make("GET", one, "Show a subscription", self.show)
        yield make("PATCH", one, "Change a subscription", self.change, body=SubscriptionChange)
        yield make("DELETE", one, "Delete a subscription", self.delete, answer=Removed)
        yield make("POST", f"{one}/enable", "Have a subscription run", self.enable)
        yield make("POST", f"{one}/disable", "Stop a subscription", self.disable)
        yield make(
            "POST", f"{one}/duplicate", "Make a disabled copy of a subscription", self.duplicate,
            body=DuplicateBody, body_optional=True, **created,
        )  # fmt: skip

    async def listing(self, call: Call) -> Reply:
        """Answer with all of them, or with those of one instance."""
        revision, config = await self._host.configs.load()
        of = call.query["instance"]
        shapes = [
            self._shape(config, each.id)
            for each in config.subscriptions.values()
            if of is None or each.instance == of
        ]
        return Reply(data=Subscriptions(revision=revision, subscriptions=shapes), revision=revision)

    async def show(self, call: Call) -> Reply:
        """Answer with one."""
        revision, config = await self._host.configs.load()
        pick(config.subscriptions, call.path["id"], "subscription")
        return await self._answer(
            Saved(revision=revision, config=config, changes=()), call.path["id"]
        )

    async def create(self, call: Call) -> Reply:
        """Make one, disabled."""
        table = dict(call.body)
        instance = table.pop("instance", None)
        if not isinstance(instance, str) or not instance:
            raise refuse("instance", "is missing: name an instance")
        if table.pop("enabled", False):
            raise refuse("enabled", "a new subscription starts disabled: enable it once it is made")
        return await self._created(call, instance, table)

    async def duplicate(self, call: Call) -> Reply:
        """Make a copy, disabled."""
        _, config = await self._host.configs.load()
        original = pick(config.subscriptions, call.path["id"], "subscription")
        table = subscription_table(original, {}, secrets=True)
        table.pop("id", None)
        table["name"] = call.body.name or COPY.format(name=original.name)
        return await self._created(call, original.instance, table)

    async def change(self, call: Call) -> Reply:
        """Change one."""
        return await self._changed(call, call.body)

    async def enable(self, call: Call) -> Reply:
        """Have one run."""
        return await self._changed(call, {"enabled": True})

    async def disable(self, call: Call) -> Reply:
        """Stop one; what waits in it ends as expired, and can be replayed."""
        return await self._changed(call, {"enabled": False})

    async def delete(self, call: Call) -> Reply:
        """Delete one."""
        name = call.path["id"]

        def change(config: Config) -> Config:
            pick(config.subscriptions, name, "subscription")
            kept = {k: each for k, each in config.subscriptions.items() if k != name}
            return attrs.evolve(config, subscriptions=kept)

        saved = await save(self._host, call, change)
        return Reply(data=Removed(revision=saved.revision, removed=[name]), revision=saved.revision)

    async def _created(self, call: Call, instance: str, table: Mapping[str, Any]) -> Reply:
        made: list[str] = []

        def change(config: Config) -> Config:
            candidate = read_candidate(self._host.catalog, config, instance, table)
            others = config.subscriptions_of(instance)
            if candidate.id in config.subscriptions:
                raise conflict(f"there is a subscription {candidate.id!r} already")
            if any(each.name == candidate.name for each in others):
                raise conflict(f"{instance} has a subscription {candidate.name!r} already")
            made[:] = [candidate.id]
            new = attrs.evolve(candidate, enabled=False)
            return attrs.evolve(config, subscriptions={**config.subscriptions, new.id: new})

        saved = await save(self._host, call, change)
        return await self._answer(saved, made[0])

    async def _changed(self, call: Call, changes: Mapping[str, Any]) -> Reply:
        name = call.path["id"]
        for key in ("id", "instance"):
            if key in changes:
                raise refuse(key, "cannot be changed: make another subscription")

        def change(config: Config) -> Config:
            before = pick(config.subscriptions, name, "subscription")
            table = {**subscription_table(before, {}, secrets=True), "id": before.id, **changes}
            after = read_candidate(self._host.catalog, config, before.instance, table)
            others = config.subscriptions_of(before.instance)
            if any(each.name == after.name and each.id != name for each in others):
                raise conflict(f"{before.instance} has a subscription {after.name!r} already")
            return attrs.evolve(config, subscriptions={**config.subscriptions, name: after})

        return await self._answer(await save(self._host, call, change), name)

    async def _answer(self, saved: Saved, name: str) -> Reply:
        config = saved.config
        warnings = await warnings_at(
            self._host,
            place_of(config, config.subscriptions[name]),
            lambda: subscription_warnings(config, self._host.catalog, name),
        )
        answer = SubscriptionAnswer(
            revision=saved.revision, subscription=self._shape(config, name), warnings=warnings
        )
        return Reply(data=answer, revision=saved.revision)

    def _shape(self, config: Config, name: str) -> SubscriptionShape:
        subscription = config.subscriptions[name]
        fields = mapping_fields(self._host.catalog, config, subscription)
        snapshot, problems = self._host.engine.snapshot, self._host.problems
        of_instance = problems.get(f"instances.{subscription.instance}")
        started = subscription.instance in snapshot.runtimes
        return {
            "id": subscription.id,
            "name": subscription.name,
            "instance": subscription.instance,
            "action": subscription.action,
            "trigger": subscription.trigger,
            "mapping": mask_mapping(fields, subscription.mapping),
            "enabled": subscription.enabled,
            "preset": subscription.preset,
            "running": name in snapshot.pipelines and started,
            "problem": problems.get(f"subscriptions.{name}", of_instance),
        }
