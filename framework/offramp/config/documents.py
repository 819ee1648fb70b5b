"""Sources, instances and subscriptions as the rows they are stored in, their secrets sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from offramp import _json
from offramp.config.keyring import ChangedSecretError, KeyRing, is_sealed
from offramp.config.model import Config, Instance, Kind, Source, Subscription, Thing
from offramp.config.oauth import OAUTH_FIELDS
from offramp.config.secrets import change_mapping_secrets, change_secrets, is_reference
from offramp.config.unreadable import CLASSES, Copies, make_thing, read_numbers, stand_in
from offramp.definition import MASK, Fields
from offramp.errors import ConfigError, Fault, join_place
from offramp.place import exception_text

#: By kind and id: the JSON of a row, and the thing that it holds.
Known: TypeAlias = "dict[tuple[Kind, str], tuple[str, Thing]]"

#: Where a subscription's document keeps what its mapping says only masked, sealed, by place.
MAPPING_SECRETS: Final = "mapping_secrets"
#: Where it keeps its save hooks, sealed.
HOOKS: Final = "hooks"
_NO_COPY: Final = (
    "is stored in a way that cannot be read, as after damage of the disk, and the audit log has no "
    "copy of it: copy the data folder, then restore the latest backup (`offramp restore`)"
)


def no_copies(_: Kind, __: str) -> Iterable[str]:
    """No copies of anything."""
    return ()


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
            data["audiences"] = {
                key: _sealed_audience(each, join_place("audiences", key), seal)
                for key, each in thing.audiences.items()
            }
            data["oauth"] = change_secrets(
                OAUTH_FIELDS, thing.oauth, lambda field, value: seal(f"oauth.{field}", value)
            )
        case Subscription():
            hidden, data["mapping"] = _without_secrets(fields, thing.mapping)
            if hidden:
                data[MAPPING_SECRETS] = keys.seal(
                    hidden, owner=_owner(kind, thing), field=MAPPING_SECRETS
                )
            if thing.hooks:  # as a whole: what a partner gave may be a secret, declared or not
                data[HOOKS] = seal(HOOKS, data[HOOKS])
    return _json.dumps(data).decode()


def read_document_of(kind: Kind, text: str, keys: KeyRing) -> Thing:
    """The thing that JSON was written from; raises `ConfigError` where a secret does not open."""
    data = _json.loads(text)
    # A key that a newer version wrote is passed over: the rest still says what it said.
    known = {a.name: data[a.name] for a in attrs.fields(CLASSES[kind]) if a.name in data}
    known = read_numbers(kind, known)
    if kind != "subscription":
        known = _opened(known, keys, f"{kind}s.{known['name']}")
        return make_thing(kind, known)
    owner = f"{kind}s.{known['id']}"
    if is_sealed(data.get(MAPPING_SECRETS)):
        hidden = keys.open(data[MAPPING_SECRETS], owner=owner, field=MAPPING_SECRETS)
        known["mapping"] = _put_back(hidden, known["mapping"])
    if is_sealed(known.get(HOOKS)):
        known[HOOKS] = keys.open(known[HOOKS], owner=owner, field=HOOKS)
    return make_thing(kind, known)


def reseal_document(owner: str, text: str, keys: KeyRing) -> str:
    """The document with everything that is sealed in it sealed anew, with the first of the keys.

    `owner` is what it was sealed for, such as `instances.billing`. Raises `ConfigError` where
    something does not open.
    """

    def reseal(value: Any, at: str) -> Any:
        if is_sealed(value):
            opened = keys.open(value, owner=owner, field=at)
            return keys.seal(opened, owner=owner, field=at)
        if isinstance(value, dict):
            return {key: reseal(item, join_place(at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [reseal(item, join_place(at, i)) for i, item in enumerate(value)]
        return value

    try:
        data = _json.loads(text)
    except ValueError:
        message = "cannot be read, so its secrets cannot be sealed anew: replace or delete it first"
        raise ConfigError([Fault(owner, message)]) from None
    return _json.dumps(reseal(data, "")).decode()


def read_config(
    rows: Iterable[tuple[Kind, str, str]],
    keys: KeyRing,
    known: Known | None = None,
    copies: Copies = no_copies,
) -> tuple[Config, Known]:
    """The configuration that rows of kind, id and JSON hold, and what each of them holds.

    Of a row that is `known`, the thing stays the very same. In the place of one that cannot be read
    stands what `copies` have of it; see `Config.unreadable`. Raises `ConfigError` with every secret
    for which there is no key, and with what cannot be read and has no copy.
    """
    reading = _Reading(keys=keys, known=known or {}, copies=copies)
    for row in rows:
        reading.read(*row)
    if not reading.faults:
        reading.hold_together()
    if reading.faults:
        raise ConfigError(reading.faults)
    config = Config(
        sources=reading.tables["source"],
        instances=reading.tables["instance"],
        subscriptions=reading.tables["subscription"],
        unreadable=reading.unreadable,
    )
    return config, reading.found


@attrs.define(kw_only=True)
class _Reading:
    keys: KeyRing
    known: Known
    copies: Copies
    found: Known = attrs.field(factory=dict)
    tables: dict[Kind, dict[str, Any]] = attrs.field(factory=lambda: {kind: {} for kind in CLASSES})
    unreadable: dict[tuple[Kind, str], str] = attrs.field(factory=dict)
    faults: list[Fault] = attrs.field(factory=list)

    def read(self, kind: Kind, name: str, text: str) -> None:
        """Read one row."""
        try:
            before, thing = self.known.get((kind, name), ("", None))
            if thing is None or before != text:
                thing = read_document_of(kind, text, self.keys)
        except ChangedSecretError as error:
            self._hold(kind, name, str(error))
        except ConfigError as error:
            self.faults += error.faults
        except UnicodeError:
            self._hold(kind, name, "it holds bytes that are no text")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._hold(kind, name, exception_text(error))
        else:
            if thing.key != name:
                self._hold(kind, name, "it is that of something else")
                return
            self.tables[kind][name] = thing
            self.found[kind, name] = text, thing

    def hold_together(self) -> None:
        """Hold what belongs to something that is not there."""
        for kind, table in self.tables.items():
            for name in list(table):
                lacks = self._lacks(table[name])
                if lacks is not None and (kind, name) not in self.unreadable:
                    self._hold(kind, name, f"there is no {lacks}")
                    lacks = self._lacks(table[name])
                if lacks is not None:
                    self.faults.append(Fault(f"{kind}s.{name}", f"{_NO_COPY}: there is no {lacks}"))

    def _lacks(self, thing: Thing) -> str | None:
        match thing:
            case Instance() if thing.source not in self.tables["source"]:
                return f"source {thing.source!r}"
            case Subscription() if thing.instance not in self.tables["instance"]:
                return f"instance {thing.instance!r}"
            case _:
                return None

    def _hold(self, kind: Kind, name: str, why: str) -> None:
        thing = stand_in(kind, name, self.copies) if kind in CLASSES else None
        if thing is None:
            self.faults.append(Fault(f"{kind}s.{name}", f"{_NO_COPY}: {why}"))
            return
        self.found.pop((kind, name), None)
        self.tables[kind][name] = thing
        self.unreadable[kind, name] = f"its stored document cannot be read: {why}"


def _owner(kind: Kind, thing: Thing) -> str:
    return f"{kind}s.{thing.key}"


def _sealed_audience(
    audience: Mapping[str, Any], place: str, seal: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """An audience with all its settings sealed, secret or not."""
    if "settings" not in audience:
        return dict(audience)
    inner = join_place(place, "settings")
    settings = {k: seal(join_place(inner, k), each) for k, each in audience["settings"].items()}
    return {**audience, "settings": settings}


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
