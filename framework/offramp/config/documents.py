"""Sources, instances and subscriptions as the rows they are stored in, their secrets sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from offramp import _json
from offramp.config.keyring import KeyRing, is_sealed
from offramp.config.model import Config, Instance, Kind, Source, Subscription, Thing
from offramp.config.secrets import change_mapping_secrets, change_secrets, is_reference
from offramp.definition import MASK, Fields, options_of
from offramp.errors import ConfigError, Fault, join_place
from offramp.place import exception_text

#: By kind and id: the JSON of a row, and the thing that it holds.
Known: TypeAlias = "dict[tuple[Kind, str], tuple[str, Thing]]"

_CLASSES: Final[Mapping[Kind, type[Any]]] = {
    "source": Source,
    "instance": Instance,
    "subscription": Subscription,
}
#: Where a subscription's document keeps what its mapping says only masked, sealed, by place.
MAPPING_SECRETS: Final = "mapping_secrets"
_UNREADABLE: Final = (
    "is stored in a way that cannot be read, as after damage of the disk: copy the data folder, "
    "then restore the latest backup (`offramp restore`)"
)


def write_document(kind: Kind, thing: Thing, keys: KeyRing, fields: Fields) -> str:
    """A thing as JSON; its secrets open again only for its kind, its name and their setting.

    `fields` tell which they are. Those of a mapping are sealed together, for its subscription.
    """
    data = attrs.asdict(thing, recurse=False)

    def seal(field: str, value: Any) -> Any:
        plain = value is None or is_reference(value)
        return value if plain else keys.seal(value, owner=_owner(kind, thing), field=field)

    match thing:
        case Source():
            data["write_key"] = seal("write_key", thing.write_key)
            data["write_keys"] = {
                label: seal(join_place("write_keys", label), key)
                for label, key in thing.write_keys.items()
            }
        case Instance():
            data["settings"] = change_secrets(
                fields, thing.settings, lambda field, value: seal(f"settings.{field}", value)
            )
        case Subscription():
            hidden, data["mapping"] = _without_secrets(fields, thing.mapping)
            if hidden:
                data[MAPPING_SECRETS] = keys.seal(
                    hidden, owner=_owner(kind, thing), field=MAPPING_SECRETS
                )
    return _json.dumps(data).decode()


def read_document_of(kind: Kind, text: str, keys: KeyRing) -> Thing:
    """The thing that JSON was written from; raises `ConfigError` where a secret does not open."""
    data = _json.loads(text)
    cls = _CLASSES[kind]
    # A key that a newer version wrote is passed over: the rest still says what it said.
    known = {a.name: data[a.name] for a in attrs.fields(cls) if a.name in data}
    for option in options_of(cls):
        if option.type == "number" and known.get(option.attribute) is not None:
            known[option.attribute] = float(known[option.attribute])
    if kind != "subscription":
        known = _opened(known, keys, f"{kind}s.{known['name']}")
    elif is_sealed(data.get(MAPPING_SECRETS)):
        owner = f"{kind}s.{known['id']}"
        hidden = keys.open(data[MAPPING_SECRETS], owner=owner, field=MAPPING_SECRETS)
        known["mapping"] = _put_back(hidden, known["mapping"])
    thing: Thing = cls(**known)
    return thing


def reseal_document(kind: Kind, name: str, text: str, keys: KeyRing) -> str:
    """The document with everything that is sealed in it sealed anew, with the first of the keys.

    Raises `ConfigError` where something does not open.
    """
    owner = f"{kind}s.{name}"

    def reseal(value: Any, at: str) -> Any:
        if is_sealed(value):
            opened = keys.open(value, owner=owner, field=at)
            return keys.seal(opened, owner=owner, field=at)
        if isinstance(value, dict):
            return {key: reseal(item, join_place(at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [reseal(item, join_place(at, i)) for i, item in enumerate(value)]
        return value

    return _json.dumps(reseal(_json.loads(text), "")).decode()


def read_config(
    rows: Iterable[tuple[Kind, str, str]], keys: KeyRing, known: Known | None = None
) -> tuple[Config, Known]:
    """The configuration that rows of kind, id and JSON hold, and what each of them holds.

    Of a row that is `known`, the thing stays the very same. Raises `ConfigError` with every secret
    that does not open.
    """
    found: Known = {}
    tables: dict[Kind, dict[str, Any]] = {kind: {} for kind in _CLASSES}
    faults: list[Fault] = []
    for kind, name, text in rows:
        try:
            before, thing = (known or {}).get((kind, name), ("", None))
            if thing is None or before != text:
                thing = read_document_of(kind, text, keys)
        except ConfigError as error:
            faults += error.faults
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            faults.append(Fault(f"{kind}s.{name}", f"{_UNREADABLE}: {exception_text(error)}"))
        else:
            tables[kind][name] = thing
            found[kind, name] = text, thing
    if faults:
        raise ConfigError(faults)
    config = Config(
        sources=tables["source"],
        instances=tables["instance"],
        subscriptions=tables["subscription"],
    )
    return config, found


def _owner(kind: Kind, thing: Thing) -> str:
    return f"{kind}s.{thing.key}"


def _without_secrets(
    fields: Fields, mapping: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The secrets of a mapping by place, and the mapping with masks where they stood."""
    hidden: dict[str, Any] = {}

    def hide(place: str, value: Any) -> Any:
        if is_reference(value):
            return value
        hidden[place] = value
        return MASK

    return hidden, change_mapping_secrets(fields, mapping, hide)


def _put_back(hidden: Mapping[str, Any], value: Any, at: str = "") -> Any:
    """The value with what was hidden in it, by place; anything else may say what it likes."""
    if at in hidden:
        return hidden[at]
    if isinstance(value, dict):
        return {key: _put_back(hidden, item, join_place(at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_back(hidden, item, join_place(at, i)) for i, item in enumerate(value)]
    return value


def _opened(data: Mapping[str, Any], keys: KeyRing, owner: str, at: str = "") -> dict[str, Any]:
    return {key: _open(item, keys, owner, join_place(at, key)) for key, item in data.items()}


def _open(value: Any, keys: KeyRing, owner: str, at: str) -> Any:
    if is_sealed(value):
        return keys.open(value, owner=owner, field=at)
    if isinstance(value, dict):
        return _opened(value, keys, owner, at)
    if isinstance(value, list):
        return [_open(item, keys, owner, join_place(at, i)) for i, item in enumerate(value)]
    return value
