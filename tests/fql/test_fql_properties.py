"""What holds of every trigger, every tree and every event."""

from __future__ import annotations

import fnmatch
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.fql.strategies import EVENTS, FUZZ, JSON, NODES, NUMBERS, TREES

from offramp.errors import Fault, TriggerError
from offramp.fql import (
    MAX_NESTING,
    MAX_TRIGGER_BYTES,
    compile_trigger,
    generate,
    parse,
    segment_reading,
    tree,
)
from offramp.fql.glob import MAX_RUN, compile_glob, escape_glob
from offramp.fql.operators import equal
from offramp.js.numbers import parse_number
from offramp.js.text import number_text


@given(TREES)
def test_any_tree_comes_back_from_its_text(source: Any) -> None:
    """What `generate` writes parses to the same tree."""
    assume(len(json.dumps(source, default=str)) < MAX_TRIGGER_BYTES)
    assert parse(generate(source)) == tree.as_json(source)


@given(TREES, st.lists(EVENTS, min_size=1, max_size=4))
def test_a_tree_is_plain_json_that_loses_no_digit(
    source: Any, events: list[dict[str, Any]]
) -> None:
    """A tree that went through JSON is written alike, and answers alike for every event."""
    assume(len(json.dumps(source, default=str)) < MAX_TRIGGER_BYTES)
    text = generate(source)
    loaded = json.loads(json.dumps(parse(text)))
    assert generate(loaded) == text
    one, other = compile_trigger(source), compile_trigger(loaded)
    assert json.loads(json.dumps(one.tree)) == other.tree
    assert list(map(one.matches, events)) == list(map(other.matches, events))


@given(NUMBERS, NUMBERS)
def test_a_number_of_a_tree_has_all_its_digits(number: Any, other: Any) -> None:
    """Whatever form a number has in a tree, the trigger finds that number and no other."""
    text = f"properties.a = {format(Decimal(number), 'f')}"
    trigger = compile_trigger(json.loads(json.dumps(parse(text))))
    assert trigger({"properties": {"a": number}})
    assert trigger({"properties": {"a": other}}) is (number == other)


@given(NODES, st.lists(EVENTS, min_size=1, max_size=4))
def test_parentheses_behind_a_bang_turn_whatever_they_hold_around(
    node: Any, events: list[dict[str, Any]]
) -> None:
    """`!(...)` holds exactly where `(...)` does not, as text and as tree, explained too."""
    plain = {"type": "group", "operator": "and", "children": [node]}
    negated = {**plain, "children": [{"type": "not", "child": node}]}
    assume(len(json.dumps(plain, default=str)) < MAX_TRIGGER_BYTES / 2)
    trigger, as_tree = compile_trigger(plain), compile_trigger(negated)
    as_text = compile_trigger(f"!({trigger.text})")
    for event in events:
        opposite = not trigger(event)
        assert as_text(event) is opposite
        assert as_tree(event) is opposite
        assert as_text.explain(event)["result"] is opposite


@pytest.mark.parametrize("test", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("kind", [float, Decimal])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_python_takes_for_a_number_and_json_does_not_is_none(
    test: str, kind: type[float | Decimal], value: str
) -> None:
    """Events that a test or a script makes may hold it; no condition on a number holds of it."""
    event = {"properties": {"a": kind(value), "b": 5}}
    for text in (f"properties.a {test} 5", f"properties.a {test} properties.b"):
        trigger = compile_trigger(text)
        assert trigger(event) is (test == "!=" and "b" in text), text
        assert trigger.explain(event)["result"] is trigger(event)


@given(TREES, st.lists(EVENTS, min_size=1, max_size=4))
def test_a_trigger_answers_for_any_event(source: Any, events: list[dict[str, Any]]) -> None:
    """A predicate raises for no JSON event, answers with a boolean, and explains that answer."""
    assume(len(json.dumps(source, default=str)) < MAX_TRIGGER_BYTES)
    trigger = compile_trigger(source)
    for event in events:
        answer = trigger.matches(event)
        assert type(answer) is bool
        explained = trigger.explain(event)
        assert explained["result"] is answer
        assert_explained(explained)


@pytest.mark.parametrize(
    "text",
    [
        "!(" * MAX_NESTING + "event = x" + ")" * MAX_NESTING,
        "(a = 1 or " * MAX_NESTING + "properties.a.b.c > 5" + ")" * MAX_NESTING,
        f"length({'.'.join(['a'] * 1000)}) = 3",
        " or ".join(["properties.a.b.c.d = 5"] * 180),
        f'match(event, "{"?" * 1000}*")',
        'contains(event, "\\"\\\\\n{x}") or event = "\\"\\\\\n{x}"',
    ],
    ids=["nots", "groups", "path", "conditions", "pattern", "text"],
)
def test_any_trigger_that_is_read_can_be_written_as_code(text: str) -> None:
    """However deep, long or odd: the code answers what the explanation says."""
    trigger = compile_trigger(text)
    events: list[dict[str, Any]] = [
        {},
        {"event": "x"},
        {"event": '"\\\n{x}'},
        {"properties": {"a": {"b": {"c": 6}}}},
    ]
    assert [trigger(event) for event in events] == [
        trigger.explain(event)["result"] for event in events
    ]


def assert_explained(explained: Any) -> None:
    """A group's result follows from those of its children, a text parses to what it explains."""
    results = [child["result"] for child in explained.get("children", [])]
    match explained.get("operator"):
        case "and":
            assert explained["result"] is all(results)
        case "or":
            assert explained["result"] is any(results)
        case "not":
            assert results == [not explained["result"]]
        case _:
            assert isinstance(explained["actual"], dict)
    for child in explained.get("children", []):
        assert_explained(child)


@given(FUZZ)
def test_any_text_is_a_trigger_or_has_a_fault_in_it(text: str) -> None:
    """Whatever is written, it parses and comes back, or each fault has a column of the text."""
    faults: tuple[Fault, ...] = ()
    try:
        parsed = parse(text)
    except TriggerError as error:
        faults = error.faults
    else:
        assert parse(generate(parsed)) == parsed
        assert all(isinstance(sentence, str) for sentence in segment_reading(text))
        return
    columns = [int(fault.place.removeprefix("column ")) for fault in faults]
    assert columns == sorted(set(columns))
    assert columns
    assert all(1 <= column <= len(text) + 1 for column in columns)


@given(JSON)
def test_a_value_is_equal_to_itself_however_it_is_nested(value: Any) -> None:
    """Two paths with the same value are equal, and not unequal."""
    event = {"properties": {"a": value, "b": value}}
    assert compile_trigger("properties.a = properties.b")(event)
    assert not compile_trigger("properties.a != properties.b")(event)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_globs_match_as_globs_do_elsewhere(pattern: str, text: str) -> None:
    """Stars and question marks mean what they mean to the standard library."""
    assert compile_glob(pattern)(text) is fnmatch.fnmatchcase(text, pattern)


@given(st.text(max_size=8), st.text(max_size=8))
def test_an_escaped_text_matches_itself_alone(text: str, other: str) -> None:
    """No character of an escaped text has a meaning."""
    matches = compile_glob(escape_glob(text))
    assert matches(text)
    assert matches(other) is (other == text)


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_survives_its_text(number: int | Decimal) -> None:
    """Written as JavaScript does, a number is read back with every digit."""
    assert parse_number(number_text(number)) == number


def test_a_pattern_of_many_stars_takes_no_longer_than_it_should() -> None:
    """No pattern makes matching a long text explode."""
    assert not compile_glob("*a" * 200 + "b")("a" * 32_000)


@pytest.mark.parametrize(
    "pattern",
    ["*" + "a" * 4_900 + "b*", "?" * 2_400 + "*" + "[ab]" * 600 + "c", "*?a*" + "a" * 4_900 + "b?"],
)
def test_a_long_pattern_takes_no_longer_than_it_should(pattern: str) -> None:
    """As long as a trigger may be, and against the largest event."""
    matches = compile_glob(pattern)
    begin = time.process_time()
    assert not matches("a" * 32_000)
    assert time.process_time() - begin < 0.1


def test_what_would_be_tried_at_each_place_of_a_text_is_short() -> None:
    """A long run that is not given letter by letter is refused, with what to do."""
    assert compile_glob("*" + "a?" * (MAX_RUN // 2) + "*")("ab" * MAX_RUN)
    with pytest.raises(ValueError, match=r"shorten it, or put a \* in the middle"):
        compile_glob("*" + "a?" * MAX_RUN + "*")


def test_what_is_nested_deeply_or_very_long_is_no_danger() -> None:
    """Values at the edge of what JSON brings are compared and converted without a failure."""
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    event = {"event": "x", "properties": {"a": deep, "b": deep, "n": 10**5_000}}
    assert compile_trigger("properties.a = properties.b")(event)
    assert not compile_trigger('string(properties.a) = "x"')(event)
    assert compile_trigger("length(string(properties.n)) = 5001")(event)
    assert compile_trigger("properties.n > 5")(event)
    assert compile_trigger("number(event) = null")({"event": "1e99999999999999999999"})


def test_a_float_is_the_number_that_it_prints() -> None:
    """Events made by Python code may hold floats: they are compared by their digits."""
    trigger = compile_trigger("properties.a = 0.1 and properties.a < properties.b")
    assert trigger({"properties": {"a": 0.1, "b": Decimal("0.2")}})
    assert not trigger({"properties": {"a": float("nan"), "b": float("inf")}})
    assert equal([0.1], [Decimal("0.1")])


def test_the_size_of_a_trigger_is_bounded() -> None:
    """5 KB is the most, counted in bytes, and a tree cannot go round it."""
    head = 'event = "'
    longest = head + "x" * (MAX_TRIGGER_BYTES - len(head) - 1) + '"'
    assert compile_trigger(longest).text == longest
    with pytest.raises(TriggerError, match="column 1: the trigger has 5121 bytes"):
        parse(longest.replace("x", "é", 1))
    source = {"type": "event", "operator": "=", "value": "x" * MAX_TRIGGER_BYTES}
    with pytest.raises(TriggerError, match=r"\$: the tree makes a trigger of more than 5120 bytes"):
        generate({"type": "group", "operator": "and", "children": [source]})


def test_a_trigger_that_is_longer_written_out_is_still_told_about() -> None:
    """What Segment makes of a trigger at the limit is told, even if it cannot be shown."""
    for field, reading in (
        ("type", "reads this as: something too long"),
        ("a", "cannot read this"),
    ):
        once = f"{field}='b' or "
        text = (once * (MAX_TRIGGER_BYTES // len(once))).removesuffix(" or ")
        assert compile_trigger(text).matches({field: "b"})
        assert reading in segment_reading(text)[0]


@pytest.mark.parametrize("opening", ["(", "!(", "length("])
def test_nesting_is_bounded(opening: str) -> None:
    """As many levels as allowed parse, one more is told, and none reaches Python's limit."""

    def nested(levels: int) -> str:
        tail = " = 1" if opening == "length(" else ""
        return opening * levels + "properties.a" + ")" * levels + tail

    parsed = parse(nested(MAX_NESTING))
    assert parse(generate(parsed)) == parsed
    for levels in (MAX_NESTING + 1, 500):
        with pytest.raises(TriggerError, match="nested more than 32 deep"):
            parse(nested(levels))


def test_a_tree_that_is_too_deep_is_refused() -> None:
    """Neither groups nor functions of a tree reach Python's limit."""
    node: Any = {"type": "event", "operator": "exists"}
    operand: Any = {"path": "event"}
    for _ in range(2_000):
        node = {"type": "group", "operator": "and", "children": [node]}
        operand = {"function": "length", "arguments": [operand]}
    compare = {"type": "compare", "left": operand, "operator": "=", "right": {"value": 1}}
    for source in (node, {"type": "group", "operator": "and", "children": [compare]}):
        with pytest.raises(TriggerError, match="nested too deeply"):
            generate(source)


class Watched(dict[str, Any]):
    """An event that notes which of its fields are read."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(fields)
        self.read: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        """Note the read."""
        self.read.append(key)
        return super().get(key, default)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('type = "page" and event = "x"', ["type"]),
        ('type = "track" or event = "x"', ["type"]),
        ('type = "track" and event = "x" and contains(name, "a")', ["type", "event"]),
        ("type = a or type = b or type = c or type = track or name = x", ["type"] * 4),
    ],
)
def test_a_trigger_stops_where_its_answer_is_known(text: str, read: list[str]) -> None:
    """Conditions behind the deciding one read nothing."""
    event = Watched(type="track", event="y", name="z")
    compile_trigger(text).matches(event)
    assert event.read == read


def test_a_trigger_tells_its_text_its_tree_and_its_paths() -> None:
    """The compiled trigger carries what a console shows of it."""
    text = r"type='track' and length(properties.a\.b) > length(event) or !(type = page)"
    trigger = compile_trigger(text)
    assert trigger.text == text
    assert trigger.tree == parse(text)
    assert trigger.paths == ("type", r"properties.a\.b", "event")
    assert trigger.warnings == ()
    assert compile_trigger(trigger.tree).text == generate(trigger.tree)
    assert repr(trigger).startswith("Trigger(text=")


def test_a_tree_of_another_shape_means_what_its_text_means() -> None:
    """Doubled negations and lone groups of a builder are written, parsed and so made simple."""
    inner = {"type": "not", "child": {"type": "event", "operator": "contains", "value": "x"}}
    source = {"type": "group", "operator": "or", "children": [{"type": "not", "child": inner}]}
    trigger = compile_trigger(source)
    assert trigger.text == '!(!(contains(event, "x")))'
    assert trigger({"event": "x"})
    assert not trigger({})
    assert generate(trigger.tree) == 'contains(event, "x")'
