"""The triggers that public destinations ship, and that people set up, mean here what they did."""

from __future__ import annotations

import pytest
from tests.conformance.compare import alike, their_answers, told_of
from tests.conformance.kinds import KINDS
from tests.conformance.probes import probing
from tests.conformance.segment import HERE, Segment

from offramp import _json
from offramp.fql import generate, parse

#: As they stand in public destinations and in public set-ups of workspaces.
IN_USE: list[str] = _json.loads((HERE / "cases" / "triggers_in_use.json").read_bytes())
#: The one that Segment reads otherwise: its single quotes stay part of the text there.
READ_OTHERWISE = "type = 'page'"
#: One asks two things of one event at once, and holds of none: here as there.
NEVER_HOLDS = 'event = "Audience Entered" and event = "Audience Exited"'


@pytest.mark.parametrize("trigger", IN_USE)
def test_a_trigger_in_use_survives_being_read_and_written(trigger: str) -> None:
    """Text, tree, text and tree again: the trees are the same."""
    tree = parse(trigger)
    assert parse(generate(tree)) == tree


@pytest.mark.parametrize("trigger", [one for one in IN_USE if one != READ_OTHERWISE])
def test_a_trigger_in_use_matches_alike(trigger: str, segment: Segment) -> None:
    """Every event that its conditions could tell apart is judged as at Segment."""
    case = probing(trigger)
    [theirs] = their_answers(segment, [case])
    ours = KINDS["match"].ours(case)
    assert all(alike(our, their) for our, their in zip(ours, theirs, strict=True))
    assert {our["value"] for our in ours} == ({False} if trigger == NEVER_HOLDS else {True, False})
    assert told_of(trigger) == ()


def test_the_one_that_is_read_otherwise_is_told_of() -> None:
    """It would never match at Segment, and is flagged."""
    assert any("single quotes" in sentence for sentence in told_of(READ_OTHERWISE))
