"""Who is in an audience: the same events put to Segment's resolver and to ours."""

from __future__ import annotations

from itertools import product
from typing import Any

from tests.conformance.segment import Segment

from offramp.definition import audience_membership

TYPES = ("identify", "track", "page", None)
CLASSES = ("audience", "journey_step", "computed_trait", "", None)
KEYS = ("vip", "other", "", None)
MEMBERS: tuple[Any, ...] = (True, False, "true", 1, None)
NAMES = ("new", "updated", "deleted", "Audience Entered", None)
MODES = ("add", "update", "upsert", "delete", "mirror", "else", None)


def event(type_: Any, kind: Any, key: Any, member: Any, name: Any) -> dict[str, Any]:
    """An event with these values; each that is None is left out."""
    personas = {"computation_class": kind, "computation_key": key}
    given = {
        "type": type_,
        "event": name,
        "traits": None if member is None else {"vip": member},
        "properties": None if member is None else {"vip": member is not True, "x": True},
        "context": {"personas": {k: each for k, each in personas.items() if each is not None}},
    }
    return {k: each for k, each in given.items() if each is not None}


def test_memberships_are_those_of_segment(segment: Segment) -> None:
    """Every combination of what an event may say, under every sync mode, is resolved alike."""
    events = [event(*each) for each in product(TYPES, CLASSES, KEYS, MEMBERS, NAMES)]
    events += [{}, {"type": "track"}, {"context": {}}, {"type": "identify", "traits": None}]
    questions = [{"kind": "membership", "syncMode": mode, "events": events} for mode in MODES]
    ours = [[audience_membership(each, mode) for each in events] for mode in MODES]
    assert segment.ask(questions) == ours
    assert {member for of_mode in ours for member in of_mode} == {True, False, None}
