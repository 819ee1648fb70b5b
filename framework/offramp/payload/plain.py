"""Payload classes of which an instance is no more than the values of its attributes."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args, get_origin

import attrs

from offramp.definition import wire_names

#: How attrs names the file of what it writes, and where it keeps a hash, if the class asks for one.
_GENERATED: Final = "<attrs generated"
_CACHED_HASH: Final = "_attrs_cached_hash"


@attrs.frozen
class _Frozen:
    """A frozen class, to know others by."""


_REFUSES_TO_SET: Final[Any] = _Frozen.__setattr__
_USUAL_NEW: Final[Any] = object.__new__
_USUAL_SET: Final[Any] = object.__setattr__


@attrs.frozen
class PlainAttribute:
    """One attribute of a plain class."""

    name: str
    #: The name of its parameter.
    alias: str
    #: Its annotation, `None` aside.
    kind: Any
    #: Whether it is `None` where nothing came.
    may_miss: bool


def plain_attributes(cls: type[Any]) -> dict[str, PlainAttribute] | None:
    """The attributes of a class by wire name, or `None` where its author made more of it.

    That is a validator, a converter, a default of its own, or any code that runs as one is made.
    """
    if not (attrs.has(cls) and _is_made_by_attrs(cls)):
        return None
    if not all(map(_is_plain, attrs.fields(cls))):
        return None
    hints, names = typing.get_type_hints(cls), wire_names(cls)
    found = {}
    for attribute in attrs.fields(cls):
        kind, takes_none = _without_none(hints[attribute.name])
        may_miss = attribute.default is None or takes_none
        key = names[attribute.name]
        found[key] = PlainAttribute(attribute.name, str(attribute.alias), kind, may_miss)
    return found


def slots_of(cls: type[Any]) -> dict[str, Callable[[Any, Any], None]] | None:
    """What sets each attribute of a frozen class with slots; `None` for any other class.

    The `__init__` of such a class looks the same up for each attribute, each time, by its name.
    """
    if cls.__setattr__ is not _REFUSES_TO_SET or hasattr(cls, _CACHED_HASH):
        return None
    slots = {attribute.name: getattr(cls, attribute.name, None) for attribute in attrs.fields(cls)}
    setters = {
        name: slot.__set__
        for name, slot in slots.items()
        if isinstance(slot, types.MemberDescriptorType)
    }
    return setters if len(setters) == len(slots) else None


def is_plain_mapping(kind: Any) -> bool:
    """Whether an annotation takes any JSON object as it is."""
    if (get_origin(kind) or kind) not in (dict, Mapping):
        return False
    return get_args(kind)[1:] in ((), (Any,), (object,))


def _is_made_by_attrs(cls: type[Any]) -> bool:
    """Whether nothing but what attrs wrote itself runs when an instance is made."""
    own = vars(cls)
    hooks = ("__attrs_pre_init__", "__attrs_post_init__", "__attrs_init__")
    return (
        "__attrs_attrs__" in own
        and type(cls) is type
        and cls.__new__ is _USUAL_NEW
        and cls.__setattr__ in (_USUAL_SET, _REFUSES_TO_SET)
        and not any(hasattr(cls, hook) for hook in hooks)
        and isinstance(own.get("__init__"), types.FunctionType)
        and own["__init__"].__code__.co_filename.startswith(_GENERATED)
    )


def _is_plain(attribute: attrs.Attribute[Any]) -> bool:
    return (
        attribute.init
        and attribute.validator is None
        and attribute.converter is None
        and (attribute.default is attrs.NOTHING or attribute.default is None)
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    members = get_args(hint)
    others = [member for member in members if member is not type(None)]
    return (others[0] if len(others) == 1 else hint), len(others) < len(members)
