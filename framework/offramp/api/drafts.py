"""Reads a subscription that is being edited: faulty parts are left out and listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import attrs

from offramp.api.candidates import ANY_TRIGGER, Candidate, compiled
from offramp.api.given_events import SavedOrCandidate
from offramp.api.host_context import HostContext
from offramp.api.parts import of_subscription
from offramp.api.problems import refuse
from offramp.config import Config, Subscription
from offramp.config.model import SubscriptionTable
from offramp.config.options import keys_of
from offramp.config.subscriptions import read_subscription, unmapped_fields
from offramp.config.table import Table, plain_data
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog, pick
from offramp.pointers import keys_of_place

#: The name of a draft that has none.
UNNAMED: Final = "candidate"


@attrs.frozen(kw_only=True)
class Draft:
    """A subscription as far as it can be read, and what is wrong with the rest."""

    #: Without the fields that have a fault; its trigger stands for one with a fault.
    subscription: Subscription
    #: Places are relative to the subscription: `mapping.customer_id.@if`, `trigger, column 8`.
    faults: tuple[Fault, ...] = ()
    #: The required fields that its mapping leaves empty; each is a fault too.
    unmapped: tuple[str, ...] = ()

    @property
    def trigger_is_faulty(self) -> bool:
        """Whether the trigger cannot be tried."""
        return any(_keys(fault) == ["trigger"] for fault in self.faults)

    @property
    def mapping_is_faulty(self) -> bool:
        """Whether the payload lacks something that is meant to be in it."""
        return any(_keys(fault)[:1] == ["mapping"] for fault in self.faults)

    @property
    def sync_mode_is_faulty(self) -> bool:
        """Whether it is not known which of the action's operations is meant."""
        return any(_keys(fault) == ["sync_mode"] for fault in self.faults)

    @property
    def faulty_fields(self) -> frozenset[str]:
        """The fields of the mapping that have a fault."""
        return frozenset(keys[1] for keys in map(_keys, self.faults) if keys[1:])


def draft_of(host: HostContext, config: Config, body: SavedOrCandidate) -> Draft:
    """Read what a body names: a saved subscription, or a candidate that names its instance."""
    if (body.subscription is None) == (body.candidate is None):
        raise refuse("subscription", "give a saved one, or a candidate, but not both")
    if body.subscription is not None:
        return Draft(subscription=pick(config.subscriptions, body.subscription, "subscription"))
    table: dict[str, Any] = {**(body.candidate or {})}
    instance = table.pop("instance", None)
    if not isinstance(instance, str) or not instance:
        raise refuse("candidate.instance", "is missing: name an instance")
    return read_draft(host.catalog, config, instance, table)


def read_draft(catalog: Catalog, config: Config, instance: str, table: Mapping[str, Any]) -> Draft:
    """Read a subscription of an instance, also with faults in its name, mapping or trigger.

    `table` has the keys of a document. Raises `ConfigError` for other faults: then it is not known
    which action is meant.
    """
    of = pick(config.instances, instance, "instance")
    faults: list[Fault] = []
    given = plain_data(table, "", faults)
    given["name"] = given.get("name") or given.get("preset") or UNNAMED
    subscription = read_subscription(
        Table(given, "", faults, keys=keys_of(SubscriptionTable)),
        instance,
        catalog[of.destination],
        catalog,
        faults,
        current={each.id: each for each in config.subscriptions_of(instance)},
    )
    if subscription is None or not all(map(_is_left_out, faults)):
        raise ConfigError(faults)
    offered = catalog[of.destination].action(subscription.action)
    unmapped = tuple(unmapped_fields(subscription.mapping, offered))
    return without_faults(Draft(subscription=subscription, unmapped=unmapped), faults)


def without_faults(draft: Draft, faults: Iterable[Fault]) -> Draft:
    """Leave out what has faults; their places are relative to the subscription."""
    draft = attrs.evolve(draft, faults=(*draft.faults, *faults))
    subscription, faulty = draft.subscription, draft.faulty_fields
    mapping = {key: each for key, each in subscription.mapping.items() if key not in faulty}
    if any(_keys(fault) == ["mapping"] for fault in draft.faults):
        mapping = {}
    trigger = ANY_TRIGGER if draft.trigger_is_faulty else subscription.trigger
    changed = attrs.evolve(subscription, mapping=mapping, trigger=trigger)
    return attrs.evolve(draft, subscription=changed)


@asynccontextmanager
async def compiled_draft(
    host: HostContext, draft: Draft, config: Config
) -> AsyncIterator[tuple[Draft, Candidate]]:
    """Compile a draft for one `async with` block, without what cannot be compiled.

    That is, for example, a reference in the mapping that cannot be followed.
    """
    async with AsyncExitStack() as stack:
        try:
            made = compiled(host, draft.subscription, config.instances)
            candidate = await stack.enter_async_context(made)
        except ConfigError as error:
            found = [of_subscription(fault, draft.subscription.id) for fault in error.faults]
            if not all(map(_is_left_out, found)):
                raise
            draft = without_faults(draft, found)
            made = compiled(host, draft.subscription, config.instances)
            candidate = await stack.enter_async_context(made)
        yield draft, candidate


def _is_left_out(fault: Fault) -> bool:
    return _keys(fault)[:1] in (["name"], ["mapping"], ["sync_mode"], ["trigger"], ["batch"])


def _keys(fault: Fault) -> list[str]:
    try:
        return keys_of_place(fault.place)
    except ValueError:
        return []
