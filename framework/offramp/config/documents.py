"""Sources, instances and subscriptions as the rows they are stored in, their secrets sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config.diff import Kind, Thing
from offramp.config.export import settings_fields
from offramp.config.keyring import KeyRing, is_sealed
from offramp.config.model import Config, Instance, Source, Subscription
from offramp.config.secrets import change_secrets, is_reference
from offramp.config.table import join_place
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog

_CLASSES: Final[Mapping[Kind, type[Any]]] = {
    "source": Source,
    "instance": Instance,
    "subscription": Subscription,
}


def write_document(kind: Kind, thing: Thing, keys: KeyRing, catalog: Catalog) -> str:
    """A thing as JSON; its secrets open again only for its kind, its name and their setting."""
    data = attrs.asdict(thing, recurse=False)

    def seal(field: str, value: Any) -> Any:
        plain = value is None or is_reference(value)
        return value if plain else keys.seal(value, owner=_owner(kind, thing), field=field)

    match thing:
        case Source():
            data["write_key"] = seal("write_key", thing.write_key)
        case Instance():
            fields = settings_fields(catalog, thing)
            data["settings"] = change_secrets(
                fields, thing.settings, lambda field, value: seal(f"settings.{field}", value)
            )
        case Subscription():
            pass
    return _json.dumps(data).decode()


def read_document_of(kind: Kind, text: str, keys: KeyRing) -> Thing:
    """The thing that JSON was written from; raises `ConfigError` where a secret does not open."""
    data = _json.loads(text)
    cls = _CLASSES[kind]
    # A key that a newer version wrote is passed over: the rest still says what it said.
    known = {a.name: data[a.name] for a in attrs.fields(cls) if a.name in data}
    if known.get("rate") is not None:
        known["rate"] = float(known["rate"])
    if kind != "subscription":  # it holds no secrets, and its mapping may say anything
        known = _opened(known, keys, f"{kind}s.{known['name']}")
    thing: Thing = cls(**known)
    return thing


def read_config(rows: Iterable[tuple[Kind, str, str]], keys: KeyRing) -> Config:
    """The configuration that rows of kind, id and JSON hold.

    Raises `ConfigError` with every secret that does not open.
    """
    tables: dict[Kind, dict[str, Any]] = {kind: {} for kind in _CLASSES}
    faults: list[Fault] = []
    for kind, name, text in rows:
        try:
            tables[kind][name] = read_document_of(kind, text, keys)
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    return Config(
        sources=tables["source"],
        instances=tables["instance"],
        subscriptions=tables["subscription"],
    )


def _owner(kind: Kind, thing: Thing) -> str:
    return f"{kind}s.{thing.name}"


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
