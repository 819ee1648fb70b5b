"""What changes from one configuration to another, told before it is applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from offramp import _json
from offramp.config.export import (
    mapping_fields,
    masked_instance,
    masked_subscription,
    settings_fields,
    source_table,
    subscription_table,
)
from offramp.config.model import Config, Instance, Kind, Source, Subscription, Thing
from offramp.config.options import write_options
from offramp.config.same_json import same_json, same_text
from offramp.definition import UNSET, Fields
from offramp.errors import join_place
from offramp.plugins import Catalog

What: TypeAlias = Literal["added", "removed", "changed"]
_MAPPING = "mapping"
#: Tables of which each entry is compared by itself.
_FREE_TABLES = ("settings", "audiences", "oauth", "write_keys", "batch", "hooks", _MAPPING)
_SIGNS: Mapping[What, str] = {"added": "+", "removed": "-", "changed": "~"}


@attrs.frozen
class Detail:
    """One key that differs; `UNSET` on the side that lacks it, secrets masked."""

    #: Within the thing: `trigger`, `settings.apiToken`, `mapping.customer_id`. At `mapping` by
    #: itself both sides are lists of its keys: their order, which the payload keeps, is another.
    place: str
    before: Any
    after: Any

    def __str__(self) -> str:
        before, after = _shown(self.before), _shown(self.after)
        if before == after:
            return f"{self.place}: {after} (another value)"
        return f"{self.place}: {before} -> {after}"


@attrs.frozen(kw_only=True)
class Change:
    """One source, instance or subscription that is added, removed or changed."""

    kind: Kind
    #: The name of a source or an instance, the id of a subscription.
    id: str
    before: Thing | None = attrs.field(repr=False)
    after: Thing | None = attrs.field(repr=False)
    #: Masked: for people.
    details: tuple[Detail, ...] = ()

    @property
    def what(self) -> What:
        """Whether it is added, removed or changed."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def __str__(self) -> str:
        head = f"{_SIGNS[self.what]} {self.kind} {self.id}"
        return "\n".join([head, *(f"    {detail}" for detail in self.details)])


def diff_configs(before: Config, after: Config, catalog: Catalog) -> tuple[Change, ...]:
    """The changes that make `after` of `before`: sources first, then instances, subscriptions."""
    return tuple(
        change for kind in after.by_kind for change in _compare(kind, before, after, catalog)
    )


def apply_changes(config: Config, changes: tuple[Change, ...]) -> Config:
    """A configuration with changes made to it; what they did not touch stays as it is."""
    tables: dict[Kind, dict[str, Any]] = {
        kind: dict(table) for kind, table in config.by_kind.items()
    }
    for change in changes:
        if change.after is None:
            tables[change.kind].pop(change.id, None)
        else:
            tables[change.kind][change.id] = change.after
    written = {(change.kind, change.id) for change in changes}
    return Config(
        sources=tables["source"],
        instances=tables["instance"],
        subscriptions=tables["subscription"],
        unreadable={key: why for key, why in config.unreadable.items() if key not in written},
    )


def same_thing(one: Thing | None, other: Thing | None) -> bool:
    """Whether two things say the same, as JSON: to Python, 1 and true would be equal.

    The keys of a mapping must have one order too: it is the order of the payload.
    """
    if one is other:
        return True
    plain, others = _plain(one), _plain(other)
    # Nearly all that is alike is written alike too; only the order of keys may differ.
    if _json.dumps(plain) == _json.dumps(others):
        return True
    return same_json(plain, others) and same_text(_mapping(plain), _mapping(others))


def fields_of_thing(thing: Thing, config: Config, catalog: Catalog) -> Fields:
    """What tells which values of a thing are secret: its settings' fields, or its action's."""
    match thing:
        case Source():
            return {}
        case Instance():
            return settings_fields(catalog, thing)
        case Subscription():
            return mapping_fields(catalog, config, thing)


def masked_table(thing: Thing | None, config: Config, catalog: Catalog) -> dict[str, Any] | None:
    """A source, instance or subscription of a configuration as data that a person may see."""
    match thing:
        case None:
            return None
        case Instance():
            return _table(masked_instance(thing, catalog))
        case Subscription():
            return _table(masked_subscription(thing, catalog, config))
    return _table(thing)


def _compare(kind: Kind, before: Config, after: Config, catalog: Catalog) -> Iterator[Change]:
    # Built-in subscriptions follow from the instances, which are compared themselves.
    olds, news = _written(before.by_kind[kind]), _written(after.by_kind[kind])
    for name in {**olds, **news}:
        old, new = olds.get(name), news.get(name)
        # What stands in for something unreadable is replaced by what says the same.
        given_anew = (kind, name) in before.unreadable and new is not old
        if given_anew or not same_thing(old, new):
            shown_old = _flat(masked_table(old, before, catalog))
            shown_new = _flat(masked_table(new, after, catalog))
            details = () if new is None else tuple(_details(old, new, shown_old, shown_new))
            yield Change(kind=kind, id=name, before=old, after=new, details=details)


def _written(table: Mapping[str, Thing]) -> Mapping[str, Thing]:
    return {
        name: thing
        for name, thing in table.items()
        if not (isinstance(thing, Subscription) and thing.built_in)
    }


def _details(
    old: Thing | None, new: Thing, shown_old: Mapping[str, Any], shown_new: Mapping[str, Any]
) -> Iterator[Detail]:
    plain_old, plain_new = _flat(_plain(old)), _flat(_plain(new))
    for place in sorted({**shown_old, **shown_new}, key=_is_free):
        same = same_text if place.startswith(f"{_MAPPING}.") else same_json
        if not same(plain_old.get(place, UNSET), plain_new.get(place, UNSET)):
            yield Detail(place, shown_old.get(place, UNSET), shown_new.get(place, UNSET))
    keys_old, keys_new = list(_mapping(_plain(old))), list(_mapping(_plain(new)))
    kept = [key for key in keys_old if key in keys_new]
    if kept != [key for key in keys_new if key in kept]:
        yield Detail(_MAPPING, keys_old, keys_new)


def _plain(thing: Thing | None) -> dict[str, Any] | None:
    return None if thing is None else _table(thing, secrets=True)


def _table(thing: Thing, *, secrets: bool = False) -> dict[str, Any]:
    match thing:
        case Source():
            table = source_table(thing, secrets=secrets)
        case Instance():
            table = write_options(thing)
        case Subscription():
            table = {
                "instance": thing.instance,
                **subscription_table(thing),
            }
            del table["defaults"]
    return {**table, "enabled": thing.enabled}


def _flat(table: Mapping[str, Any] | None) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in (table or {}).items():
        if key in _FREE_TABLES:
            flat |= {join_place(key, name): item for name, item in value.items()}
        else:
            flat[key] = value
    return flat


def _mapping(table: Mapping[str, Any] | None) -> dict[str, Any]:
    return (table or {}).get(_MAPPING) or {}


def _is_free(place: str) -> bool:
    return place.partition(".")[0] in _FREE_TABLES


def _shown(value: Any) -> str:
    return "(nothing)" if value is UNSET else _json.dumps(value).decode()
