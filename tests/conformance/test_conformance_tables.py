"""Cases written by hand, directive by directive, type by type, put to both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conformance.compare import their_answers
from tests.conformance.differences import unexplained
from tests.conformance.events import DATES, NUMBERS, TEXTS
from tests.conformance.fields import FORMATS, FORMATTED, TYPES
from tests.conformance.kinds import KINDS, Case
from tests.conformance.mappings import PATHS, TEMPLATES
from tests.conformance.rows import ROWS
from tests.conformance.segment import HERE, Segment

from offramp import _json

TABLES = sorted(HERE.glob("cases/*_cases.json"))
DIFFERED = sorted(HERE.glob("differed/*.json"))
#: One value of every type that JSON has, and the odd ones of each.
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *NUMBERS,
    True,
    False,
    None,
    [],
    {},
    [""],
    [None],
    [True],
    [5],
    ["5"],
    ["a", "b"],
    [1, 2],
    [[]],
    [["a"]],
    {"a": 1},
    [{}],
    [{"a": 1}],
)
EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": None,
    "properties": {
        "a": 1,
        "b": {"a": "x"},
        "items": [{"a": 1}, {"a": None}, "text", [1, [2]]],
        "c d": "space",
        "e.f": "dotted",
        "e": {"f": "nested"},
        "k[0]": "bracket",
        "k": ["first"],
        "0": "zero",
        "length": 7,
        "empty": "",
        "user.name": "u",
        "@j": "at",
        "Ä": "umlaut",
    },
    "context": {"ip": "192.0.2.1"},
}


def load(path: Path) -> list[Case]:
    cases: list[Case] = _json.loads(path.read_bytes())
    return cases


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_both_engines_answer_alike_in_every_table(path: Path, segment: Segment) -> None:
    """Each case of a table has the same answers here and at Segment, or is on the list."""
    cases = load(path)
    assert unexplained(segment, cases, ROWS) == []
    answers = [answer for each in their_answers(segment, cases) for answer in each]
    assert any("value" in answer for answer in answers), "a table of errors alone shows little"


@pytest.mark.parametrize("path", DIFFERED, ids=lambda path: path.stem)
def test_what_once_differed_does_not_differ_again(path: Path, segment: Segment) -> None:
    """Each case by which a difference was found has the same answers now."""
    case: Case = _json.loads(path.read_bytes())
    assert unexplained(segment, [case], ROWS) == []


def test_something_once_differed() -> None:
    """The examples that are replayed are there."""
    assert DIFFERED
    assert TABLES


def field(kind: str, **properties: Any) -> dict[str, Any]:
    return {"v": {"label": "L", "description": "D", "type": kind, **properties}}


def check(fields: dict[str, Any], values: tuple[Any, ...], *, single: bool = True) -> Case:
    return {
        "kind": "check",
        "fields": fields,
        "raws": [{}, *({"v": value} for value in values)],
        "single": single,
    }


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"required": True},
        {"multiple": True},
        {"allowNull": True},
        {"multiple": True, "allowNull": True, "required": True},
    ],
    ids=lambda properties: "-".join(properties) or "plain",
)
def test_every_value_in_every_type_of_field(
    kind: str, properties: dict[str, Any], segment: Segment
) -> None:
    """A value of any type is coerced, refused or left out alike."""
    assert unexplained(segment, [check(field(kind, **properties), VALUES)], ROWS) == []


@pytest.mark.parametrize("kind", TYPES)
def test_every_value_in_properties_of_objects(kind: str, segment: Segment) -> None:
    """A value inside an object, or inside a list of objects, fares alike."""
    inner = field(kind)
    cases = [
        {
            **check(field("object", properties=inner, **properties), ()),
            "raws": [{"v": {"v": value, "other": 1}} for value in VALUES],
        }
        for properties in ({}, {"multiple": True}, {"additionalProperties": True})
    ]
    assert unexplained(segment, cases, ROWS) == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str, segment: Segment) -> None:
    """A text is of a format or is not, alike."""
    case = check(field("string", format=name), (*FORMATTED, *DATES, *TEXTS))
    assert unexplained(segment, [case], ROWS) == []


def test_every_form_of_a_date(segment: Segment) -> None:
    """What counts as a date and time counts as one in both."""
    case = check(field("datetime"), (*DATES, *TEXTS, *NUMBERS))
    assert unexplained(segment, [case], ROWS) == []


@pytest.mark.parametrize("bound", [0, 1, 2, 5])
@pytest.mark.parametrize("which", ["minimum", "maximum"])
@pytest.mark.parametrize("kind", ["string", "text", "number", "integer"])
def test_every_bound(kind: str, which: str, bound: int, segment: Segment) -> None:
    """Bounds hold of the same values."""
    assert unexplained(segment, [check(field(kind, **{which: bound}), VALUES)], ROWS) == []


@pytest.mark.parametrize("directive", ["@path", "@arrayPath", "@template"])
def test_every_path(directive: str, segment: Segment) -> None:
    """A path, however it is written, leads to the same value."""
    specs: list[Any] = list(PATHS)
    if directive == "@arrayPath":
        specs = [[path, {"x": {"@path": "$.a"}}] for path in PATHS]
    if directive == "@template":
        specs = [*TEMPLATES, *(f"<{{{{{path}}}}}>" for path in PATHS)]
    cases = [
        {"kind": "transform", "mapping": {"x": {directive: spec}}, "events": [EVENT]}
        for spec in specs
    ]
    assert unexplained(segment, cases, ROWS) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"@template": "<{{v}}>"},
        {"@if": {"exists": {"@path": "$.v"}, "then": "yes", "else": "no"}},
        {"@if": {"blank": {"@path": "$.v"}, "then": "yes", "else": "no"}},
        {"@case": {"operator": "upper", "value": {"@path": "$.v"}}},
        {"@case": {"operator": "lower", "value": {"@path": "$.v"}}},
        {"@replace": {"pattern": "a", "replacement": "b", "value": {"@path": "$.v"}}},
        {"@replace": {"pattern": "A", "ignorecase": True, "value": {"@path": "$.v"}}},
        {"@replace": {"pattern": "a", "global": False, "value": {"@path": "$.v"}}},
        {"@flatten": {"separator": ".", "value": {"@path": "$.v"}}},
        {"@flatten": {"separator": "_", "value": {"@path": "$.v"}, "omitArrays": True}},
        {"@json": {"mode": "encode", "value": {"@path": "$.v"}}},
        {"@json": {"mode": "decode", "value": {"@path": "$.v"}}},
        {"@merge": {"direction": "left", "objects": [{"a": 0}, {"@path": "$.v"}]}},
        {"@merge": {"direction": "right", "objects": [{"a": 0}, {"@path": "$.v"}]}},
        {"@arrayPath": ["$.v", {"x": {"@path": "$.a"}}]},
        {"@excludeWhenNull": {"@path": "$.v"}},
        {"@transform": {"apply": {"w": {"@path": "$.v"}}, "mapping": {"z": {"@path": "$.w"}}}},
        {"@liquid": "<{{ v }}>"},
        {"@liquid": "{% if v %}yes{% else %}no{% endif %}{% if v == '' %}empty{% endif %}"},
        {"@path": {"@path": "$.v"}},
        {"@template": {"@path": "$.v"}},
        [{"@path": "$.v"}, {"@path": "$.missing"}],
    ],
    ids=lambda spec: _json.dumps(spec).decode()[:60],
)
def test_every_value_through_every_directive(spec: Any, segment: Segment) -> None:
    """A directive makes the same of a value of any type, and of none."""
    events = [{"v": value} for value in (*VALUES, *DATES[:8])]
    case = {"kind": "transform", "mapping": {"x": spec}, "events": [{}, *events]}
    assert unexplained(segment, [case], ROWS) == []


def test_batches_of_mappings_are_shaped_alike(segment: Segment) -> None:
    """What Segment makes of several events at once is what each becomes alone."""
    mapping = {"a": {"@path": "$.v"}, "b": {"@template": "{{v}}"}}
    events = [{"v": value} for value in VALUES]
    together = segment.ask_one({"kind": "transformBatch", "mapping": mapping, "events": events})
    ours = KINDS["transform"].ours({"mapping": mapping, "events": events})
    assert [answer["value"] for answer in ours] == together["value"]
