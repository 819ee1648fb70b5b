"""Converts checked values to the Python types of a payload class's attributes.

Each type has the conversion of any value (`run`, which cattrs calls) and, as code, that of the
usual values (`emit`). That code makes the instances of plain classes, cattrs those of all others.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from offramp.codegen import Source
from offramp.definition import Field, wire_names
from offramp.payload.formats.dates import common_time, is_date_like, parse_date_like
from offramp.payload.types import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    JsonType,
    type_of,
)
from offramp.payload.values import INTEGER_DIGITS, describe, is_integer, is_number

#: The file name of code that attrs generates, and attrs' attribute for a cached hash.
_GENERATED: Final = "<attrs generated"
_CACHED_HASH: Final = "_attrs_cached_hash"


class UnfitError(ValueError):
    """A value cannot be held by an attribute of its type."""


@attrs.frozen
class Form:
    """The conversion of a usual value, as an expression of the value's name."""

    emit: Callable[[Source, str], str]
    #: Whether the expression is `None` for some values, which need cattrs.
    may_fail: bool = False
    #: A test that a value is sure to pass if the expression is not `None`.
    proves: Callable[[str], bool] | None = None


def _calls(function: Callable[[Any], Any]) -> Callable[[Source, str], str]:
    return lambda source, value: f"{source.name('held', function)}({value})"


AS_IT_IS: Final = Form(lambda _, value: value)
_COPY: Final = Form(lambda _, value: f"{value}.copy()")


@attrs.frozen(kw_only=True)
class AttributeType:
    """One Python type that an attribute may have."""

    #: Converts any value; cattrs passes the type as well; raises `UnfitError`.
    run: Callable[[Any, Any], Any]
    #: JSON type -> the conversion of the usual values of that type.
    forms: Mapping[JsonType, Form]


def _refuse(value: Any, text: str) -> typing.NoReturn:
    raise UnfitError(f"{describe(value)} came, but {text} is wanted")


def _to_str(value: Any, _: Any) -> str:
    return value if isinstance(value, str) else _refuse(value, "a string")


def _to_bool(value: Any, _: Any) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _to_int(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    if not is_integer(value):
        _refuse(value, "a whole number")
    if Decimal(value).adjusted() >= INTEGER_DIGITS:
        _refuse(value, f"a whole number of at most {INTEGER_DIGITS} digits")
    return int(value)


def _finite_float(number: float | Decimal) -> float | None:
    try:
        made = float(number)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


def _to_float(value: Any, _: Any) -> float:
    number = _finite_float(value) if is_number(value) else None
    return _refuse(value, "a number that a float can hold") if number is None else number


def _to_decimal(value: Any, _: Any) -> Decimal:
    if not is_number(value):
        _refuse(value, "a number")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _to_datetime(value: Any, _: Any) -> datetime:
    try:
        return parse_date_like(value)
    except ValueError as error:
        raise UnfitError(f"{describe(value)} {error}") from None


_FLOAT: Final = Form(_calls(_finite_float), may_fail=True)
_DECIMAL: Final = Form(_calls(Decimal))
_TIME: Final = Form(_calls(common_time), may_fail=True, proves=is_date_like)

#: Python type -> its conversions. Objects and classes are not listed.
ATTRIBUTE_TYPES: Final[dict[type, AttributeType]] = {
    str: AttributeType(run=_to_str, forms={STRING: AS_IT_IS}),
    bool: AttributeType(run=_to_bool, forms={BOOLEAN: AS_IT_IS}),
    int: AttributeType(run=_to_int, forms={INTEGER: AS_IT_IS}),
    float: AttributeType(run=_to_float, forms={INTEGER: _FLOAT, NUMBER: _FLOAT}),
    Decimal: AttributeType(run=_to_decimal, forms={INTEGER: _DECIMAL, NUMBER: _DECIMAL}),
    datetime: AttributeType(run=_to_datetime, forms={STRING: _TIME}),
}


def to_mapping(value: Any, _: Any) -> Any:
    """The value of an attribute that accepts any JSON object; raises `UnfitError`."""
    return value if isinstance(value, dict) else _refuse(value, "an object")


def is_plain_mapping(annotation: Any) -> bool:
    """Whether an annotation accepts any JSON object as it is."""
    if (get_origin(annotation) or annotation) not in (dict, Mapping):
        return False
    return get_args(annotation)[1:] in ((), (Any,), (object,))


def form_of(field: Field, annotation: Any) -> Form | None:
    """The conversion of a field's usual values, or `None` if it needs cattrs."""
    json_type = type_of(field).accepts[0]
    usual = json_type.usual
    if field.multiple:
        is_list = get_origin(annotation) is list and get_args(annotation)[0] in (usual, Any)
        return _COPY if is_list and json_type is not NUMBER else None
    if annotation is Any or (usual is dict and is_plain_mapping(annotation)):
        return AS_IT_IS
    if get_origin(annotation) is Literal:
        values = {value: value for value in get_args(annotation)}
        are_texts = usual is str and all(isinstance(value, str) for value in values)
        return Form(_calls(values.get), may_fail=True) if are_texts else None
    attribute_type = ATTRIBUTE_TYPES.get(annotation)
    return None if attribute_type is None else attribute_type.forms.get(json_type)


@attrs.frozen
class _Frozen:
    """A frozen class, to compare others with."""


_REFUSES_TO_SET: Final[Any] = _Frozen.__setattr__
_USUAL_NEW: Final[Any] = object.__new__
_USUAL_SET: Final[Any] = object.__setattr__


@attrs.frozen
class PlainAttribute:
    """One attribute of a plain class."""

    name: str
    #: The name of its parameter.
    alias: str
    #: Its annotation without `None`.
    annotation: Any
    #: Whether it is `None` if the payload lacks it.
    may_miss: bool


def plain_attributes(cls: type[Any]) -> dict[str, PlainAttribute] | None:
    """The attributes of a class by wire name, or `None` if making an instance runs other code.

    That is a validator, a converter, a default, or any other code of the author's.
    """
    if not (attrs.has(cls) and _is_made_by_attrs(cls)):
        return None
    if not all(map(_is_plain, attrs.fields(cls))):
        return None
    hints, names = typing.get_type_hints(cls), wire_names(cls)
    found = {}
    for attribute in attrs.fields(cls):
        annotation, takes_none = _without_none(hints[attribute.name])
        may_miss = attribute.default is None or takes_none
        key = names[attribute.name]
        found[key] = PlainAttribute(attribute.name, str(attribute.alias), annotation, may_miss)
    return found


def slots_of(cls: type[Any]) -> dict[str, Callable[[Any, Any], None]] | None:
    """The setter of each attribute of a frozen class with slots; `None` for any other class.

    The `__init__` of such a class would look each setter up by name, each time.
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


def _is_made_by_attrs(cls: type[Any]) -> bool:
    """Whether making an instance runs only code that attrs generated."""
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
