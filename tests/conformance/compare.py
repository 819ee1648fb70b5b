"""Puts cases to both engines and tells where the answers differ."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

import attrs
from tests.conformance.kinds import KINDS, Answers, Case
from tests.conformance.metronome import their_requests
from tests.conformance.segment import Segment

from offramp.errors import TriggerError
from offramp.fql import parse, segment_reading

#: Keys below this one are moved. Source: ECMA-262, "array index" and OrdinaryOwnPropertyKeys.
_FIRST_NO_INDEX = 2**32 - 1
_WHOLE = re.compile("0|[1-9][0-9]{0,9}")
_PARTS = re.compile(r"[.\[\]]+")


@attrs.frozen(kw_only=True)
class Difference:
    """A case with one input, and both answers to it."""

    case: Case
    ours: dict[str, Any]
    theirs: dict[str, Any]


def generated(
    segment: Segment, cases: list[Case], ours: list[Answers], theirs: list[Answers]
) -> None:
    """Put in the place of generated texts what is read of them.

    The texts may differ, in quotes and parentheses; what they say may not. Where Segment's parser
    reads its own text as the tree that was written, it must read ours so too; and where it reads
    it as the text says, our parser must read both alike.
    """
    answers = [answer for each in (*ours, *theirs) for answer in each if "value" in answer]
    questions = [{"kind": "parse", "trigger": answer["value"]} for answer in answers]
    for answer, message in zip(answers, segment.ask(questions), strict=True):
        answer["text"] = answer["value"]
        answer["value"] = {"theirs": _normal(message.get("value")), "ours": _read(answer["text"])}
    for case, [our], [their] in zip(cases, ours, theirs, strict=True):
        if "value" not in our or "value" not in their:
            continue
        if their["value"]["theirs"] != _normal(case["tree"]):
            our["value"]["theirs"] = their["value"]["theirs"] = None
        if warnings_of(their["text"]):
            our["value"]["ours"] = their["value"]["ours"] = None


def _normal(node: Any, *, is_root: bool = True) -> Any:
    """A tree of Segment's as its parser gives it back: no group of one, and texts for values."""
    if not isinstance(node, dict) or node.get("type") != "group":
        return {**node, "value": str(node.get("value"))} if isinstance(node, dict) else node
    children = [_normal(child, is_root=False) for child in node["children"]]
    if len(children) > 1:
        return {**node, "children": children}
    if not is_root or children[0]["type"] == "group":
        return children[0]
    return {**node, "operator": "and", "children": children}


@lru_cache(maxsize=4096)
def warnings_of(trigger: str) -> tuple[str, ...]:
    """What is told of Segment's reading; nothing of a trigger that is refused."""
    try:
        return tuple(segment_reading(trigger))
    except TriggerError:
        return ()


def _read(text: str) -> Any:
    try:
        return parse(text)
    except TriggerError as error:
        return str(error)


def their_answers(segment: Segment, cases: list[Case]) -> list[Answers]:
    """What Segment's engine says of each input of each case."""
    shown = segment.ask(cases)
    return [
        their_requests(answer)
        if case["kind"] == "metronome"
        else answer
        if isinstance(answer, list)
        else [answer]
        for case, answer in zip(cases, shown, strict=True)
    ]


def differences(segment: Segment, cases: list[Case]) -> list[Difference]:
    """Every input of some cases to which the engines answer differently."""
    found = []
    ours_of_all = [KINDS[case["kind"]].ours(case) for case in cases]
    theirs_of_all = their_answers(segment, cases)
    trees = [at for at, case in enumerate(cases) if case["kind"] == "generate"]
    generated(
        segment,
        [cases[at] for at in trees],
        [ours_of_all[at] for at in trees],
        [theirs_of_all[at] for at in trees],
    )
    for case, ours, theirs in zip(cases, ours_of_all, theirs_of_all, strict=True):
        kind = KINDS[case["kind"]]
        inputs = case[kind.inputs] if kind.inputs else [None]
        for item, our, their in zip(inputs, ours, theirs, strict=True):
            if not alike(our, their):
                small = {**case, kind.inputs: [item]} if kind.inputs else case
                found.append(Difference(case=small, ours=our, theirs=their))
    return found


def alike(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether two answers are the same: value for value, or fault for fault if both name them."""
    if "error" in ours and "error" in theirs and ("places" not in ours or "places" not in theirs):
        return True
    return bool(comparable(ours) == comparable(theirs))


def comparable(answer: dict[str, Any]) -> Any:
    """An answer in the form in which two equal ones are equal: numbers as doubles have them."""
    if "error" in answer:
        places = answer.get("places")
        return "error", sorted({place_key(place) for place in places or ()})
    return "value", canonical(answer.get("value"))


def place_key(place: str) -> tuple[str, ...]:
    """The keys of a place, as `$.a[0]` or `/a/0`."""
    if not place.startswith("$"):
        return tuple(place.split("/")[1:])
    return tuple(part.strip("'\"") for part in _PARTS.split(place[1:]) if part)


def canonical(value: Any) -> Any:
    """A JSON value by which equal ones are found equal: true is not 1, but 1.0 is.

    Objects are equal if their keys come in the same order, apart from those that JavaScript moves.
    """
    match value:
        case bool():
            return str(value)
        case int() | Decimal() | float():
            return as_double(value)
        case list():
            return [canonical(item) for item in value]
        case dict():
            return "object", [(key, canonical(value[key])) for key in sorted(value, key=_moved)]
        case str():
            return ("text", value)
        case _:
            return value


def _moved(key: str) -> int:
    """Where JavaScript keeps a key: whole numbers in rising order, before all others."""
    is_index = _WHOLE.fullmatch(key) and int(key) < _FIRST_NO_INDEX
    return int(key) if is_index else _FIRST_NO_INDEX


def as_double(number: float | Decimal) -> float | None:
    """The double nearest to a number; none for what JSON then cannot say."""
    try:
        double = float(number)
    except OverflowError:
        return None
    return double if math.isfinite(double) else None
