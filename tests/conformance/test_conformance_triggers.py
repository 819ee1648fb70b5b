"""The triggers that public destinations ship, and that people set up, mean here what they did."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.compare import alike, their_answers, warnings_of
from tests.conformance.flags import wrongly_warned
from tests.conformance.kinds import KINDS
from tests.conformance.probes import probing
from tests.conformance.segment import HERE, Segment

from offramp import _json
from offramp.fql import compile_trigger, generate, parse

#: As they stand in public destinations and in public set-ups of workspaces.
IN_USE: list[str] = _json.loads((HERE / "cases" / "triggers_in_use.json").read_bytes())
#: Those that Segment reads otherwise, and what is told of them: none ever matches there.
READ_OTHERWISE = {
    "type = 'page'": "single quotes",
    'event == "Cart Updated"': "`==` compares with",
    'event == "Order Completed"': "`==` compares with",
}
#: One asks two things of one event at once, and holds of none: here as there.
NEVER_HOLDS = 'event = "Audience Entered" and event = "Audience Exited"'


@pytest.mark.parametrize("trigger", IN_USE)
def test_a_trigger_in_use_survives_being_read_and_written(trigger: str) -> None:
    """Text, tree, text and tree again: the trees are the same."""
    tree = parse(trigger)
    assert parse(generate(tree)) == tree


@pytest.mark.parametrize("trigger", [one for one in IN_USE if one not in READ_OTHERWISE])
def test_a_trigger_in_use_matches_alike(trigger: str, segment: Segment) -> None:
    """Every event that its conditions could tell apart is judged as at Segment."""
    case = probing(trigger)
    [theirs] = their_answers(segment, [case])
    ours = KINDS["match"].ours(case)
    assert all(alike(our, their) for our, their in zip(ours, theirs, strict=True))
    assert {our["value"] for our in ours} == ({False} if trigger == NEVER_HOLDS else {True, False})
    assert warnings_of(trigger) == ()


@pytest.mark.parametrize(("trigger", "message"), READ_OTHERWISE.items())
def test_one_that_is_read_otherwise_is_told_of(
    trigger: str, message: str, segment: Segment
) -> None:
    """What it selects here it does not at Segment, and that is told of."""
    assert trigger in IN_USE
    case = probing(trigger)
    [theirs] = their_answers(segment, [case])
    ours = KINDS["match"].ours(case)
    selected = [their["value"] for our, their in zip(ours, theirs, strict=True) if our["value"]]
    assert selected
    assert not any(selected)
    assert any(message in sentence for sentence in warnings_of(trigger))


@pytest.mark.parametrize(
    ("trigger", "is_warned"),
    [
        ('(contains(event, "A") or (contains(name, "B") or userId = null) or type = track)', False),
        ('(contains(event, "A") and (contains(name, "B"))) and type = track', False),
        ('(contains(event, "A") or (contains(name, "B") and userId = null) or type = x)', True),
    ],
)
def test_parentheses_are_told_of_only_where_they_decide(
    trigger: str, segment: Segment, *, is_warned: bool
) -> None:
    """Segment ends a group at the first `)`; that says the same where all around says the same."""
    assert bool(warnings_of(trigger)) is is_warned
    assert wrongly_warned(segment, [trigger]) == []


@pytest.mark.parametrize(
    ("found", "as_tree", "as_text"), [(123, False, True), ("123", True, False)]
)
def test_a_number_beside_equals_means_here_what_its_text_means(
    found: Any, segment: Segment, *, as_tree: bool, as_text: bool
) -> None:
    """At Segment the tree and the text written for it disagree; here both are the text."""
    leaf = {"type": "event-property", "name": "value", "operator": "=", "value": 123}
    tree = {"type": "group", "operator": "and", "children": [leaf]}
    events = [{"type": "track", "properties": {"value": found}}]
    [written] = segment.ask([{"kind": "generate", "tree": tree}])
    questions = [
        {"kind": "evaluate", "tree": tree, "events": events},
        {"kind": "match", "trigger": written["value"], "events": events},
    ]
    assert segment.ask(questions) == [[{"value": as_tree}], [{"value": as_text}]]
    for trigger in (tree, written["value"], generate(tree)):
        assert compile_trigger(trigger)(events[0]) is as_text
