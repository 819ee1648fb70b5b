"""Triggers by their tables: what they parse to, match, explain, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offramp import _json
from offramp.errors import Fault, TriggerError
from offramp.fql import (
    SegmentError,
    compile_trigger,
    describe,
    generate,
    parse,
    parse_as_segment,
    segment_reading,
    vocabulary,
)
from offramp.fql.generate import write_node

ORDERS = ("<", "<=", ">", ">=")
CASES = Path(__file__).with_name("cases")


def load(name: str) -> Any:
    """Read a table with every number exact."""
    return _json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def load_recorded(name: str) -> Any:
    """Read a table as JavaScript would: halves of pairs stay, numbers are doubles."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def table(name: str) -> pytest.MarkDecorator:
    """Run a test once for each case of a table."""
    cases = load(name)
    names = [
        case.get("says") or case.get("trigger", f"{name} {at}") for at, case in enumerate(cases)
    ]
    return pytest.mark.parametrize("case", cases, ids=names)


def assert_faults(faults: tuple[Fault, ...], expected: list[list[str]]) -> None:
    """Each expected fault is there, at its place, in order, and there is no other."""
    assert [fault.place for fault in faults] == [place for place, _ in expected]
    for fault, (_, part) in zip(faults, expected, strict=True):
        assert part in fault.message


@table("match")
def test_a_trigger_matches_as_its_table_says(case: dict[str, Any]) -> None:
    """The predicate and its explanation answer alike, with a real boolean."""
    trigger = compile_trigger(case["trigger"])
    again = compile_trigger(trigger.tree)
    for event, expected in case["events"]:
        assert trigger(event) is expected, event
        assert again.matches(event) is expected, event
        assert trigger.explain(event)["result"] is expected, event


@table("trees")
def test_a_trigger_and_its_tree_become_each_other(case: dict[str, Any]) -> None:
    """Text gives the tree, the tree gives the text, and other spellings give the same tree."""
    assert parse(case["trigger"]) == case["tree"]
    assert generate(case["tree"]) == case.get("text", case["trigger"])
    for spelling in case.get("same", []):
        assert parse(spelling) == case["tree"], spelling


@table("words")
def test_a_trigger_is_described_in_words(case: dict[str, Any]) -> None:
    """Every node has its words, and notes with a condition that is valid in its place."""
    described = describe(parse(case["trigger"]))
    found = []
    for each in described:
        notes = []
        for note in each["notes"]:
            other = note["alternative"]
            notes.append([note["text"], other and other["label"], other and other["text"]])
            if other:
                root = {"type": "group", "operator": "and", "children": [other["node"]]}
                assert parse(generate(root)) == parse(other["text"])
        found.append([each["place"], each["words"], notes])
    assert found == case["nodes"]


def test_the_alternative_of_a_note_matches_what_the_note_says() -> None:
    """An event without the value does not match the condition, and matches its alternative."""
    for text, without in (
        ('!contains(userId, "@x")', False),
        ("properties.n != 5", False),
        ('event != "x"', True),
    ):
        [note] = describe(parse(text))[1]["notes"]
        assert note["alternative"] is not None
        other = compile_trigger(note["alternative"]["text"])
        assert compile_trigger(text)({}) is without
        assert other({}) is not without


def test_the_vocabulary_has_every_operator_and_says_truly_what_matches_without_a_value() -> None:
    """Each condition that it offers is valid, with each kind of value, and reads back the same."""
    values: dict[str, Any] = {
        "text": "a", "pattern": "a*b", "number": 5, "boolean": True, "list": ["a", 1]
    }  # fmt: skip
    words = vocabulary()
    operators = {each["operator"]: each for each in words["operators"]}
    for field in words["fields"]:
        named = {"name": "n"} if field["named"] else {}
        for operator in field["operators"]:
            kinds = operators[operator]["values"]
            for value in [{"value": values[kind]} for kind in kinds] or [{}]:
                condition: Any = {"type": field["type"], **named, "operator": operator, **value}
                text = generate({"type": "group", "operator": "and", "children": [condition]})
                assert parse(text)["children"] == [condition]
                matches = compile_trigger(text)({})
                assert matches is operators[operator]["matches_missing"], text
    offered = {each for field in words["fields"] for each in field["operators"]}
    assert offered == operators.keys()
    for function in words["functions"]:
        operands = [{"path": "a.b"}, {"value": "x"}][: function["arguments"]]
        left: Any = {"function": function["function"], "arguments": operands}
        assert write_node(
            {"type": "compare", "left": left, "operator": "=", "right": {"value": None}}
        )


@pytest.mark.parametrize("case", load_recorded("written"), ids=lambda case: case["says"])
def test_a_tree_is_written_as_its_table_says(case: dict[str, Any]) -> None:
    """A value that can be written in several ways is written in one."""
    assert generate(case["tree"]) == case["text"]
    assert generate(parse(case["text"])) == case["text"]


@table("errors")
def test_a_fault_in_a_trigger_is_told_with_its_column_and_its_remedy(case: dict[str, Any]) -> None:
    """All faults are told at once, each where it is and with what to write instead."""
    with pytest.raises(TriggerError) as caught:
        parse(case["trigger"])
    assert_faults(caught.value.faults, case["faults"])


@table("tree_errors")
def test_a_fault_in_a_tree_is_told_with_its_place(case: dict[str, Any]) -> None:
    """Trees come from outside: each node that has no meaning is told by its path."""
    with pytest.raises(TriggerError) as caught:
        compile_trigger(case["tree"])
    assert_faults(caught.value.faults, case["faults"])


@table("explain")
def test_an_explanation_shows_every_condition(case: dict[str, Any]) -> None:
    """The explanation is JSON and says what was found where."""
    explained = compile_trigger(case["trigger"]).explain(case["event"])
    assert _json.loads(_json.dumps(explained)) == case["explanation"]


@table("hints")
def test_what_can_hardly_be_meant_is_warned_of(case: dict[str, Any]) -> None:
    """A valid trigger with a likely slip compiles, with a warning."""
    assert list(compile_trigger(case["trigger"]).warnings) == case["warnings"]


@table("readings")
def test_where_segment_reads_otherwise_it_is_told(case: dict[str, Any]) -> None:
    """Segment's reading comes first, then why, then how to write it for both."""
    answer = segment_reading(case["trigger"])
    assert len(answer) == len(case["told"]), answer
    for sentence, part in zip(answer, case["told"], strict=True):
        assert part in sentence


@pytest.mark.parametrize(
    "case", load_recorded("segment_trees")["cases"], ids=lambda case: repr(case["trigger"])
)
def test_segments_parser_is_modelled_exactly(case: dict[str, Any]) -> None:
    """The model returns the tree, or fails, as Segment's own parser was recorded to do."""
    if case["tree"] is None:
        with pytest.raises(SegmentError):
            parse_as_segment(case["trigger"])
    else:
        assert _nan_as_null(parse_as_segment(case["trigger"])) == case["tree"]


@pytest.mark.parametrize(
    "case", load_recorded("segment_trees")["cases"], ids=lambda case: repr(case["trigger"])
)
def test_what_segment_reads_alike_has_segments_tree(case: dict[str, Any]) -> None:
    """Where the readings agree, a condition builder for Segment's trees can edit ours."""
    try:
        alike = not segment_reading(case["trigger"])
    except TriggerError:
        alike = False
    if alike:
        assert parse(case["trigger"]) == _with_numbers(case["tree"])


@pytest.mark.parametrize(
    "case", load_recorded("segment_matches")["cases"], ids=lambda case: repr(case["trigger"])
)
def test_what_segment_reads_alike_matches_alike(case: dict[str, Any]) -> None:
    """For each trigger that Segment reads faithfully, each event gets Segment's answer."""
    trigger = compile_trigger(case["trigger"])
    assert segment_reading(case["trigger"]) == []
    events = load("segment_matches")["events"]
    assert [trigger.matches(event) for event in events] == case["matches"]


def _with_numbers(tree: dict[str, Any]) -> dict[str, Any]:
    """Segment keeps the number beside an order as a text where it expects texts: `event > 5`."""
    if "children" in tree:
        return {**tree, "children": [_with_numbers(child) for child in tree["children"]]}
    if tree["type"] in ("event", "event-type", "name", "userId") and tree["operator"] in ORDERS:
        return {**tree, "value": int(tree["value"])}
    return tree


def _nan_as_null(value: Any) -> Any:
    match value:
        case dict():
            return {key: _nan_as_null(item) for key, item in value.items()}
        case list():
            return [_nan_as_null(item) for item in value]
        case float() if value != value:  # noqa: PLR0124  # only NaN differs from itself
            return None
        case _:
            return value
