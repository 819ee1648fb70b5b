"""The deliberate differences of Liquid templates."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.conformance.differences import Row
from tests.conformance.kinds import Case
from tests.conformance.rows_mapping import EVENT, MAPPED, changed, transform_case, without_useless

_BEYOND_BASIC = re.compile("[\U00010000-\U0010ffff]")
_NIL_PUT = re.compile(r"\b(push|unshift): *(?:nil|null)\b")


def _without_tags(names: str) -> Callable[[Case], Case]:
    tag = re.compile(rf"\{{%-? *(?:end)?(?:{names})\b.*?%\}}")

    def without(case: Case) -> Case:
        made: Case = changed(
            case, lambda value: tag.sub("", value) if isinstance(value, str) else value
        )
        return made

    return without


def _without_nil(case: Case) -> Case:
    made: Case = changed(
        case,
        lambda value: _NIL_PUT.sub(r"\1: 0", value) if isinstance(value, str) else value,
    )
    return made


def _without_emoji(case: Case) -> Case:
    made: Case = changed(
        case,
        lambda value: _BEYOND_BASIC.sub("e", value) if isinstance(value, str) else value,
    )
    return made


def _with_numeric_slices(case: Case) -> Case:
    made: Case = changed(
        case,
        lambda value: (
            re.sub(r"slice: *['\"](-\d+)['\"]", r"slice: \1", value)
            if isinstance(value, str)
            else value
        ),
    )
    return made


ROWS: tuple[Row, ...] = (
    Row(
        id="liquid-block",
        kinds=MAPPED,
        segment="The Liquid tag `block` shows its content, although there are no layouts.",
        offramp="The template is refused: there is no tag `block`.",
        why="The tag belongs to layouts, which Segment turns off.",
        example=transform_case({"a": {"@liquid": "{% block a %}b{% endblock %}"}}),
        without=_without_tags("block"),
    ),
    Row(
        id="liquid-half-comparison",
        kinds=MAPPED,
        segment=(
            "A comparison in Liquid with only one side, or none, is accepted: `{% if == %}` "
            "is true."
        ),
        offramp="The template is refused, and the error names the place.",
        why="It is a mistake: a side is missing.",
        example=transform_case({"a": {"@liquid": "{% if type == %}a{% endif %}b"}}),
        applies=lambda difference, _: "a primitive expression" in difference.ours.get("error", ""),
        without=without_useless,
    ),
    Row(
        id="liquid-grammar",
        kinds=MAPPED,
        segment=(
            "Liquid takes filters in conditions, skips a value behind a value, and knows "
            "`size` of literals."
        ),
        offramp="The template is refused, and the error names the place.",
        why=(
            "Liquid's own grammar has none of these, and a later version of Segment's engine "
            "may not accept them either."
        ),
        example=transform_case({"a": {"@liquid": "{{ type event }}"}}),
        applies=lambda difference, _: (
            "expected end of expression" in difference.ours.get("error", "")
        ),
        without=without_useless,
    ),
    Row(
        id="liquid-comments",
        kinds=MAPPED,
        segment="A Liquid comment ends at the first `endcomment`, even of a comment inside it.",
        offramp="Comments can be nested.",
        why="Text that is commented out may itself contain comments.",
        example=transform_case(
            {"a": {"@liquid": "a{% comment %}{% comment %}{% endcomment %}b{% endcomment %}c"}}
        ),
        without=_without_tags("comment"),
    ),
    Row(
        id="liquid-characters",
        kinds=MAPPED,
        segment="Liquid splits a text by code units: an emoji becomes two halves.",
        offramp="A text is split by characters.",
        why="Half a character cannot be sent as text.",
        example=transform_case(
            {"a": {"@liquid": "{{ name | split: '' | join: '-' }}"}}, {**EVENT, "name": "😀!"}
        ),
        without=_without_emoji,
    ),
    Row(
        id="liquid-slice",
        kinds=MAPPED,
        segment=(
            "A position before the end that comes to `slice` as a text is put behind the "
            'length: of five characters, "-3" is position "5-3", which is none.'
        ),
        offramp="It is the position -3.",
        why="This is what the template says.",
        example=transform_case({"a": {"@liquid": "{{ type | slice: '-3', 2 }}"}}),
        without=_with_numeric_slices,
    ),
    Row(
        id="budget",
        kinds=MAPPED,
        segment=(
            "A Liquid template may take 500 ms and handle 100,000,000 characters and items; "
            "other directives have no bound."
        ),
        offramp=(
            "A mapping has 100,000 steps and 2,000,000 characters for one event, "
            "all its directives together."
        ),
        why=("An event has one result however busy the host is, and none holds up the others."),
        example=transform_case({"a": {"@liquid": "{{ (1..200000) | size }}"}}),
        applies=lambda difference, _: (
            "the budget of one event" in difference.ours.get("error", "")
            or "memory alloc limit exceeded" in difference.theirs.get("error", "")
        ),
    ),
    Row(
        id="liquid-counters",
        kinds=MAPPED,
        segment=(
            "The Liquid tags `increment` and `decrement` write their counter into the event, "
            "where every field that is mapped later finds it."
        ),
        offramp="A template never changes the event.",
        why="A field's value must not depend on the order of the fields.",
        example=transform_case(
            {"a": {"@liquid": "{% increment n %}"}, "b": {"@path": "$.n"}},
        ),
        without=_without_tags("increment|decrement"),
    ),
    Row(
        id="liquid-nil-as-json",
        kinds=MAPPED,
        segment="`nil` as an argument, put into a list, is `{}` once the list is written as JSON.",
        offramp="It is null.",
        why="It is what `nil` means, and what Segment writes of a missing value there.",
        example=transform_case({"a": {"@liquid": "{{ type | split: 'r' | unshift: nil | json }}"}}),
        without=_without_nil,
    ),
)
