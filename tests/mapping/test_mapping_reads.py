"""A mapping gives the same value for an event of which only what it reads was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mapping.strategies import EVENTS, MAPPINGS, PARTS, options

from offramp import _json
from offramp._json import Projection, Reads
from offramp.errors import MappingError, TransformError
from offramp.mapping import BUILTIN_DIRECTIVES, CompiledMapping, compile_mapping


def outcome(run: Callable[[Any], Any], event: Any) -> str:
    """The value, or the error."""
    try:
        return repr(run(event))
    except TransformError as error:
        return f"@ {error.place}: {error.message}"


def compiled_or_none(mapping: Any) -> CompiledMapping | None:
    """The compiled mapping; `None` if it is faulty."""
    try:
        return compile_mapping(mapping)
    except MappingError:
        return None


def same_for_what_it_reads(mapping: Any, event: dict[str, Any]) -> bool:
    """Whether the value, or the error, is that of the whole event; the mapping may be faulty."""
    compiled = compiled_or_none(mapping)
    if compiled is None:
        return True
    body = _json.dumps(event)
    read = Projection(compiled.reads).read(body)
    return outcome(compiled, read) == outcome(compiled, _json.loads(body))


@pytest.mark.parametrize("name", sorted(BUILTIN_DIRECTIVES))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_directive_reads_no_more_than_it_says(name: str, data: st.DataObject) -> None:
    """With any options and any parts, at the top and inside an object."""
    spec = {name: data.draw(options(PARTS)[name])}
    event = data.draw(EVENTS)
    assert same_for_what_it_reads({"v": spec}, event)
    assert same_for_what_it_reads(spec, event)


@settings(max_examples=500, deadline=None)
@given(mapping=MAPPINGS, event=EVENTS)
def test_any_mapping_reads_no_more_than_it_says(
    mapping: dict[str, Any], event: dict[str, Any]
) -> None:
    """However directives are nested."""
    assert same_for_what_it_reads(mapping, event)


A: dict[str, Any] = {"@path": "$.a.b"}
C: dict[str, Any] = {"@path": "$.c"}


@pytest.mark.parametrize(
    ("spec", "reads"),
    [
        (1, set()),
        (A, {("a", "b")}),
        ({"@path": "$.a.b[0].c"}, {("a", "b", "0", "c")}),
        ({"@path": "$."}, {()}),
        ({"@path": C}, {("c",), ()}),
        ({"@template": "{{a.b}} of {{c}}"}, {("a", "b"), ("c",)}),
        ({"@template": "{{{a.b}}}"}, None),
        ({"@template": C}, {("c",), ()}),
        ({"@literal": [A, {"c": C}]}, {("a", "b"), ("c",)}),
        ({"@excludeWhenNull": A}, {("a", "b")}),
        ({"@case": {"operator": "upper", "value": A}}, {("a", "b")}),
        ({"@replace": {"pattern": "x", "value": A}}, {("a", "b")}),
        ({"@if": {"exists": A, "then": C, "else": {"@path": "$.d"}}}, {("a", "b"), ("c",), ("d",)}),
        ({"@json": {"mode": "encode", "value": A}}, {("a", "b")}),
        ({"@flatten": {"separator": ".", "value": A}}, {("a", "b")}),
        ({"@merge": {"direction": "left", "objects": [A, C]}}, {("a", "b"), ("c",)}),
        ({"@arrayPath": ["$.a", {"x": C}]}, {("a",)}),
        ({"@arrayPath": [A, {"x": {"@path": "$."}}]}, {("a", "b")}),
        ({"@transform": {"apply": {"x": A}, "mapping": {"y": {"@path": "$."}}}}, {("a", "b")}),
        (
            {"@liquid": "{{ a.b | upcase }}{% if c %}{{ d }}{% endif %}"},
            {("a", "b"), ("c",), ("d",)},
        ),
        ({"@liquid": "{{ a[c].d }}"}, {("a",), ("c",)}),
        ({"@liquid": "{{ a.b.size }}{{ size }}"}, {("a", "b"), ("size",)}),
        ({"@liquid": "{{ [c] }}"}, None),
        ({"@liquid": "{% if c %}{% assign a = 1 %}{% endif %}{{ a.b }}"}, {("c",), ("a", "b")}),
        ({"@liquid": "{% increment a %}"}, {("a",)}),
    ],
)
def test_what_a_directive_reads(spec: Any, reads: Reads) -> None:
    """Paths that are known before the event is; else the whole event."""
    assert compile_mapping({"v": spec}).reads == reads
