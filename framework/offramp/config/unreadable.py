"""What stands in for a stored document that cannot be read: the copy that the audit log has of it.

Secrets are masked there, so a stand-in never runs: it tells to what its events belong, and waits
for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Any, Final, TypeAlias

import attrs

from offramp import _json
from offramp.config.model import Config, Instance, Kind, Source, Subscription, Thing
from offramp.config.secrets import is_masked
from offramp.definition import options_of

#: The copies of a thing that the audit log has, as JSON, the latest first.
Copies: TypeAlias = Callable[[Kind, str], Iterable[str]]

CLASSES: Final[Mapping[Kind, type[Any]]] = {
    "source": Source,
    "instance": Instance,
    "subscription": Subscription,
}
#: What an attribute holds, by the first word of its annotation.
_TYPES: Final[Mapping[str, type[Any]]] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": float,
    "Mapping": dict,
}
_FIRST_WORD: Final = re.compile(r"\w+")
#: A key of each copy; what else a person did with a thing has other keys.
_OF_A_COPY: Final = "enabled"


def make_thing(kind: Kind, values: Mapping[str, Any]) -> Thing:
    """The thing that has these attributes; raises `TypeError` if they cannot be its own."""
    thing: Thing = CLASSES[kind](**values)
    for name, wanted in _wanted(kind).items():
        if not isinstance(getattr(thing, name), wanted):
            raise TypeError(f"{name} has a value of another type")
    return thing


@cache
def _wanted(kind: Kind) -> Mapping[str, tuple[type[Any], ...]]:
    """What each attribute of a kind may be, where that can be told."""
    found = {}
    for attribute in attrs.fields(CLASSES[kind]):
        word = _FIRST_WORD.match(str(attribute.type))
        if word is not None and word[0] in _TYPES:
            none = (NoneType,) if attribute.default is None else ()
            found[attribute.name] = (_TYPES[word[0]], *none)
    return found


def read_numbers(kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a thing, with numbers as it holds them."""
    for option in options_of(CLASSES[kind]):
        if option.type == "number" and values.get(option.attribute) is not None:
            values[option.attribute] = float(values[option.attribute])
    return values


def stand_in(kind: Kind, name: str, copies: Copies) -> Thing | None:
    """The thing as the latest copy has it, its secrets masked; `None` if there is no copy."""
    for text in copies(kind, name):
        try:
            copy = _json.loads(text)
            if _OF_A_COPY in copy:
                return make_thing(kind, read_numbers(kind, _values(kind, name, copy)))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return None


def _values(kind: Kind, name: str, copy: Mapping[str, Any]) -> dict[str, Any]:
    cls = CLASSES[kind]
    values = {o.attribute: copy[o.key] for o in options_of(cls) if o.key in copy}
    if kind != "subscription":
        return {**values, "name": name}
    # An id that follows from the instance and the name is not written.
    return {"mapping": {}, **values, "instance": copy["instance"], "id": name}


def known_keys(config: Config, source: Source) -> Mapping[str, str]:
    """The write keys of a source by label, but for those that only stand there masked."""
    if ("source", source.name) not in config.unreadable:
        return source.labelled_keys
    return {label: key for label, key in source.labelled_keys.items() if not is_masked(key)}
