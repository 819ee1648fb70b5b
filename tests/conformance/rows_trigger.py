"""The deliberate differences of triggers: where Segment's parser reads what is not written.

`offramp.fql.segment_reading` tells of each of the first kind before a trigger is used; a trigger
of the second kind is refused, with the reason.
"""

from __future__ import annotations

import re
from typing import Any

from tests.conformance.compare import Difference, warnings_of
from tests.conformance.differences import Applies, Row
from tests.conformance.segment import Segment


def _warned(pattern: str) -> Applies:
    """Whether the difference is one that is told of with such words."""
    words = re.compile(pattern)

    def applies(difference: Difference, segment: Segment) -> bool:
        answer = warnings_of(difference.case["trigger"]) if "value" in difference.ours else ()
        return any(words.search(sentence) for sentence in answer)

    return applies


def _refused(pattern: str) -> Applies:
    """Whether the trigger is refused for such a reason."""
    words = re.compile(pattern)
    return lambda difference, _: bool(words.search(difference.ours.get("error", "")))


def _without_reason(difference: Difference) -> bool:
    """Whether it is told what Segment makes of a trigger, and no more: it skips bare words."""
    answer = warnings_of(difference.case["trigger"]) if "value" in difference.ours else ()
    return bool(answer) and not any(sentence.startswith("At Segment") for sentence in answer)


def _has_signs(node: Any) -> bool:
    if node["type"] == "group":
        return any(map(_has_signs, node["children"]))
    return "_with" in node["operator"] and bool(re.search(r"[*?\[\]\\]", str(node.get("value"))))


def js_text(value: float) -> str:
    """A number or boolean as JavaScript writes it."""
    return str(value).lower().removesuffix(".0")


def _match(trigger: str, **event: Any) -> dict[str, Any]:
    return {"kind": "match", "trigger": trigger, "events": [{"type": "track", **event}]}


MATCH = ("match",)

READ_OTHERWISE: tuple[Row, ...] = (
    Row(
        id="single-quotes",
        kinds=MATCH,
        segment="Single quotes are part of the text, so that `type = 'track'` is never true.",
        offramp="Single and double quotes mean the same.",
        why="Segment's own language reference uses both.",
        example=_match("type = 'track'"),
        applies=_warned("single quotes stay part of the text"),
    ),
    Row(
        id="double-equals",
        kinds=MATCH,
        segment='`==` compares with the text "=", so that `event == "A"` is never true.',
        offramp="`==` is `=`.",
        why="It is meant as `=`, also in two triggers that public destinations ship.",
        example=_match('event == "A"', event="A"),
        applies=_warned("`==` compares with the text"),
    ),
    Row(
        id="groups",
        kinds=MATCH,
        segment=(
            "The first `)` ends a group, even if it belongs to a function, and groups cannot "
            "be nested."
        ),
        offramp="Parentheses are matched at any depth.",
        why="Otherwise such a trigger matches every event of the type, or none.",
        example=_match(
            'type = "track" and (contains(event, "A") or contains(event, "B"))', event="C"
        ),
        applies=_warned("parentheses do not nest"),
    ),
    Row(
        id="and-or",
        kinds=MATCH,
        segment="If `and` and `or` are used in one group, the last one is used for all of them.",
        offramp="`and` binds tighter than `or`.",
        why="All other languages do so.",
        example=_match('type = "page" and event = "A" or event = "B"', event="A"),
        applies=_warned("the last one wins for all"),
    ),
    Row(
        id="unknown-paths",
        kinds=MATCH,
        segment=(
            "A condition on any other path than type, event, name, userId, properties, traits"
            " and context is dropped (for `contains` and `match`, on type too)."
        ),
        offramp="A condition can use every path of the event.",
        why="If a condition is dropped, the trigger selects events that it should not.",
        example=_match('type = "track" and anonymousId = "x"', anonymousId="y"),
        applies=_warned(r"is dropped: it (knows|looks) only"),
    ),
    Row(
        id="negation",
        kinds=MATCH,
        segment="A `!` before anything but `contains` and `match` is dropped.",
        offramp="`!` negates any condition or group.",
        why="Without the `!` the trigger means the opposite.",
        example=_match('!(type = "track")'),
        applies=_warned("before anything but contains or match is dropped"),
    ),
    Row(
        id="patterns",
        kinds=MATCH,
        segment=(
            '`match` looks at the ends alone: "text*" is a beginning, all else an ending '
            "without its first character, and every other sign is taken literally."
        ),
        offramp="`match` takes whole patterns: `*`, `?`, `[abc]` and `\\`.",
        why="That is the language that Segment documents.",
        example=_match('match(event, "a*b")', event="acb"),
        applies=_warned("match knows only"),
    ),
    Row(
        id="words-as-texts",
        kinds=MATCH,
        segment=(
            "Beside type, event, name and userId, null, true, false and numbers count as the "
            'texts "null", "true", "5".'
        ),
        offramp="They are values: `event = null` is true if there is no event.",
        why="Otherwise `event != null` is true for an event without one.",
        example=_match("event != null"),
        applies=_warned("compares with the text in quotes"),
    ),
    Row(
        id="functions-and-lists",
        kinds=MATCH,
        segment="There are no functions but `contains` and `match`, no lists and no `in`.",
        offramp="The whole documented language works: `length`, `lowercase`, `in` and the rest.",
        why="It is documented.",
        example=_match('type in ["track", "page"]'),
        applies=_warned("it knows no (function|lists|`)"),
    ),
    Row(
        id="keys-as-words",
        kinds=MATCH,
        segment=(
            "Keys such as or, and, null, 0 and 1st end a path, and properties by itself is none."
        ),
        offramp="Any key can be part of a path, and an object can be compared with null.",
        why="The keys come from events, whose authors do not know the words of the language.",
        example=_match("properties.or = 5", properties={"or": 5}),
        applies=_warned("is not a condition by itself, and a key such as"),
    ),
    Row(
        id="whole-objects",
        kinds=MATCH,
        segment=(
            "`properties`, `traits` and `context` by themselves are read as a key of the same"
            " name inside them: traits.traits."
        ),
        offramp="They are the objects.",
        why="`traits = null` then asks whether there are traits.",
        example=_match("traits = null", traits={}),
        applies=_warned(r"(?:properties|traits|context)\.(?:properties|traits|context)\b"),
    ),
    Row(
        id="escaped-dots",
        kinds=MATCH,
        segment="An escaped dot or bracket separates keys all the same: `a\\.b` is b inside a.",
        offramp=r"`a\.b` is the key `a.b`.",
        why="Otherwise keys with dots could not be used.",
        example=_match(r"properties.a\.b = 5", properties={"a.b": 5}),
        applies=_warned("an escaped dot or bracket"),
    ),
    Row(
        id="escapes-in-texts",
        kinds=MATCH,
        segment='A `\\` in a text escapes nothing: the text ends at the first `"`.',
        offramp=r"`\"` is a quote inside a text, and `\\` a backslash.",
        why="Otherwise texts with quotes could not be written.",
        example=_match(r'event = "say \"hi\""', event='say "hi"'),
        applies=_warned("escapes nothing"),
    ),
    Row(
        id="capitals",
        kinds=MATCH,
        segment="`AND` and `OR` are dropped, and conditions side by side are joined by `and`.",
        offramp="`AND` and `OR` are `and` and `or`.",
        why="They cannot mean anything else.",
        example=_match('type = "page" OR event = "A"', event="A"),
        applies=_warned("in capitals is dropped"),
    ),
    Row(
        id="spaces",
        kinds=MATCH,
        segment="Operators without spaces around them are not recognised, and no event matches.",
        offramp="Spaces make no difference.",
        why="Spaces should not change the meaning.",
        example=_match("properties.a>5", properties={"a": 6}),
        applies=_warned("no space before an operator|wants a space behind"),
    ),
    Row(
        id="numbers",
        kinds=MATCH,
        segment='Numbers that begin or end with a dot are split: `.5` is the text ".".',
        offramp="`.5` is 0.5.",
        why="Many people write numbers in this way.",
        example=_match("properties.a = .5", properties={"a": 0.5}),
        applies=lambda difference, segment: (
            bool(re.search(r"(?<![\w\"'])-?\.\d|\d\.(?!\d)", difference.case["trigger"]))
            and _warned("Segment reads this")(difference, segment)
        ),
    ),
    Row(
        id="bare-conditions",
        kinds=MATCH,
        segment="A path by itself is not a condition.",
        offramp="A path by itself is true if the value is true.",
        why="It is documented.",
        example=_match("properties.a", properties={"a": True}),
        applies=lambda difference, _: _without_reason(difference),
    ),
)

WRITTEN: tuple[Row, ...] = (
    Row(
        id="signs-in-patterns",
        kinds=("generate",),
        segment=(
            "The text of `starts_with` or `ends_with` is written into a `match` as it is, "
            "including stars."
        ),
        offramp=r"Signs of patterns are escaped: `match(event, \"a\*b*\")`.",
        why=(
            "The pattern then matches exactly that text, here and wherever the documented "
            "language is used."
        ),
        example={
            "kind": "generate",
            "tree": {
                "type": "group",
                "operator": "and",
                "children": [{"type": "event", "operator": "starts_with", "value": "a*b"}],
            },
        },
        applies=lambda difference, _: _has_signs(difference.case["tree"]),
    ),
)


def _has_others(node: Any) -> bool:
    if node["type"] == "group":
        return any(map(_has_others, node["children"]))
    return node["operator"] in ("=", "!=") and not isinstance(node["value"], str)


def _others_as_texts(node: Any) -> Any:
    if node["type"] == "group":
        return {**node, "children": [_others_as_texts(child) for child in node["children"]]}
    return {**node, "value": js_text(node["value"])} if _has_others(node) else node


TREES: tuple[Row, ...] = (
    Row(
        id="numbers-beside-equals",
        kinds=("evaluate",),
        segment=(
            "`=` and `!=` in a tree compare with the text of their value, so that 5 holds of "
            '"5" and not of 5, while the text that Segment writes for the tree says the opposite.'
        ),
        offramp="A tree means the same as its text: 5 is equal to 5, and true to true.",
        why="One trigger has one meaning; `number_equals` is the same in both forms.",
        example={
            "kind": "evaluate",
            "tree": {
                "type": "group",
                "operator": "and",
                "children": [
                    {"type": "event-property", "name": "a", "operator": "=", "value": 5},
                ],
            },
            "events": [{"type": "track", "properties": {"a": 5}}],
        },
        applies=lambda difference, _: _has_others(difference.case["tree"]),
        without=lambda case: {**case, "tree": _others_as_texts(case["tree"])},
    ),
)

REFUSED: tuple[Row, ...] = (
    Row(
        id="order-of-others",
        kinds=MATCH,
        segment=(
            "`<`, `<=`, `>` and `>=` with null, true or false are accepted, and are true for "
            "almost no event."
        ),
        offramp="The trigger is refused: only numbers have an order.",
        why="Such a trigger is a mistake.",
        example=_match("type < true"),
        applies=_refused("compares numbers"),
    ),
    Row(
        id="constants",
        kinds=MATCH,
        segment=(
            "A constant in the place of a condition is dropped: `true`, `match('abcd', 'a*d')`."
        ),
        offramp="The trigger is refused: a condition has to read the event.",
        why="It is a mistake: the result is the same for every event.",
        example=_match('type = "track" and true'),
        applies=_refused("a constant is not a condition|tests a constant"),
    ),
    Row(
        id="arguments",
        kinds=MATCH,
        segment="`contains` and `match` read null, true, false and numbers as texts.",
        offramp=(
            "The trigger is refused: they look for texts, and `contains` for numbers as they "
            "are written."
        ),
        why="`contains(event, true)` is a mistake, or lacks quotes.",
        example=_match("contains(event, true)", event="true"),
        applies=_refused("looks for a text|takes its pattern as a text"),
    ),
    Row(
        id="exponents",
        kinds=MATCH,
        segment="A number with an exponent is split: `1e3` is 1, and the rest is dropped.",
        offramp="The trigger is refused: the language has no such numbers.",
        why="Either result would surprise somebody.",
        example=_match("properties.a = 1e3", properties={"a": 1000}),
        applies=_refused("neither a number nor a path"),
    ),
    Row(
        id="nonsense",
        kinds=MATCH,
        segment=(
            "Text that is not valid at its position is skipped: a lone comma, a second value,"
            " an unknown word."
        ),
        offramp="The trigger is refused, and the error names the column.",
        why="The skipped text was meant to have an effect.",
        example=_match('type = "track" ,'),
        applies=_refused(
            "not expected here|is where|closes nothing|has no end|needs quotes or escapes"
            "|is not a word of the language|and so is not a condition|there is no function"
            "|a list holds|applies to its left|ends where|two constants are compared"
        ),
    ),
)

ROWS = READ_OTHERWISE + WRITTEN + TREES + REFUSED
