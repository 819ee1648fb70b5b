"""A trigger gives the same answer for an event of which only what it reads was read."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.fql.strategies import EVENTS, TREES

from offramp import _json
from offramp._json import Projection
from offramp.fql import MAX_TRIGGER_BYTES, compile_trigger


@settings(max_examples=300, deadline=None)
@given(TREES, st.lists(EVENTS, min_size=1, max_size=4))
def test_a_trigger_reads_no_more_than_it_says(source: Any, events: list[dict[str, Any]]) -> None:
    """Whatever its conditions and functions are."""
    assume(len(json.dumps(source, default=str)) < MAX_TRIGGER_BYTES)
    trigger = compile_trigger(source)
    projection = Projection(trigger.reads)
    for event in events:
        body = _json.dumps(event)
        assert trigger.matches(projection.read(body)) is trigger.matches(_json.loads(body))


def test_what_a_trigger_reads() -> None:
    """Each of its paths, by its keys."""
    trigger = compile_trigger(r'type = "track" and length(properties.a\.b) > length(event)')
    assert trigger.reads == frozenset({("type",), ("properties", "a.b"), ("event",)})
