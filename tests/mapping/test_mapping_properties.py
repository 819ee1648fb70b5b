"""For any mapping and any event: no crash, no change of either, and a result that is JSON."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from tests.mapping.strategies import EVENTS, JSON, MAPPINGS

from offramp import _json
from offramp.errors import MappingError, TransformError
from offramp.mapping import compile_mapping


@settings(max_examples=300, deadline=None)
@given(mapping=MAPPINGS, event=EVENTS)
def test_running_a_mapping_raises_transform_errors_only_and_changes_nothing(
    mapping: dict[str, Any], event: dict[str, Any]
) -> None:
    """The result is plain JSON, the event and the mapping are as before, explain agrees."""
    before = repr((mapping, event))
    try:
        compiled = compile_mapping(mapping)
    except MappingError:
        assert repr(mapping) in before
        return
    result, fault = None, None
    try:
        result = compiled(event)
    except TransformError as error:
        fault = f"@ {error.place}: {error.message}"
    origin = compiled.explain(event)
    assert (repr(origin.value), origin.fault) == (repr(result), fault)
    assert is_json(result)
    assert repr((mapping, event)) == before


@settings(max_examples=200, deadline=None)
@given(mapping=JSON)
def test_compiling_any_json_raises_mapping_errors_only(mapping: Any) -> None:
    """Whatever a client sends as a mapping is compiled or refused."""
    with contextlib.suppress(MappingError):
        compile_mapping(mapping)


@settings(max_examples=200, deadline=None)
@given(value=JSON)
def test_numbers_go_through_unchanged(value: Any) -> None:
    """An integer of any size and every decimal digit arrive as they came in."""
    result = compile_mapping({"v": {"@path": "$.v"}, "l": value})({"v": value})
    assert repr(result) == repr({"v": value, "l": value})
    assert _json.dumps(result["v"]) == _json.dumps(value)


def is_json(value: Any) -> bool:
    """Whether a value is made of what JSON has, and of nothing else."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_json, value))
    return value is None or isinstance(value, (str, bool, int, float, Decimal))
