"""The checks of the ready-made suite on a declaration; they send nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offramp import _json
from offramp.definition import Fields, Preset, fields_from_manifest, fields_to_manifest
from offramp.definition.nested import unknown_properties
from offramp.definition.unmarked import unmarked_secrets
from offramp.errors import DefinitionError, OfframpError
from offramp.event import EVENT_KEYS
from offramp.fql import compile_trigger
from offramp.mapping import compile_mapping
from offramp.mapping.path import first_key
from offramp.plugins import CatalogEntry, manifest
from offramp.testing.probe import FILLED_IN


def undescribed(entry: CatalogEntry) -> Iterator[str]:
    """Actions and fields without a label or description, which forms and documentation show."""
    for slug, offered in entry.actions.items():
        for part in ("title", "description"):
            if not getattr(offered.action, part, ""):
                yield f"action {slug!r} has no {part}: set `{part}` on its class"
        yield from _undescribed(f"field of {slug}", offered.fields)
    yield from _undescribed("setting", entry.settings)


def _undescribed(what: str, fields: Fields) -> Iterator[str]:
    for key, field in fields.items():
        for part in ("label", "description"):
            if not getattr(field, part):
                yield f"{what}, {key!r}: has no {part}; write {part}=..."


def faulty_triggers(entry: CatalogEntry) -> Iterator[str]:
    """Triggers that are not FQL, or are probably mistakes."""
    for slug, offered in entry.actions.items():
        if offered.action.default_trigger is not None:
            yield from _faulty_trigger(f"action {slug!r}", offered.action.default_trigger)
    for preset in entry.presets:
        if preset.trigger is not None:
            yield from _faulty_trigger(f"preset {preset.name!r}", preset.trigger)


def _faulty_trigger(what: str, trigger: str) -> Iterator[str]:
    try:
        compiled = compile_trigger(trigger)
    except OfframpError as error:
        yield f"{what}: {error}\nwritten is: {trigger}"
    else:
        yield from (f"{what}: {warning}\nwritten is: {trigger}" for warning in compiled.warnings)


def faulty_mappings(entry: CatalogEntry, directives: Mapping[str, Any]) -> Iterator[str]:
    """Default mappings and presets that cannot be compiled, or read paths that no event has."""
    for slug, offered in entry.actions.items():
        what = f"default mapping of {slug}"
        yield from _faulty_mapping(what, offered.default_mapping, directives)
        yield from _lost_keys(what, offered.default_mapping, offered.fields)
    for preset in entry.presets:
        what, fields = f"preset {preset.name!r}", entry.action(preset.action).fields
        yield from _faulty_mapping(what, preset.mapping, directives)
        yield from _lost_keys(what, preset.mapping, fields)


def _faulty_mapping(
    what: str, mapping: Mapping[str, Any], directives: Mapping[str, Any]
) -> Iterator[str]:
    for key, spec in mapping.items():
        try:
            compiled = compile_mapping({key: spec}, directives=directives)
        except OfframpError as error:
            yield f"{what}: {error}"
            continue
        for path in compiled.paths:
            if first_key(path) not in {*EVENT_KEYS, FILLED_IN, None}:
                known = ", ".join(sorted(EVENT_KEYS))
                yield f"{what}, {key!r}: no event has {path!r}; an event's own keys are {known}"


def _lost_keys(what: str, mapping: Mapping[str, Any], fields: Fields) -> Iterator[str]:
    for key, value in mapping.items():
        if key in fields:
            for fault in unknown_properties(fields[key], value, key):
                yield f"{what}, {fault.place!r}: {fault.message}"


def unwanted(preset: Preset) -> str:
    """The message for a preset whose trigger matches no event that could be generated."""
    return (
        f"preset {preset.name!r}: no event could be made that its trigger matches\n"
        f"written is: {preset.trigger}\n"
        "if some event does match it, override `preset_event` in your suite and return one"
    )


def open_secrets(entry: CatalogEntry) -> Iterator[str]:
    """Settings and fields that look like secrets and are not declared as secrets."""
    yield from _open_secrets("setting", entry.settings)
    for slug, offered in entry.actions.items():
        yield from _open_secrets(f"field of {slug}", offered.fields)


def _open_secrets(what: str, fields: Fields) -> Iterator[str]:
    for keys in unmarked_secrets(fields):
        yield (
            f"{what}, {'.'.join(keys)!r}: looks like a secret by its name: declare it with "
            'type="password" or secret=True, so that it is encrypted and masked; if it is not one, '
            "say so with secret=False"
        )


def optional_keys(entry: CatalogEntry) -> Iterator[str]:
    """Idempotency keys that a payload may not have."""
    for slug, offered in entry.actions.items():
        idempotency = offered.action.idempotency
        if idempotency is None:
            continue
        field = offered.fields.get(idempotency.key.partition(".")[0])
        if field is None or field.required is not True or field.allow_null:
            yield (
                f"action {slug!r}: its idempotency key {idempotency.key!r} is not always present, "
                "and a repeated event without it would count twice: make the field required"
            )


def lossy_manifests(entry: CatalogEntry) -> Iterator[str]:
    """Fields that are changed by writing them to the manifest and reading them back."""
    yield from _lossy("settings", entry.settings)
    for slug, offered in entry.actions.items():
        yield from _lossy(f"action {slug!r}", offered.fields)
    try:
        _json.dumps(manifest(entry))
    except TypeError as error:
        yield f"the manifest is not JSON: {error}; defaults, choices and texts are JSON data"


def _lossy(what: str, fields: Fields) -> Iterator[str]:
    for key, field in fields.items():
        place = _not_json(field.default, "default")
        if place is not None:
            yield f"{what}, {key!r}: {place}; a default mapping is JSON data or a directive"
            continue
        try:
            written = _json.dumps(fields_to_manifest({key: field}))
            read = fields_from_manifest(_json.loads(written))
        except (DefinitionError, TypeError, ValueError) as error:
            yield f"{what}, {key!r}: cannot be read back from the manifest: {error}"
            continue
        again = _json.dumps(fields_to_manifest(read))
        if again != written:
            message = f"was written as {written.decode()}\nand read back as {again.decode()}"
            yield f"{what}, {key!r}: is changed by the manifest\n{message}"


def _not_json(value: Any, place: str) -> str | None:
    match value:
        case None | bool() | str() | int() | float():
            return None
        case dict():
            members = [(member, f"{place}.{key}") for key, member in value.items()]
        case list():
            members = [(member, f"{place}[{index}]") for index, member in enumerate(value)]
        case _:
            return f"{place} is {value!r}, which is not JSON"
    return next((message for member, at in members if (message := _not_json(member, at))), None)
