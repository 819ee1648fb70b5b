"""A compiled subscription: matches events, and makes their payloads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Literal, TypeAlias

import attrs

from offramp import _json
from offramp._json import Projection
from offramp.config import (
    Instance,
    References,
    Subscription,
    batch_of,
    read_trigger,
    resolve_mapping,
)
from offramp.config.save_hooks import change_hook_secrets
from offramp.config.secrets import secrets_by_place
from offramp.definition import Action, Batch
from offramp.delivery.audiences import Audiences, make_audiences
from offramp.delivery.batch import Preparation, PreparedBatch
from offramp.delivery.failures import PluginCode
from offramp.delivery.retry import RetryPolicy, policy_of
from offramp.delivery.secrecy import PayloadSecrets, payload_secrets, texts_of
from offramp.errors import (
    ConfigError,
    Fault,
    FaultyError,
    PayloadError,
    RejectedError,
    join_place,
)
from offramp.errors import TransformError as MappingFailure
from offramp.fql import Trigger
from offramp.hooks import SettledDelivery
from offramp.http import Mask
from offramp.mapping import CompiledMapping, compile_mapping
from offramp.payload import compile_mapped_pair
from offramp.plugins import CatalogAction, CatalogEntry
from offramp.queue import LeasedDelivery, Outcome, Stage


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """A subscription compiled once: match, map, check, structure. It has no state."""

    subscription: Subscription
    #: Slug of the destination.
    destination: str
    offered: CatalogAction
    matches: Trigger
    transform: CompiledMapping
    #: Checks what the mapping made: the payload as JSON data, and what the action gets.
    make: Callable[[dict[str, Any]], tuple[dict[str, Any], Any]]
    policy: RetryPolicy
    sync_mode: str | None
    #: The mapping of the subscription, references resolved.
    mapping: Mapping[str, Any] = attrs.field(repr=False)
    secrets: PayloadSecrets = attrs.field(repr=False)
    #: The audiences of the instance; `None` if its destination has none.
    audiences: Audiences | None = None
    #: What the action knows that the partner refuses; `None` if it says nothing of that.
    _validate: Callable[..., Iterable[Fault]] | None = attrs.field(init=False, repr=False)

    @_validate.default
    def _default_validate(self) -> Callable[..., Iterable[Fault]] | None:
        usual = type(self.action).validate is Action.validate
        return None if usual else self.action.validate

    @property
    def action(self) -> Action[Any, Any]:
        """The action that the subscription runs."""
        return self.offered.action

    @cached_property
    def batch(self) -> Batch | None:
        """How payloads are grouped; `None` if each is sent alone."""
        return batch_of(self.offered, self.mapping, self.subscription.batch)

    @cached_property
    def method(self) -> Literal["perform", "perform_batch"]:
        """The method of the action that gets the payloads, also where a batch has only one."""
        return "perform" if self.batch is None and self.action.performs else "perform_batch"

    @cached_property
    def read(self) -> Callable[[bytes], Any]:
        """Read of a stored event what the mapping reads; all of it if that is not known before.

        For `prepare` and `mask_of` the event is whole; nobody else may get it.
        """
        if self.audiences is None:
            return Projection(self.transform.reads).read
        return self.audiences.reader(self.transform.reads)

    def laid(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event as the mapping and the action see it: with its audience laid in."""
        return event if self.audiences is None else self.audiences.lay(event)

    def settled(self, delivery: LeasedDelivery, outcome: Outcome, now: float) -> SettledDelivery:
        """What hooks are told of a delivery that has ended; `now` in epoch seconds."""
        return SettledDelivery(
            message_id=delivery.message_id,
            source=delivery.source,
            instance=self.subscription.instance,
            subscription=self.subscription.id,
            destination=self.destination,
            action=self.offered.slug,
            outcome=outcome.stage.value,  # type: ignore[arg-type] # it is not retrying
            reason="" if outcome.stage is Stage.DELIVERED else outcome.reason,
            attempts=delivery.attempt,
            seconds=now - delivery.accepted_at,
        )

    def is_outdated(self, references: References) -> bool:
        """Whether a reference in the mapping cannot be followed, or stands for something else."""
        try:
            read = resolve_mapping(self.subscription, self.offered.fields, references)
            if self.audiences is not None and self.audiences.is_outdated(references):
                return True
        except ConfigError:
            return True
        return read != self.mapping

    @cached_property
    def map_and_make(self) -> Callable[[dict[str, Any]], tuple[dict[str, Any], Any]]:
        """Both in one: from the event to the payload as JSON data, and what the action gets.

        It is compiled for the first event: many subscriptions of a configuration may never get one.
        """
        offered = self.offered
        return compile_mapped_pair(
            self.transform, self.make, offered.fields, offered.action.payload_type
        )

    def mask_of(self, base: Mask, event: dict[str, Any]) -> Mask:
        """Make a mask of what `base` masks, and of secrets that the mapping makes of an event.

        It is for an event that could not become a payload.
        """
        if not self.secrets.fields:
            return base
        mapped = None
        with PluginCode():  # a directive of a plugin may raise anything
            mapped = self.transform(self.laid(event))
        return self.secrets.mask(base, [mapped] if isinstance(mapped, dict) else [])

    def prepare(
        self,
        made: Preparation,
        *,
        now: float,
        settings_of: SettingsOf | None,
        seconds: float = math.inf,
    ) -> bool:
        """Prepare events; returns whether all are, as it ends after `seconds`. Then call it again.

        `now` in epoch seconds.
        """
        at, until = datetime.fromtimestamp(now, UTC), time.monotonic() + seconds
        bodies, done = made.bodies, made.next
        # Looked up once for all events.
        read, payload_of, clock = self.read, self.payload_of, time.monotonic
        add_checked, add_payload = made.checked.append, made.payloads.append
        while done < len(bodies):
            with PluginCode() as code:  # a plugin's own checks may raise anything
                for done in range(made.next + 1, len(bodies) + 1):
                    checked, payload = payload_of(read(bodies[done - 1]), at, settings_of)
                    add_checked(checked)
                    add_payload(payload)
                    if clock() > until:
                        break
            made.next = done
            if code.error is not None:
                made.failures[done - 1] = code.error
            if clock() > until and done < len(bodies):
                return False
        made.group = None if self.audiences is None else self.audiences.group
        made.finish()
        return True

    def prepare_one(
        self, event: dict[str, Any], *, now: float, settings_of: SettingsOf | None
    ) -> PreparedBatch:
        """Prepare an event that is read already, as a batch of its own; raises as `payload_of`."""
        if self.audiences is not None:
            self.audiences.refuse_uncreated(event)
        at = datetime.fromtimestamp(now, UTC)
        checked, payload = self.payload_of(self.laid(event), at, settings_of)
        _json.dumps(checked)  # a value without a JSON form is found here
        body = _json.dumps(event)
        return PreparedBatch(positions=[0], bodies=[body], payloads=[payload], checked=[checked])

    def payload_of(
        self, event: dict[str, Any], now: datetime, settings_of: SettingsOf | None
    ) -> tuple[dict[str, Any], Any]:
        """Map, check and structure one event: the payload as JSON data, and what the action gets.

        `settings_of` gives the settings that the action's `validate` gets; without it, as of an
        instance that cannot be started, `validate` is left out. Raises `RejectedError` with the
        reason if the event cannot become a payload, or if the partner is known to refuse it.
        """
        try:
            checked, payload = self.map_and_make(event)
        except MappingFailure as error:
            raise RejectedError(str(error), code=error.code) from error
        if self._validate is not None and settings_of is not None:
            settings = settings_of(self)
            found = self._validate(payload, now=now, settings=settings, sync_mode=self.sync_mode)
            faults = tuple(found)
            if faults:
                raise PayloadError(faults)
        return checked, payload


#: The settings by the class that the action of a plan names.
SettingsOf: TypeAlias = Callable[[Plan], Any]


def compile_subscription(
    subscription: Subscription,
    entry: CatalogEntry,
    directives: Mapping[str, Any] | None = None,
    *,
    instance: Instance,
    references: References | None = None,
) -> Plan:
    """Compile a subscription, and resolve the references in its mapping that are allowed.

    `instance` is its own, whose audiences the events get.

    Raises `ConfigError` with every fault and its place.
    """
    offered = entry.find_action(subscription.action) or entry.action(subscription.action)
    resolved = resolve_mapping(subscription, offered.fields, references or References())
    given = _secret_outputs(subscription, offered)
    secrets = payload_secrets(offered.fields, subscription, resolved, given)
    faults: list[Fault] = []
    place = join_place("subscriptions", subscription.id)

    def attempt(what: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except FaultyError as error:
            faults.extend(
                Fault(fault.place, secrets.literals(fault.message)).under(f"{place}.{what}")
                for fault in error.faults
            )

    # What a built-in subscription reads of an event is no operator's.
    mapping = offered.default_mapping if subscription.built_in else resolved
    matches = attempt("trigger", lambda: read_trigger(subscription.trigger).trigger)
    transform = attempt(
        "mapping", lambda: compile_mapping(mapping, directives=directives, clock=time.time)
    )
    make = attempt("fields", lambda: offered.make)
    chosen, mode = subscription.sync_mode, offered.sync_mode(subscription.sync_mode)
    unoffered = None if None in (chosen, mode) else offered.sync_mode_fault(chosen)
    if unoffered is not None:  # as after an update of the plugin
        faults.append(Fault(f"{place}.sync_mode", unoffered))
    if faults:
        raise ConfigError(faults)
    return Plan(
        subscription=subscription,
        destination=entry.slug,
        offered=offered,
        matches=matches,
        transform=transform,
        make=make,
        policy=policy_of(offered.action),
        sync_mode=mode,
        mapping=resolved,
        secrets=secrets,
        audiences=make_audiences(instance, entry, references or References()),
    )


def _secret_outputs(subscription: Subscription, offered: CatalogAction) -> list[str]:
    """The secrets among what save hooks gave."""
    found: dict[str, Any] = secrets_by_place(
        partial(change_hook_secrets, offered.action.save_hooks, subscription.hooks)
    )
    return [text for value in found.values() for text in texts_of(value)]
