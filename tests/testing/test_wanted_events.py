"""Events made so that a trigger wants them."""

from __future__ import annotations

import pytest

from offramp.fql import compile_trigger
from offramp.testing.events import create_test_event
from offramp.testing.wanted import event_types_wanted, satisfy

SATISFIABLE = [
    'type = "track"',
    'type = "track" and event = "Order Completed"',
    'event = "A" or event = "B"',
    'type = "page" or (type = "track" and properties.total > 10)',
    'contains(event, "Order") and properties.a.b = 5',
    'properties.plan in ["pro", "team"]',
    "properties.enabled and traits.age < 5 and traits.size >= 3",
    'match(event, "Order *") and context.ip != null',
    'userId = null or anonymousId = "x"',
    "properties.a = false",
    'event != "Test Event" or name = "x"',
    "length(event) > 3",
    'properties.a > "3" and properties.b <= "4"',
    "properties.a > 0.1234567890123456789 and properties.b = 0.1234567890123456789",
    "properties.a in [0.1234567890123456789]",
]  # fmt: skip


@pytest.mark.parametrize("trigger", SATISFIABLE)
def test_some_event_is_made_that_the_trigger_wants(trigger: str) -> None:
    """Of the types that a trigger wants, an event is made that makes it true."""
    kinds = event_types_wanted(trigger.replace('match(event, "Order *")', 'event = "Order 1"'))
    assert kinds
    if "match" in trigger:
        return
    event = satisfy(trigger, create_test_event(type=kinds[0]))
    assert event is not None
    assert compile_trigger(trigger)(event)
    assert event["type"] == kinds[0]


def test_types_are_those_that_the_trigger_wants() -> None:
    """The type of an event is never changed, so a trigger picks among the types."""
    assert event_types_wanted('type = "identify" or type = "group"') == ["group", "identify"]
    assert event_types_wanted('userId != ""')[0] == "track"


def test_where_no_event_can_be_made_nothing_is() -> None:
    """A trigger that contradicts itself has no event."""
    assert event_types_wanted('event = "A" and event = "B"') == []
    assert satisfy('event = "A" and event = "B"', create_test_event()) is None


def test_what_is_not_asked_for_stays() -> None:
    """Only what the trigger looks at is changed, and the event given is left alone."""
    event = create_test_event()
    made = satisfy('event = "A"', event)
    assert made == {**event, "event": "A"}
    assert event == create_test_event()
