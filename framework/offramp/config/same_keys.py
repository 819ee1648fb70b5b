"""Subscriptions that give one event one idempotency key: the partner keeps only one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from offramp import _json
from offramp.config.export import offered_action
from offramp.config.model import Config, Subscription
from offramp.config.overlap import Bounds, may_overlap, overlapping
from offramp.config.triggers import read_trigger
from offramp.definition import Idempotency
from offramp.errors import Fault, TriggerError, join_place
from offramp.plugins import Catalog

#: Instance, action, and what is mapped to the idempotency key, as JSON.
_Group: TypeAlias = tuple[str, str, bytes]


def same_keys(
    config: Config, catalog: Catalog, subscriptions: Iterable[Subscription]
) -> Iterator[Fault]:
    """A warning for each two of these that may send one event with one key, at the later one."""
    groups: defaultdict[_Group, list[Subscription]] = defaultdict(list)
    for each in subscriptions:
        group = _group(each, config, catalog)
        if group is not None:
            groups[group].append(each)
    for alike in groups.values():
        known = [(each, bounds) for each in alike if (bounds := _bounds(each)) is not None]
        for first, second in overlapping([bounds for _, bounds in known]):
            yield _same_key(config, catalog, known[first][0], known[second][0])


def same_keys_as(config: Config, catalog: Catalog, subscription: Subscription) -> Iterator[Fault]:
    """Those warnings of `same_keys` that stand at one subscription."""
    group, bounds = _group(subscription, config, catalog), _bounds(subscription)
    if group is None or bounds is None:
        return
    for each in config.subscriptions_of(subscription.instance):
        if each.id == subscription.id:
            return
        if _group(each, config, catalog) == group:
            others = _bounds(each)
            if others is not None and may_overlap(others, bounds):
                yield _same_key(config, catalog, each, subscription)


def place_of(config: Config, subscription: Subscription) -> str:
    """Where a subscription stands in a document."""
    place = join_place(join_place("instances", subscription.instance), "subscriptions")
    return join_place(place, config.position_of(subscription.id))


def _group(each: Subscription, config: Config, catalog: Catalog) -> _Group | None:
    """What is alike in all subscriptions that may send one key; nothing where none is sent."""
    declared = _idempotency(each, config, catalog)
    key = None if declared is None else each.mapping.get(declared.key)
    if key is None or not each.enabled:
        return None
    return each.instance, each.action, _json.dumps(key)


def _idempotency(each: Subscription, config: Config, catalog: Catalog) -> Idempotency | None:
    instance = config.instances.get(each.instance)
    if instance is None or not instance.enabled:
        return None
    offered = offered_action(catalog, config, each)
    return None if offered is None else offered.action.idempotency


def _bounds(each: Subscription) -> Bounds | None:
    try:
        return read_trigger(each.trigger).bounds
    except TriggerError:
        return None  # an error already


def _same_key(config: Config, catalog: Catalog, one: Subscription, other: Subscription) -> Fault:
    declared = _idempotency(other, config, catalog)
    key = "" if declared is None else declared.key
    return Fault(
        place_of(config, other),
        f"an event that {one.name!r} matches too is sent twice with the same {key!r}, and the "
        f"destination keeps only one: make the triggers exclude each other, or map {key!r} in "
        f"{other.name!r} to something else",
    )
