"""Fields declared on an attrs class: the class is the one source of truth."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import attrs

from offramp.definition.fields import (
    Choice,
    Conditions,
    DisplayMode,
    Field,
    FieldCategory,
    FieldFormat,
    FieldType,
    InputMethod,
    ObjectUI,
)
from offramp.definition.nested import unknown_properties
from offramp.errors import DefinitionError, Fault
from offramp.js.values import Unset

T = TypeVar("T")

METADATA_KEY: Final = "offramp.field"
#: The types of which a value may be an empty text.
TEXT_TYPES: Final = frozenset({"string", "text", "password"})
MASK: Final = "***"
_NO_CLASS: Final = (
    "is wanted as a class, and one of its instances was given: leave out the parentheses"
)

_TYPES: dict[Any, FieldType] = {
    str: "string",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    datetime: "datetime",
    dict: "object",
    Mapping: "object",
}


def field(  # noqa: PLR0913 - one parameter for each property that Segment's input field has
    *,
    description: str = "",
    label: str | None = None,
    key: str | None = None,
    type: FieldType | None = None,  # noqa: A002 - the field's own word
    required: bool | Conditions | None = None,
    allow_null: bool = False,
    allow_empty: bool = False,
    dynamic: bool = False,
    default: Any = None,
    choices: Sequence[str | Choice] | None = None,
    placeholder: str | None = None,
    properties: Mapping[str, Field] | None = None,
    category: FieldCategory | None = None,
    depends_on: Conditions | None = None,
    read_only: bool | None = None,
    hidden: bool | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    default_object_ui: ObjectUI | None = None,
    disabled_input_methods: Sequence[InputMethod] | None = None,
    display_mode: DisplayMode | None = None,
    format: FieldFormat | None = None,  # noqa: A002 - the field's own word
    additional_properties: bool = False,
    secret: bool | None = None,
) -> Any:
    """Declare a field on an attrs class; see `Field` for what each property means.

    `key` is the name on the wire where Python spells it otherwise. The type, whether it is a
    list, and whether it is required (it is, unless the annotation allows `None`) are read from
    the annotation. `default` is a default *mapping*, not a Python value. An empty text counts as
    missing, unless `allow_empty` says that it is a value. A `secret` is encrypted
    where it is stored and masked where it is shown, like a field of type password; `secret=False`
    says that a field is not a secret, whatever its name looks like.
    """
    declared = {name: value for name, value in locals().items() if value is not None}
    hidden_in_repr = bool(secret) or "password" in (type, format)
    return attrs.field(
        kw_only=True,
        default=None if required is False or isinstance(required, Conditions) else attrs.NOTHING,
        repr=_masked if hidden_in_repr else True,
        metadata={METADATA_KEY: declared},
    )


#: Declares one setting of a destination: the same properties as a field of an action.
setting = field


def fields_of(cls: type[Any], *, within: tuple[type[Any], ...] = ()) -> dict[str, Field]:
    """The fields that an attrs class declares, by wire name; `within` are the classes around it.

    Raises one `DefinitionError` with every annotation that cannot be a field's.
    """
    hints = _hints(cls, within)
    found: dict[str, Field] = {}
    faults: list[Fault] = []
    keywords = False
    for attribute in attrs.fields(cls):
        place = f"{cls.__qualname__}.{attribute.name}"
        fault = _undeclared(attribute, hints, after_keywords=keywords)
        keywords = keywords or attribute.kw_only
        if fault:
            faults.append(Fault(place, fault))
            continue
        declared = dict(attribute.metadata.get(METADATA_KEY, {}))
        key = declared.pop("key", attribute.name)
        if key in found:
            faults.append(Fault(place, f"has the key {key!r}, and so has another field"))
        try:
            found[key] = _field_from(declared, key, hints[attribute.name], (*within, cls))
        except DefinitionError as error:
            faults += error.faults
        except TypeError as error:
            faults.append(Fault(place, str(error)))
        else:
            unknown = unknown_properties(found[key], found[key].default)
            faults += [fault.under(f"{place}.default") for fault in unknown]
    if faults:
        raise DefinitionError(faults)
    return found


def _undeclared(
    attribute: attrs.Attribute[Any], hints: Mapping[str, Any], *, after_keywords: bool
) -> str | None:
    """Why an attribute is not a field, and how to write it, or None."""
    name = attribute.name
    if name not in hints:
        return f"has no annotation: write {name}: str = field(...), or the type that it has"
    write = f"{name}: {_name(hints[name])} = field(...), or setting(...) for a setting"
    own_code = (attribute.validator, attribute.converter, attribute.metadata)
    if attribute.default is attrs.NOTHING and not any(own_code):
        return f"is not declared: write {write}"
    if after_keywords and attribute.init and not attribute.kw_only:
        return f"comes after fields, which are keyword-only: write {write}, or kw_only=True"
    return None


def _hints(cls: type[Any], within: tuple[type[Any], ...]) -> dict[str, Any]:
    if not isinstance(get_origin(cls) or cls, type):
        raise DefinitionError([Fault(type(cls).__qualname__, _NO_CLASS)])
    if not attrs.has(cls):
        message = "must be an attrs class: decorate it with @attrs.frozen"
    elif cls in within:
        message = "contains itself, without end; use dict[str, Any] for what lies deeper"
    else:
        try:
            return typing.get_type_hints(cls)
        except NameError as error:
            message = (
                f"{error}; define or import it at the top of the module, where it can be found"
            )
    raise DefinitionError([Fault(getattr(cls, "__qualname__", repr(cls)), message)])


def wire_names(cls: type[Any]) -> dict[str, str]:
    """Attribute name -> wire name, for every field of an attrs class."""
    return {
        attribute.name: attribute.metadata.get(METADATA_KEY, {}).get("key", attribute.name)
        for attribute in attrs.fields(cls)
    }


def _masked(value: Any) -> str:
    return MASK if value else repr(value)


def _field_from(
    declared: dict[str, Any], key: str, hint: Any, within: tuple[type[Any], ...]
) -> Field:
    hint, optional = _without_none(hint)
    item = _list_item(hint)
    inferred = _infer(hint if item is None else item, within)
    required = declared.pop("required", not optional)
    if required is not True and not optional:
        raise TypeError(
            f"is not always required, so its annotation must allow None: write {_name(hint)} | None"
        )
    kind = declared.pop("type", None) or inferred["type"]
    if declared.get("allow_empty") and (item is not None or kind not in TEXT_TYPES):
        raise TypeError("allows an empty text, but is no text: leave allow_empty out")
    return Field(
        label=declared.pop("label", key),
        type=kind,
        required=required,
        multiple=item is not None,
        **{**{k: v for k, v in inferred.items() if k != "type"}, **declared},
    )


def _infer(hint: Any, within: tuple[type[Any], ...]) -> dict[str, Any]:
    if hint is Any:
        return {"type": "string"}
    origin = get_origin(hint)
    if origin is Literal:
        values = get_args(hint)
        kind, *others = {_TYPES.get(type(value)) for value in values}
        if kind is None or others:
            raise TypeError(f"{hint} mixes types, or has one that no field has; use strings only")
        return {
            "type": kind,
            "choices": [v if isinstance(v, str) else Choice(v, str(v)) for v in values],
        }
    if attrs.has(hint):
        return {"type": "object", "properties": fields_of(hint, within=within)}
    kind = _TYPES.get(origin or hint)
    if kind is None:
        raise TypeError(
            f"{_name(hint)} cannot be a field; use str, int, float, Decimal, bool, datetime, "
            "dict, Literal, another attrs class, or a list of one of them",
        )
    return {"type": kind}


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    members = [member for member in get_args(hint) if member not in (type(None), Unset)]
    optional = len(members) < len(get_args(hint))
    if len(members) == 1:
        return members[0], optional
    raise TypeError(f"{hint} is one of several types; a field has one type")


def _list_item(hint: Any) -> Any:
    arguments = get_args(hint)
    if get_origin(hint) is tuple and arguments[1:] != (...,):
        raise TypeError(f"{hint} has a fixed length; a list of any length is a field: list[str]")
    return arguments[0] if get_origin(hint) in (list, Sequence, tuple) else None


def _name(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint))
