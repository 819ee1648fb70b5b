"""Filters that calculate with JavaScript's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from offramp.js.text import js_string
from offramp.js.values import is_truthy
from offramp.mapping.liquid.values import as_list, number, number_or_zero, read_property

if TYPE_CHECKING:
    from offramp.mapping.liquid.run import Run

#: The largest integer up to which a double holds every integer. Source: ECMA-262.
MAX_SAFE_INTEGER = 2**53 - 1
_HALF = 0.5


def _calculation(calculate: Callable[[float, float], float]) -> Callable[..., float]:
    def filter_(_: Run, value: Any, *operand: Any) -> float:
        # A missing operand gives NaN; an operand without a value counts as 0.
        other = number_or_zero(operand[0]) if operand else math.nan
        return calculate(number_or_zero(value), other)

    return filter_


def _whole(change: Callable[[float], int]) -> Callable[..., float]:
    def filter_(_: Run, value: Any) -> float:
        return _changed(number_or_zero(value), change)

    return filter_


def _extreme(choose: Callable[[list[float]], float]) -> Callable[..., float]:
    def filter_(_: Run, value: Any, *others: Any) -> float:
        return choose([number_or_zero(each) for each in (value, *others)])

    return filter_


def _absolute(_: Run, value: Any) -> float:
    return abs(number_or_zero(value))


def _divided_by(_: Run, value: Any, *operands: Any) -> float:
    quotient = _divide(number_or_zero(value), number_or_zero(operands[0]) if operands else math.nan)
    whole = len(operands) > 1 and number_or_zero(operands[1])
    return _changed(quotient, math.floor) if whole else quotient


def _round(_: Run, value: Any, *digits: Any) -> float:
    exact = number_or_zero(value)
    places = number_or_zero(digits[0]) if digits else 0.0
    scaled = _shifted(abs(exact), places)
    if not scaled <= MAX_SAFE_INTEGER:
        return exact
    below = math.floor(scaled)
    rounded = _shifted(float(below + (scaled - below >= _HALF)), -places)
    return -rounded if exact < 0 else rounded


def _sum(run: Run, value: Any, *key: Any) -> float:
    total = 0.0
    names = run.text(key[0]).split(".") if key and is_truthy(key[0]) else []
    items = as_list(value)
    run.meter.steps(len(items) * len(names))
    for item in items:
        for name in names:
            item = read_property(item, name)  # noqa: PLW2901 - it descends from the item
        total += number_or_zero(item)
    return total


def _to_integer(_: Run, value: Any) -> float:
    return number(value)


def _changed(value: float, change: Callable[[float], int]) -> float:
    return float(change(value)) if math.isfinite(value) else value


def _divide(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    if not dividend or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1, divisor)


def _multiply(left: float, right: float) -> float:
    return left * right


def _modulo(value: float, divisor: float) -> float:
    if not divisor or math.isnan(divisor) or not math.isfinite(value):
        return math.nan
    # JavaScript's remainder has the dividend's sign; this filter's has the divisor's.
    return math.fmod(math.fmod(value, divisor) + divisor, divisor)


def _shifted(value: float, places: float) -> float:
    mantissa, _, power = js_string(value).partition("e")
    return number(f"{mantissa}e{js_string(number(power) + places)}")


NUMBER_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": _absolute,
    "at_least": _extreme(max),
    "at_most": _extreme(min),
    "ceil": _whole(math.ceil),
    "divided_by": _divided_by,
    "floor": _whole(math.floor),
    "minus": _calculation(lambda left, right: left - right),
    "modulo": _calculation(_modulo),
    "plus": _calculation(lambda left, right: left + right),
    "round": _round,
    "sum": _sum,
    "times": _calculation(_multiply),
    "to_integer": _to_integer,
}
