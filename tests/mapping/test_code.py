"""A mapping answers alike in both ways: as straight-line code, and node by node."""

from __future__ import annotations

import inspect
import re
import traceback
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mapping.parts import as_code, as_tree, part_of
from tests.mapping.strategies import EVENTS, JSON, MAPPINGS

from offramp.errors import MappingError, TransformError
from offramp.mapping import UNSET, Compiler, Resolver, compile_mapping
from offramp.mapping.budget import budgeted
from offramp.mapping.code import MAX_LENGTH, MAX_LEVELS, quick
from offramp.mapping.compiler import FREE_PLACEHOLDERS
from offramp.mapping.nodes import MAX_KEYS


def source(mapping: Any) -> str:
    return inspect.getsource(as_code(mapping))


def answer(resolve: Resolver, scope: Any) -> str:
    try:
        return repr(budgeted(resolve)(scope))
    except TransformError as error:
        return str(error)


@settings(max_examples=1_500, deadline=None)
@given(mapping=MAPPINGS, scope=EVENTS | JSON | st.just(UNSET))
def test_the_code_answers_as_the_nodes_do(mapping: Any, scope: Any) -> None:
    """The same value in the same order, or the same fault, whatever the scope is."""
    try:
        compile_mapping(mapping)
    except MappingError:
        return
    assert answer(as_code(mapping), scope) == answer(as_tree(mapping), scope)


def test_a_path_that_fields_share_is_followed_once() -> None:
    """That is what the code is for."""
    mapping = {key: {"@path": f"$.properties.data.{key}"} for key in "abc"}
    assert source(mapping).count("'properties'") == source(mapping).count("'data'") == 1


@pytest.mark.parametrize(
    "mapping",
    [
        {"a'] = 1; raise SystemExit #\n": {"@path": "$.a' + exit() + '.b\\"}},
        {"a": {"@template": "' + exit() + '{{b}}{{c' + exit() + '}}\\\ud800"}},
        {"a": {"@if": {"exists": {"@path": "$.a"}, "then": "'\n exit()", "else": 1}}},
    ],
)
def test_keys_and_texts_are_only_ever_literals(mapping: Any) -> None:
    """Nothing of a mapping becomes code."""
    event = {"a": 1, "b": 2}
    assert answer(as_code(mapping), event) == answer(as_tree(mapping), event)


def nested_conditions(levels: int) -> Any:
    mapping: Any = "end"
    for level in range(levels):
        mapping = {"@if": {"exists": {"@path": f"$.a{level}"}, "then": 1, "else": mapping}}
    return mapping


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": nested_conditions(MAX_LEVELS + 5)},
        {"a": {"@template": "{{b}}" * (FREE_PLACEHOLDERS + 1)}},
        {"a": [{"@path": "$.b"}] * 5_000},
        {"a": {"@path": "$" + ".b" * 2_000}, "c": {"@template": "-{{b" + ".b" * MAX_KEYS + "}}-"}},
    ],
)
def test_what_goes_far_can_be_compiled(mapping: Any) -> None:
    """Conditions within conditions, long templates and long paths are called."""
    for event in ({}, {"a0": 1}, {"b": [1]}):
        assert answer(as_code(mapping), event) == answer(as_tree(mapping), event)


def test_a_mapping_beyond_all_measure_is_run_node_by_node() -> None:
    """Its code would take longer to compile than it is worth."""
    count = MAX_LENGTH // len("way_1.get('a', absent), ")
    for mapping in (
        {f"k{at}": {"@path": "$.a"} for at in range(count)},
        {"a": [{"@path": "$.a"}] * (count + 1)},
    ):
        part = part_of(mapping)
        assert quick(part) == part.run


@attrs.define
class Upper:
    """A plugin's resolver that compares by its value, and so has no hash."""

    get: Resolver

    def __call__(self, scope: Any) -> str:
        return str(self.get(scope)).upper()


def test_a_resolver_need_not_have_a_hash() -> None:
    """It is called, never compared, at the root and below it."""

    def compile_upper(spec: Any, compiler: Compiler) -> Resolver:
        return Upper(compiler.compile(spec))

    for mapping, wanted in (({"@upper": "x"}, "X"), ({"a": {"@upper": "x"}}, {"a": "X"})):
        part = part_of(mapping, upper=compile_upper)
        assert part.run({}) == quick(part)({}) == wanted


def test_what_fails_first_in_the_mapping_fails_first() -> None:
    """Directives of a plugin are called in their order, with the scope."""
    seen: list[Any] = []

    def compile_fails(spec: Any, compiler: Compiler) -> Resolver:
        def resolve(scope: Any) -> Any:
            seen.append((spec, scope))
            raise compiler.error(spec)

        return resolve

    mapping = {"a": {"@path": "$.a"}, "b": {"@fails": "one"}, "c": {"@fails": "two"}}
    part = part_of(mapping, fails=compile_fails)
    for run in (part.run, quick(part)):
        seen.clear()
        with pytest.raises(TransformError, match="one"):
            run({"a": 1})
        assert seen == [("one", {"a": 1})]


def compile_broken(spec: Any, _: Compiler) -> Resolver:
    """A directive of a plugin that has a bug."""
    return lambda scope: scope[spec] / 0


def test_a_bug_in_a_directive_shows_the_line_that_called_it() -> None:
    """The traceback names a file of the mapping and shows the generated line, as of any module."""
    resolve = compile_mapping(
        {"a": "b", "c": {"@broken": "n"}}, directives={"@broken": compile_broken}
    )
    with pytest.raises(ZeroDivisionError) as caught:
        resolve({"n": 1})
    *_, generated, last = traceback.extract_tb(caught.tb)
    assert last.line == "return lambda scope: scope[spec] / 0"
    assert re.fullmatch(r"<offramp mapping \$ \d+>", generated.filename)
    assert generated.name == "resolve"
    assert re.fullmatch(r"value_\d+ = call_\d+\(scope\)", generated.line or "")
    shown = "".join(traceback.format_exception(caught.value))
    assert f'File "{generated.filename}", line {generated.lineno}, in resolve' in shown


def test_the_code_inside_a_directive_is_named_by_its_place() -> None:
    """A mapping has several functions where a `@transform` holds more of it."""
    mapping = {"ключ": {"@transform": {"apply": {"n": 1}, "mapping": {"c": {"@broken": "n"}}}}}
    resolve = compile_mapping(mapping, directives={"@broken": compile_broken})
    with pytest.raises(ZeroDivisionError) as caught:
        resolve({})
    files = [frame.filename for frame in traceback.extract_tb(caught.tb)]
    place = r"\$\.\\u043a\\u043b\\u044e\\u0447\.@transform"
    assert any(re.fullmatch(rf"<offramp mapping {place} \d+>", file) for file in files), files
