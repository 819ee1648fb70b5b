"""What a scaffold is made of: a destination as Segment's public metadata declares it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast, get_args

import attrs

from offramp.definition import (
    Fields,
    SyncMode,
    fields_from_manifest,
    settings_from_manifest,
    sync_mode_apart,
)
from offramp.definition.action import ACTION_SLUG
from offramp.definition.audience import AudienceMode
from offramp.definition.destination import Scheme
from offramp.definition.fields import Field, SyncModeName
from offramp.definition.nested import unknown_properties
from offramp.errors import DefinitionError, Fault, OfframpError
from offramp.event import EVENT_KEYS
from offramp.fql import compile_trigger
from offramp.mapping import compile_mapping
from offramp.mapping.path import first_key

_SCHEMES: Final = get_args(Scheme)
_SYNC_MODES: Final = frozenset(get_args(SyncModeName))


@attrs.frozen(kw_only=True)
class HookDeclaration:
    """A save hook."""

    name: str
    label: str
    description: str
    inputs: Fields
    outputs: Fields

    @property
    def dynamic_inputs(self) -> tuple[str, ...]:
        """Wire names of the inputs whose choices the partner has."""
        return tuple(dynamic_places(self.inputs))


@attrs.frozen(kw_only=True)
class ActionDeclaration:
    """An action."""

    slug: str
    title: str
    description: str
    hidden: bool
    default_trigger: str | None
    batches: bool
    sync_mode: SyncMode | None
    fields: Fields
    #: Wire names of dynamic fields, as `Action.dynamic_fields` has them.
    dynamic_fields: tuple[str, ...]
    hooks: tuple[HookDeclaration, ...]

    @property
    def asks_for_choices(self) -> bool:
        """Whether the partner has choices for a field or for an input of a hook."""
        return bool(self.dynamic_fields) or any(hook.dynamic_inputs for hook in self.hooks)


@attrs.frozen(kw_only=True)
class PresetDeclaration:
    """A preset, with the mappings that differ from the fields' defaults."""

    name: str
    action: str
    trigger: str | None
    sync_mode: SyncModeName | None
    mapping: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class AudienceDeclaration:
    """How audiences are synced."""

    mode: str
    full_sync: bool
    fields: Fields


@attrs.frozen(kw_only=True)
class Declaration:
    """A destination."""

    slug: str
    name: str
    description: str | None
    scheme: str
    settings: Fields
    actions: tuple[ActionDeclaration, ...]
    presets: tuple[PresetDeclaration, ...]
    audience: AudienceDeclaration | None
    #: What the metadata has and the declaration has not, each a sentence.
    left_out: tuple[str, ...]


def read_declaration(metadata: Any, *, mend: bool = True) -> Declaration:
    """Read Segment's metadata; raises `DefinitionError` with every fault and its place.

    With `mend`, triggers and mappings that come to nothing are left out.
    """
    reader = _Reader(mend=mend)
    declaration = reader.destination(metadata)
    if reader.faults:
        raise DefinitionError(reader.faults)
    return declaration


class _Reader:
    """Collects faults while it reads, so that all are told at once."""

    def __init__(self, *, mend: bool) -> None:
        self.mend = mend
        self.faults: list[Fault] = []
        self.left_out: list[str] = []

    def destination(self, data: Any) -> Declaration:
        data = self.object(data, "$")
        access = self.object(data.get("authentication") or {}, "$.authentication")
        scheme = access.get("scheme") or ("custom" if access.get("fields") else "none")
        if scheme not in _SCHEMES:
            message = f"{scheme!r} is no scheme; use one of {', '.join(_SCHEMES)}"
            self.faults.append(Fault("$.authentication.scheme", message))
        listed = self.object(data.get("actions") or {}, "$.actions")
        actions = tuple(
            self.action(slug, each, f"$.actions.{slug}") for slug, each in listed.items()
        )
        return Declaration(
            slug=self.text(data, "slug", "$"),
            name=self.text(data, "name", "$"),
            description=data.get("description"),
            scheme=scheme,
            settings=self.fields(
                access.get("fields"), "$.authentication.fields", read=settings_from_manifest
            ),
            actions=actions,
            presets=tuple(self.presets(data.get("presets"), actions)),
            audience=self.audience(data),
            left_out=tuple(self.left_out),
        )

    def action(self, slug: str, data: Any, place: str) -> ActionDeclaration:
        data = self.object(data, place)
        if not ACTION_SLUG.fullmatch(slug):
            self.faults.append(Fault(place, f"{slug!r} is not a name: letters, digits, - and _"))
        declared = self.fields(data.get("fields"), f"{place}.fields")
        fields = {
            key: attrs.evolve(field, default=self.mapping(field, field.default, f"{slug}.{key}"))
            for key, field in declared.items()
        }
        members = self.object(data.get("dynamicFields") or {}, f"{place}.dynamicFields")
        hooks = self.object(data.get("hooks") or {}, f"{place}.hooks")
        return ActionDeclaration(
            slug=slug,
            title=self.text(data, "title", place),
            description=data.get("description") or "",
            hidden=bool(data.get("hidden")),
            default_trigger=self.trigger(data.get("defaultSubscription"), slug),
            batches=bool(data.get("hasPerformBatch")),
            sync_mode=self.sync_mode(data.get("syncMode"), f"{place}.syncMode"),
            fields=fields,
            dynamic_fields=(
                *dynamic_places(fields),
                *(f"{name}.{each}" for name, all_of in members.items() for each in all_of),
            ),
            hooks=tuple(
                self.hook(name, hook, f"{place}.hooks.{name}") for name, hook in hooks.items()
            ),
        )

    def hook(self, name: str, data: Any, place: str) -> HookDeclaration:
        data = self.object(data, place)
        return HookDeclaration(
            name=name,
            label=self.text(data, "label", place),
            description=data.get("description") or "",
            inputs=self.fields(data.get("inputFields"), f"{place}.inputFields"),
            outputs=self.fields(data.get("outputFields"), f"{place}.outputFields"),
        )

    def presets(
        self, data: Any, actions: Sequence[ActionDeclaration]
    ) -> Iterator[PresetDeclaration]:
        """Presets of events as they come in; those of Segment's own services are left out."""
        known = {action.slug: action for action in actions}
        names: list[str] = []
        for number, preset in enumerate(self.objects(data, "$.presets")):
            name = self.text(preset, "name", f"$.presets[{number}]")
            action = known.get(preset.get("partnerAction", ""))
            if preset.get("type", "automatic") == "specificEvent":
                self.left_out.append(f"the preset {name!r}: its events come from Segment itself")
            elif action is None:
                missing = preset.get("partnerAction")
                self.left_out.append(f"the preset {name!r}: there is no action {missing!r}")
            else:
                names.append(name)
                count = names.count(name)
                mapping, sync_mode = sync_mode_apart(preset.get("mapping") or {})
                yield PresetDeclaration(
                    name=name if count == 1 else f"{name} ({count})",
                    action=action.slug,
                    trigger=self.trigger(preset.get("subscribe"), name),
                    sync_mode=sync_mode,
                    mapping=self.differing(mapping, action.fields, name),
                )

    def audience(self, data: Mapping[str, Any]) -> AudienceDeclaration | None:
        config = data.get("audienceConfig")
        if not config:
            return None
        place = "$.audienceConfig.mode"
        mode = self.object(self.object(config, "$.audienceConfig").get("mode") or {}, place)
        kind = mode.get("type", "synced")
        if kind not in get_args(AudienceMode):
            self.faults.append(Fault(f"{place}.type", f"is realtime or synced, not {kind!r}"))
        return AudienceDeclaration(
            mode=kind,
            full_sync=bool(mode.get("full_audience_sync")) and kind != "realtime",
            fields=self.fields(data.get("audienceFields"), "$.audienceFields"),
        )

    def sync_mode(self, data: Any, place: str) -> SyncMode | None:
        if data is None:
            return None
        data = self.object(data, place)
        listed = self.objects(data.get("choices"), f"{place}.choices")
        choices: list[tuple[Any, Any]] = [
            (each.get("value"), each.get("label") or each.get("value")) for each in listed
        ]
        unknown = [value for value, _ in choices if value not in _SYNC_MODES]
        if unknown:
            message = f"{unknown[0]!r} is no sync mode; there are {', '.join(sorted(_SYNC_MODES))}"
            self.faults.append(Fault(f"{place}.choices", message))
        if not choices:
            self.faults.append(Fault(f"{place}.choices", "names at least one sync mode"))
            return None
        return SyncMode(
            default=data["default"] if data.get("default") else choices[0][0],
            label=self.text(data, "label", place),
            description=data.get("description") or "",
            choices=tuple(choices),
        )

    def trigger(self, trigger: str | None, of: str) -> str | None:
        """Return a trigger that compiles, or None."""
        if not trigger or not self.mend:
            return trigger or None
        try:
            warnings = compile_trigger(trigger).warnings
        except OfframpError as error:
            warnings = (str(error),)
        if warnings:
            self.left_out.append(f"the trigger {trigger!r} of {of!r}: {warnings[0]}")
        return None if warnings else trigger

    def differing(self, mapping: Mapping[str, Any], fields: Fields, preset: str) -> dict[str, Any]:
        """Return the entries of a preset that say something else than the fields' defaults."""
        known = {
            key: self.mapping(fields[key], value, f"{preset}.{key}")
            for key, value in mapping.items()
            if key in fields
        }
        return {key: value for key, value in known.items() if value != fields[key].default}

    def mapping(self, field: Field, mapping: Any, of: str) -> Any:
        """Return a mapping without what comes to nothing: other keys, paths that no event has."""
        if not self.mend:
            return mapping
        compiled = compile_mapping({"": mapping})
        for path in compiled.paths:
            if first_key(path) not in {*EVENT_KEYS, None}:
                self.left_out.append(f"the mapping of {of!r}: no event has {path!r}")
                return None
        unknown = [fault.place.rpartition(".")[2] for fault in unknown_properties(field, mapping)]
        if unknown:
            keys = ", ".join(map(repr, unknown))
            self.left_out.append(f"of the mapping of {of!r} {keys}: no properties of the object")
        return _known(field, mapping) if unknown else mapping

    def fields(
        self, data: Any, place: str, *, read: Callable[..., Fields] = fields_from_manifest
    ) -> Fields:
        try:
            return read(self.object(data or {}, place))
        except DefinitionError as error:
            self.faults += [fault.under(place) for fault in error.faults]
            return {}

    def object(self, data: Any, place: str) -> Mapping[str, Any]:
        if isinstance(data, Mapping):
            return data
        self.faults.append(Fault(place, f"is an object, not {data!r}"))
        return {}

    def objects(self, data: Any, place: str) -> list[Mapping[str, Any]]:
        if isinstance(data, list):
            return [self.object(each, f"{place}[{n}]") for n, each in enumerate(data)]
        if data is not None:
            self.faults.append(Fault(place, f"is a list, not {data!r}"))
        return []

    def text(self, data: Mapping[str, Any], key: str, place: str) -> str:
        value = data.get(key)
        if not isinstance(value, str) or not value:
            self.faults.append(Fault(f"{place}.{key}", f"is a text, not {value!r}"))
        return cast("str", value)


def dynamic_places(fields: Fields, before: str = "") -> Iterator[str]:
    """The wire names of dynamic fields, those of properties with a point: `item.price`."""
    for key, field in fields.items():
        if field.dynamic:
            yield f"{before}{key}"
        yield from dynamic_places(field.properties or {}, f"{before}{key}.")


def _known(field: Field, mapping: Any) -> Any:
    """A mapping without the keys that `unknown_properties` names."""
    properties = field.properties
    if properties is None or field.additional_properties:
        return mapping
    match mapping:
        case list() | tuple():
            return [_known(field, each) for each in mapping]
        case {"@arrayPath": [path, item]}:
            return {"@arrayPath": [path, _known(field, item)]}
        case {"@if": {**branches}}:
            kept = {k: _known(field, v) if k != "exists" else v for k, v in branches.items()}
            return {"@if": kept}
        case Mapping() if not any(str(key).startswith("@") for key in mapping):
            return {k: _known(properties[k], v) for k, v in mapping.items() if k in properties}
        case _:
            return mapping
