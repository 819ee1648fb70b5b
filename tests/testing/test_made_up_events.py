"""Events to test with: complete, always the same, and such as the collector takes."""

from __future__ import annotations

import json

import pytest

from offramp.definition import UNSET
from offramp.event import EVENT_TYPES, check_event
from offramp.testing import TEST_TIME, create_test_event


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_type_of_event_is_one_that_the_collector_takes(kind: str) -> None:
    """What is made up obeys the Segment spec, and is plain JSON."""
    event = create_test_event(type=kind)
    check_event(event)
    assert json.loads(json.dumps(event)) == event
    assert event["type"] == kind


def test_an_event_is_a_track_call_at_the_time_of_the_clock() -> None:
    """Without changes it is a track call that happened where the clock starts."""
    event = create_test_event()
    assert (event["type"], event["event"]) == ("track", "Test Event")
    assert event["timestamp"] == TEST_TIME.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_events_are_the_same_and_share_nothing() -> None:
    """Two events are equal, and changing one leaves the other as it is."""
    first, second = create_test_event(), create_test_event()
    assert first == second
    first["context"]["app"]["name"] = first["properties"]["plan"] = "changed"
    assert second == create_test_event()


def test_a_change_replaces_the_whole_value() -> None:
    """Properties are those that the test gives, and no others."""
    assert create_test_event(properties={"a": 1})["properties"] == {"a": 1}


def test_a_change_is_not_shared_with_the_event() -> None:
    """What the test gave may be changed afterwards, and the event stays as it is."""
    properties = {"a": [1]}
    event = create_test_event(properties=properties)
    properties["a"].append(2)
    assert event["properties"] == {"a": [1]}


def test_a_context_is_laid_over_the_usual_one() -> None:
    """A context names what is different, at any depth, and the rest stays."""
    usual = create_test_event()["context"]
    context = create_test_event(context={"groupId": "acme", "app": {"version": "2"}})["context"]
    assert context == {
        **usual,
        "groupId": "acme",
        "app": {**usual["app"], "version": "2"},
    }


def test_unset_takes_a_key_away() -> None:
    """A key of the event, or of its context, can be left out."""
    event = create_test_event(userId=UNSET, context={"groupId": UNSET})
    assert "userId" not in event
    assert "groupId" not in event["context"]


def test_a_context_that_is_no_object_is_taken_as_it_is() -> None:
    """Events that are wrong can be made too."""
    assert create_test_event(context=None)["context"] is None
