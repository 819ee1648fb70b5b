"""Instances: list, show, make, change, switch on and off, delete, and test their credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import attrs

from offramp.api.config_shapes import (
    InstanceAnswer,
    InstanceBody,
    InstanceChange,
    Instances,
    InstanceShape,
    Removed,
    TestAnswer,
)
from offramp.api.editing import Saved, parse_part, save, warnings_at
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.config import Config, Instance, mask_settings
from offramp.config.check import instance_warnings
from offramp.config.export import instance_table, settings_fields, source_table
from offramp.delivery import InstanceRuntime
from offramp.errors import DeliveryError, InvalidAuthenticationError, OfframpError, join_place
from offramp.place import describe_error
from offramp.plugins import pick

#: Twice the longest single request, so that its own time-out is told where it is the cause.
TEST_SECONDS: Final = 20.0


class InstancesResource:
    """Instances of the configuration."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        path, one = "/api/instances", "/api/instances/{name}"

        def make(method: str, at: str, summary: str, serve: Any, **more: Any) -> Operation:
            given = {"answer": InstanceAnswer, "changes": method != "GET", **more}
            return Operation(
                method=method, path=at, tag="instances", summary=summary, serve=serve, **given
            )

        created = {"body": InstanceBody, "status": HTTPStatus.CREATED}
        yield make("GET", path, "List all instances", self.listing, answer=Instances)
        yield make("POST", path, "Make an instance", self.create, **created)
        yield make("GET", one, "Show an instance", self.show)
        yield make("PATCH", one, "Change an instance", self.change, body=InstanceChange)
        yield make(
            "DELETE", one, "Delete an instance and its subscriptions", self.delete, answer=Removed
        )
        yield make("POST", f"{one}/enable", "Have an instance run", self.enable)
        yield make("POST", f"{one}/disable", "Stop an instance", self.disable)
        yield make(
            "POST",
            f"{one}/test",
            "Ask the partner whether the credentials are good",
            self.test,
            answer=TestAnswer,
            changes=False,
        )

    async def listing(self, _: Call) -> Reply:
        """Answer with all of them."""
        revision, config = await self._host.configs.load()
        shapes = [self._shape(config, name) for name in config.instances]
        return Reply(data=Instances(revision=revision, instances=shapes), revision=revision)

    async def show(self, call: Call) -> Reply:
        """Answer with one."""
        revision, config = await self._host.configs.load()
        name = call.path["name"]
        pick(config.instances, name, "instance")
        return await self._answer(Saved(revision=revision, config=config, changes=()), name)

    async def create(self, call: Call) -> Reply:
        """Make one."""
        table = dict(call.body)
        name = table.pop("name", None)
        if not isinstance(name, str) or not name:
            raise refuse("name", "is missing: give the instance a name")

        def change(config: Config) -> Config:
            if name in config.instances:
                raise conflict(f"there is an instance {name!r} already")
            return self._with(config, name, table)

        return await self._answer(await save(self._host, call, change), name)

    async def change(self, call: Call) -> Reply:
        """Change one."""
        return await self._changed(call, call.body)

    async def enable(self, call: Call) -> Reply:
        """Have one run."""
        return await self._changed(call, {"enabled": True})

    async def disable(self, call: Call) -> Reply:
        """Stop one; what waits for it ends as expired, and can be replayed."""
        return await self._changed(call, {"enabled": False})

    async def delete(self, call: Call) -> Reply:
        """Delete one with its subscriptions."""
        name = call.path["name"]
        removed: list[str] = []

        def change(config: Config) -> Config:
            pick(config.instances, name, "instance")
            removed[:] = [name, *(each.id for each in config.subscriptions_of(name))]
            subscriptions = config.subscriptions.items()
            return attrs.evolve(
                config,
                instances={k: each for k, each in config.instances.items() if k != name},
                subscriptions={k: each for k, each in subscriptions if each.instance != name},
            )

        saved = await save(self._host, call, change)
        return Reply(
            data=Removed(revision=saved.revision, removed=removed), revision=saved.revision
        )

    async def test(self, call: Call) -> Reply:
        """Ask the partner."""
        _, config = await self._host.configs.load()
        instance = pick(config.instances, call.path["name"], "instance")
        return Reply(data=await check_credentials(self._host, instance))

    async def _changed(self, call: Call, changes: Mapping[str, Any]) -> Reply:
        name = call.path["name"]
        if "destination" in changes:
            raise refuse("destination", "cannot be changed: make another instance")

        def change(config: Config) -> Config:
            instance = pick(config.instances, name, "instance")
            fields = settings_fields(self._host.catalog, instance)
            table = {**instance_table(instance, fields, secrets=True), **changes}
            return self._with(config, name, table)

        return await self._answer(await save(self._host, call, change), name)

    def _with(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        if "subscriptions" in table:
            raise refuse("subscriptions", "are made one by one at /api/subscriptions")
        place = join_place("instances", name)
        sources = {s.name: source_table(s, secrets=True) for s in config.sources.values()}
        document = {"sources": sources, "instances": {name: table}}
        read = parse_part(document, self._host.catalog, config, part=place)
        return attrs.evolve(config, instances={**config.instances, name: read.instances[name]})

    async def _answer(self, saved: Saved, name: str) -> Reply:
        warnings = await warnings_at(
            self._host,
            join_place("instances", name),
            lambda: instance_warnings(saved.config, self._host.catalog, name),
        )
        shape = self._shape(saved.config, name)
        return Reply(
            data=InstanceAnswer(revision=saved.revision, instance=shape, warnings=warnings),
            revision=saved.revision,
        )

    def _shape(self, config: Config, name: str) -> InstanceShape:
        instance: Instance = config.instances[name]
        fields = settings_fields(self._host.catalog, instance)
        return {
            "name": name,
            "destination": instance.destination,
            "source": instance.source,
            "settings": mask_settings(fields, instance.settings),
            "enabled": instance.enabled,
            "max_concurrency": instance.max_concurrency,
            "requests_per_second": instance.requests_per_second,
            "subscriptions": [each.id for each in config.subscriptions_of(name)],
            "problem": self._host.problems.get(f"instances.{name}"),
        }


async def check_credentials(host: HostContext, instance: Instance) -> TestAnswer:
    """Run the destination's own test with the instance's settings; never raises for its result."""
    if instance.destination not in host.catalog:
        return _unknown(f"the destination {instance.destination!r} is not installed")
    try:
        async with host.engine.borrow(instance) as runtime:
            return await _ask(runtime)
    except OfframpError as error:  # the settings do not hold, or a reference leads nowhere
        return _unknown(str(error))


async def _ask(runtime: InstanceRuntime) -> TestAnswer:
    test = runtime.entry.destination.test_authentication
    if test is None:
        return _unknown("the destination has no test of credentials")
    try:
        async with asyncio.timeout(TEST_SECONDS):
            await runtime.perform(runtime.client(), test)
    except InvalidAuthenticationError as error:
        return {"result": "bad", "message": runtime.mask(error.message)}
    except DeliveryError as error:
        return _unknown(runtime.mask(error.message))
    except TimeoutError:
        return _unknown(f"there was no answer within {TEST_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - the plugin's bug is an answer too
        return _unknown(runtime.mask(f"the plugin raised {describe_error(error)}"))
    return {"result": "good", "message": "the partner takes the credentials"}


def _unknown(message: str) -> TestAnswer:
    return {"result": "unknown", "message": message}
