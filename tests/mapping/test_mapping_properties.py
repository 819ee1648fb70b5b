"""For any mapping and any event: no crash, no change of either, and a result that is JSON."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp.errors import MappingError, TransformError
from offramp.mapping import BUILTIN_DIRECTIVES, compile_mapping

KEYS = st.sampled_from(["a", "b", "c", "0", "1", "length", "size", "x y", ""])
NUMBERS = (
    st.integers()
    | st.sampled_from([10**21, 2**53 + 1, -(10**30)])
    | st.decimals(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["$.a.b", "{{a}}", '{"a":[1]}', "\U0001d4b3", "1e3", "2024"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
EVENTS = st.dictionaries(KEYS, JSON, max_size=6)
PATHS = st.lists(KEYS, max_size=3).map(lambda keys: "$." + ".".join(keys))
TEMPLATES = st.lists(
    PATHS.map(lambda path: f"{{{{{path[2:]}}}}}") | st.sampled_from(["{{{a}}}", "{{", "}}", "x"])
).map("".join)
LIQUID = st.sampled_from(
    [
        "{{ a | plus: b }}",
        "{{ a | date: b }} {{ c | slice: a, b }}",
        "{% if a < b and c contains a %}{{ a | json }}{% else %}{{ b.size | times: c }}{% endif %}",
        "{{ a | default: b | split: c | join: a | truncate: b }}",
        "{{ (a..b) | size }} {{ a[b] }} {{ b | where: 'a', c | first }} {{ a | round: b }}",
        "{% assign x = a | push: b | sum: 'a' %}{{ x | modulo: c }}{% increment a %}",
        "{{ a | url_decode }}{{ b | base64_decode }}{{ c | slugify | hmac_sha256: a }}",
    ]
)


def specs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A directive around parts of a mapping, mostly with the options that it takes."""
    members = st.dictionaries(KEYS, inner, max_size=3)
    some_object = members | st.builds(lambda path: {"@path": path}, PATHS)
    options = {
        "@path": PATHS | inner,
        "@template": TEMPLATES | inner,
        "@literal": inner,
        "@excludeWhenNull": inner,
        "@liquid": LIQUID,
        "@case": st.fixed_dictionaries(
            {"operator": st.sampled_from(["lower", "upper", "title"])}, optional={"value": inner}
        ),
        "@if": st.fixed_dictionaries(
            {}, optional={"exists": inner, "blank": inner, "then": inner, "else": inner}
        ),
        "@replace": st.fixed_dictionaries(
            {"pattern": st.sampled_from(["a", "$", "é", "ß"]), "value": inner},
            optional={"replacement": st.sampled_from(["$&", "x"]), "ignorecase": st.booleans()},
        ),
        "@arrayPath": st.tuples(PATHS | inner, some_object).map(list),
        "@flatten": st.fixed_dictionaries(
            {"separator": st.sampled_from([".", "_"]), "value": inner},
            optional={"omitArrays": st.booleans()},
        ),
        "@json": st.fixed_dictionaries(
            {"mode": st.sampled_from(["encode", "decode"]), "value": inner}
        ),
        "@merge": st.fixed_dictionaries(
            {
                "direction": st.sampled_from(["left", "right"]),
                "objects": st.lists(some_object | inner, max_size=3),
            }
        ),
        "@transform": st.fixed_dictionaries({"apply": some_object, "mapping": some_object}),
    }
    assert set(options) == set(BUILTIN_DIRECTIVES)
    return st.one_of([st.fixed_dictionaries({name: spec}) for name, spec in options.items()])


PARTS = st.recursive(
    SCALARS | st.builds(lambda path: {"@path": path}, PATHS),
    lambda inner: (
        specs(inner) | st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, PARTS, max_size=3) | specs(PARTS)


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
