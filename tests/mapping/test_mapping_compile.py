"""Compiling: every fault with its place, plugins' directives, and what a mapping may not be."""

from __future__ import annotations

from typing import Any

import pytest

from offramp._json import Reads
from offramp.errors import DefinitionError, MappingError, TransformError
from offramp.mapping import (
    MAX_DEPTH,
    Code,
    CompileDirective,
    Compiler,
    Directive,
    Node,
    Resolver,
    compile_mapping,
    transform,
)
from offramp.mapping.check import REQUIRED, options_of, string_or_directive


def compile_upper(spec: Any, compiler: Compiler) -> Resolver:
    """A directive as a plugin writes it."""
    if not isinstance(spec, dict) or "value" not in spec:
        return compiler.fault("", "expected an object with 'value'")
    get = compiler.compile(spec["value"], "value")

    def resolve(scope: Any) -> Any:
        value = get(scope)
        if not isinstance(value, str):
            raise compiler.error("expected a string")
        return value.upper()

    return resolve


PLUGIN: dict[str, CompileDirective] = {"@upper": compile_upper}


def faults(mapping: Any, **options: Any) -> list[str]:
    """The faults of a mapping as they are told."""
    with pytest.raises(MappingError) as caught:
        compile_mapping(mapping, **options)
    return str(caught.value).splitlines()


def test_every_fault_is_told_with_its_place() -> None:
    """One wrong field does not hide the next, however deep they are."""
    answer = faults(
        {
            "customer_id": {"@if": {"exists": {"@path": 5}, "then": {"@pth": "$.a"}}},
            "list": [{"@json": {"mode": "encode"}}, {"deep": {"@template": None}}],
            "odd key": {"@case": {"operator": 5}},
            "fine": {"@path": "$.event"},
        }
    )
    assert [line.split(": ")[0] for line in answer] == [
        "mapping @ $.customer_id.@if.exists.@path",
        "mapping @ $.customer_id.@if.then.@pth",
        'mapping @ $."odd key".@case.operator',
        "mapping @ $.list[0].@json",
        "mapping @ $.list[1].deep.@template",
    ]


def test_an_unknown_directive_is_answered_with_the_closest_and_all() -> None:
    """A slip of the pen is corrected, a guess gets the list."""
    [answer] = faults({"a": {"@templat": "x"}})
    assert "did you mean '@template'?" in answer
    assert "@arrayPath, @case, @excludeWhenNull, @flatten, @if, @json, @liquid" in answer
    [guess] = faults({"a": {"@zzz": "x"}})
    assert "did you mean" not in guess


def test_a_directive_of_a_plugin_works_like_a_built_in_one() -> None:
    """It sees its spec, compiles what is in it, and is found by name."""
    mapping = {"v": {"@upper": {"value": {"@template": "{{event}}!"}}}}
    compiled = compile_mapping(mapping, directives=PLUGIN)
    assert compiled({"event": "x"}) == {"v": "X!"}
    assert compiled.paths == ("$.event",)
    assert compiled.reads is None  # the function gets the event, and may read all of it
    assert compiled.explain({"event": "x"}).children[0].directive == "@upper"


class Shout(Node):
    """A directive's node as a plugin writes it, with all that is optional."""

    def __init__(self, value: Node) -> None:
        self.value = value

    def run(self, scope: Any) -> Any:
        """The value twice."""
        return [self.value.run(scope)] * 2

    def emit(self, code: Code) -> str:
        """The same as a list display."""
        return f"[{code.value(self.value)}] * 2"

    @property
    def paths(self) -> tuple[str, ...]:
        """A path that no part of it shows."""
        return ("$.loud",)

    @property
    def reads(self) -> Reads:
        """What its part reads."""
        return self.value.reads


def test_a_plugin_may_write_a_node_with_its_check() -> None:
    """Its code is part of the mapping's, its path is known, its check speaks before it compiles."""
    directives: dict[str, CompileDirective | Directive] = {
        "@shout": Directive(
            compile=lambda spec, compiler: Shout(compiler.node(spec["value"], "value")),
            check=options_of(value=(REQUIRED, string_or_directive)),
        ),
        "@count": lambda spec, compiler: compiler.apply(len, compiler.node(spec)),
    }
    mapping = {"v": {"@shout": {"value": {"@path": "$.a"}}}, "n": {"@count": [1, 2]}}
    compiled = compile_mapping(mapping, directives=directives)
    assert compiled({"a": 1}) == {"v": [1, 1], "n": 2}
    assert compiled.paths == ("$.a", "$.loud")
    assert compiled.reads == frozenset({("a",)})
    [shout, count] = compiled.explain({"a": 1}).children
    assert (shout.value, shout.paths) == ([1, 1], ("$.a", "$.loud"))
    assert [child.place for child in shout.children] == ["$.v.@shout.value"]
    assert [child.value for child in count.children] == [[1, 2]]
    answer = faults({"v": {"@shout": {"value": 5}}}, directives=directives)
    assert answer == [
        "mapping @ $.v.@shout.value: expected a string or a directive, got the number 5"
    ]


def test_a_plugin_reports_faults_below_its_own_place() -> None:
    """The compiler knows where it stands, so that the plugin need not."""
    mapping = {"a": {"@upper": 1}, "b": {"@upper": {"value": {"@path": []}}}}
    assert faults(mapping, directives=PLUGIN) == [
        "mapping @ $.a.@upper: expected an object with 'value'",
        "mapping @ $.b.@upper.value.@path: expected a path as a string, got the list []",
    ]


def test_a_plugin_fails_an_event_with_its_place() -> None:
    """What an event does wrong is told like the faults of built-in directives."""
    compiled = compile_mapping({"a": {"@upper": {"value": {"@path": "$.n"}}}}, directives=PLUGIN)
    with pytest.raises(TransformError, match=r"mapping @ \$\.a\.@upper: expected a string"):
        compiled({"n": 5})


@pytest.mark.parametrize("name", ["upper", "@Upper", "@a", "@up-per", "@", "@1st"])
def test_a_directive_has_a_proper_name(name: str) -> None:
    """@ and a lower-case letter, then letters or digits."""
    with pytest.raises(DefinitionError, match="a directive is named"):
        compile_mapping({}, directives={name: compile_upper})


def test_no_plugin_takes_the_place_of_a_built_in_directive() -> None:
    """Mappings that were saved before must keep their meaning."""
    with pytest.raises(DefinitionError, match="@path: this directive is built in"):
        compile_mapping({}, directives={"@path": compile_upper})


@pytest.mark.parametrize("mapping", [None, 5, "x", [], [{"@path": "$.a"}], {1, 2}])
def test_a_mapping_is_an_object(mapping: Any) -> None:
    """Anything else is refused, whatever it is."""
    [answer] = faults(mapping)
    assert answer.startswith("mapping @ $: expected a mapping as an object, got ")


def test_a_mapping_is_json() -> None:
    """A value or a key that JSON has not is named with its place."""
    assert faults({"a": [{"b": object()}], "c": {1: 2}}) == [
        "mapping @ $.c: a key is a string, got 1",
        "mapping @ $.a[0].b: expected JSON, got a Python object",
    ]


def nested(depth: int, wrap: str) -> Any:
    """A mapping of that many levels."""
    value: Any = {"@path": "$.event"}
    for _ in range(depth):
        value = {wrap: value} if wrap != "[" else [value]
    return {"a": value}


@pytest.mark.parametrize("wrap", ["k", "[", "@literal", "@excludeWhenNull"])
def test_a_mapping_may_be_deep_but_not_bottomless(wrap: str) -> None:
    """The deepest allowed mapping compiles and runs; beyond it there is a fault, not a crash."""
    deepest = nested(MAX_DEPTH - 2, wrap)
    assert compile_mapping(deepest)({"event": "x"})
    assert compile_mapping(deepest).explain({"event": "x"}).fault is None
    for depth in (MAX_DEPTH, 100_000):
        [answer] = faults(nested(depth, wrap))
        assert f"a mapping has at most {MAX_DEPTH} levels" in answer


def test_the_mapping_may_change_once_it_is_compiled() -> None:
    """A compiled mapping keeps nothing of the caller's."""
    mapping: dict[str, Any] = {"a": {"b": [1, {"c": 2}]}, "p": {"@path": "$.x"}}
    compiled = compile_mapping(mapping)
    mapping["a"]["b"].append(3)
    mapping["p"]["@path"] = "$.y"
    assert compiled({"x": 1, "y": 2}) == {"a": {"b": [1, {"c": 2}]}, "p": 1}


def test_the_value_shares_the_parts_of_the_event_that_it_does_not_change() -> None:
    """Nothing is copied without need."""
    event = {"properties": {"deep": [1, 2]}}
    assert transform({"p": {"@path": "$.properties"}}, event)["p"] is event["properties"]


@pytest.mark.parametrize("event", [None, 5, "x", [], [{}]])
def test_an_event_is_an_object(event: Any) -> None:
    """Anything else is a fault of the event."""
    compiled = compile_mapping({"a": 1})
    with pytest.raises(TransformError, match="an event is an object"):
        compiled(event)
    with pytest.raises(TransformError, match="an event is an object"):
        compiled.explain(event)


@pytest.mark.parametrize(
    "spec",
    [
        {"@flatten": {"separator": ".", "value": {"@path": "$.deep"}}},
        {"@json": {"mode": "encode", "value": {"@path": "$.deep"}}},
        {"@excludeWhenNull": {"@path": "$.deep"}},
        {"@liquid": "{{ deep | json }}"},
    ],
)
def test_an_event_that_is_too_deep_is_a_fault_of_the_event(spec: Any) -> None:
    """A message, not a crash, and from explain as well."""
    deep: Any = "x"
    for _ in range(50_000):
        deep = {"k": deep}
    compiled = compile_mapping({"a": spec})
    try:
        for run in (compiled, compiled.explain):
            with pytest.raises(TransformError, match="the event is nested too deeply"):
                run({"deep": deep})
    finally:
        # Taken apart by hand: freeing it at once would go as deep as the mapping did.
        while isinstance(deep, dict):
            deep = deep.pop("k")


def test_directives_inside_directives_are_looked_at_once() -> None:
    """Twice at each level, they would take hours to check at forty levels."""
    mapping: Any = {"@path": 5}
    for _ in range(40):
        mapping = {"@if": {"exists": {"@path": "$.a"}, "then": mapping}}
    [answer] = faults({"a": mapping})
    assert ".then.@path: expected a string or a directive" in answer
