"""The deliberate differences of what is sent to Metronome."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.conformance.differences import Row
from tests.conformance.kinds import Case
from tests.conformance.metronome import MAPPING, SETTINGS, TRIGGER
from tests.conformance.rows_mapping import changed

KINDS = ("metronome",)
_EPOCH_TEXT = re.compile(r"^-?\d+(?:\.\d+)?$")
_SHORT_FRACTION = re.compile(r"(:\d\d|\d{10,13})\.\d{1,2}(?!\d)")
_ODD_YEAR = re.compile(r"[+-]\d{6}-|\d{5}-\d\d-|(?<!\d)\d{11,12}(?!\d)")
_REFUSED = re.compile("Metronome (?:requires|accepts)|more than (?:24 hours|34 days)")
_SOME_TIME = "2024-01-31T12:30:00.000Z"


def _without_numbers_as_texts(case: Case) -> Case:
    """The case with another time for every number in quotes, and for every list of one number.

    Such a list is made a text where a text will do.
    """
    texts = _timely(_EPOCH_TEXT)(case)
    made: Case = changed(
        texts,
        lambda value: (
            _SOME_TIME
            if isinstance(value, list)
            and len(value) == 1
            and isinstance(value[0], int | Decimal)
            and not isinstance(value[0], bool)
            else value
        ),
    )
    return made


def _event(timestamp: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "A",
        "messageId": "m1",
        "context": {"groupId": "acme"},
        "timestamp": timestamp,
        "properties": {},
        **more,
    }


def _case(timestamp: Any, **more: Any) -> Case:
    return {
        "kind": "metronome",
        "trigger": TRIGGER,
        "mapping": MAPPING,
        "settings": SETTINGS,
        "events": [_event(timestamp, **more)],
    }


def _timely(pattern: re.Pattern[str]) -> Callable[[Case], Case]:
    """The case with another time wherever a text looks like one of these."""

    def without(case: Case) -> Case:
        made: Case = changed(
            case,
            lambda value: _SOME_TIME if isinstance(value, str) and pattern.search(value) else value,
        )
        return made

    return without


ROWS: tuple[Row, ...] = (
    Row(
        id="epochs-as-texts",
        kinds=KINDS,
        segment=(
            "A number in quotes is accepted as an epoch timestamp, and is then read as a date"
            ' of its first digits, or fails: "1706704200" is sent as 1711-11-11.'
        ),
        offramp="It is read as the epoch: 2024-01-31T12:30:00Z.",
        why="An event of the year 1711 is refused, or billed to nobody.",
        example=_case("1706704200"),
        without=_without_numbers_as_texts,
    ),
    Row(
        id="short-fractions",
        kinds=KINDS,
        segment="One or two digits behind the seconds of a timestamp without an offset count as "
        "milliseconds: 12:30:00.5 is sent as 12:30:00.005.",
        offramp="They are decimal digits: 12:30:00.500.",
        why="A fraction .5 is five tenths of a second, not five thousandths.",
        example=_case("2024-01-31 12:30:00.5"),
        without=_timely(_SHORT_FRACTION),
    ),
    Row(
        id="years",
        kinds=KINDS,
        segment="The year of a timestamp outside the years 0 to 9999 is sent with six digits.",
        offramp="The event is rejected with that reason.",
        why="Metronome accepts years of four digits.",
        example=_case("10000-01-01"),
        applies=lambda difference, _: "outside the years" in difference.ours.get("error", ""),
        without=_timely(_ODD_YEAR),
    ),
    Row(
        id="refused-by-metronome",
        kinds=KINDS,
        segment=(
            "Events that Metronome refuses are sent all the same: a transaction id of more "
            "than 128 characters, an empty one, a timestamp of more than 34 days ago or more "
            "than 24 hours ahead."
        ),
        offramp="The event is rejected before it is sent, with that reason.",
        why="In a batch such an event would make Metronome refuse up to ninety-nine good ones.",
        example=_case(_SOME_TIME, messageId="x" * 129),
        applies=lambda difference, _: (
            "value" in difference.theirs and bool(_REFUSED.search(difference.ours.get("error", "")))
        ),
    ),
)
