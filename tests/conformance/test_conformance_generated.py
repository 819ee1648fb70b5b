"""Generated cases put to both engines: hypothesis makes what differs small."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conformance.compare import their_answers
from tests.conformance.differences import unexplained
from tests.conformance.flags import wrongly_warned
from tests.conformance.kinds import KINDS
from tests.conformance.rows import ROWS
from tests.conformance.segment import Segment
from tests.conformance.source import RandomSource, drawn
from tests.conformance.triggers import trigger

#: Examples of one kind that hypothesis draws; `make conformance` compares as many as one likes.
EXAMPLES = 40
#: Cases of one kind that are made without hypothesis, ten times as fast.
SEEDED = 250
#: Of whole requests, each of which goes through `explain`, fewer.
SEEDED_REQUESTS = 60
SEED = 20261123
FLAGGED = 60

few = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@pytest.mark.parametrize("kind", KINDS)
@few
@given(data=st.data())
def test_both_engines_answer_alike(kind: str, segment: Segment, data: st.DataObject) -> None:
    """Whatever is generated has the same answers in both, or differs as the list says."""
    case = data.draw(drawn(KINDS[kind].make))
    assert unexplained(segment, [case], ROWS) == []


@pytest.mark.parametrize("kind", KINDS)
def test_both_engines_answer_alike_in_many_cases(kind: str, segment: Segment) -> None:
    """So does what a seeded generator makes; and a fair share of it is no error."""
    source = RandomSource(random.Random(SEED))
    count = SEEDED_REQUESTS if kind == "metronome" else SEEDED
    cases = [KINDS[kind].make(source) for _ in range(count)]
    assert unexplained(segment, cases, ROWS) == []
    answers = [answer for each in their_answers(segment, cases) for answer in each]
    assert sum("value" in answer for answer in answers) > len(answers) / 5


def test_triggers_are_flagged_exactly_if_segment_reads_them_otherwise(segment: Segment) -> None:
    """Every trigger that is read otherwise at Segment is told of, and no other one is."""
    source = RandomSource(random.Random(SEED))
    assert wrongly_warned(segment, [trigger(source) for _ in range(FLAGGED)]) == []
