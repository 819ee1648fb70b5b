"""Whether two values are the same JSON: to Python itself, 1 and true are equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offramp import _json
from offramp.definition import UNSET


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, whatever the order of keys."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return same_text(one, other)


def same_text(one: Any, other: Any) -> bool:
    """Whether two values are written as the same JSON, their keys in one order."""
    if one is UNSET or other is UNSET:
        return one is other
    return _json.dumps(one) == _json.dumps(other)
