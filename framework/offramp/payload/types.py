"""The field types: one row of `FIELD_TYPES` defines each.

Checks, coercion, messages, generated code, JSON Schema and made-up test data derive from the row.
To add a field type, add a row here, and its name in `definition.FieldType` for type checkers. To
add a JSON type, add a `JsonType`, and its conversions to Python types in `attributes`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

import attrs

from offramp.codegen import Source
from offramp.definition import Choice, Field, FieldType
from offramp.js.text import number_text
from offramp.payload.formats import FORMATS
from offramp.payload.formats.dates import is_date_like
from offramp.payload.rules import (
    Rule,
    at_least,
    at_most,
    fits_format,
    no_longer,
    no_shorter,
    one_of,
)
from offramp.payload.values import is_integer, is_number, read_number


class Wrong(enum.Enum):
    """The type of `WRONG`."""

    WRONG = enum.auto()


#: The result for a value that cannot be coerced.
WRONG: Final = Wrong.WRONG
#: Returns the value, or another one, of the wanted type, or `WRONG`.
Coerce: TypeAlias = Callable[[Any], Any]


@attrs.frozen(kw_only=True, eq=False)
class JsonType:
    """One JSON type: how a value of it is recognised, and how other values are coerced to it."""

    #: Its name in JSON Schema.
    name: str
    #: What a message says is expected.
    wanted: str
    #: The Python type of most of its values, which need no other test.
    usual: type
    #: Whether a value has this type.
    fits: Callable[[Any], bool]
    #: An expression that tests for other common values that fit, given the value's name.
    emit_others: Callable[[Source, str], str] | None = None
    #: Coerces a value of another type, as JavaScript's ajv does; without it, none is coerced.
    make: Coerce | None = None

    def emit(self, source: Source, value: str) -> str:
        """`fits` as an expression: true for nearly all values that fit, and for no others."""
        is_usual = f"type({value}) is {self.usual.__name__}"
        if self.emit_others is None:
            return is_usual
        return f"({is_usual} or {self.emit_others(source, value)})"


def _is_zero(value: Any) -> bool:
    return is_number(value) and value == 0


def _to_string(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return number_text(value)
    return "" if value is None else WRONG


def _to_number(value: Any) -> Any:
    if isinstance(value, str):
        number = read_number(value)
        return WRONG if number is None else number
    if value is None or isinstance(value, bool):
        return int(value or 0)
    return WRONG


def _to_integer(value: Any) -> Any:
    number = _to_number(value)
    return number if isinstance(number, int | Decimal) and is_integer(number) else WRONG


def _to_boolean(value: Any) -> Any:
    if value is None or value == "false" or _is_zero(value):
        return False
    if value == "true" or (is_number(value) and value == 1):
        return True
    return WRONG


def _to_null(value: Any) -> Any:
    return None if value == "" or value is False or _is_zero(value) else WRONG


def _emit_decimal(source: Source, value: str) -> str:
    return f"type({value}) is {source.name('Decimal', Decimal)} and {value}.is_finite()"


STRING: Final = JsonType(
    name="string",
    wanted="a string",
    usual=str,
    fits=lambda value: isinstance(value, str),
    make=_to_string,
)
NUMBER: Final = JsonType(
    name="number",
    wanted="a number",
    usual=int,
    fits=is_number,
    emit_others=_emit_decimal,
    make=_to_number,
)
INTEGER: Final = JsonType(
    name="integer", wanted="a whole number", usual=int, fits=is_integer, make=_to_integer
)
BOOLEAN: Final = JsonType(
    name="boolean",
    wanted="true or false",
    usual=bool,
    fits=lambda value: isinstance(value, bool),
    make=_to_boolean,
)
OBJECT: Final = JsonType(
    name="object", wanted="an object", usual=dict, fits=lambda value: isinstance(value, dict)
)
NULL: Final = JsonType(
    name="null",
    wanted="null",
    usual=type(None),
    fits=lambda value: value is None,
    make=_to_null,
)


def _no_rules(_: Field) -> Iterator[Rule]:
    return iter(())


@attrs.frozen(kw_only=True)
class TypeDefinition:
    """One field type."""

    #: The JSON types that a value may have, in the order in which it is coerced to one of them.
    accepts: tuple[JsonType, ...]
    #: What a message says is expected, if that is not the name of the JSON types.
    wanted: str | None = None
    #: The rules for a single value, besides the field's choices; they do not apply to lists.
    rules: Callable[[Field], Iterator[Rule]] = _no_rules
    #: The JSON Schema format of all its values.
    format: str | None = None
    #: Whether the format that a field declares applies.
    takes_format: bool = False

    @property
    def usual(self) -> type:
        """The Python type that most values have."""
        return self.accepts[0].usual


# A bound of 0 is ignored in these rules, as Segment ignores it.


def _string_rules(field: Field) -> Iterator[Rule]:
    if field.minimum:
        yield no_shorter(field.minimum)
    if field.maximum:
        yield no_longer(field.maximum)
    if field.format in FORMATS:
        yield fits_format(*FORMATS[field.format])


def _number_rules(field: Field) -> Iterator[Rule]:
    if field.minimum:
        yield at_least(field.minimum)
    if field.maximum:
        yield at_most(field.maximum)


def _datetime_rules(field: Field) -> Iterator[Rule]:
    yield fits_format(is_date_like, wanted(field))


#: Field type -> its definition.
FIELD_TYPES: Final[dict[FieldType, TypeDefinition]] = {
    "string": TypeDefinition(accepts=(STRING,), rules=_string_rules, takes_format=True),
    "text": TypeDefinition(accepts=(STRING,)),
    "password": TypeDefinition(accepts=(STRING,), format="password"),
    "datetime": TypeDefinition(
        accepts=(STRING, NUMBER),
        wanted="a date and time (2026-01-31T12:30:00Z, or milliseconds since 1970)",
        rules=_datetime_rules,
        format="date-time",
    ),
    "number": TypeDefinition(accepts=(NUMBER,), rules=_number_rules),
    "integer": TypeDefinition(accepts=(INTEGER,)),
    "boolean": TypeDefinition(accepts=(BOOLEAN,)),
    "object": TypeDefinition(accepts=(OBJECT,)),
}


def type_of(field: Field) -> TypeDefinition:
    """The definition of a field's type."""
    return FIELD_TYPES[field.type]


def is_shaped(field: Field) -> bool:
    """Whether a field is an object, or a list of objects, whose properties are declared."""
    return OBJECT in type_of(field).accepts and field.properties is not None


def json_types(field: Field) -> tuple[JsonType, ...]:
    """The types of one value of a field; null only if the field may be null and is not a list.

    An object with declared properties is never null, even if it declares that it may be.
    """
    accepts = type_of(field).accepts
    takes_null = field.allow_null and not field.multiple and not is_shaped(field)
    return (*accepts, NULL) if takes_null else accepts


def wanted(field: Field) -> str:
    """What one value of a field is expected to be, for messages."""
    definition, types = type_of(field), json_types(field)
    names = [each.wanted for each in types]
    if definition.wanted is not None:
        names[: len(definition.accepts)] = [definition.wanted]
    return " or ".join(names)


def rules_of(field: Field) -> tuple[Rule, ...]:
    """The rules for one value of a field, or for each item of a list.

    Bounds, lengths and formats apply to single values only. The items of a list obey the field's
    choices, unless they are objects with declared properties.
    """
    rules: list[Rule] = []
    if field.choices is not None and not (field.multiple and is_shaped(field)):
        are_texts = type_of(field).usual is str
        rules.append(one_of(_allowed_values(field), are_texts=are_texts))
    if not field.multiple:
        rules += type_of(field).rules(field)
    return tuple(rules)


def _allowed_values(field: Field) -> list[Any]:
    """The values that a field's choices allow, including null if the field may be null."""
    choices = field.choices or ()
    values = [choice.value if isinstance(choice, Choice) else choice for choice in choices]
    return [*values, None] if field.allow_null else values


def compile_coerce(types: tuple[JsonType, ...]) -> Coerce:
    """Compile the coercion to one of some types, tried in order.

    A list of one item is replaced by the item. With several types the item is then coerced even
    if it has one of the types already, because ajv does not check that. Nothing is coerced to or
    from an object.
    """
    usual = types[0].usual
    is_single = len(types) == 1
    fits = _any_of(tuple(each.fits for each in types))
    makers = tuple(each.make for each in types if each.make is not None)

    def coerce(value: Any) -> Any:
        if type(value) is usual or fits(value):
            return value
        if makers and isinstance(value, list) and len(value) == 1:
            value = value[0]
            if is_single and fits(value):
                return value
        for make in makers:
            made = make(value)
            if made is not WRONG:
                return made
        return WRONG

    return coerce


def _any_of(tests: tuple[Callable[[Any], bool], ...]) -> Callable[[Any], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)
