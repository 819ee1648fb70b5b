"""The deliberate differences of fields and of payloads."""

from __future__ import annotations

from typing import Any

from tests.conformance.compare import Difference, differences
from tests.conformance.differences import Row
from tests.conformance.kinds import Case
from tests.conformance.rows_mapping import as_check, changed, mapped_alike
from tests.conformance.segment import Segment

from offramp import _json
from offramp.payload.formats.dates import MAX_DATE_CHARACTERS

CHECKED = ("check", "action")
_INFINITE = ("Infinity", "-Infinity", "+Infinity")


def _infinite(difference: Difference, segment: Segment) -> bool:
    case = difference.case
    if case["kind"] == "check":
        return True
    return mapped_alike(difference, segment) and _without_infinity(case) != as_check(case)


def _without_infinity(case: Case) -> Case:
    made: Case = changed(
        as_check(case) if case["kind"] == "action" else case,
        lambda value: (
            "no number" if isinstance(value, str) and value.strip() in _INFINITE else value
        ),
    )
    return made


def _without_conditions_inside(case: Case) -> Case:
    """The case with no property of an object required under more than one condition."""

    def simpler(field: dict[str, Any]) -> dict[str, Any]:
        required = field.get("required")
        if isinstance(required, dict) and len(required["conditions"]) > 1:
            return {key: item for key, item in field.items() if key != "required"}
        return field

    fields = {
        key: {
            **field,
            **(
                {
                    "properties": {
                        name: simpler(inner) for name, inner in field["properties"].items()
                    }
                }
                if "properties" in field
                else {}
            ),
        }
        for key, field in case["fields"].items()
    }
    return {**case, "fields": fields}


def _field(kind: str, **properties: Any) -> dict[str, Any]:
    return {"label": "L", "description": "D", "type": kind, **properties}


def check(fields: dict[str, Any], raw: dict[str, Any]) -> Case:
    """A case with one payload."""
    return {"kind": "check", "fields": fields, "raws": [raw], "single": True}


def _has_long_text(difference: Difference, _: Segment) -> bool:
    """Whether a field is a date, and a text of the case longer than the longest."""
    case = difference.case
    given = _json.dumps([case.get("raws"), case.get("mapping"), case.get("events")]).decode()
    return '"datetime"' in _json.dumps(case["fields"]).decode() and any(
        len(text) > MAX_DATE_CHARACTERS for text in given.split('"')
    )


_TWO = {
    "match": "all",
    "conditions": [
        {"fieldKey": "a", "operator": "is", "value": "x"},
        {"fieldKey": "b", "operator": "is", "value": "x"},
    ],
}


def _alone(difference: Difference, segment: Segment) -> bool:
    """Whether the one event of a batch is treated alike when it comes without the others."""
    return bool(difference.case.get("batch")) and not differences(segment, [difference.case])


def _singly(case: Case) -> Case:
    if case["kind"] == "action":
        return {**case, "batch": False} if case.get("batch") else case
    return {**case, "single": True}


ROWS: tuple[Row, ...] = (
    Row(
        id="batches-fail-together",
        kinds=("action",),
        segment="If the mapping fails for one event of a batch, the whole batch fails.",
        offramp="Only that event is rejected, with its reason; the others are sent.",
        why="An event must not be lost because of another one.",
        example={
            "kind": "action",
            "batch": True,
            "fields": {"a": _field("string")},
            "mapping": {"a": {"@template": {"@path": "$.name"}}},
            "events": [{"type": "track", "name": "x"}, {"type": "track"}],
        },
        applies=_alone,
    ),
    Row(
        id="empty-texts-in-batches",
        kinds=CHECKED,
        segment=(
            "An empty text at the root of a payload is left out where events are sent one by "
            "one, and kept where they are sent in batches."
        ),
        offramp="It is left out either way.",
        why=(
            "What a payload is must not depend on how it travels; left out, a required field "
            "that is empty is found out before the partner is asked."
        ),
        example={**check({"a": _field("string")}, {"a": ""}), "single": False},
        applies=lambda difference, _: difference.case != _singly(difference.case),
        without=_singly,
    ),
    Row(
        id="infinity",
        kinds=CHECKED,
        segment=(
            'The text "Infinity" is accepted as a number, which becomes null when it is '
            "written as JSON."
        ),
        offramp="It is not a number, and the payload is rejected with that reason.",
        why="JSON has no such number: the partner would get null instead of a number.",
        example=check({"n": _field("number")}, {"n": "Infinity"}),
        applies=_infinite,
        without=_without_infinity,
    ),
    Row(
        id="long-dates",
        kinds=CHECKED,
        segment="A text of any length is read for a date: blanks and parentheses may fill it.",
        offramp="A text of more than 200 characters is no date, unless its decimals make it long.",
        why="Reading takes 10 µs a character, and no event may hold up the others.",
        example=check({"d": _field("datetime")}, {"d": f"Jan 2 2020{'()' * 100}"}),
        applies=_has_long_text,
    ),
    Row(
        id="conditions-inside",
        kinds=CHECKED,
        segment=(
            "A property of an object that is required under two conditions or more is looked "
            "for at the root, under the key `object.property`, where it can never be: every "
            "such payload is rejected."
        ),
        offramp="It is looked for inside the object.",
        why=(
            "That is what the field declares, and what Segment does if there is a single condition."
        ),
        example=check(
            {
                "a": _field("string"),
                "b": _field("string"),
                "o": _field("object", properties={"p": _field("string", required=_TWO)}),
            },
            {"a": "x", "b": "x", "o": {"p": "y"}},
        ),
        without=_without_conditions_inside,
    ),
)
