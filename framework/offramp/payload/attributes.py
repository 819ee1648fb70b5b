"""What a checked value is in its attribute, as code: nearly always the value itself."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from offramp.definition import Field
from offramp.payload.coerce import USUAL
from offramp.payload.formats.dates import common_moment
from offramp.payload.plain import is_plain_mapping
from offramp.payload.types import item_types


class Typed(NamedTuple):
    """An expression for what an attribute holds, of the `value` of its field."""

    made: str
    #: What `it` is in the expression.
    it: Any = None
    #: Whether the expression is `None` where the value has no such form that is quickly found.
    may_fail: bool = False


def _finite_float(number: int | Decimal) -> float | None:
    try:
        made = float(number)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


AS_IT_IS: Final = Typed("value")
MOMENT: Final = Typed("it(value)", common_moment, may_fail=True)
_FLOAT: Final = Typed("it(value)", _finite_float, may_fail=True)
_DECIMAL: Final = Typed("it(value)", Decimal)
_COPY: Final = Typed("value.copy()")

_TYPED: Final[dict[tuple[Any, str], Typed]] = {
    (str, "string"): AS_IT_IS,
    (str, "text"): AS_IT_IS,
    (str, "password"): AS_IT_IS,
    (str, "datetime"): AS_IT_IS,
    (int, "integer"): AS_IT_IS,
    (bool, "boolean"): AS_IT_IS,
    (float, "integer"): _FLOAT,
    (float, "number"): _FLOAT,
    (Decimal, "integer"): _DECIMAL,
    (Decimal, "number"): _DECIMAL,
    (datetime, "datetime"): MOMENT,
}


def typed_of(field: Field, kind: Any) -> Typed | None:
    """How an attribute of a kind holds a value of a field; `None` where only cattrs knows."""
    usual = USUAL[item_types(field)[0]]
    if field.multiple:
        is_list = get_origin(kind) is list and get_args(kind)[0] in (usual, Any)
        return _COPY if is_list and field.type != "number" else None
    if kind is Any or (usual is dict and is_plain_mapping(kind)):
        return AS_IT_IS
    if get_origin(kind) is Literal:
        values = {value: value for value in get_args(kind)}
        is_text = usual is str and all(isinstance(value, str) for value in values)
        return Typed("it.get(value)", values, may_fail=True) if is_text else None
    return _TYPED.get((kind, field.type))
