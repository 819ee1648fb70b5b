"""What makes a message an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import EventError
from offramp.event import (
    EVENT_TYPES,
    MAX_PROPERTIES,
    READER,
    Discard,
    check_event,
    is_plain,
    nests_deeper_than,
)
from offramp.event.check import _RULES, _find_faults

CASES = json.loads(Path(__file__).with_name("check_cases.json").read_text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
FIELDS = ["userId", "anonymousId", "groupId", "previousId", "event", "properties", "traits"]
FIELDS += ["name", "category", "messageId", "context", "integrations"]


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_check_follows_its_table(case: dict[str, Any]) -> None:
    """A case without a reason passes; any other fails at exactly its places."""
    if "reason" not in case:
        check_event(case["message"])
        return
    with pytest.raises(EventError) as caught:
        check_event(case["message"])
    assert caught.value.reason == case["reason"]
    assert [fault.place for fault in caught.value.faults] == case["places"]


def test_each_type_has_its_rules() -> None:
    """No call of the spec is unknown to the check, and the check knows no other."""
    assert set(_RULES) == EVENT_TYPES


def test_too_many_properties_are_refused() -> None:
    """Ten thousand keys pass, one more does not."""
    message = {"type": "track", "userId": "u", "event": "A"}
    properties = dict.fromkeys(map(str, range(MAX_PROPERTIES)))
    check_event({**message, "properties": properties})
    with pytest.raises(EventError, match="10001 keys; the most allowed is 10000") as caught:
        check_event({**message, "properties": {**properties, "more": 1}})
    assert caught.value.reason == Discard.TOO_MANY_PROPERTIES


@given(
    message=st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(EVENT_TYPES)) | JSON},
        optional=dict.fromkeys(FIELDS, JSON),
    )
)
def test_any_object_passes_or_is_refused_with_a_known_code(message: dict[str, Any]) -> None:
    """The check is total; an event that passes has ids that are text, and somebody."""
    refused = None
    try:
        check_event(message)
    except EventError as error:
        refused = error
    if refused is None:
        assert message.get("userId") or message.get("anonymousId")
    else:
        assert Discard(refused.reason)
        assert all(fault.place.startswith("$") for fault in refused.faults)


OF_A_KIND: st.SearchStrategy[Any] = st.none() | st.just("x") | st.just({}) | JSON


@given(
    message=st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(EVENT_TYPES)) | JSON, "messageId": st.just("m") | JSON},
        optional=dict.fromkeys(set(FIELDS) - {"messageId"}, OF_A_KIND),
    )
)
def test_what_is_plain_at_a_glance_keeps_every_rule(message: dict[str, Any]) -> None:
    """The quick test never lets a fault through; what it does not know, the rules decide."""
    if is_plain(READER.of(message)):
        assert _find_faults(message) == []


PLAIN: list[dict[str, Any]] = [
    {"type": "track", "event": "A", "properties": {}, "context": {}, "integrations": {}},
    {"type": "identify", "traits": {}, "groupId": "g"},
    {"type": "page", "name": None, "category": "Docs", "properties": {}},
    {"type": "screen", "previousId": "p"},
    {"type": "group", "groupId": "g", "traits": {}},
]


@pytest.mark.parametrize("message", PLAIN, ids=[message["type"] for message in PLAIN])
@pytest.mark.parametrize("key", ["userId", "anonymousId"])
def test_usual_events_are_plain(message: dict[str, Any], key: str) -> None:
    """What SDKs send does not go through the rules, so that it stays cheap."""
    assert is_plain(READER.of({**message, key: "u", "messageId": "m"}))


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ("x", 0), ({}, 1), ([], 1), ({"a": 1}, 1), ({"a": [], "b": [[{}]]}, 4)],
)
def test_depth_counts_objects_and_lists(value: Any, depth: int) -> None:
    """A value nests exactly as deep as containers stand within each other."""
    assert not nests_deeper_than(value, depth)
    assert depth == 0 or nests_deeper_than(value, depth - 1)
