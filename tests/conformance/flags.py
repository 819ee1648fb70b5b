"""Whether a trigger is told to be read otherwise at Segment exactly if it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conformance.compare import alike, their_answers, warnings_of
from tests.conformance.kinds import KINDS, Answers, Case
from tests.conformance.probes import probing
from tests.conformance.segment import Segment

from offramp.errors import TriggerError
from offramp.fql import compile_trigger, parse

#: How many events are tried where a difference is hard to find.
RARE_EVENTS = 5000
#: Conditions on a path that no event has: one never holds, the other always does.
NEVER = {"type": "event-field", "name": "nothing here", "operator": "exists"}
ALWAYS = {**NEVER, "operator": "not_exists"}


def wrongly_warned(segment: Segment, triggers: list[str]) -> list[str]:
    """The triggers among some that differ and are not told of, or that are told of for nothing."""
    valid = [trigger for trigger in triggers if _is_valid(trigger)]
    cases = [probing(trigger) for trigger in valid]
    wrong = []
    for case, theirs in zip(cases, their_answers(segment, cases), strict=True):
        trigger, differs = case["trigger"], _differs(case, theirs)
        if differs and not warnings_of(trigger):
            wrong.append(f"differs, and nothing is told: {trigger}")
        elif warnings_of(trigger) and not (differs or _is_read_otherwise(segment, case)):
            wrong.append(f"is told of, and does not differ: {trigger}")
    return wrong


def _differs(case: Case, theirs: Answers) -> bool:
    # A trigger that Segment cannot read matches nothing there.
    ours = KINDS["match"].ours(case)
    read = [{"value": their.get("value", False)} for their in theirs]
    return not all(map(alike, ours, read))


def _is_read_otherwise(segment: Segment, case: Case) -> bool:
    """Whether a trigger differs on a rare event, or in a part that decides nothing."""
    if _has_idle_part(case["trigger"], case["events"]):
        return True
    rare = probing(case["trigger"], count=RARE_EVENTS)
    [theirs] = their_answers(segment, [rare])
    return _differs(rare, theirs)


def _is_valid(trigger: str) -> bool:
    try:
        parse(trigger)
    except TriggerError:
        return False
    return True


def _has_idle_part(trigger: str, events: list[dict[str, Any]]) -> bool:
    """Whether a part of a trigger decides nothing, so that reading it otherwise changes nothing."""
    tree = parse(trigger)
    expected = [compile_trigger(tree).matches(event) for event in events]
    return any(
        [compile_trigger(changed).matches(event) for event in events] == expected
        for changed in _with_a_constant(tree)
    )


def _with_a_constant(node: Any) -> Iterator[Any]:
    """A tree with one of its conditions replaced by what always or never holds, in every way."""
    if node["type"] == "group":
        for at, child in enumerate(node["children"]):
            for changed in _with_a_constant(child):
                children = [*node["children"][:at], changed, *node["children"][at + 1 :]]
                yield {**node, "children": children}
    elif node["type"] == "not":
        yield from ({**node, "child": changed} for changed in _with_a_constant(node["child"]))
    else:
        yield from (NEVER, ALWAYS)
