"""Generates values that pass the checks of fields; the same seed gives the same values."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from offramp.definition import Action, AnyAction, Choice, Conditions, Field, Fields, fields_of
from offramp.payload.types import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    JsonType,
    is_shaped,
    type_of,
)
from offramp.testing.formats import MAKERS, UNIQUE_CHARACTERS, make_text, word

#: Something with fields: an action, a payload or settings class, or the fields themselves.
HasFields: TypeAlias = "AnyAction | Action[Any, Any] | type[Any] | Fields"

DEFAULT_SEED: Final = "offramp"
#: Number of items: enough to distinguish a list from a single value.
LIST_LENGTH: Final = 2
#: Numbers without bounds are from 1 to this.
LARGEST_NUMBER: Final = 1_000


def generate_test_data(
    of: HasFields, *, seed: str | None = None, only_required: bool = False
) -> dict[str, Any]:
    """Values for the fields of an action (or of a class, or for given fields), by wire name.

    They pass the fields' check, and are always the same for a `seed`, by default the action's
    slug. `only_required` leaves out every field that is never required. Raises `ValueError` for a
    field for which no value can be generated.
    """
    rng = random.Random(seed or getattr(of, "slug", DEFAULT_SEED))  # noqa: S311 - made-up values
    return _object(fields_for(of), rng, only_required=only_required)


def fields_for(of: HasFields) -> Fields:
    """The fields of an action or a class, or the fields themselves."""
    if isinstance(of, Mapping):
        return of
    if isinstance(of, Action) or issubclass(of, Action):
        return of.fields
    return fields_of(of)


def _object(fields: Fields, rng: random.Random, *, only_required: bool) -> dict[str, Any]:
    return {
        key: _value(key, field, rng, only_required=only_required)
        for key, field in fields.items()
        if not only_required or field.required is True or isinstance(field.required, Conditions)
    }


def _value(key: str, field: Field, rng: random.Random, *, only_required: bool) -> Any:
    def one() -> Any:
        if field.choices:
            return _choice(key, field, rng)
        if is_shaped(field):
            return _object(field.properties or {}, rng, only_required=only_required)
        return _one(key, field, rng)

    return [one() for _ in range(LIST_LENGTH)] if field.multiple else one()


def _one(key: str, field: Field, rng: random.Random) -> Any:
    definition = type_of(field)
    if definition.format in MAKERS:
        return MAKERS[definition.format](rng, UNIQUE_CHARACTERS)
    return _MAKERS[definition.accepts[0]](key, field, rng)


def _choice(key: str, field: Field, rng: random.Random) -> Any:
    values = [c.value if isinstance(c, Choice) else c for c in field.choices or ()]
    possible = [value for value in values if value not in (None, "") and _within(value, field)]
    if not possible:
        raise ValueError(f"field {key!r}: none of its choices is within its bounds")
    return rng.choice(possible)


def _within(value: Any, field: Field) -> bool:
    size = len(value) if isinstance(value, str) else value
    if isinstance(size, bool) or not isinstance(size, int | float | Decimal):
        return True
    return (field.minimum or -math.inf) <= size <= (field.maximum or math.inf)


def _text(key: str, field: Field, rng: random.Random) -> str:
    text = make_text(rng, key, field.format, field.minimum, field.maximum)
    if text is None:
        most = "more" if field.maximum is None else f"{field.maximum:g}"
        message = f"no {field.format or 'text'} has {field.minimum or 0:g} to {most} characters"
        raise ValueError(f"field {key!r}: {message}")
    return text


def _integer(key: str, field: Field, rng: random.Random) -> int:
    low, high = _bounds(field)
    if low > high:
        raise ValueError(
            f"field {key!r}: no whole number is from {field.minimum} to {field.maximum}"
        )
    return rng.randint(low, high)


def _number(key: str, field: Field, rng: random.Random) -> int | Decimal:
    low, high = _bounds(field)
    if low <= high:
        return rng.randint(low, high)
    least, most = Decimal(str(field.minimum)), Decimal(str(field.maximum))
    if least > most:
        raise ValueError(f"field {key!r}: no number is from {least} to {most}")
    return (least + most) / 2


def _bounds(field: Field) -> tuple[int, int]:
    """The smallest and largest whole number within a field's bounds; a bound of 0 is ignored."""
    low = math.ceil(field.minimum) if field.minimum else None
    high = math.floor(field.maximum) if field.maximum else None
    if low is None:
        low = 1 if high is None or high >= 1 else high - LARGEST_NUMBER
    return low, low + LARGEST_NUMBER if high is None else high


def _boolean(_key: str, _field: Field, _rng: random.Random) -> bool:
    return True


def _open_object(_key: str, _field: Field, rng: random.Random) -> dict[str, Any]:
    return {"name": f"value-{word(rng, UNIQUE_CHARACTERS)}", "amount": rng.randint(1, 100)}


#: JSON type -> the generator for field types of that JSON type without a format.
_MAKERS: Final[dict[JsonType, Callable[[str, Field, random.Random], Any]]] = {
    STRING: _text,
    INTEGER: _integer,
    NUMBER: _number,
    BOOLEAN: _boolean,
    OBJECT: _open_object,
}
