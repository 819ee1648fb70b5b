"""Reads one subscription: preset and defaults laid in, trigger and mapping checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import attrs

from offramp.config.batching import read_batch, steering_faults
from offramp.config.built_in import RESERVED, is_reserved
from offramp.config.model import Subscription, SubscriptionTable
from offramp.config.options import read_options
from offramp.config.save_hooks import hooks_apart, read_hooks
from offramp.config.secrets import change_mapping_secrets, secrets_by_place
from offramp.config.settings import put_back_all, unquoted
from offramp.config.table import Table, as_name, suggest
from offramp.config.triggers import MISSING_TRIGGER, read_trigger
from offramp.definition import ON_DELETE, SYNC_MODE_KEY, Preset, sync_mode_apart
from offramp.errors import Fault, MappingError, NotFoundError, TriggerError, join_place
from offramp.mapping import compile_mapping
from offramp.plugins import Catalog, CatalogAction, CatalogEntry
from offramp.plugins.catalog import RESERVED_PREFIX

#: What maps nothing to a field: it makes a value that counts as none, whatever the event.
_EMPTY: Final = (None, "", {"@template": ""}, {"@liquid": ""})
#: What people write into a mapping for the option of a subscription.
_SYNC_MODE_WORDS: Final = ("sync_mode", "syncMode")
_WHICH: Final = "or take a preset with `preset`"


@attrs.frozen(kw_only=True)
class _Reading:
    table: Table
    #: What the table gives, by attribute.
    values: Mapping[str, Any]
    entry: CatalogEntry
    catalog: Catalog
    faults: list[Fault]
    #: What is in force, where the destination is the same: masked secrets stand for its.
    current: Mapping[str, Subscription]
    #: Whether the instance goes into its sandbox, or out of it.
    moved: bool


def read_subscription(  # noqa: PLR0913 - what a subscription is read from, and what it stands on
    table: Table,
    instance: str,
    entry: CatalogEntry | None,
    catalog: Catalog,
    faults: list[Fault],
    *,
    current: Mapping[str, Subscription],
    moved: bool = False,
) -> Subscription | None:
    """One subscription of an instance, or nothing where it has a fault that leaves it unnamed.

    Without the entry of a destination (its slug was at fault) only the trigger is checked. A
    masked secret in the mapping stands for the one of the subscription in `current`, by id.
    """
    if entry is None:
        _check_trigger(table, table.text("trigger"), faults)
        return None
    values = read_options(SubscriptionTable, table)
    reading = _Reading(
        table=table,
        values=values,
        entry=entry,
        catalog=catalog,
        faults=faults,
        current=current,
        moved=moved,
    )
    preset = _preset(reading)
    name = values.get("name") or (as_name(preset.name) if preset else None)
    if name is None and "name" not in table and "preset" not in table:
        table.fault("name", "is missing: give the subscription a name")
    offered = _action(reading, preset)
    trigger = _trigger(reading, preset)
    given_id = values.get("id") or f"{instance}/{name}"
    _refuse_reserved(table, name, given_id)
    mapping, hooks = _mapping_and_hooks(reading, preset, offered, given_id)
    if name is None or offered is None:
        return None
    rest, in_mapping = sync_mode_apart(mapping)
    return Subscription(
        id=given_id,
        name=name,
        instance=instance,
        action=offered.slug,
        sync_mode=_sync_mode(reading, preset, offered, in_mapping),
        trigger=trigger,
        mapping=rest,
        hooks=hooks,
        preset=preset.name if preset else None,
        batch=_batch(reading, offered),
        **{key: values[key] for key in ("enabled", "paused") if key in values},
    )


def read_unchecked(table: Table, instance: str, faults: list[Fault]) -> Subscription | None:
    """One subscription of a destination that is not there now, as far as it says all by itself.

    What it takes from a preset cannot be known; a mapping is taken as it is written.
    """
    values = read_options(SubscriptionTable, table)
    name, preset = values.get("name"), values.get("preset")
    if name is None and preset is not None:
        name = as_name(preset)
    action, trigger = values.get("action"), values.get("trigger")
    _refuse_reserved(table, name, values.get("id", ""))
    _check_trigger(table, trigger, faults)
    needed = {"name": name, "action": action}
    if values.get("enabled", True):
        needed["trigger"] = trigger
    for key, value in needed.items():
        if value is None and key not in table:
            table.fault(key, "is missing: while the destination's plugin is left out, write it")
    if name is None or action is None:
        return None
    values.pop("defaults", None)
    unless_given = {"id": f"{instance}/{name}", "name": name, "mapping": {}}
    return Subscription(instance=instance, **unless_given | values)


def _refuse_reserved(table: Table, name: str | None, given_id: str) -> None:
    if name == ON_DELETE:
        table.fault("name", RESERVED)
    elif is_reserved(given_id):
        table.fault("id", RESERVED)


def put_back_mapping(
    mapping: Mapping[str, Any],
    before: Mapping[str, Any],
    offered: CatalogAction,
    place: str,
    faults: list[Fault],
) -> dict[str, Any]:
    """A mapping with its masked secrets put back from the one before; see `put_back`."""
    change_all = partial(change_mapping_secrets, offered.fields)
    return put_back_all(change_all, mapping, before, place, faults)


def mapping_faults(
    mapping: Mapping[str, Any], offered: CatalogAction, catalog: Catalog
) -> list[Fault]:
    """What is wrong with a whole mapping of an action, secrets unseen; places begin with `$`."""
    mapping, mode = sync_mode_apart(mapping)
    fault = None if mode is None else offered.sync_mode_fault(mode)
    faults = [] if fault is None else [Fault(join_place("$", SYNC_MODE_KEY), fault)]
    # A key that is no field is at fault itself, and what stands there goes nowhere.
    sent = mapping
    if not _shapes_its_root(mapping):
        sent = {key: value for key, value in mapping.items() if key in offered.fields}
        faults += _field_faults(mapping, offered)
    try:
        compile_mapping(dict(mapping), directives=catalog.directives)
    except MappingError as error:
        faults += error.faults
    secrets = secrets_by_place(partial(change_mapping_secrets, offered.fields, sent))
    return [unquoted(fault, secrets) for fault in faults]


def unmapped_fields(mapping: Mapping[str, Any], offered: CatalogAction) -> list[str]:
    """The required fields of an action that a mapping leaves empty, so that no event can pass.

    A mapping with a directive at its root leaves none empty: what it makes is known per event.
    """
    if _shapes_its_root(mapping):
        return []
    return [
        key
        for key, field in offered.fields.items()
        if field.required is True and mapping.get(key) in _EMPTY
    ]


def _preset(reading: _Reading) -> Preset | None:
    named = reading.values.get("preset")
    if named is None:
        return None
    try:
        return reading.entry.preset(named)
    except NotFoundError as error:
        reading.table.fault("preset", str(error))
        return None


def _action(reading: _Reading, preset: Preset | None) -> CatalogAction | None:
    slug = reading.values.get("action") or (preset.action if preset else None)
    if slug is None:
        if "action" not in reading.table and "preset" not in reading.table:
            offered = ", ".join(reading.entry.actions)
            reading.table.fault("action", f"is missing: say which, {_WHICH}; there are: {offered}")
        return None
    try:
        return reading.entry.action(slug)
    except NotFoundError as error:
        reading.table.fault("action", str(error))
        return None


def _trigger(reading: _Reading, preset: Preset | None) -> str | None:
    trigger = reading.values.get("trigger") or (preset.trigger if preset else None)
    if trigger is None and "trigger" not in reading.table and reading.values.get("enabled", True):
        _miss_trigger(reading.table, preset)
    _check_trigger(reading.table, trigger, reading.faults)
    return trigger


def _miss_trigger(table: Table, preset: Preset | None) -> None:
    if preset is not None:
        reason = f"the preset {preset.name!r} has none"
        table.fault("trigger", f"{MISSING_TRIGGER}, or leave the subscription disabled: {reason}")
    elif "preset" not in table:
        table.fault("trigger", f"{MISSING_TRIGGER}, {_WHICH}")


def _check_trigger(table: Table, trigger: str | None, faults: list[Fault]) -> None:
    try:
        if trigger is not None:
            read_trigger(trigger)
    except TriggerError as error:
        place = table.at("trigger")
        faults.extend(fault.under(place) for fault in error.faults)


def _batch(reading: _Reading, offered: CatalogAction) -> dict[str, Any]:
    written = reading.values.get("batch", {})
    return read_batch(written, offered, reading.table.at("batch"), reading.faults)


def _sync_mode(
    reading: _Reading, preset: Preset | None, offered: CatalogAction, in_mapping: Any
) -> str | None:
    """The sync mode that is chosen: by the option, in the mapping, or by the preset."""
    mode: str | None = reading.values.get("sync_mode")
    if mode is None:
        if in_mapping is not None:  # its faults are those of the mapping
            return None if offered.sync_mode_fault(in_mapping) else str(in_mapping)
        laid = _is_laid(reading, preset, offered)
        return preset.sync_mode if preset is not None and laid else None
    fault = offered.sync_mode_fault(mode)
    if fault is None and in_mapping not in (None, mode):
        fault = f"is {mode!r}, but the mapping has {in_mapping!r}: leave {SYNC_MODE_KEY} out there"
    if fault is None:
        return mode
    reading.table.fault("sync_mode", fault)
    return None


def _is_laid(reading: _Reading, preset: Preset | None, offered: CatalogAction) -> bool:
    """Whether what a preset says holds where the table says nothing."""
    of_preset = preset is not None and preset.action == offered.slug
    return of_preset and bool(reading.values.get("defaults", True))


def _mapping_and_hooks(
    reading: _Reading, preset: Preset | None, offered: CatalogAction | None, of: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    written, hooks = reading.values.get("mapping", {}), reading.values.get("hooks", {})
    if offered is None:
        return dict(written), dict(hooks)
    laid: dict[str, Any] = {}
    if reading.values.get("defaults", True):
        laid = offered.default_mapping
        if preset is not None and _is_laid(reading, preset, offered):
            laid |= preset.mapping
    mapping, hooks, twice = hooks_apart({**laid, **written}, hooks, offered)
    place = reading.table.at("mapping")
    message = "is written in `hooks` too: leave it out here"
    reading.faults.extend(Fault(join_place(place, name), message) for name in twice)
    current = reading.current.get(of)
    before = None if current is None or current.action != offered.slug else current
    kept = {} if before is None else before.hooks
    place_of_hooks = reading.table.at("hooks")
    hooks = read_hooks(hooks, offered, kept, place_of_hooks, reading.faults, moved=reading.moved)
    kept = {} if before is None else before.mapping
    mapping = put_back_mapping(mapping, kept, offered, place, reading.faults)
    found = mapping_faults(mapping, offered, reading.catalog)
    reading.faults.extend(fault.under(place) for fault in found)
    return mapping, hooks


def _field_faults(mapping: Mapping[str, Any], offered: CatalogAction) -> list[Fault]:
    faults = []
    for key in mapping:
        if key not in offered.fields and not key.startswith(RESERVED_PREFIX):
            message = f"is not a field of {offered.slug}{suggest(key, offered.fields)}"
            if key in _SYNC_MODE_WORDS:
                message = "is an option of the subscription: write `sync_mode` beside `mapping`"
            faults.append(Fault(join_place("$", key), message))
    faults += steering_faults(mapping, offered)
    faults += [
        Fault(join_place("$", key), f"is required by {offered.slug}, and nothing is mapped to it")
        for key in unmapped_fields(mapping, offered)
    ]
    return faults


def _shapes_its_root(mapping: Mapping[str, Any]) -> bool:
    # A directive at the root makes the whole payload, so its fields are known only per event.
    root = f"{RESERVED_PREFIX}_directive"
    return root in mapping or any(key.startswith("@") for key in mapping)
