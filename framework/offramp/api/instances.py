"""Instances: list, show, create, change, enable, disable, pause, resume, delete, and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import attrs

from offramp.api.config_resource import ConfigResource
from offramp.api.config_shapes import (
    InstanceAnswer,
    InstanceBody,
    InstanceChange,
    Instances,
    InstanceShape,
    Removed,
    TestAnswer,
)
from offramp.api.editing import DRY_RUN, save
from offramp.api.host_context import HostContext
from offramp.api.new_instances import offered_name, with_presets
from offramp.api.operations import Call, Operation, Reply
from offramp.api.parts import parse_part
from offramp.api.problems import conflict, refuse
from offramp.config import Config, Instance
from offramp.config.check import instance_warnings
from offramp.config.export import instance_table, masked_instance, source_table
from offramp.config.options import show_options
from offramp.delivery import InstanceRuntime
from offramp.delivery.failures import BoundedPluginCode, as_delivery_error
from offramp.delivery.token_requests import NoTokenError
from offramp.errors import Fault, InvalidAuthenticationError, OfframpError, join_place
from offramp.http import readable
from offramp.plugins import pick
from offramp.pointers import describe_errors

#: Seconds: twice the longest single request, so that its own timeout is reported first.
TEST_SECONDS: Final = 20.0


#: The name of a new instance whose destination is at fault, so that it is not made.
UNKNOWN: Final = "instance"


class InstancesResource(ConfigResource):
    """Instances of the configuration."""

    noun = "instance"
    answer = InstanceAnswer
    fixed = ("destination",)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        one, created = "/{name}", {"body": InstanceBody, "status": HTTPStatus.CREATED}
        yield self.operation("GET", "", "List all instances", self.listing, answer=Instances)
        tried = {"query": (DRY_RUN,), **created}
        yield self.operation("POST", "", "Create an instance", self.create, **tried)
        yield self.operation("GET", one, "Show an instance", self.show)
        yield self.operation("PATCH", one, "Change an instance", self.change, body=InstanceChange)
        deleted = "Delete an instance and its subscriptions"
        yield self.operation("DELETE", one, deleted, self.delete, answer=Removed)
        yield from self.switches()
        asked = "Test the credentials with a request to the partner"
        tested = {"answer": TestAnswer, "changes": False}
        yield self.operation("POST", f"{one}/test", asked, self.test, **tested)

    async def create(self, call: Call) -> Reply:
        """Create an instance, by default with the name that the catalog offers."""
        table = dict(call.body)
        given, presets = table.pop("name", None), table.pop("presets", False)
        if given is not None and (not isinstance(given, str) or not given):
            raise refuse("name", "must be a name, or left out for the one that the catalog offers")
        if not isinstance(presets, bool):
            raise refuse("presets", "must be true or false")
        made: list[str] = []
        left_out: list[Fault] = []

        def change(config: Config) -> Config:
            name = given or self._offered(table.get("destination"), config)
            if name in config.instances:
                raise conflict(f"the instance {name!r} exists already")
            made[:], left_out[:] = [name], []
            created = self.written(config, name, table)
            if presets:
                created, left_out[:] = with_presets(created, self._host.catalog, name)
            return created

        saved = await save(self._host, call, change)
        reply = await self.reply(saved, made[0])
        reply.data["warnings"] += describe_errors(left_out)
        return reply

    def _offered(self, slug: Any, config: Config) -> str:
        catalog = self._host.catalog
        known = isinstance(slug, str) and slug in catalog
        return offered_name(catalog[slug], config.instances) if known else UNKNOWN

    async def test(self, call: Call) -> Reply:
        """Answer with the result of the test."""
        _, config = await self._host.configs.load()
        instance = pick(config.instances, call.path["name"], "instance")
        return Reply(data=await check_credentials(self._host, instance))

    def all_of(self, config: Config) -> Mapping[str, Instance]:
        """Instances by name."""
        return config.instances

    def table_of(self, config: Config, name: str) -> Mapping[str, Any]:
        """Return an instance with its secret settings, without its subscriptions."""
        return instance_table(config.instances[name], self._host.catalog, secrets=True)

    def written(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        """Read an instance; its subscriptions stay as they are."""
        if "subscriptions" in table:
            raise refuse("subscriptions", "cannot be given here: create each at /api/subscriptions")
        sources = {s.name: source_table(s, secrets=True) for s in config.sources.values()}
        document = {"sources": sources, "instances": {name: table}}
        read = parse_part(document, self._host.catalog, config, part=self.place_of(config, name))
        return attrs.evolve(config, instances={**config.instances, name: read.instances[name]})

    def without(self, config: Config, name: str) -> tuple[Config, list[str]]:
        """Remove the instance with its subscriptions."""
        removed = [name, *(each.id for each in config.subscriptions_of(name))]
        subscriptions = config.subscriptions.items()
        left = attrs.evolve(
            config,
            instances={k: each for k, each in config.instances.items() if k != name},
            subscriptions={k: each for k, each in subscriptions if each.instance != name},
        )
        return left, removed

    def place_of(self, config: Config, name: str) -> str:  # noqa: ARG002 - as of the other kinds
        """Return the place, which ends with its name."""
        return join_place("instances", name)

    def warnings_of(self, config: Config, name: str) -> Iterable[Fault]:
        """Find warnings about the instance and its settings."""
        return instance_warnings(config, self._host.catalog, name)

    def shape(self, config: Config, name: str) -> InstanceShape:
        """Return an instance with its secret settings masked."""
        return {
            "name": name,
            **show_options(masked_instance(config.instances[name], self._host.catalog)),
            "subscriptions": [each.id for each in config.subscriptions_of(name)],
            "problem": self._host.problems.get(f"instances.{name}"),
        }


async def check_credentials(host: HostContext, instance: Instance) -> TestAnswer:
    """Run the destination's test of credentials; the result is returned, never raised."""
    if instance.destination not in host.catalog:
        return _unknown(f"the destination {instance.destination!r} is not installed")
    try:
        async with host.engine.borrow(instance) as runtime:
            return await _ask(runtime)
    except OfframpError as error:  # the settings are not valid, or a reference cannot be resolved
        return _unknown(str(error))


async def _ask(runtime: InstanceRuntime) -> TestAnswer:
    test = runtime.entry.destination.test_authentication
    if test is None:
        return _unknown("the destination has no test of credentials")
    async with BoundedPluginCode(TEST_SECONDS, "there was no answer") as code:
        await runtime.perform(runtime.client(), test)
    if code.error is None:
        return {"result": "good", "message": "the partner accepts the credentials"}
    error = as_delivery_error(code.error)
    message = readable(runtime.mask(error.message))
    if isinstance(error, InvalidAuthenticationError | NoTokenError):
        return {"result": "bad", "message": message}
    return _unknown(message)


def _unknown(message: str) -> TestAnswer:
    return {"result": "unknown", "message": message}
