"""Audiences of an instance: list, declare, change, delete; create at the partner, get, adopt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import attrs

from offramp.api.audience_shapes import (
    AdoptBody,
    AudienceAnswer,
    AudienceBody,
    AudienceChange,
    Audiences,
    AudienceShape,
    PartnerAudience,
)
from offramp.api.config_shapes import Removed
from offramp.api.editing import Saved, save
from offramp.api.host_context import HostContext
from offramp.api.instances import InstancesResource
from offramp.api.operations import Call, Operation, Query, Reply
from offramp.api.parts import within
from offramp.api.problems import ProblemError, conflict, refuse
from offramp.config import (
    Config,
    Instance,
    InstanceAudience,
    audience_remedy,
    audience_state,
    audiences_of,
    with_audience,
    without_audience,
)
from offramp.config.export import masked_instance
from offramp.definition import Audience, AudienceDetails
from offramp.definition.audience import CallPartner
from offramp.delivery import AudienceCallError, call_partner, make_audiences
from offramp.errors import ConfigError, PluginError, join_place
from offramp.plugins import pick

AGAIN: Final = Query(
    name="again",
    summary="Create it also where the partner may have created it already",
    kind="flag",
    default=False,
)
_PATH: Final = "/api/instances/{name}/audiences"
TAG: Final = "audiences"


class AudiencesResource:
    """The audiences of the instances."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._instances = InstancesResource(host)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        one, created = "/{key}", HTTPStatus.CREATED
        yield _read("GET", "", "List the audiences of an instance", self.listing, Audiences)
        summary = "Add an audience; the partner is not asked"
        yield _change("POST", "", summary, self.add, body=AudienceBody, status=created)
        yield _change("PATCH", one, "Change an audience here", self.change, body=AudienceChange)
        summary = "Delete an audience here; the partner keeps it"
        yield _change("DELETE", one, summary, self.delete, answer=Removed)
        summary = "Create it at the partner"
        yield _change("POST", f"{one}/create", summary, self.create, query=(AGAIN,))
        yield _read("POST", f"{one}/get", "Ask the partner for it", self.get, PartnerAudience)
        summary = "Use an audience that the partner has, by its id"
        yield _change("POST", f"{one}/adopt", summary, self.adopt, body=AdoptBody)

    async def listing(self, call: Call) -> Reply:
        """Answer with all audiences of an instance."""
        revision, config = await self._host.configs.load()
        instance = pick(config.instances, call.path["name"], "instance")
        shapes = [self._shape(instance, key) for key in instance.audiences]
        return Reply(data={"revision": revision, "audiences": shapes}, revision=revision)

    async def add(self, call: Call) -> Reply:
        """Add an audience to the configuration."""
        table = dict(call.body)
        key = table.pop("key", None)
        if not isinstance(key, str) or not key:
            raise refuse("key", "is missing: give the `computation_key` of its events")

        def change(config: Config) -> Config:
            instance = self._instance(config, call)
            if key in instance.audiences:
                raise conflict(f"{instance.name} has an audience {key!r} already")
            return self._written(config, instance, key, table)

        return self._reply(await save(self._host, call, change), call, key)

    async def change(self, call: Call) -> Reply:
        """Change the name or the settings of an audience."""
        if "external_id" in call.body:
            raise refuse("external_id", "cannot be changed like this: adopt the audience")

        def change(config: Config) -> Config:
            instance, audience = self._audience(config, call)
            table = {**instance.audiences[audience.key], **call.body}
            return self._written(config, instance, audience.key, table)

        return self._reply(await save(self._host, call, change), call)

    async def delete(self, call: Call) -> Reply:
        """Remove an audience from the configuration."""

        def change(config: Config) -> Config:
            instance, audience = self._audience(config, call)
            return _with(config, without_audience(instance, audience.key))

        saved = await save(self._host, call, change)
        data = Removed(revision=saved.revision, removed=[call.path["key"]])
        return Reply(data=data, revision=saved.revision)

    async def create(self, call: Call) -> Reply:
        """Create an audience at the partner, and store its id.

        That it was begun is stored first: an answer that is lost, or a host that is killed, leaves
        no doubt that the partner may have it. Where this call certainly created nothing, what was
        known before is stored again.
        """
        was_begun = False

        def begin(config: Config) -> Config:
            nonlocal was_begun
            instance, audience = self._audience(config, call)
            was_begun = audience.creation_begun
            self._function(instance, "create")
            _refuse_second(instance, audience, again=call.query[AGAIN.name])
            return _with(
                config, with_audience(instance, attrs.evolve(audience, creation_begun=True))
            )

        begun = await save(self._host, call, begin)
        later = attrs.evolve(call, revision=None)
        try:
            external_id = await self._ask(begun.config, call, "create")
        except AudienceCallError as error:
            if not error.may_exist:
                await self._store(later, creation_begun=was_begun)
            raise self._not_created(begun.config, call, error) from None
        except (ConfigError, PluginError):  # the instance cannot be started
            await self._store(later, creation_begun=was_begun)
            raise
        return self._reply(await self._store(later, external_id=external_id), call)

    async def get(self, call: Call) -> Reply:
        """Answer with what the partner says of an audience."""
        _, config = await self._host.configs.load()
        _, audience = self._audience(config, call)
        if audience.external_id is None:
            raise conflict("the partner's id of it is not known: create it, or adopt one")
        return Reply(data=await self._asked(config, call, audience.external_id))

    async def adopt(self, call: Call) -> Reply:
        """Store the partner's id of an audience, after the partner was asked for it."""
        body: AdoptBody = call.body
        external_id = body.external_id
        if not external_id:
            raise refuse("external_id", "is empty: give the partner's id of the audience")
        _, config = await self._host.configs.load()
        instance, _ = self._audience(config, call)
        if body.check and self._declared(instance).get is not None:
            found = await self._asked(config, call, external_id)
            if found["result"] != "found":
                message = f"{found['message']}; `check` false takes the id as it is"
                raise ProblemError(HTTPStatus.BAD_GATEWAY, message)
            external_id = found["external_id"] or external_id
        return self._reply(await self._store(call, external_id=external_id), call)

    async def _asked(self, config: Config, call: Call, external_id: str) -> PartnerAudience:
        try:
            found = await self._ask(config, call, "get", external_id=external_id)
        except AudienceCallError as error:
            return {
                "result": "not_found" if error.not_found else "unknown",
                "external_id": None,
                "message": str(error),
            }
        return {"result": "found", "external_id": found, "message": "the partner has it"}

    async def _ask(self, config: Config, call: Call, what: str, **known: Any) -> str:
        """Call `create` or `get` of the destination for the audience; its id at the partner."""
        instance, audience = self._audience(config, call)
        function = self._function(instance, what)
        entry = self._host.catalog[instance.destination]
        audiences = make_audiences(instance, entry, self._host.engine.references)
        details: AudienceDetails = attrs.evolve(audiences.known[audience.key], **known)  # type: ignore[union-attr]  # it is declared
        async with self._host.engine.borrow(instance) as runtime:
            return await call_partner(runtime, function, details)

    async def _store(self, call: Call, **changes: Any) -> Saved:
        """Store what the host knows of an audience now."""

        def change(config: Config) -> Config:
            instance, audience = self._audience(config, call)
            changed = attrs.evolve(audience, **{"creation_begun": False, **changes})
            return _with(config, with_audience(instance, changed))

        return await save(self._host, call, change)

    def _function(self, instance: Instance, what: str) -> CallPartner:
        function: CallPartner | None = getattr(self._declared(instance), what)
        if function is None:
            raise conflict(f"the destination {instance.destination!r} declares no `{what}`")
        return function

    def _not_created(self, config: Config, call: Call, error: AudienceCallError) -> ProblemError:
        instance, audience = self._audience(config, call)
        message = f"the audience {audience.key!r} was not created: {error}"
        if error.may_exist:
            remedy = audience_remedy(instance, audience, "unknown")
            message = (
                f"the partner may have created the audience {audience.key!r}: {error}; {remedy}"
            )
        return ProblemError(HTTPStatus.BAD_GATEWAY, message)

    def _instance(self, config: Config, call: Call) -> Instance:
        instance = pick(config.instances, call.path["name"], "instance")
        self._declared(instance)
        return instance

    def _audience(self, config: Config, call: Call) -> tuple[Instance, InstanceAudience]:
        instance = self._instance(config, call)
        return instance, pick(audiences_of(instance), call.path["key"], "audience")

    def _declared(self, instance: Instance) -> Audience:
        declared = self._host.catalog[instance.destination].destination.audience
        if declared is None:
            raise conflict(f"the destination {instance.destination!r} has no audiences")
        return declared

    def _written(
        self, config: Config, instance: Instance, key: str, table: Mapping[str, Any]
    ) -> Config:
        whole = self._instances.table_of(config, instance.name)
        audiences = {**instance.audiences, key: table}
        try:
            return self._instances.written(config, instance.name, {**whole, "audiences": audiences})
        except ConfigError as error:
            place = join_place("audiences", key)
            raise ConfigError(within(fault, place) for fault in error.faults) from None

    def _shape(self, instance: Instance, key: str) -> AudienceShape:
        audience = audiences_of(masked_instance(instance, self._host.catalog))[key]
        entry = self._host.catalog.get(instance.destination)
        state = audience_state(audience, None if entry is None else entry.destination.audience)
        return {
            "key": key,
            "name": audience.shown_name,
            "settings": dict(audience.settings),
            "external_id": audience.external_id,
            "state": state,
            "remedy": audience_remedy(instance, audience, state),
        }

    def _reply(self, saved: Saved, call: Call, key: str | None = None) -> Reply:
        instance = saved.config.instances[call.path["name"]]
        audience = self._shape(instance, key or call.path["key"])
        data = {"revision": saved.revision, "audience": audience, **saved.described()}
        return Reply(data=data, revision=saved.revision)


def _read(method: str, below: str, summary: str, serve: Any, answer: Any) -> Operation:
    return Operation(
        method=method, path=_PATH + below, tag=TAG, summary=summary, serve=serve, answer=answer
    )


def _change(method: str, below: str, summary: str, serve: Any, **more: Any) -> Operation:
    return Operation(
        method=method,
        path=_PATH + below,
        tag=TAG,
        summary=summary,
        serve=serve,
        changes=True,
        **{"answer": AudienceAnswer, **more},
    )


def _with(config: Config, instance: Instance) -> Config:
    return attrs.evolve(config, instances={**config.instances, instance.name: instance})


def _refuse_second(instance: Instance, audience: InstanceAudience, *, again: bool) -> None:
    """Raise 409 where the partner has the audience, or may have it and nobody said to go on."""
    if audience.external_id is not None:
        raise conflict(f"the partner has it already: its id is {audience.external_id}")
    if audience.creation_begun and not again:
        remedy = audience_remedy(instance, audience, "unknown")
        raise conflict(f"its creation was begun, and how that ended is not known: {remedy}")
