"""Explain and paths: where every value came from, and what a mapping reads at all."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from offramp import _json
from offramp.errors import TransformError
from offramp.mapping import Compiler, Origin, Resolver, compile_mapping, transform

EVENT = {
    "event": "Plan Upgraded",
    "userId": "u-1",
    "context": {"groupId": None},
    "products": [{"sku": "A1"}, {"sku": "B2", "price": 5}],
}


def explain(mapping: Any, event: dict[str, Any] = EVENT) -> Origin:
    return compile_mapping(mapping).explain(event)


def test_each_field_tells_its_value_its_directive_and_its_paths() -> None:
    """A field reads as: what, made by which directive, out of which paths."""
    [coalesce, text, constant] = explain(
        {
            "id": {
                "@if": {
                    "exists": {"@path": "$.context.groupId"},
                    "then": {"@path": "$.context.groupId"},
                    "else": {"@path": "$.userId"},
                }
            },
            "text": {"@template": "{{event}} by {{userId}}"},
            "constant": 5,
        }
    ).children
    assert (coalesce.place, coalesce.directive, coalesce.value) == ("$.id", "@if", "u-1")
    assert coalesce.paths == ("$.context.groupId", "$.userId")
    assert text.paths == ("$.event", "$.userId")
    assert (constant.directive, constant.paths, constant.value) == (None, (), 5)


def test_only_the_branch_that_was_taken_is_told() -> None:
    """What was not looked at had no part in the value."""
    [field] = explain(
        {"id": {"@if": {"exists": {"@path": "$.userId"}, "then": "yes", "else": {"@path": "$.x"}}}}
    ).children
    assert [child.place for child in field.children] == ["$.id.@if.exists", "$.id.@if.then"]
    assert field.paths == ("$.userId",)


def test_nothing_and_null_are_told_apart() -> None:
    """Both have no value to show, but only one of them is in the payload."""
    [null, nothing] = explain(
        {"null": {"@path": "$.context.groupId"}, "nothing": {"@path": "$.context.ip"}}
    ).children
    assert (null.value, null.found) == (None, True)
    assert (nothing.value, nothing.found) == (None, False)


def test_one_faulty_field_does_not_hide_the_others() -> None:
    """Running stops at the first fault; explaining tells every field's value and fault."""
    mapping = {
        "a": {"@path": {"@path": "$.products"}},
        "b": {"@path": "$.event"},
        "c": [{"@template": {"@path": "$.missing"}}, {"@path": "$.userId"}],
    }
    compiled = compile_mapping(mapping)
    with pytest.raises(TransformError) as caught:
        compiled(EVENT)
    origin = compiled.explain(EVENT)
    [a, b, c] = origin.children
    assert origin.fault == a.fault == f"@ {caught.value.place}: {caught.value.message}"
    assert (b.value, b.fault) == ("Plan Upgraded", None)
    assert c.fault == "@ $.c[0].@template: expected a template as a string, got nothing"
    assert c.children[1].value == "u-1"
    assert not origin.found


def test_each_item_of_a_list_has_its_own_origin() -> None:
    """The shape is told once per item, its paths as those of every item."""
    [field] = explain(
        {"p": {"@arrayPath": ["$.products", {"id": {"@path": "$.sku"}, "n": {"@path": "$.price"}}]}}
    ).children
    assert [child.value for child in field.children] == [{"id": "A1"}, {"id": "B2", "n": 5}]
    assert field.paths == ("$.products", "$.products[*].price", "$.products[*].sku")


def test_what_is_read_from_another_mapping_is_told_as_such() -> None:
    """After @transform applied a mapping, paths lead into what that gave."""
    compiled = compile_mapping(
        {"t": {"@transform": {"apply": {"e": {"@path": "$.event"}}, "mapping": {"@path": "$.e"}}}}
    )
    assert compiled.paths == ("$.event",)
    [field] = compiled.explain(EVENT).children
    assert field.paths == ("$.event", "t.@transform.apply.e")


def test_parts_that_a_plugin_calls_are_told_and_nothing_is_compiled_again() -> None:
    """Its function stands between its parts and the rest; it is made once, when it is compiled."""
    compiled_specs = []

    def compile_both(spec: Any, compiler: Compiler) -> Resolver:
        compiled_specs.append(spec)
        first, second = compiler.compile(spec[0], "[0]"), compiler.compile(spec[1], "[1]")
        # A mapping that a directive uses by itself is none of the explanation.
        return lambda scope: [first(scope), second(scope), transform({"x": ["y"]}, {})]

    spec = [{"@path": "$.event"}, {"a": {"@path": "$.userId"}}]
    mapping = {"both": {"@both": spec}, "after": {"@path": "$.event"}}
    compiled = compile_mapping(mapping, directives={"@both": compile_both})
    for _ in range(2):
        [both, after] = compiled.explain(EVENT).children
        assert both.value == ["Plan Upgraded", {"a": "u-1"}, {"x": ["y"]}]
        assert [child.place for child in both.children] == ["$.both.@both[0]", "$.both.@both[1]"]
        assert both.children[1].children[0].paths == ("$.userId",)
        assert both.paths == ("$.event", "$.userId")
        assert after.value == "Plan Upgraded"
        assert compiled(EVENT)["both"] == both.value
    assert compiled_specs == [spec]


def test_an_origin_is_plain_json() -> None:
    """The console and the command line print it as it is."""
    origin = explain(
        {"a": {"@path": "$.missing"}, "b": [{"@path": "$.missing"}], "c": {"@path": "$.products"}}
    )
    written = _json.loads(_json.dumps(attrs.asdict(origin)))
    assert written["value"] == {"b": [None], "c": EVENT["products"]}
    assert written["children"][0]["found"] is False


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        ({"a": 1}, ()),
        ({"b": {"@path": "$.b"}, "a": {"@path": "$.a[0].c"}}, ("$.a.0.c", "$.b")),
        ({"a": {"@path": "$."}}, ("$",)),
        ({"a": {"@template": "{{x.y}} {{{z}}}"}}, ("$.x.y", "$.z")),
        (
            {"a": {"@if": {"exists": {"@path": "$.a"}, "then": 1, "else": {"@path": "$.b"}}}},
            ("$.a", "$.b"),
        ),
        ({"a": {"@arrayPath": [{"@path": "$.l"}, {"b": {"@path": "$.x"}}]}}, ("$.l", "$.l[*].x")),
        (
            {"a": {"@arrayPath": [{"@literal": []}, {"b": {"@path": "$.x"}}]}},
            (),
        ),
        (
            {
                "a": {
                    "@liquid": "{{ a.b }}{% assign c = d['e f'] %}{{ c.x }}{% if g[0] %}{% endif %}"
                }
            },
            ("$.a.b", "$.d.e f", "$.g.0"),
        ),
        ({"a": {"@path": {"@path": "$.which"}}}, ("$.which",)),
        ({"$set": {"@transform": {"apply": {}, "mapping": {"@path": "$.x"}}}}, ()),
        ({"odd key": {"@transform": {"apply": {}, "mapping": {"@path": "$.x"}}}}, ()),
    ],
)
def test_a_mapping_knows_the_paths_that_it_reads(mapping: Any, paths: tuple[str, ...]) -> None:
    """All of them, whichever an event makes it take, sorted and once each."""
    assert compile_mapping(mapping).paths == paths
