"""The deliberate differences of mappings, and of numbers everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tests.conformance.compare import Difference, as_double, comparable
from tests.conformance.differences import Row
from tests.conformance.kinds import KINDS, Case
from tests.conformance.mappings import ROOT_KEY
from tests.conformance.segment import Segment

from offramp.errors import MappingError
from offramp.mapping import compile_mapping

MAPPED = ("transform", "action", "metronome")
ALL = ("transform", "action", "check", "match", "metronome")
EVENT: dict[str, Any] = {"type": "track", "event": "A", "properties": {"a": 1}}
_UNAVAILABLE_TAG = re.compile(r"the tag '(\w+)' is not available")
_INHERITED = re.compile(r"\.(?:constructor|toString|__proto__|at|map)\b")
_WRONG_FILTER = re.compile(r"the filter '(\w+)' (?:is not available|takes)")


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """JSON with every value in it changed, from the inside out."""
    if isinstance(value, dict):
        return change({key: changed(item, change) for key, item in value.items()})
    if isinstance(value, list):
        return change([changed(item, change) for item in value])
    return change(value)


def _rounded(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    double = as_double(value)
    if double is None:
        return None
    return Decimal(repr(double)) if Decimal(repr(double)) != value else value


def with_doubles(case: Case) -> Case:
    """The case with every number as a double has it."""
    made: Case = changed(case, _rounded)
    return made


def _mapping_as_object(case: Case) -> Case:
    mapping = case["mapping"]
    if not isinstance(mapping, dict):
        return {**case, "mapping": {}}
    root = mapping.get(ROOT_KEY)
    if ROOT_KEY in mapping and not (isinstance(root, dict) and len(root) == 1):
        return {**case, "mapping": {key: mapping[key] for key in mapping if key != ROOT_KEY}}
    return case


def _refused(mapping: Any) -> str | None:
    try:
        compile_mapping({"x": mapping})
    except MappingError as error:
        return str(error)
    return None


def _directives(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _directives(item)
    if isinstance(value, dict):
        if any(key.startswith("@") for key in value):
            yield value
        for item in value.values():
            yield from _directives(item)


def _useless(mapping: Any) -> list[dict[str, Any]]:
    """The innermost directives that Offramp refuses by themselves."""
    refused = [directive for directive in _directives(mapping) if _refused(directive)]
    return [
        directive
        for directive in refused
        if not any(_refused(inner) for inner in list(_directives(list(directive.values()))))
    ]


def _works_nowhere(difference: Difference, segment: Segment) -> bool:
    """Whether what Offramp refuses fails at Segment too, as soon as an event gets there."""
    case = difference.case
    useless = _useless(case["mapping"])
    questions = [_question(directive, case["events"]) for directive in useless]
    if not useless or "error" not in difference.ours:
        return False
    return all("error" in answer for answers in segment.ask(questions) for answer in answers)


def _question(directive: dict[str, Any], events: list[Any]) -> Case:
    message = _refused(directive) or ""
    if found := _UNAVAILABLE_TAG.search(message):
        directive = {"@liquid": f"{{% {found[1]} a %}}"}
    elif found := _WRONG_FILTER.search(message):
        uses = re.findall(rf"\| *({found[1]}\b[^|}}%]*)", directive["@liquid"])
        texts = "".join(f"{{{{ 'a' | {use.rstrip(' -')} }}}}" for use in uses)
        directive = {"@liquid": texts}
    return {"kind": "transform", "mapping": {"x": directive}, "events": events}


def without_useless(case: Case) -> Case:
    useless = _useless(case["mapping"])
    made: Case = changed(case, lambda value: None if value in useless else value)
    return made


def _without_proto(case: Case) -> Case:
    made: Case = changed(
        case,
        lambda value: (
            {key: item for key, item in value.items() if key != "__proto__"}
            if isinstance(value, dict)
            else value
        ),
    )
    return made


def _without_null_context(case: Case) -> Case:
    events = [
        {**event, "context": {}} if event.get("context", {}) is None else event
        for event in case["events"]
    ]
    return {**case, "events": events}


def mapped_alike(difference: Difference, segment: Segment) -> bool:
    """Whether both make the same JSON of the event, before it is checked."""
    case = {**difference.case, "kind": "transform"}
    [their] = segment.ask_one(case)
    [our] = KINDS["transform"].ours(case)
    return "value" in our and comparable(our) == comparable(their)


def _mapped_with_null_items(difference: Difference, segment: Segment) -> bool:
    [our] = KINDS["transform"].ours({**difference.case, "kind": "transform"})
    return _has_null_item(our.get("value")) and mapped_alike(difference, segment)


def _has_null_item(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    if isinstance(value, list) and None in value:
        return True
    return isinstance(value, dict | list) and any(map(_has_null_item, inside))


def as_check(case: Case) -> Case:
    """The second half of an action: the check of what Offramp's mapping makes."""
    [our] = KINDS["transform"].ours({**case, "kind": "transform"})
    single = not case.get("batch")
    return {"kind": "check", "fields": case["fields"], "raws": [our["value"]], "single": single}


def transform_case(mapping: Any, event: dict[str, Any] | None = None) -> Case:
    return {"kind": "transform", "mapping": mapping, "events": [event or EVENT]}


def _without_inherited(case: Case) -> Case:
    made = changed(
        case["mapping"],
        lambda value: _INHERITED.sub(".missing", value) if isinstance(value, str) else value,
    )
    return {**case, "mapping": made}


ROWS: tuple[Row, ...] = (
    Row(
        id="inherited",
        kinds=MAPPED,
        segment=(
            "A path finds what every JavaScript value inherits: `$.event.constructor.name` is"
            ' "String".'
        ),
        offramp="A path finds only values of the event, and the `length` of texts and lists.",
        why="A payload should contain only data of the event.",
        example=transform_case({"a": {"@path": "$.event.constructor.name"}}),
        without=_without_inherited,
    ),
    Row(
        id="exact-numbers",
        kinds=ALL,
        segment="Every number becomes a double: 9007199254740993 becomes 9007199254740992.",
        offramp="Integers of up to 4,300 digits and all decimal digits are kept.",
        why="Numbers that are billed must not change.",
        example=transform_case(
            {"n": {"@template": "{{n}}"}}, {"type": "track", "n": 9007199254740993}
        ),
        without=with_doubles,
    ),
    Row(
        id="mapping-is-an-object",
        kinds=MAPPED,
        segment=(
            "A mapping, or its root directive, that is not an object is converted to one: a "
            "list becomes an object with its indexes as keys, a number an empty object."
        ),
        offramp="It is refused when it is saved.",
        why="It is a mistake, and its result is not useful.",
        example=transform_case([1]),
        without=_mapping_as_object,
    ),
    Row(
        id="refused-when-saved",
        kinds=MAPPED,
        segment=(
            "A directive that can never work, in a branch or a list that few events reach, "
            "fails at the first event that reaches it."
        ),
        offramp="The mapping is refused when it is saved, and the error names the place.",
        why="The error is found before it affects an event.",
        example=transform_case(
            {
                "a": {
                    "@if": {
                        "exists": {"@path": "$.type"},
                        "then": 1,
                        "else": {"@liquid": "{{ a | sort }}"},
                    }
                }
            }
        ),
        applies=_works_nowhere,
        without=without_useless,
    ),
    Row(
        id="proto",
        kinds=MAPPED,
        segment="The key `__proto__` is lost.",
        offramp="It is a key like any other.",
        why="An event may have any key.",
        example=transform_case({"a": {"__proto__": "x"}}),
        without=_without_proto,
    ),
    Row(
        id="nothing-in-lists",
        kinds=("action",),
        segment=(
            "A list in a mapping keeps a place with nothing in it, which no check of a field takes."
        ),
        offramp="The place holds null, as it does when the list is written as JSON.",
        why="A mapping makes JSON, so that what is shown of it is all there is.",
        example={
            "kind": "action",
            "fields": {"a": {"label": "L", "description": "D", "type": "boolean"}},
            "mapping": {"a": [{"@path": "$.missing"}]},
            "events": [EVENT],
        },
        applies=_mapped_with_null_items,
        without=as_check,
    ),
    Row(
        id="null-context",
        kinds=("action", "metronome"),
        segment="An event whose `context` is null fails, whatever the mapping reads.",
        offramp="A null counts as no context.",
        why="Segment's own SDKs send nulls, and only an audience would need the context.",
        example={
            "kind": "action",
            "fields": {"a": {"label": "L", "description": "D", "type": "string"}},
            "mapping": {"a": "x"},
            "events": [{**EVENT, "context": None}],
        },
        without=_without_null_context,
    ),
)
